// SPDX-License-Identifier: BSD-3-Clause
// Rules tried on live traffic, beside those in force (dataplane/trial.h). One trial at a time; it goes on by itself until
// its time is over, whoever asks meanwhile. No packet's fate changes. Control thread only.
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "control/runtime.h"

enum { RULES_TRY_SECONDS_MAX = 24 * 3600 };

// Starts a trial of a list, which is taken over on success. The results of the one before are gone. Its job number, or 0
// with a text: one is running already; the rules can't be compiled.
uint32_t rules_try_start(struct runtime *runtime, struct rule_list *list, double seconds, struct error *error);

// Ends it before its time; its results stay. 0, or -1: there is no such job.
int rules_try_stop(struct runtime *runtime, uint32_t job, struct error *error);

// To be called now and then: ends the trial when its time is over, takes samples out of the workers' rings.
void rules_try_tick(struct runtime *runtime);

// Frees the trial, running or not. runtime_destroy.
void rules_try_free(struct runtime *runtime);

// What was found so far; README.md names the fields. New reference, NULL with a text: there is no such job.
json_t *rules_try_report(struct runtime *runtime, uint32_t job, struct error *error);
