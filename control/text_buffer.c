// SPDX-License-Identifier: BSD-3-Clause
#include "control/text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_MAX = 256 }; // bytes of one formatted piece

static bool reserve(struct text_buffer *buffer, size_t more)
{
	size_t needed = buffer->length + more + 1;
	if (buffer->failed || needed <= buffer->room)
		return !buffer->failed;
	size_t room = needed > 2 * buffer->room ? needed : 2 * buffer->room;
	char *grown = realloc(buffer->text, room < 128 ? 128 : room);
	buffer->failed = grown == NULL;
	if (!grown)
		return false;
	buffer->text = grown;
	buffer->room = room < 128 ? 128 : room;
	return true;
}

void text_buffer_add_bytes(struct text_buffer *buffer, const char *bytes, size_t length)
{
	if (!reserve(buffer, length))
		return;
	memcpy(buffer->text + buffer->length, bytes, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

void text_buffer_add(struct text_buffer *buffer, const char *text)
{
	text_buffer_add_bytes(buffer, text, strlen(text));
}

void text_buffer_format(struct text_buffer *buffer, const char *format, ...)
{
	char piece[FORMAT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	text_buffer_add(buffer, piece);
}

char *text_buffer_take(struct text_buffer *buffer)
{
	text_buffer_add_bytes(buffer, "", 0);
	char *text = buffer->failed ? NULL : buffer->text;
	if (buffer->failed)
		free(buffer->text);
	*buffer = (struct text_buffer){ 0 };
	return text;
}
