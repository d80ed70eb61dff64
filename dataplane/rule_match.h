// SPDX-License-Identifier: BSD-3-Clause
// Compiled rules: verdicts that depend on family, protocol and destination port (or ICMP type) alone are one table read,
// all others go to rte_acl, whole bursts at once. Immutable once built, but for the state of limits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/protocol.h"
#include "dataplane/rule.h"

// What rules are asked about: one packet, in its own direction.
struct packet_tuple {
	struct ip_address source;
	struct ip_address destination;
	uint16_t source_port;      // host order; ICMP queries: the identifier, whoever sends
	uint16_t destination_port;
	uint16_t asked_type;       // ICMP queries: the request's type, whoever sends: what a listener listens to
	uint16_t vlan;             // outermost id; see tagged
	uint8_t next_header;       // what the IP header says; these four are a word of rte_acl's
	uint8_t connection;        // enum connection_state, one of them
	uint8_t tcp_flags;
	uint8_t interface;
	uint8_t protocol;          // behind IPv6 extension headers
	uint8_t family;
	uint8_t unused;
	uint8_t icmp_type;         // the packet's own
	rte_be16_t acl_port[2];    // these three are for rte_acl alone: see packet_tuple_seal
	rte_be16_t acl_vlan;
	uint16_t acl_unused;       // 0
	uint8_t icmp_code;
	bool tagged;               // has a VLAN id
	bool portless;             // no transport header of its own (a later fragment, one that is cut off): no port, flag or type
	bool sealed;               // rte_acl can be shown the tuple as it stands
} __attribute__((aligned(16)));

// Whether it has an ICMP type and code: of its family's own ICMP. Any thread.
static inline bool packet_tuple_is_icmp(const struct packet_tuple *tuple)
{
	return tuple->protocol == icmp_of(tuple->family);
}

enum { VLAN_UNTAGGED = 0xffff }; // what rte_acl gets to see for no VLAN

// Fills in what rte_acl is shown, which wants network byte order, and of ICMP code and type in the place of ports. Whoever
// changes a sealed tuple seals it again. Those that are not sealed are copied before they are looked for. Any thread.
static inline void packet_tuple_seal(struct packet_tuple *tuple)
{
	const bool icmp = packet_tuple_is_icmp(tuple);

	tuple->acl_port[0] = rte_cpu_to_be_16(icmp ? tuple->icmp_code : tuple->source_port);
	tuple->acl_port[1] = rte_cpu_to_be_16(icmp ? tuple->icmp_type : tuple->destination_port);
	tuple->acl_vlan = rte_cpu_to_be_16(tuple->tagged ? tuple->vlan : VLAN_UNTAGGED);
	tuple->acl_unused = 0;
	tuple->sealed = true;
}

struct rule_verdict {
	uint32_t slot;      // RULE_DEFAULT: the default policy
	uint32_t position;  // of the rule that decided; count: the default policy
	uint32_t log_slot;  // where log: the first rule on the way that said so, be it one that doesn't decide
	uint8_t verdict;    // enum verdict, never VERDICT_NONE
	uint8_t answer;     // enum rule_answer
	uint8_t answer_code;
	bool log;
};

enum {
	RULE_DEFAULT = 0,         // counter slot of the default policy
	RULE_BURST_MAX = 64,      // packets of a burst
	RULE_EXPANSION_MAX = 1 << 18, // entries that all rules together may become in rte_acl, which takes some 20 KB for
				      // each while it builds
};

struct rule_matcher;

// What went wrong in building one, for control to make a text of.
struct rule_trouble {
	size_t rule;     // position in the list
	uint64_t entries; // E2BIG: what it, or all up to it, would become
};

// Compiles count rules and the default verdict (accept, drop or reject). Rules that ask for more than the tables know need a
// running EAL. 0 and *matcher; -E2BIG: too many entries or rules; -EINVAL: a rule that can't be; -ENOMEM. The rules
// must live as long as the matcher. Control thread.
int rule_matcher_build(const struct rule *const rules[], size_t count, enum verdict default_verdict, int socket,
		       struct rule_matcher **matcher, struct rule_trouble *trouble);
void rule_matcher_free(struct rule_matcher *matcher);

// Bytes that it takes (tables and rte_acl's). Any thread.
size_t rule_matcher_bytes(const struct rule_matcher *matcher);

// The first rule that matches each of n packets, 1 to RULE_BURST_MAX, limits left aside: positions in the list, count for the
// default policy. Nothing is counted. Any thread.
void rule_matcher_find(const struct rule_matcher *matcher, const struct packet_tuple *const tuple[], unsigned n,
		       uint32_t position[]);

// Fetches into the cache what settling packets at those positions will read, and the counters that it or a drop will write, where
// rules are so many that these may not be at hand. Any thread.
void rule_matcher_fetch(const struct rule_matcher *matcher, const uint32_t position[], unsigned n,
			const struct traffic *counters);

// The verdict on packets whose first match is at a position, where that is all there is to it: no limit, no packet to be logged, no
// later rule. NULL: else. As long as the matcher lives. Any thread.
const struct rule_verdict *rule_matcher_final(const struct rule_matcher *matcher, uint32_t position);

// What is to become of a packet whose first match was found: asks the limit, and goes on behind rules that don't decide,
// which are counted here if counters is given (by slot). now_ns: the worker's clock. Any thread.
struct rule_verdict rule_matcher_settle(const struct rule_matcher *matcher, const struct packet_tuple *tuple,
					uint32_t position, uint64_t bytes, uint64_t now_ns, struct traffic *counters);

// The same for a packet of the past, which opened a flow that is judged again: nothing is counted, and no limit asked or
// taken from. "limit rate" matches, "limit rate over" does not, as it was for a packet that passed. Any thread.
struct rule_verdict rule_matcher_review(const struct rule_matcher *matcher, const struct packet_tuple *tuple,
					uint32_t position);

// Whether another packet of the same flow and direction might be judged otherwise: a rule no later than position (that of
// a verdict) asks for RULE_FIELDS_OF_PACKET or has a limit, and the rest of it matches. Costs nothing where there is no such
// rule. Any thread.
bool rule_matcher_varies(const struct rule_matcher *matcher, const struct packet_tuple *tuple, uint32_t position);

// How many rules there are: the position of the default policy. Any thread.
uint32_t rule_matcher_count(const struct rule_matcher *matcher);

// Whether one rule matches, its limit left aside; *failed: the first field that did not (0: the family). Any thread. The
// oracle of tests, and what explains.
bool rule_matches(const struct rule *rule, const struct packet_tuple *tuple, uint16_t *failed);

// Takes what a packet needs out of a limit. Whether the rule matches by its limit. Any thread.
bool rule_limit_take(const struct rule *rule, uint64_t bytes, uint64_t now_ns);
