// SPDX-License-Identifier: BSD-3-Clause
// Bytes in, whole lines out, bounded.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct line_buffer {
	char *bytes;
	size_t start, end; // what is in use
	size_t searched;   // up to here there is no newline
	size_t capacity;
	size_t line_max;   // bytes of the longest line, without its newline
	bool ended;        // no more comes
};

enum line_result {
	LINE_NONE = 0, // no whole line yet
	LINE_FOUND,
	LINE_LAST,     // what was there when the end came: without a newline
	LINE_TOO_LONG, // what is there can't become a line any more
};

void line_buffer_init(struct line_buffer *buffer, size_t line_max);
void line_buffer_free(struct line_buffer *buffer);

// Room for at least one more byte (more where it is cheap): where to write, and how much in *room. NULL: no memory, or
// the line is too long already. Undoes what line_buffer_next handed out.
char *line_buffer_room(struct line_buffer *buffer, size_t *room);

// Tells that length bytes were written there.
void line_buffer_filled(struct line_buffer *buffer, size_t length);

// Tells that no more comes: what has begun is the last line.
void line_buffer_end(struct line_buffer *buffer);

// Takes the next line, without its newline (and without a carriage return before that). *line stays valid until
// line_buffer_room.
enum line_result line_buffer_next(struct line_buffer *buffer, const char **line, size_t *length);

// Whether a line is there that line_buffer_next would return, or its error.
bool line_buffer_ready(struct line_buffer *buffer);

// Bytes of a line that has begun.
static inline bool line_buffer_partial(const struct line_buffer *buffer)
{
	return buffer->end > buffer->start;
}
