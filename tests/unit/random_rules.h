// SPDX-License-Identifier: BSD-3-Clause
// Random rules and packets that meet each other often: few different values, those at borders most of all.
#pragma once

#include <string.h>

#include "dataplane/random.h"
#include "dataplane/rule_match.h"

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ICMPV6 = 58, SCTP = 132 };

enum { RANGES_MAX = 4 };

// A rule with all that it points to.
struct random_rule {
	struct rule rule;
	struct address_range source[RANGES_MAX], destination[RANGES_MAX];
	struct port_range source_port[RANGES_MAX], destination_port[RANGES_MAX], vlan[RANGES_MAX];
	struct rule_limit_state limit_state;
};

static uint64_t random_state;

static inline unsigned pick(unsigned below)
{
	return random_below(&random_state, below);
}

static inline uint8_t random_protocol(void)
{
	static const uint8_t protocols[] = { ICMP, 2, TCP, UDP, 33, GRE, ICMPV6, SCTP, 136, 255 };
	return pick(2) ? TCP : protocols[pick(sizeof(protocols))];
}

static inline uint8_t address_length(uint8_t family)
{
	return family == FAMILY_IP4 ? 4 : 16;
}

static inline struct ip_address random_address(uint8_t family)
{
	static const uint8_t bytes[] = { 0, 1, 0x80, 0xff };
	struct ip_address address = { 0 };
	for (unsigned i = 0; i < address_length(family); i++)
		address.byte[i] = pick(4) ? 0x55 : bytes[pick(4)];
	return address;
}

static inline uint16_t random_port(void)
{
	static const uint16_t ports[] = { 0, 1, 8, 79, 80, 81, 255, 256, 443, 1023, 1024, 32768, 65534, 65535 };
	return pick(4) ? ports[pick(sizeof(ports) / sizeof(ports[0]))] : (uint16_t)pick(65536);
}

// Few numbers around zero: VLAN ids and ICMP types that rules and packets share.
static inline uint8_t random_small(void)
{
	static const uint8_t small[] = { 0, 1, 2, 3, 8, 11, 128, 129, 255 };
	return small[pick(sizeof(small))];
}

// Sets

static inline struct byte_set complement(struct byte_set set)
{
	for (unsigned i = 0; i < 4; i++)
		set.word[i] = ~set.word[i];
	return set;
}

static inline struct byte_set random_bytes(uint8_t (*value)(void))
{
	struct byte_set set = { 0 };
	for (unsigned i = 1 + pick(3); i > 0; i--)
		byte_set_add(&set, value());
	return pick(4) ? set : complement(set);
}

// As "tcp flags & mask == value" says it, or a few values, or all but them.
static inline struct byte_set random_flags(void)
{
	struct byte_set set = { 0 };
	uint8_t mask = (uint8_t)pick(64), value = (uint8_t)(pick(64) & mask);
	if (pick(4) == 0)
		return random_bytes(random_small);
	for (unsigned flags = 0; flags < 256; flags++) {
		if ((flags & mask) == value)
			byte_set_add(&set, (uint8_t)flags);
	}
	return pick(3) ? set : complement(set);
}

// The set without what overlaps: low ends ascending.
static inline struct port_set random_ports(struct port_range *range, uint16_t most)
{
	struct port_set set = { range, 0 };
	uint32_t from = 0;
	for (unsigned i = 1 + pick(RANGES_MAX); i > 0 && from <= most; i--) {
		uint32_t a = most < 65535 ? pick(6) : random_port(), b = pick(2) ? a : most < 65535 ? pick(most + 1u) : random_port();
		uint32_t low = a < b ? a : b, high = a < b ? b : a;
		if (low < from)
			continue;
		range[set.count++] = (struct port_range){ (uint16_t)low, (uint16_t)high };
		from = high + 1;
	}
	if (set.count == 0)
		range[set.count++] = (struct port_range){ 0, most };
	return set;
}

