// SPDX-License-Identifier: BSD-3-Clause
// The reading half of the wide index. See flow_wide.h for what readers rely on.
#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/flow_wide.h"

enum {
	BURST = FLOW_LOOKUP_MAX,
	GROUP = 16, // keys of a burst that are at the same stage
};

static inline bool key_equal(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t difference = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		difference |= flow_key_word(a, i) ^ flow_key_word(b, i);
	return difference == 0;
}

// A key that the owner may be writing meanwhile. Acquire: the version is read again only after all of it; read before,
// it would vouch for a mixture of two keys.
static inline bool key_equal_shared(const struct flow_key *key, const struct flow_key *shared)
{
	const uint64_t *word = (const uint64_t *)__builtin_assume_aligned(shared, sizeof(uint64_t));
	uint64_t difference = 0;

	for (unsigned i = 0; i < FLOW_KEY_WORDS; i++)
		difference |= flow_key_word(key, i) ^ __atomic_load_n(&word[i], __ATOMIC_ACQUIRE);
	return difference == 0;
}

// Acquire: nothing of the bucket is read before its version.
static inline uint32_t meta_load(const struct flow_bucket *bucket)
{
	return __atomic_load_n(&bucket->meta, __ATOMIC_ACQUIRE);
}

static uint32_t bucket_find(const struct flow_wide *wide, uint32_t number, uint16_t tag, const struct flow_key *key)
{
	const struct flow_bucket *bucket = &wide->bucket[number];
	uint32_t meta, flow;
	unsigned mask;

again:
	meta = meta_load(bucket);
	for (mask = bucket_match_shared(bucket, tag); mask != 0; mask &= mask - 1) {
		// Acquire: an index of a newer entry tells that the older one is in its other bucket by now: the
		// overflow hint and that bucket must not have been read before.
		flow = __atomic_load_n(&bucket->index[__builtin_ctz(mask)], __ATOMIC_ACQUIRE);
		if (!key_equal_shared(key, &wide->cold[flow].key))
			continue;
		if (likely(meta_load(bucket) == meta))
			return flow;
		goto again; // an entry left the bucket: the record may have changed hands under the comparison
	}
	return FLOW_NONE;
}

static uint32_t find(const struct flow_wide *wide, const struct flow_key *key, uint64_t hash)
{
	uint16_t tag = flow_tag(hash);
	uint32_t first = bucket_first(wide, hash);
	const struct flow_bucket *bucket = &wide->bucket[first];
	uint32_t meta, flow;

	do {
		meta = meta_load(bucket);
		flow = bucket_find(wide, first, tag, key);
		if (flow == FLOW_NONE && bucket_overflow(meta_load(bucket)) > 0)
			flow = bucket_find(wide, bucket_other(wide, first, tag), tag, key);
	} while (flow == FLOW_NONE && unlikely(meta_load(bucket) != meta)); // it may have come back to the first
	return flow;
}

uint32_t wide_find(const struct flow_wide *wide, const struct flow_key *key)
{
	return find(wide, key, wide_hash(wide, key));
}

// What a burst knows of its keys. Arrays by the key's place in the burst.
struct burst {
	uint64_t hash[BURST];
	uint32_t number[BURST];    // of the bucket to probe
	uint32_t candidate[BURST]; // record whose tag matched, or record 0, which stays in the cache
	uint32_t meta[BURST];      // of the bucket, before it was probed
	uint16_t match[BURST];     // slots whose tag matched
	uint8_t todo[BURST];       // places that are still to be probed
};

static __rte_always_inline void probe_bucket(const struct flow_wide *wide, struct burst *burst, unsigned i, const bool shared)
{
	const struct flow_bucket *bucket = &wide->bucket[burst->number[i]];
	uint16_t tag = flow_tag(burst->hash[i]);
	unsigned match, slot;
	uint32_t index;

	burst->meta[i] = shared ? meta_load(bucket) : bucket->meta;
	match = shared ? bucket_match_shared(bucket, tag) : bucket_match(bucket, tag);
	slot = __builtin_ctz(match | 1 << (BUCKET_SLOTS - 1)); // some slot, where there is no match
	index = shared ? __atomic_load_n(&bucket->index[slot], __ATOMIC_ACQUIRE) : bucket->index[slot];
	index &= -(uint32_t)(match != 0);
	burst->match[i] = (uint16_t)match;
	burst->candidate[i] = index;
	rte_prefetch0(&wide->cold[index]);
}

// Whether the candidate is the one. For readers on other threads the bucket's version must still be the same.
static __rte_always_inline bool candidate_is(const struct flow_wide *wide, const struct burst *burst, unsigned i,
				const struct flow_key *key, const bool shared)
{
	const struct flow_key *found = &wide->cold[burst->candidate[i]].key;

	if (!shared)
		return key_equal(key, found) & (burst->match[i] != 0);
	return burst->match[i] != 0 && key_equal_shared(key, found) &&
	       (meta_load(&wide->bucket[burst->number[i]]) == burst->meta[i]);
}

// One key the slow way, where two tags in a bucket are the same (about one lookup in 7,000), or somebody was writing.
static __rte_always_inline bool needs_slow_way(const struct flow_wide *wide, const struct burst *burst, unsigned i,
				  const bool shared)
{
	unsigned match = burst->match[i];

	if ((match & (match - 1)) != 0)
		return true;
	return shared && meta_load(&wide->bucket[burst->number[i]]) != burst->meta[i];
}

