// SPDX-License-Identifier: BSD-3-Clause
// What a generator did: one JSON object, and its text for people. Control thread; the worker is at rest.
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "control/generate_setup.h"

// New reference, NULL without memory. Fields: portier(1), GENERATE.
json_t *generate_report_build(const struct generate_setup *setup, bool interrupted);

// Prints it for a person.
void generate_report_print(const json_t *report, FILE *out, bool colours);