static inline struct address_range random_prefix(uint8_t family)
{
	static const uint8_t lengths[] = { 0, 1, 7, 8, 9, 24, 31, 32, 33, 63, 64, 65, 96, 127, 128 };
	struct address_range range = { .low = random_address(family) };
	unsigned bits = lengths[pick(family == FAMILY_IP4 ? 8 : 15)];
	range.high = range.low;
	for (unsigned bit = bits; bit < address_length(family) * 8u; bit++) {
		range.low.byte[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
		range.high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	return range;
}

static inline struct address_range random_span(uint8_t family)
{
	struct ip_address a = random_address(family), b = random_address(family);
	bool swap = memcmp(&a, &b, sizeof(a)) > 0;
	return swap ? (struct address_range){ b, a } : (struct address_range){ a, b };
}

static inline struct address_set random_addresses(struct address_range *range, uint8_t family)
{
	struct address_set set = { range, 0 };
	for (unsigned i = 1 + pick(3); i > 0; i--) {
		struct address_range next = pick(4) ? random_prefix(family) : random_span(family);
		if (set.count && memcmp(&next.low, &range[set.count - 1].high, sizeof(next.low)) <= 0)
			continue;
		range[set.count++] = next;
	}
	return set;
}

// Rules

// What a rule may ask for, one of these at random.
static const uint16_t random_asks[] = {
	0,
	RULE_PROTOCOL,
	RULE_PROTOCOL | RULE_DESTINATION_PORT,
	RULE_DESTINATION_PORT,
	RULE_ICMP_TYPE,
	RULE_PROTOCOL | RULE_SOURCE | RULE_DESTINATION | RULE_SOURCE_PORT | RULE_DESTINATION_PORT,
	RULE_SOURCE,
	RULE_PROTOCOL | RULE_DESTINATION,
	RULE_ICMP_TYPE | RULE_ICMP_CODE,
	RULE_TCP_FLAGS,
	RULE_VLAN,
	RULE_INTERFACE | RULE_NEXT_HEADER,
	RULE_CONNECTION | RULE_DESTINATION_PORT,
	(1 << RULE_FIELDS) - 1,
};

static inline void random_sets(struct random_rule *made)
{
	struct rule *rule = &made->rule;
	uint8_t family = rule->ip4 ? FAMILY_IP4 : FAMILY_IP6;
	rule->protocols = random_bytes(random_protocol);
	rule->next_headers = random_bytes(random_protocol);
	rule->tcp_flags = random_flags();
	rule->icmp_types = random_bytes(random_small);
	rule->icmp_codes = random_bytes(random_small);
	rule->sources = random_addresses(made->source, family);
	rule->destinations = random_addresses(made->destination, family);
	rule->source_ports = random_ports(made->source_port, 65535);
	rule->destination_ports = random_ports(made->destination_port, 65535);
	rule->vlans = random_ports(made->vlan, pick(4) ? 4095 : 65535);
	rule->interfaces = pick(8) ? UINT64_C(1) << pick(4) | UINT64_C(1) << pick(64) : ~UINT64_C(2);
	rule->connection = (uint8_t)(1 + pick(15));
}

// Asks for some fields of a pattern, seldom for many at once: few packets would meet all.
static inline uint16_t random_fields(bool tables_alone)
{
	uint16_t asks = random_asks[pick(tables_alone ? 5 : sizeof(random_asks) / sizeof(random_asks[0]))];
	uint16_t mask = (uint16_t)(pick(1 << RULE_FIELDS) | pick(1 << RULE_FIELDS));
	if (asks == (1 << RULE_FIELDS) - 1)
		mask &= (uint16_t)(pick(1 << RULE_FIELDS) & pick(1 << RULE_FIELDS));
	return tables_alone ? asks : asks & mask;
}

static inline void random_rule(struct random_rule *made, bool tables_alone)
{
	memset(made, 0, sizeof(*made));
	struct rule *rule = &made->rule;
	rule->asks = random_fields(tables_alone);
	bool both = !(rule->asks & (RULE_SOURCE | RULE_DESTINATION)) && pick(3);
	rule->ip4 = both || pick(2);
	rule->ip6 = both || !rule->ip4;
	rule->verdict = (uint8_t)pick(3);
	rule->answer = (uint8_t)pick(4);
	rule->answer_code = (uint8_t)pick(256);
	random_sets(made);
}

// Limits that let some packets through and others not; rules that decide nothing.
static inline void random_passing(struct random_rule *made)
{
	if (pick(2))
		made->rule.verdict = VERDICT_NONE;
	made->rule.log = pick(3) == 0;
	if (made->rule.verdict == VERDICT_NONE && pick(2))
		return;
	made->rule.limit = (struct rule_limit){ .rate = 1 + pick(5), .burst = pick(4), .period_sec = 1, .over = pick(2) };
	made->rule.limit_state = &made->limit_state;
}

static inline struct packet_tuple random_tuple(void)
{
	uint8_t family = pick(2) ? FAMILY_IP4 : FAMILY_IP6;
	struct packet_tuple tuple = {
		.source = random_address(family),
		.destination = random_address(family),
		.source_port = random_port(),
		.destination_port = random_port(),
		.family = family,
		.protocol = random_protocol(),
		.interface = (uint8_t)pick(5),
		.tcp_flags = (uint8_t)pick(256),
		.icmp_type = random_small(),
		.icmp_code = random_small(),
		.connection = (uint8_t)(1 << pick(4)),
		.tagged = pick(2),
		.portless = pick(10) == 0,
	};
	tuple.next_header = family == FAMILY_IP4 || pick(2) ? tuple.protocol : random_protocol();
	tuple.vlan = tuple.tagged ? (uint16_t)pick(6) : 0;
	return tuple;
}
