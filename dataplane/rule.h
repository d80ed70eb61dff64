// SPDX-License-Identifier: BSD-3-Clause
// One firewall rule, as the packet path means it: questions to fields of a packet, all of which must be answered by a
// member of a set. Whatever language it was written in, negations and sets included, it comes down to this.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

// Fields that a rule may ask for. A packet that does not have the field is no member of any set, negated or not: so
// says nft, whose "tcp dport != 80" asks for TCP first.
enum rule_field {
	RULE_PROTOCOL = 1 << 0,     // the transport protocol, behind IPv6 extension headers
	RULE_NEXT_HEADER = 1 << 1,  // what the IP header itself says: on IPv4 the same
	RULE_SOURCE = 1 << 2,       // address
	RULE_DESTINATION = 1 << 3,
	RULE_SOURCE_PORT = 1 << 4,  // of protocols that have ports
	RULE_DESTINATION_PORT = 1 << 5,
	RULE_TCP_FLAGS = 1 << 6,
	RULE_ICMP_TYPE = 1 << 7,    // of ICMP on IPv4 and ICMPv6 on IPv6
	RULE_ICMP_CODE = 1 << 8,
	RULE_VLAN = 1 << 9,         // outermost id; untagged frames have none
	RULE_INTERFACE = 1 << 10,   // where the packet came in
	RULE_CONNECTION = 1 << 11,  // enum connection_state
	RULE_FIELDS = 12,
};

// What may differ between two packets of one flow in one direction: a verdict that asked for it is no flow's verdict.
enum { RULE_FIELDS_OF_PACKET = RULE_NEXT_HEADER | RULE_TCP_FLAGS | RULE_ICMP_TYPE | RULE_ICMP_CODE | RULE_CONNECTION };

// How a packet stands to the flows that are known, as "ct state" asks.
enum connection_state {
	CONNECTION_NEW = 1 << 0,         // no flow, or one that nobody has answered yet
	CONNECTION_ESTABLISHED = 1 << 1, // a flow that was seen in both directions
	CONNECTION_RELATED = 1 << 2,     // an ICMP error about a flow
	CONNECTION_INVALID = 1 << 3,     // no flow, and nothing that may open one
	CONNECTION_UNTRACKED = 1 << 4,   // never: every packet is tracked
};

enum verdict {
	VERDICT_ACCEPT = 0,
	VERDICT_DROP,
	VERDICT_REJECT,
	VERDICT_NONE, // goes on to the next rule: only counts, or logs
};

// What a reject answers with.
enum rule_answer {
	ANSWER_BY_PROTOCOL = 0, // TCP an RST, all else "port unreachable"
	ANSWER_PROHIBITED,      // ICMP 3/13 or ICMPv6 1/1, TCP too
	ANSWER_TCP_RESET,       // TCP an RST; others nothing
	ANSWER_ICMP_CODE,       // ICMP 3, or ICMPv6 1, with the rule's own code, TCP too
};

// Codes that stand for one of each family, as nft numbers them ("icmpx"); with ANSWER_ICMPX in rule.answer_code.
enum answer_icmpx {
	ICMPX_NO_ROUTE = 0,
	ICMPX_PORT,
	ICMPX_HOST,
	ICMPX_PROHIBITED,
	ICMPX_CODES
};
enum { ANSWER_ICMPX = 0x80 };

// Inclusive at both ends. Sets of them are sorted, without overlaps.
struct port_range {
	uint16_t low, high; // host order
};

struct address_range {
	struct ip_address low, high; // compare as bytes
};

struct port_set {
	const struct port_range *range;
	uint32_t count;
};

struct address_set {
	const struct address_range *range;
	uint32_t count;
};

enum { RULE_VLAN_MAX = 4095 }; // greatest VLAN id

// Of 256 values.
struct byte_set {
	uint64_t word[4];
};

static inline bool byte_set_has(const struct byte_set *set, uint8_t value)
{
	return set->word[value >> 6] >> (value & 63) & 1;
}

// Most ranges that such a set can be.
enum { BYTE_SET_RUNS_MAX = 128 };

// The set as ranges. Returns how many.
static inline unsigned byte_set_runs(const struct byte_set *set, struct port_range run[BYTE_SET_RUNS_MAX])
{
	unsigned count = 0;
	for (unsigned value = 0; value < 256; value++) {
		if (!byte_set_has(set, (uint8_t)value))
			continue;
		if (count && run[count - 1].high + 1u == value)
			run[count - 1].high++;
		else
			run[count++] = (struct port_range){ (uint16_t)value, (uint16_t)value };
	}
	return count;
}

static inline void byte_set_add(struct byte_set *set, uint8_t value)
{
	set->word[value >> 6] |= UINT64_C(1) << (value & 63);
}

// "limit rate": so many packets or bytes in a period. As nft has it, the burst is how many packets may come at once, but how
// many bytes beyond those of one period.
struct rule_limit {
	uint64_t rate;      // in a period; 0: no limit
	uint64_t burst;     // packets: 0 stands for 5
	uint32_t period_sec; // 1, 60, 3600, 86400, 604800
	bool bytes;
	bool over;          // matches what is too much, instead of what is not
};

// When there will be room for a whole burst again (GCRA), in nanoseconds of the workers' clock. Workers: read and
// write; one for all of them, so that the rate is exact however flows are spread.
struct rule_limit_state {
	_Atomic uint64_t next;
};

// Immutable once published. Sets that are not asked for are empty. Pointers lead into the block that holds the rule.
struct rule {
	uint32_t slot;     // counter slot, 1 to FLOW_RULE_MAX - 1; 0: none yet
	uint16_t asks;     // enum rule_field
	bool ip4, ip6;     // families that it speaks of; addresses: of exactly one
	uint8_t verdict;   // enum verdict
	uint8_t answer;    // enum rule_answer
	uint8_t answer_code;
	bool log;          // packets that it decides on are shown, sampled
	uint8_t connection; // enum connection_state
	struct byte_set protocols, next_headers, tcp_flags, icmp_types, icmp_codes;
	struct address_set sources, destinations;
	struct port_set source_ports, destination_ports, vlans;
	uint64_t interfaces; // bit: index of the interface
	struct rule_limit limit;
	struct rule_limit_state *limit_state; // NULL: no limit
};
