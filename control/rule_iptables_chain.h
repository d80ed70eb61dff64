// SPDX-License-Identifier: BSD-3-Clause
// The rules of a chain while commands append, insert and flush them; IPv4's and IPv6's share their order. Control thread
// only.
#pragma once

#include "control/rule_entry.h"
#include "dataplane/flow_key.h"

// All zeroes is an empty one.
struct iptables_chain {
	struct rule_entry **entry; // room for more on both sides
	size_t first, count, room;
	size_t count_ip6; // of them, those of IPv6
};

// Takes the reference over, also if it fails. position: among all rules. 0, or -1 without memory.
int iptables_chain_insert(struct iptables_chain *chain, size_t position, struct rule_entry *entry);

// Position among all of the family's rule with a number, from 1; one number more than there are is behind all rules.
// false: the number is larger.
bool iptables_chain_find(const struct iptables_chain *chain, enum ip_family family, size_t number, size_t *position);

struct rule_entry *iptables_chain_at(const struct iptables_chain *chain, size_t position);

// Drops a family's rules. 0: all.
void iptables_chain_flush(struct iptables_chain *chain, enum ip_family family);
void iptables_chain_free(struct iptables_chain *chain);
