// SPDX-License-Identifier: BSD-3-Clause
// Any text is a list of rules or gives an error; what is a rule is printed to a text that reads back to the same rule.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_rule(const struct rule *rule)
{
	char text[RULE_TEXT_MAX], again[RULE_TEXT_MAX];
	struct rule read;
	struct error error;
	rule_format(rule, text);
	require(rule_parse("printed", text, &read, &error) == 0);
	require(memcmp(rule, &read, sizeof(read)) == 0);
	require(strcmp(rule_format(&read, again), text) == 0);
}

// Errors begin with the place and hold nothing that a terminal would obey.
static void check_error(const struct error *error)
{
	require(strncmp(error->text, "fuzz:", 5) == 0);
	for (const char *at = error->text; *at; at++)
		require(*at >= 0x20 && *at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_list list;
	struct error error = { "" };
	if (rule_list_parse("fuzz", (const char *)data, size, &list, &error)) {
		check_error(&error);
		return 0;
	}
	require(list.has_default);
	for (size_t i = 0; i < list.count; i++)
		check_rule(&list.rules[i]);
	rule_list_free(&list);
	return 0;
}
