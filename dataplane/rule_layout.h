// SPDX-License-Identifier: BSD-3-Clause
// How compiled rules lie in memory: what rule_compile.c makes and rule_match.c reads.
#pragma once

#include <rte_acl.h>

#include "dataplane/rule_match.h"

enum {
	PORTS = 65536,
	PROTOCOLS = 256,
	FAMILIES = 2, // IPv4, IPv6
	ADDRESS_WORDS_MAX = 4, // of 32 bits
};

// Protocols whose packets have something to compare with a port: ICMP's type counts as one.
static const uint8_t ported[] = { 1, 6, 17, 33, 58, 132, 136 };
enum { PORTED = sizeof(ported) };

// Positions in the list of rules; count stands for the default policy behind them. The smallest one wins.
struct rule_matcher {
	uint32_t count;
	uint32_t first_acl[FAMILIES]; // no rule before this one is in the ACL
	struct rte_acl_ctx *acl[FAMILIES];
	uint32_t any_port[PROTOCOLS];  // the first rule that looks at no more than the protocol
	uint32_t *by_port[PROTOCOLS];  // the first one for each destination port; NULL: as any_port
	struct rule_verdict verdicts[]; // count + 1
};

// What rte_acl looks at, in network byte order. It reads four bytes at a time.
struct acl_key {
	uint8_t protocol;
	uint8_t unused[3];
	rte_be32_t ported;
	rte_be16_t source_port;
	rte_be16_t destination_port;
	uint8_t addresses[2 * sizeof(struct ip_address)]; // source, and right behind it the destination
};

// Words of 32 bits in an address.
static inline unsigned address_words(unsigned family)
{
	return family == 0 ? 1 : ADDRESS_WORDS_MAX;
}

static inline bool protocol_ported(uint8_t protocol)
{
	for (unsigned i = 0; i < PORTED; i++) {
		if (ported[i] == protocol)
			return true;
	}
	return false;
}

static inline bool range_any(const struct port_range *range)
{
	return range->low == 0 && range->high == PORTS - 1;
}

static inline struct rule_verdict rule_verdict(const struct rule *rule)
{
	return (struct rule_verdict){
		.slot = rule->slot,
		.verdict = rule->verdict,
		.answer_prohibited = rule->answer_prohibited,
	};
}

static inline struct rule_verdict default_policy(enum verdict verdict)
{
	return (struct rule_verdict){ .slot = RULE_DEFAULT, .verdict = (uint8_t)verdict };
}
