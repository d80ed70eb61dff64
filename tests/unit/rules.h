// SPDX-License-Identifier: BSD-3-Clause
// Rules for tests, without a language.
#pragma once

#include <assert.h>

#include "dataplane/rule.h"

// Speaks of everything.
static inline struct rule rule_any(enum verdict verdict)
{
	return (struct rule){ .ip4 = true, .ip6 = true, .verdict = (uint8_t)verdict };
}

static inline struct rule rule_protocol(uint8_t protocol, enum verdict verdict)
{
	struct rule rule = rule_any(verdict);
	rule.asks = RULE_PROTOCOL;
	byte_set_add(&rule.protocols, protocol);
	return rule;
}

static inline const struct port_range *rule_range(uint16_t low, uint16_t high)
{
	static struct port_range range[1024];
	static unsigned used;
	assert(used < sizeof(range) / sizeof(range[0]));
	range[used] = (struct port_range){ low, high };
	return &range[used++];
}

static inline struct rule rule_ports(uint8_t protocol, uint16_t low, uint16_t high, enum verdict verdict)
{
	struct rule rule = rule_protocol(protocol, verdict);
	rule.asks |= RULE_DESTINATION_PORT;
	rule.destination_ports = (struct port_set){ rule_range(low, high), 1 };
	return rule;
}

static inline struct rule rule_port(uint8_t protocol, uint16_t port, enum verdict verdict)
{
	return rule_ports(protocol, port, port, verdict);
}

static inline struct rule rule_flags(uint8_t mask, uint8_t value, enum verdict verdict)
{
	struct rule rule = rule_protocol(6, verdict);
	rule.asks |= RULE_TCP_FLAGS;
	for (unsigned flags = 0; flags < 256; flags++)
		if ((flags & mask) == value)
			byte_set_add(&rule.tcp_flags, (uint8_t)flags);
	return rule;
}

static inline struct rule rule_icmp(uint8_t type, enum verdict verdict)
{
	struct rule rule = rule_protocol(1, verdict);
	rule.ip6 = false;
	rule.asks |= RULE_ICMP_TYPE;
	byte_set_add(&rule.icmp_types, type);
	return rule;
}

static inline struct rule rule_connection(uint8_t states, enum verdict verdict)
{
	struct rule rule = rule_any(verdict);
	rule.asks = RULE_CONNECTION;
	rule.connection = states;
	return rule;
}

static inline struct rule rule_interface(unsigned index, enum verdict verdict)
{
	struct rule rule = rule_any(verdict);
	rule.asks = RULE_INTERFACE;
	rule.interfaces = UINT64_C(1) << index;
	return rule;
}

static inline struct rule rule_vlan(uint16_t low, uint16_t high, enum verdict verdict)
{
	struct rule rule = rule_any(verdict);
	rule.asks = RULE_VLAN;
	rule.vlans = (struct port_set){ rule_range(low, high), 1 };
	return rule;
}

// Of IPv4.
static inline struct rule rule_source(const struct address_range *range, enum verdict verdict)
{
	struct rule rule = rule_any(verdict);
	rule.ip6 = false;
	rule.asks = RULE_SOURCE;
	rule.sources = (struct address_set){ range, 1 };
	return rule;
}
