// SPDX-License-Identifier: BSD-3-Clause
#include "control/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, const char *format, ...)
{
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(error->text, sizeof(error->text), format, arguments);
		va_end(arguments);
	}
	return -1;
}

int error_at(struct error *error, const char *file, unsigned line, unsigned column, const char *format, ...)
{
	if (error) {
		int used = snprintf(error->text, sizeof(error->text), "%s:%u:%u: ", file, line, column);
		if (used < 0 || (size_t)used >= sizeof(error->text))
			return -1;
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, format, arguments);
		va_end(arguments);
	}
	return -1;
}

int error_prefix(struct error *error, const char *format, ...)
{
	if (error) {
		char prefix[sizeof(error->text)], whole[2 * sizeof(error->text) + 2];
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(prefix, sizeof(prefix), format, arguments);
		va_end(arguments);
		snprintf(whole, sizeof(whole), "%s: %s", prefix, error->text);
		whole[sizeof(error->text) - 1] = '\0';
		memcpy(error->text, whole, sizeof(error->text));
	}
	return -1;
}
