// SPDX-License-Identifier: BSD-3-Clause
// How the index of listeners lies in memory: what listener_build.c makes and listener_index.c reads.
#pragma once

#include "dataplane/listener_index.h"

enum {
	PORTS = 65536,
	NOBODY = UINT32_MAX,
	GIVEN_INTERFACE = 1 << 0,
	GIVEN_VLAN = 1 << 1,
	GIVEN_KINDS = 4,
	PREFIXES = 129,
	LEVELS_MAX = GIVEN_KINDS * PREFIXES,
	SPANS_FEW = 4,  // of a group: are looked at one by one
	SPAN_BLOCK = 16, // others are compared so many at once
};

// What listeners of one group have in common: all but the ports.
struct group_key {
	struct ip_address address; // masked
	uint16_t vlan;
	uint8_t interface;
	uint8_t protocol;
	uint8_t family;
	uint8_t prefix;
	uint8_t given; // GIVEN_INTERFACE | GIVEN_VLAN
	uint8_t score; // how many of them are given
};
static_assert(sizeof(struct group_key) == 24, "no padding, so that it compares and hashes as bytes");
static_assert(offsetof(struct group_key, vlan) == 16 && offsetof(struct group_key, interface) == 18 &&
	      offsetof(struct group_key, protocol) == 19 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as query_words puts it together");

// As it compares and hashes. Who is asked puts it together in registers: in pieces in memory, it would have to wait for them.
struct group_words {
	uint64_t word[3];
};

static inline struct group_words group_words(const struct group_key *key)
{
	struct group_words words;
	memcpy(&words, key, sizeof(words));
	return words;
}

struct group {
	struct group_words key;
	uint32_t first_span;
	uint32_t span_count;
	uint32_t any_port; // the listener on any port, or NOBODY
};

// Keys of one kind and prefix length that exist at all.
struct level {
	struct group_words mask; // bits of the key that are the query's
	struct group_words rest; // all others
	uint8_t prefix;
	uint8_t score;
};

struct levels {
	unsigned count;
	struct level *level; // the most specific first
};

struct listener_index {
	struct levels levels[2]; // IPv4, IPv6
	struct listener *listeners;
	struct group *groups;
	// The ports of a group are cut into spans: those from low up to the next span's low belong to one listener, or to nobody. The
	// first begins at 0. Where they are not few, a block more follows, of the highest port and nobody: who reads blocks reads up to
	// 15 further, where the next group begins at 0 again.
	uint16_t *span_low;
	uint32_t *span_listener;
	uint32_t *slots; // open addressing: index of a group, or NOBODY
	uint64_t slot_mask;
	size_t group_count;
	size_t span_count;
};

static inline uint64_t group_hash(struct group_words key)
{
	uint64_t hash = 0;
	for (unsigned i = 0; i < 3; i++) {
		hash = (hash ^ key.word[i]) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return hash;
}
