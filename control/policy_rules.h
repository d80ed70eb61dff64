// SPDX-License-Identifier: BSD-3-Clause
// The rules of a policy: interfaces looked up, compiled, and kept for as long as workers may read them. Control thread.
#pragma once

#include "control/config.h"
#include "control/rule_list.h"
#include "dataplane/rule_match.h"

struct policy_rules {
	struct rule_matcher *matcher;
	struct rule_list list; // references of its own
};

// Looks up the interfaces that a rule names among the configured ones. A name that none has, such as "lo", matches nothing,
// as in nft and iptables; the linter tells.
void policy_rules_resolve(struct rule_entry *entry, const struct config *config);

// Compiles a list, which is taken over on success. 0; -1 with a text that names the rule, and the list is the caller's.
int policy_rules_compile(struct policy_rules *rules, struct rule_list *list, const struct config *config,
			 struct error *error);
void policy_rules_free(struct policy_rules *rules);

// "file:line:column: " in front, where the rule's place is known, and its text behind. Returns -1.
int policy_rules_wrong(const struct rule_entry *entry, struct error *error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
