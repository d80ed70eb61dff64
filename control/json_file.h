// SPDX-License-Identifier: BSD-3-Clause
// JSON as a file for people and programs: indented, in the order in which it was made. One thread.
#pragma once

#include <jansson.h>

#include "control/text_file.h"

// Puts it into an open file, with a line's end. What fails is told by text_file_close.
void json_file_put(struct text_file *file, const json_t *value);

// Writes a whole file; "-" is standard output. 0, or -1 with a text.
int json_file_write(const json_t *value, const char *name, struct error *error);
