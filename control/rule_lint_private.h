// SPDX-License-Identifier: BSD-3-Clause
// What the parts of the linter share.
#pragma once

#include "control/rule_index.h"
#include "control/rule_lint.h"
#include "control/rule_region.h"

struct linter {
	const struct lint_input *input;
	struct lint *lint;
	struct rule_index *index;
	struct region_room room;   // of one rule, or one listener
	uint8_t *dead;             // by position: it can never match
	uint64_t looked_at, budget; // rules that were tried
	bool failed;               // out of memory
};

enum { REACH_USED_MAX = 8 };

// Whether some packet of a region gets past all deciding rules before a position.
struct reach {
	enum { REACH_YES = 0, REACH_NO, REACH_UNKNOWN } answer;
	uint32_t used[REACH_USED_MAX]; // where not: rules that take it all, the first in order
	unsigned used_count;           // all that were needed: may be more than are kept
};

void lint_reach(struct linter *linter, const struct region *region, size_t before, struct reach *reach);

// Keeps a finding, its text behind the rule's place.
void lint_say(struct linter *linter, enum lint_kind kind, uint32_t rule, uint32_t other, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

enum { LINT_LABEL_MAX = 512 };

// Where a rule stands: "file:line", or "rule ID". Returns label.
const char *lint_place(const struct linter *linter, size_t rule, char label[LINT_LABEL_MAX]);
// The same with its text.
const char *lint_label(const struct linter *linter, size_t rule, char label[LINT_LABEL_MAX]);

bool lint_spent(const struct linter *linter); // the budget is

// rule_lint_overlap.c
void lint_overlaps(struct linter *linter);

// rule_lint_ports.c
void lint_listeners(struct linter *linter);
void lint_wide(struct linter *linter);
