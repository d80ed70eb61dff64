// SPDX-License-Identifier: BSD-3-Clause
// The trials of portier ndr as a picture (SVG). Control thread.
#pragma once

#include <jansson.h>

#include "control/error.h"

// Draws a report, as of ndr.c, into a file: what came back, and how long it took, over what was offered. 0 or -1 with a text.
int ndr_picture(const json_t *report, const char *name, struct error *error);
