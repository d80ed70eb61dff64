// SPDX-License-Identifier: BSD-3-Clause
// The wide index's lookup in plain C, for every processor: also the oracle of the others. And the lookup of one key.
#include "dataplane/flow_wide_lookup.h"

// A key that the owner may be writing meanwhile. Acquire: the version is read again only after all of it; read before,
// it would vouch for a mixture of two keys.
static __rte_always_inline bool equal(const struct flow_key *key, const struct flow_key *shared)
{
	const uint64_t *word = (const uint64_t *)__builtin_assume_aligned(shared, sizeof(uint64_t));
	uint64_t difference = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		difference |= flow_key_word(key, i) ^ __atomic_load_n(&word[i], __ATOMIC_ACQUIRE);
	return difference == 0;
}

WIDE_FORM(wide_plain, bucket_match, equal, .vectors = false);

static uint32_t find_in(const struct flow_wide *wide, uint32_t number, uint16_t tag, const struct flow_key *key)
{
	const struct flow_bucket *bucket = &wide->bucket[number];
	uint32_t version, record;

again:
	version = wide_version(bucket);
	for (unsigned match = bucket_match(bucket, tag); match != 0; match &= match - 1) {
		// Acquire: see wide_match.
		record = __atomic_load_n(&bucket->index[__builtin_ctz(match)], __ATOMIC_ACQUIRE) & BUCKET_RECORD;
		if (!equal(key, &wide->cold[record].key))
			continue;
		if (likely(wide_version(bucket) == version))
			return record;
		goto again; // an entry left the bucket: the record may have changed hands under the comparison
	}
	return FLOW_NONE;
}

uint32_t wide_find(const struct flow_wide *wide, const struct flow_key *key)
{
	uint64_t hash = wide_hash(wide, key);
	uint16_t tag = flow_tag(hash);
	uint32_t first = bucket_first(wide, hash);
	const struct flow_bucket *bucket = &wide->bucket[first];
	uint32_t version, flow;

	do {
		version = wide_version(bucket);
		flow = find_in(wide, first, tag, key);
		if (flow == FLOW_NONE && bucket_hinted(bucket, tag))
			flow = find_in(wide, bucket_other(wide, first, tag), tag, key);
	} while (flow == FLOW_NONE && unlikely(wide_version(bucket) != version)); // it may have come back to the first
	return flow;
}
