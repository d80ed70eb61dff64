// SPDX-License-Identifier: BSD-3-Clause
// An error as a text for the user: what is wrong, where, what was expected, what to do.
#pragma once

struct error {
	char text[1024];
};

// Formats the text (cut if too long). Returns -1, so that "return error_set(...)" reads well. error may be NULL.
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same with "file:line:column: " in front.
int error_at(struct error *error, const char *file, unsigned line, unsigned column, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

// Puts "prefix: " in front of a text that is there already. Returns -1.
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
