// SPDX-License-Identifier: BSD-3-Clause
#include "control/json_file.h"

#include <errno.h>
#include <stdlib.h>

void json_file_put(struct text_file *file, const json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	if (text) {
		text_put(file, text);
		text_put_char(file, '\n');
	} else {
		text_file_fail(file, ENOMEM);
	}
	free(text);
}

int json_file_write(const json_t *value, const char *name, struct error *error)
{
	struct text_file *file = text_file_open(name, error);
	if (!file)
		return -1;
	json_file_put(file, value);
	return text_file_close(file, error);
}
