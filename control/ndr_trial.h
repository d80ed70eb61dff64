// SPDX-License-Identifier: BSD-3-Clause
// One trial of portier ndr, and how all of them read. Control thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "control/generate_launch.h"

// Traffic of a rate for the trial's time, then silence for the settling time; only then counters are read. *result: a new
// reference, NULL after a signal. 0 or -1 with a text. Its fields:
//   rate, packets_per_second, layer1_bits_per_second, offered, returned, lost, loss_percent, kept_up, passed, latency
int ndr_trial(struct generate_setup *setup, double rate, const sigset_t *stop_signals, json_t **result,
	      struct error *error);

// Prints the trials and, if it is not 0, the rate that was found, for a person.
void ndr_print(const json_t *report, FILE *out, bool colours);
