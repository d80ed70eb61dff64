// SPDX-License-Identifier: BSD-3-Clause
// A text file that is written fast, and whose errors (a full disk) don't get lost. One thread.
#pragma once

#include <stdint.h>

#include "control/error.h"
#include "dataplane/flow_key.h"

struct text_file;

// Creates or empties a file; "-" is standard output. NULL with a text.
struct text_file *text_file_open(const char *name, struct error *error);

// Writes out what is buffered and closes. 0, or -1 with the first error that any write met: "name: No space left on
// device".
int text_file_close(struct text_file *file, struct error *error);

// After an error these do nothing.
void text_put(struct text_file *file, const char *text);
void text_put_char(struct text_file *file, char character);
void text_put_number(struct text_file *file, uint64_t number);
void text_put_address(struct text_file *file, const struct ip_address *address, uint8_t family);

// Gives the file up: nothing more is written, text_file_close tells this error number.
void text_file_fail(struct text_file *file, int error_number);
