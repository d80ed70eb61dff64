// SPDX-License-Identifier: BSD-3-Clause
// Compiled rules: verdicts that depend on protocol and port alone are one table read, all others go to rte_acl.
// Immutable once built.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/policy.h"

struct prefix {
	struct ip_address address; // host bits zero
	uint8_t family;            // FAMILY_NONE: any address of both families
	uint8_t bits;
};

struct port_range {
	uint16_t low, high; // host order, inclusive; 0 to 65535: any, and also packets without ports
			    // destination port of ICMP and ICMPv6: the type
};

enum { RULE_ANY_PROTOCOL = 0xffff };

// One rule, ready to be compiled. Order is position in the array.
struct rule {
	struct prefix source;
	struct prefix destination;
	struct port_range source_port;
	struct port_range destination_port;
	uint16_t protocol;      // IANA number or RULE_ANY_PROTOCOL
	uint8_t verdict;        // enum verdict
	bool answer_prohibited; // see struct decision
	uint32_t slot;          // counter slot, 1 to FLOW_RULE_MAX - 1
};

struct rule_verdict {
	uint32_t slot;
	uint8_t verdict;
	bool answer_prohibited;
};

// Compiles count rules and the default verdict. Rules that ask for more than protocol and destination port need a running
// EAL. 0 and *matcher, or -errno (-EINVAL: a rule that can't be). Control thread.
int rule_matcher_build(const struct rule *rules, size_t count, enum verdict default_verdict, int socket,
		       struct rule_matcher **matcher);
void rule_matcher_free(struct rule_matcher *matcher);

// The first rule that matches, or the default policy. Any thread.
struct rule_verdict rule_matcher_judge(const struct rule_matcher *matcher, const struct packet_tuple *tuple);

// The same by looking at each rule in turn: the oracle of tests. Any thread.
struct rule_verdict rule_linear_judge(const struct rule *rules, size_t count, enum verdict default_verdict,
				      const struct packet_tuple *tuple);

// Whether one rule matches. Any thread.
bool rule_matches(const struct rule *rule, const struct packet_tuple *tuple);
