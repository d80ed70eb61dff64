// SPDX-License-Identifier: BSD-3-Clause
// Any text is a list of rules or gives an error; what is a rule is printed to a text that reads back to the same rule.
#include <stdint.h>

#include "control/rule_text.h"
#include "tests/fuzz/fuzz_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_list list = { 0 };
	struct error error = { "" };
	if (rule_words_parse("fuzz", (const char *)data, size, &list, &error))
		require_error(&error);
	else
		require_list(&list);
	rule_list_free(&list);
	return 0;
}
