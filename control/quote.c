// SPDX-License-Identifier: BSD-3-Clause
#include "control/quote.h"

#include <stdio.h>

const char *quote_word(const char *word, size_t length, char quoted[QUOTE_MAX])
{
	size_t used = 0;
	quoted[used++] = '\'';
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)word[i];
		if (used > QUOTE_MAX - 12) {
			used += (size_t)snprintf(quoted + used, QUOTE_MAX - used, "...");
			break;
		}
		used += (size_t)snprintf(quoted + used, QUOTE_MAX - used, byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x",
					 byte);
	}
	snprintf(quoted + used, QUOTE_MAX - used, "'");
	return quoted;
}
