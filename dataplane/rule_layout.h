// SPDX-License-Identifier: BSD-3-Clause
// How compiled rules lie in memory: what rule_compile*.c make and rule_match.c reads.
#pragma once

#include <rte_acl.h>

#include "dataplane/rule_match.h"

enum {
	PORTS = 65536,
	PROTOCOLS = 256,
	ICMP_TYPES = 256,
	FAMILIES = 2,          // IPv4, IPv6
	VIEWS = 2 * FAMILIES,  // see view_of
	ACL_PIECES_MAX = 4,    // contexts of one view
	TABLES_MAX = 2 * (5 + 1), // tables with more than one entry: ports of five protocols and types of ICMP, twice
};

// Positions in the list of rules; the smallest one wins. One entry (mask 0) where the protocol alone decides.
struct rule_table {
	const uint32_t *position;
	uint32_t mask; // of what is looked up: a port or an ICMP type
};

// One rte_acl context. Several of them are asked where one would take too long to build.
struct rule_piece {
	struct rte_acl_ctx *acl;
	uint32_t first; // no rule before this one is in it
};

// Rules as packets of one family, with or without a transport header, get to see them.
struct rule_view {
	struct rule_table table[PROTOCOLS];
	uint32_t lone[PROTOCOLS]; // what tables of one entry point to
	uint32_t first;           // of all pieces
	unsigned pieces;
	struct rule_piece piece[ACL_PIECES_MAX];
};

enum address_end {
	END_SOURCE = 0,
	END_DESTINATION,
	ENDS
};

struct address_classes;
struct passing_index;

// Some rules of the list, compiled. Their positions are those in the whole list.
struct rule_set {
	uint32_t none; // position that stands for no match
	struct rule_view view[VIEWS];
	struct address_classes *classes[ENDS]; // of IPv6: rte_acl gets to see their numbers; NULL: the whole address
	unsigned tables;
	struct {
		uint32_t *position;
		size_t bytes;
	} owned[TABLES_MAX]; // views share equal ones
	size_t bytes;
};

// A packet is decided by the first rule of two kinds: those that always decide, and those that may let it pass on to later
// ones. Apart, each is compiled once only: what comes behind a rule that let a packet pass is what the deciding ones
// alone say of it, unless another passing one comes before that.
struct rule_matcher {
	uint32_t count;
	uint32_t passing_count;
	struct rule_set *deciding;
	struct rule_set *passing; // without a verdict, or with a limit; NULL: none
	struct rule_set *varying; // see rule_matcher_varies; NULL: none
	uint32_t *passing_at;     // their positions, ascending
	struct passing_index *passing_index; // which of them to look at; NULL: each
	const struct rule **rule; // count
	struct rule_verdict verdicts[] __attribute__((aligned(sizeof(struct rule_verdict)))); // count + 1; each on one line
};

static inline unsigned view_of(uint8_t family, bool portless)
{
	return 2 * (family == FAMILY_IP6) + portless;
}

static inline uint8_t view_family(unsigned view)
{
	return view < 2 ? FAMILY_IP4 : FAMILY_IP6;
}

static inline bool view_portless(unsigned view)
{
	return view % 2;
}

// Whether a rule may let a packet that it matches pass on to later ones.
static inline bool rule_passes(const struct rule *rule)
{
	return rule->verdict == VERDICT_NONE || rule->limit_state;
}
