// SPDX-License-Identifier: BSD-3-Clause
// A text that grows. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// All zeroes is an empty one.
struct text_buffer {
	char *text; // terminated, or NULL
	size_t length, room;
	bool failed; // there was no memory once: nothing more is added
};

void text_buffer_add(struct text_buffer *buffer, const char *text);
void text_buffer_add_bytes(struct text_buffer *buffer, const char *bytes, size_t length);
void text_buffer_format(struct text_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The text, to be freed; NULL if memory failed. The buffer is empty then.
char *text_buffer_take(struct text_buffer *buffer);
