// SPDX-License-Identifier: BSD-3-Clause
// One run of a generator that is set up, and where its report goes. Control thread.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "control/generate.h"
#include "control/generate_setup.h"

// Blocks SIGINT and SIGTERM, before there are threads: all of them inherit it, and control alone looks for them.
void generate_block_signals(sigset_t *stop_signals);

// Runs it to its end, or to a signal: *interrupted. 0 or -1 with a text.
int generate_launch(struct generate_setup *setup, const sigset_t *stop_signals, bool *interrupted, struct error *error);

typedef void generate_print_fn(const json_t *report, FILE *out, bool colours);

// Prints the report and writes it as JSON, as the options say; the text goes where the JSON does not. Returns the status, or
// STATUS_ERROR if it can't be written.
int generate_tell(const struct generate_options *options, const json_t *report, generate_print_fn *print, int status);
