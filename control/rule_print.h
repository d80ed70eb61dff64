// SPDX-License-Identifier: BSD-3-Clause
// Rules as text, in nftables' own syntax: one canonical text a rule, and whole lists that portier and "nft -f" load again.
// Control thread only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/rule_entry.h"

// The canonical text of a rule, whose slot and interfaces are left aside: interfaces are those of rule_entry, names or NULL.
// What a text of nft's can't hold (quotes in a comment) is replaced. To be freed by the caller; NULL without memory.
char *rule_print(const struct rule *rule, const char *comment, const char *log_prefix, const char *interfaces);

// What stands beside a rule in a listing.
struct rule_print_count {
	uint32_t id; // 0: none
	uint64_t packets, bytes;
};

// A whole list: table, chain, policy, and a line a rule. counted: NULL, or one for each rule and one more for the default
// policy; rules then bear "counter packets N bytes N" and "# handle ID". A default of reject is a last rule. To be freed by
// the caller; NULL without memory.
char *rule_list_print(struct rule_entry *const entry[], const struct rule_print_count counted[], size_t count,
		      enum verdict default_verdict);
