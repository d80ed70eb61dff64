// SPDX-License-Identifier: BSD-3-Clause
// Columns of a TSV line, each with the tab behind it.
#pragma once

#include "control/text_file.h"
#include "dataplane/policy.h"

static inline void put_number(struct text_file *file, uint64_t number)
{
	text_put_number(file, number);
	text_put_char(file, '\t');
}

static inline void put_text(struct text_file *file, const char *text)
{
	text_put(file, text);
	text_put_char(file, '\t');
}

// A rule's id, "default" for the default policy, "-" where no rule was asked.
static inline void put_rule(struct text_file *file, uint32_t rule)
{
	if (rule == RULE_DEFAULT)
		put_text(file, "default");
	else if (rule == RULE_NONE)
		put_text(file, "-");
	else
		put_number(file, rule);
}
