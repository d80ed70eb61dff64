// SPDX-License-Identifier: BSD-3-Clause
// What holds of rules and errors, whatever the language that they were read in.
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_list.h"
#include "tests/unit/rule_describe.h"

static inline void require(bool holds)
{
	if (!holds)
		abort();
}

// What it is printed as reads back to the same rule: but for texts, in which nft has no quotes.
static inline void require_readable(const struct rule_entry *entry)
{
	static char first[DESCRIBE_MAX], second[DESCRIBE_MAX];
	struct error error;
	struct rule_entry *read = rule_list_parse_rule("printed", entry->text, &error);
	require(read != NULL);
	require(strcmp(read->text, entry->text) == 0);
	if (!entry->comment && !entry->log_prefix)
		require(strcmp(describe(entry, first), describe(read, second)) == 0);
	rule_entry_drop(read);
}

static inline void require_list(const struct rule_list *list)
{
	require(list->has_default);
	require(list->default_verdict < VERDICT_NONE);
	for (size_t i = 0; i < list->count; i++) {
		require(list->entry[i]->references == 1);
		require_readable(list->entry[i]);
	}
}

// Errors begin with the place and hold nothing that a terminal would obey.
static inline void require_error(const struct error *error)
{
	require(strncmp(error->text, "fuzz:", 5) == 0);
	for (const char *at = error->text; *at; at++)
		require(*at >= 0x20 && *at < 0x7f);
}