// How a burst is looked up. Known when this is compiled.
struct pass {
	bool shared; // others may be writing
	bool fetch;  // the records that are found, too
};

// Compares a key with its candidate. Notes it among those to do if its second bucket is to be looked into; returns how many
// those are now.
static __rte_always_inline unsigned compare_key(const struct flow_wide *wide, struct burst *burst, unsigned i,
						const struct flow_key *key, uint32_t flow[], unsigned left,
						const struct pass pass)
{
	bool same = candidate_is(wide, burst, i, key, pass.shared);
	bool more = bucket_overflow(burst->meta[i]) > 0;

	flow[i] = burst->candidate[i] | -(uint32_t)!same;
	// In this order: a key that is in its second bucket is no rare event, and hard to foresee.
	if (unlikely(needs_slow_way(wide, burst, i, pass.shared)) && !same) {
		flow[i] = find(wide, key, burst->hash[i]);
		more = false;
	}
	if (pass.fetch)
		rte_prefetch0(&wide->hot[flow[i] & -(uint32_t)(flow[i] != FLOW_NONE)]);
	burst->todo[left] = (uint8_t)i;
	return left + (!same & more);
}

// First buckets. Groups of keys go through the stages one behind the other: hash, fetch the bucket; match tags, fetch the
// record; compare. A core has buffers for some dozen lines under way: the stages of a whole burst would wait for each other.
static __rte_always_inline unsigned probe_firsts(const struct flow_wide *wide, struct burst *burst, unsigned n,
						 const struct flow_key *const key[], uint32_t flow[], const struct pass pass)
{
	unsigned hashed = 0, probed = 0, compared = 0, left = 0;

	while (compared < n) {
		const unsigned behind = hashed - probed, far_behind = probed - compared;

		for (unsigned end = RTE_MIN(n, hashed + GROUP); hashed < end; hashed++) {
			burst->hash[hashed] = wide_hash(wide, key[hashed]);
			burst->number[hashed] = bucket_first(wide, burst->hash[hashed]);
			rte_prefetch0(&wide->bucket[burst->number[hashed]]);
		}
		for (unsigned end = probed + behind; probed < end; probed++)
			probe_bucket(wide, burst, probed, pass.shared);
		for (unsigned end = compared + far_behind; compared < end; compared++)
			left = compare_key(wide, burst, compared, key[compared], flow, left, pass);
	}
	return left;
}

// Second buckets of those on the list.
static __rte_always_inline void probe_seconds(const struct flow_wide *wide, struct burst *burst, unsigned n,
					      const struct flow_key *const key[], uint32_t flow[], const struct pass pass)
{
	for (unsigned j = 0; j < n; j++)
		probe_bucket(wide, burst, burst->todo[j], pass.shared);
	for (unsigned j = 0; j < n; j++)
		compare_key(wide, burst, burst->todo[j], key[burst->todo[j]], flow, j, pass);
}

static inline void go_to_second_buckets(const struct flow_wide *wide, struct burst *burst, unsigned n)
{
	for (unsigned j = 0; j < n; j++) {
		unsigned i = burst->todo[j];

		burst->number[i] = bucket_other(wide, burst->number[i], flow_tag(burst->hash[i]));
		rte_prefetch0(&wide->bucket[burst->number[i]]);
	}
}

// A first bucket that did not have the key, and its version then.
struct first_try {
	uint32_t number, meta;
	uint32_t place;
};

static inline void remember(const struct burst *burst, unsigned n, struct first_try try[])
{
	for (unsigned j = 0; j < n; j++) {
		unsigned i = burst->todo[j];

		try[j] = (struct first_try){ burst->number[i], burst->meta[i], i };
	}
}

// Other threads only: a key that was in neither bucket may have come back to its first one in between.
static inline void check_misses(const struct flow_wide *wide, const struct burst *burst,
				const struct first_try try[], unsigned n, const struct flow_key *const key[],
				uint32_t flow[])
{
	for (unsigned j = 0; j < n; j++) {
		unsigned i = try[j].place;

		if (flow[i] == FLOW_NONE && unlikely(meta_load(&wide->bucket[try[j].number]) != try[j].meta))
			flow[i] = find(wide, key[i], burst->hash[i]);
	}
}

static __rte_always_inline void lookup(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n,
				       uint32_t flow[], const struct pass pass)
{
	struct first_try try[BURST];
	struct burst burst;
	unsigned left = probe_firsts(wide, &burst, n, key, flow, pass);

	if (pass.shared)
		remember(&burst, left, try);
	go_to_second_buckets(wide, &burst, left);
	probe_seconds(wide, &burst, left, key, flow, pass);
	if (pass.shared)
		check_misses(wide, &burst, try, left, key, flow);
}

// Twice: loops that fetch records, and loops that know of none.
void wide_lookup(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n, uint32_t flow[], bool fetch)
{
	if (fetch)
		lookup(wide, key, n, flow, (struct pass){ .shared = false, .fetch = true });
	else
		lookup(wide, key, n, flow, (struct pass){ .shared = false, .fetch = false });
}

void wide_lookup_shared(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n, uint32_t flow[])
{
	lookup(wide, key, n, flow, (struct pass){ .shared = true, .fetch = false });
}
