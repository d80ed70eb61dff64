// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ_AT_ONCE = 64 << 10 };

static char *read_stream(FILE *stream, size_t most, size_t *length)
{
	char *text = NULL;
	size_t room = 0;
	*length = 0;
	do {
		room = room ? 2 * room : READ_AT_ONCE;
		char *grown = realloc(text, room);
		if (!grown)
			break;
		text = grown;
		*length += fread(text + *length, 1, room - *length, stream);
		if (ferror(stream))
			break;
		if (*length > most) {
			errno = EFBIG;
			break;
		}
		if (*length < room)
			return text;
	} while (true);
	free(text);
	return NULL;
}

char *rule_file_read(const char *file, size_t most, size_t *length)
{
	FILE *stream = fopen(file, "re");
	if (!stream)
		return NULL;
	char *text = read_stream(stream, most, length);
	int why = errno;
	fclose(stream);
	errno = why;
	return text;
}
