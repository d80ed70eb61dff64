// SPDX-License-Identifier: BSD-3-Clause
// One run of a generator that is set up, and where its report goes. Control thread.
#pragma once

#include <signal.h>
#include <stdbool.h>

#include <jansson.h>

#include "control/generate_setup.h"

// Blocks SIGINT and SIGTERM, before there are threads: all of them inherit it, and control alone looks for them.
void generate_block_signals(sigset_t *stop_signals);

// Runs it to its end, or to a signal: *interrupted. 0 or -1 with a text.
int generate_launch(struct generate_setup *setup, const sigset_t *stop_signals, bool *interrupted, struct error *error);

// "-" is standard output. 0 or -1 with a text.
int generate_write_json(const json_t *report, const char *file, struct error *error);
