// SPDX-License-Identifier: BSD-3-Clause
// The steps of compiling rules. Control thread, all of it.
#pragma once

#include <stddef.h>

#include "dataplane/rule_classes.h"
#include "dataplane/rule_layout.h"

// Rules of a list that are compiled together, with their positions in it, ascending.
struct rule_choice {
	const struct rule **rule;
	uint32_t *position;
	size_t count;
};

// What a rule asks of packets in one view, once all that such packets have in common is left out.
struct rule_need {
	uint16_t asks;             // enum rule_field, without RULE_PROTOCOL
	struct byte_set protocols; // never empty
};

// False: the rule matches no packet of that view.
bool rule_need(const struct rule *rule, unsigned view, struct rule_need *need);

// Whether a table answers.
bool rule_need_is_tabled(const struct rule_need *need);

// Whether sets are sorted and the rest is within its enum.
bool rule_valid(const struct rule *rule);

// Sets in the form that rte_acl takes

// Values v with (v & mask) == value.
struct byte_cube {
	uint8_t value, mask;
};

enum { CUBES_MAX = 128 };

// Disjoint cubes that make up the set. Returns how many.
unsigned byte_set_cubes(const struct byte_set *set, struct byte_cube cube[CUBES_MAX]);

// The fewest prefixes that make up the set, in order; NULL: counts alone. Returns how many.
uint64_t address_set_prefixes(const struct address_set *set, uint8_t family, struct address_prefix *prefix);

// Parts of a rule_set, for one choice. 0 or -errno.
int rule_tables_build(struct rule_set *set, const struct rule_choice *choice, int socket);
int rule_classes_build(struct rule_set *set, const struct rule_choice *choice, int socket);
int rule_acl_build(struct rule_set *set, unsigned view, const struct rule_choice *choice, int socket);

// Entries that a rule becomes in rte_acl, over all views. Saturates.
uint64_t rule_acl_entries(const struct rule *rule);
