// SPDX-License-Identifier: BSD-3-Clause
#include "control/line_buffer.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4096 };

void line_buffer_init(struct line_buffer *buffer, size_t line_max)
{
	*buffer = (struct line_buffer){ .line_max = line_max };
}

void line_buffer_free(struct line_buffer *buffer)
{
	free(buffer->bytes);
	line_buffer_init(buffer, buffer->line_max);
}

static void move_to_front(struct line_buffer *buffer)
{
	if (buffer->start == 0)
		return;
	memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->end - buffer->start);
	buffer->searched -= buffer->start;
	buffer->end -= buffer->start;
	buffer->start = 0;
}

// A client that once sent a megabyte need not keep it.
static void shrink(struct line_buffer *buffer)
{
	if (buffer->end == buffer->start && buffer->capacity > FIRST_CAPACITY)
		line_buffer_free(buffer);
}

char *line_buffer_room(struct line_buffer *buffer, size_t *room)
{
	move_to_front(buffer);
	shrink(buffer);
	size_t limit = buffer->line_max + 2; // its carriage return and newline
	if (buffer->end == buffer->capacity) {
		size_t capacity = buffer->capacity ? 2 * buffer->capacity : FIRST_CAPACITY;
		capacity = capacity < limit ? capacity : limit;
		char *bytes = capacity > buffer->capacity ? realloc(buffer->bytes, capacity) : NULL;
		if (!bytes)
			return NULL;
		buffer->bytes = bytes;
		buffer->capacity = capacity;
	}
	*room = buffer->capacity - buffer->end;
	return buffer->bytes + buffer->end;
}

void line_buffer_filled(struct line_buffer *buffer, size_t length)
{
	buffer->end += length;
}

void line_buffer_end(struct line_buffer *buffer)
{
	buffer->ended = true;
}

static const char *find_newline(struct line_buffer *buffer)
{
	if (buffer->searched == buffer->end)
		return NULL;
	const char *newline = memchr(buffer->bytes + buffer->searched, '\n', buffer->end - buffer->searched);
	buffer->searched = newline ? (size_t)(newline - buffer->bytes) : buffer->end;
	return newline;
}

// What is at the front: *used bytes up to the newline, *length of them the line's.
static enum line_result look(struct line_buffer *buffer, size_t *used, size_t *length)
{
	const char *newline = find_newline(buffer);
	*used = newline ? (size_t)(newline - buffer->bytes) - buffer->start : buffer->end - buffer->start;
	bool carriage_return = *used > 0 && buffer->bytes[buffer->start + *used - 1] == '\r';
	*length = *used - carriage_return;
	if (*length > buffer->line_max)
		return LINE_TOO_LONG;
	if (newline)
		return LINE_FOUND;
	return buffer->ended && *used > 0 ? LINE_LAST : LINE_NONE;
}

enum line_result line_buffer_next(struct line_buffer *buffer, const char **line, size_t *length)
{
	size_t used;
	enum line_result result = look(buffer, &used, length);
	if (result != LINE_FOUND && result != LINE_LAST)
		return result;
	*line = buffer->bytes + buffer->start;
	buffer->start += used + (result == LINE_FOUND);
	buffer->searched = buffer->start;
	return result;
}

bool line_buffer_ready(struct line_buffer *buffer)
{
	size_t used, length;
	return look(buffer, &used, &length) != LINE_NONE;
}
