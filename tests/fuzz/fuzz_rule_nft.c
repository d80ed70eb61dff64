// SPDX-License-Identifier: BSD-3-Clause
// Any text is a list of rules or gives an error; what is a rule is printed to a text that reads back to the same rule, and so
// is the whole list. Files are not included: there are none beside "fuzz".
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_nft.h"
#include "control/rule_print.h"
#include "tests/fuzz/fuzz_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_same_list(const struct rule_list *list)
{
	struct rule_list again = { 0 };
	char *text = rule_list_print(list->entry, NULL, list->count, list->default_verdict);
	require(text != NULL);
	require(rule_nft_parse("printed", text, strlen(text), &again, NULL) == 0);
	char *twice = rule_list_print(again.entry, NULL, again.count, again.default_verdict);
	require(twice && strcmp(text, twice) == 0);
	free(text);
	free(twice);
	rule_list_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_list list = { 0 };
	struct error error = { "" };
	if (memmem(data, size, "include", 7)) // could name any file, or wait for a pipe
		return 0;
	if (rule_nft_parse("fuzz", (const char *)data, size, &list, &error)) {
		require_error(&error);
	} else {
		require_list(&list);
		require_same_list(&list);
	}
	rule_list_free(&list);
	return 0;
}
