// SPDX-License-Identifier: BSD-3-Clause
// Rule lists in the shape that ClassBench (Taylor and Turner, 2007) found in real ones, and packets that meet them. The
// generator and its weights are our own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/rule_match.h"

enum rule_mix {
	MIX_PORTS = 0, // protocol and destination port alone
	MIX_ACL,       // access lists: specific destinations, no source ports
	MIX_FW,        // firewalls: one end mostly open
	MIX_IPC,       // chains of hosts: both ends specific
	MIXES,
};

// A rule with the sets that it points to.
struct made_rule { // rule first: one is the other
	struct rule rule;
	struct address_range source, destination;
	struct port_range source_port, destination_port;
};

struct rule_list {
	struct made_rule *made;
	const struct rule **rule; // the same in the order of the list, as rule_matcher_build takes it
	size_t count;
};

// Makes count rules without duplicates; families in turn, half each, as asked. 0 or -ENOMEM.
int rule_list_make(struct rule_list *list, enum rule_mix mix, bool ip4, bool ip6, size_t count, uint64_t seed);
void rule_list_free(struct rule_list *list);

const char *rule_mix_name(enum rule_mix mix);

// A packet that some rule of the list was drawn for, or (one in noise) just any.
struct packet_tuple rule_list_packet(const struct rule_list *list, unsigned noise, uint64_t *state);
