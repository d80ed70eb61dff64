// SPDX-License-Identifier: BSD-3-Clause
// What iptables commands leave behind: the rules of one chain, in order, and policies. Control thread only.
#pragma once

#include "control/rule_iptables_chain.h"
#include "control/rule_iptables_rule.h"

// Chains of the table filter.
enum iptables_hook {
	HOOK_INPUT = 0,
	HOOK_FORWARD,
	HOOK_OUTPUT, // has a policy, but no rules here
	HOOKS,
	HOOK_NONE = HOOKS,
};

struct iptables_policy {
	enum verdict verdict;
	unsigned line; // 0: not given, so that it is accept
};

// What one family's rules have to themselves.
struct iptables_family {
	struct iptables_policy policy[HOOKS];
	bool restored; // there was a "*filter" of iptables-save
};

struct iptables_loading {
	struct iptables_reader reader;
	struct iptables_chain chain;
	enum iptables_hook hook; // that the rules are of; any while there are none
	unsigned hook_line;      // where the first of them stands
	struct iptables_family family[2]; // IPv4, IPv6
	size_t place;            // where the next rule is inserted; SIZE_MAX: last
	const struct iptables_word *word; // of the command that is carried out
};

struct iptables_family *iptables_family_of(struct iptables_loading *loading, enum ip_family family);

// Carries out the command that was read up to its rule. 0, or -1 with an error.
int iptables_run(struct iptables_loading *loading, struct iptables_command *command);

// ":INPUT DROP", and "-P INPUT DROP".
int iptables_set_policy(struct iptables_loading *loading, const struct iptables_command *command,
			const struct iptables_word *target);

// Takes a rule, as iptables_rule_build gives them, with context: the loading.
int iptables_load_rule(void *context, struct rule_entry *entry);
