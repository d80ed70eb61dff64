// SPDX-License-Identifier: BSD-3-Clause
// The body of flow_key_hash, for the loops of the flow table. All others call the function.
#pragma once

#include "dataplane/flow_key.h"

enum {
	FLOW_KEY_WORDS = sizeof(struct flow_key) / sizeof(uint64_t),
};

// Word by word: copied as a whole, the key would take a turn through the stack.
static inline uint64_t flow_key_word(const struct flow_key *key, unsigned i)
{
	uint64_t word;

	memcpy(&word, (const char *)key + i * sizeof(word), sizeof(word));
	return word;
}

static inline unsigned __int128 flow_key_product(uint64_t a, uint64_t b)
{
	return (unsigned __int128)a * b;
}

// NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, CRYPTO '99) over five words, the sixth being zero: over a random
// secret two different keys have the same 128-bit sum with a probability of at most 2^-64, whatever the keys. A second
// keyed product, folded, brings the sum to 64 bits that depend on all of it.
static inline uint64_t flow_key_hash_inline(const struct flow_key *key, const struct hash_secret *secret)
{
	const uint64_t *k = secret->word;
	unsigned __int128 sum, mixed;

	sum = flow_key_product(flow_key_word(key, 0) + k[0], flow_key_word(key, 1) + k[1]) +
	      flow_key_product(flow_key_word(key, 2) + k[2], flow_key_word(key, 3) + k[3]) +
	      flow_key_product(flow_key_word(key, 4) + k[4], k[5]);
	mixed = flow_key_product((uint64_t)sum + k[6], (uint64_t)(sum >> 64) + k[7]);
	return (uint64_t)mixed ^ (uint64_t)(mixed >> 64);
}
