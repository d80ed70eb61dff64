// SPDX-License-Identifier: BSD-3-Clause
// Compiled rules and packets for the tests of rule_match. Not together with rules.h, whose functions have the same names.
#pragma once

#include <errno.h>
#include <stdio.h>

#include <rte_eal.h>

#include "dataplane/rule_match.h"
#include "tests/unit/random_rules.h"

enum { NO_SOCKET = -1 };

static inline struct rule_matcher *build(const struct rule *const rules[], size_t count)
{
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(rules, count, VERDICT_REJECT, NO_SOCKET, &matcher, &trouble), 0);
	return matcher;
}

static inline uint32_t scan(const struct rule *const rules[], size_t count, const struct packet_tuple *tuple)
{
	uint16_t failed;
	uint32_t at = 0;
	while (at < count && !rule_matches(rules[at], tuple, &failed))
		at++;
	return at;
}

static inline uint32_t find(const struct rule_matcher *matcher, const struct packet_tuple *tuple)
{
	uint32_t position;
	rule_matcher_find(matcher, &tuple, 1, &position);
	return position;
}

static inline struct rule rule_any(void)
{
	return (struct rule){ .ip4 = true, .ip6 = true, .verdict = VERDICT_ACCEPT };
}

static inline struct rule rule_protocol(uint8_t protocol)
{
	struct rule rule = rule_any();
	rule.asks = RULE_PROTOCOL;
	byte_set_add(&rule.protocols, protocol);
	return rule;
}

// The rule keeps a pointer to the ranges.
static inline struct rule rule_ports(uint8_t protocol, const struct port_range *range, uint32_t count)
{
	struct rule rule = rule_protocol(protocol);
	rule.asks |= RULE_DESTINATION_PORT;
	rule.destination_ports = (struct port_set){ range, count };
	return rule;
}

static inline struct rule rule_from(const struct address_range *range)
{
	struct rule rule = rule_any();
	rule.ip6 = false;
	rule.asks = RULE_SOURCE;
	rule.sources = (struct address_set){ range, 1 };
	return rule;
}

static inline struct packet_tuple packet(uint8_t protocol, uint16_t port)
{
	return (struct packet_tuple){
		.family = FAMILY_IP4,
		.protocol = protocol,
		.next_header = protocol,
		.source = { .byte = { 10, 0, 0, 1 } },
		.destination = { .byte = { 192, 0, 2, 1 } },
		.source_port = 40000,
		.destination_port = port,
		.connection = CONNECTION_NEW,
	};
}

static const struct address_range ten = { { .byte = { 10 } }, { .byte = { 10, 255, 255, 255 } } };
static const struct port_range port80 = { 80, 80 };

// Tests run beside each other: each has its own name's files.
static inline int start_eal(void **state)
{
	(void)state;
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s", program_invocation_short_name);
	char *arguments[] = { program_invocation_short_name, "--no-huge", "-m", "512", "--no-pci", "--no-shconf", "--no-telemetry",
			      prefix, "-l", "0", "--log-level=error" };
	return rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) < 0;
}

static inline int stop_eal(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}
