// SPDX-License-Identifier: BSD-3-Clause
// The flow table's index of keys that the IPv4 one does not hold: IPv6, or with a VLAN. Private to the flow table.
//
// An entry is a tag and a record's index in one of two buckets, which can be told from one another: second = first
// xor f(tag). The key stands in the record. What keeps readers on other threads right, without locks:
//  - An entry that moves is in its new place before it leaves the old one.
//  - A bucket's version changes after each entry that left it, and after each that came back to its first bucket,
//    before it leaves the second. So: a bucket whose version did not change kept its entries, and their records kept
//    their keys; and a miss is one only if the first bucket's version is still the same at its end.
//  - A bucket has a hint set for each entry of it that sits in a second bucket, from before it goes there until after it
//    came back and the version changed.
#pragma once

#include <rte_prefetch.h>

#include "dataplane/flow_cuckoo.h"
#include "dataplane/flow_key_hash.h"
#include "dataplane/flow_table.h"
#include "dataplane/flow_wide_bucket.h"

static_assert(FLOW_TABLE_CAPACITY_MAX - 1 <= BUCKET_RECORD, "an entry holds any index");

struct flow_wide {
	// Constant after creation.
	struct flow_bucket *bucket;
	const struct flow *hot;
	const struct flow_cold *cold;
	uint32_t bucket_mask;
	uint32_t nobody; // a record that no key equals
	bool far;        // more than processors have at hand, addresses of pages too
	struct hash_secret secret;
	// Owner: writes, all: read.
	uint32_t used, in_second;
	uint64_t displacements;
	uint32_t scrub_next; // owner only
};

static inline uint64_t wide_hash(const struct flow_wide *wide, const struct flow_key *key)
{
	return flow_key_hash_inline(key, &wide->secret);
}

static inline uint16_t flow_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag + (tag == 0);
}

static inline uint32_t bucket_first(const struct flow_wide *wide, uint64_t hash)
{
	return (uint32_t)hash & wide->bucket_mask;
}

// An involution without fixed points: the offset is odd.
static inline uint32_t bucket_other(const struct flow_wide *wide, uint32_t bucket, uint16_t tag)
{
	return bucket ^ ((tag * 0x9e3779b1u >> 9 | 1) & wide->bucket_mask);
}

// Fetches the key's first bucket.
static inline void wide_fetch(const struct flow_wide *wide, const struct flow_key *key)
{
	rte_prefetch0(&wide->bucket[bucket_first(wide, wide_hash(wide, key))]);
}

// Takes zeroed memory for the buckets, wide_bytes() of it.
void wide_init(struct flow_wide *wide, void *buckets, uint32_t capacity, const struct flow_table_head *records,
	       uint32_t nobody, const struct hash_secret *secret);
size_t wide_bytes(uint32_t capacity);

// A key that is not there, whose record is written already. false: no room. Owner.
bool wide_insert(struct flow_wide *wide, const struct flow_key *key, uint32_t flow);

// false: not there. Owner.
bool wide_remove(struct flow_wide *wide, uint32_t flow);

// See narrow_scrub.
void wide_scrub(struct flow_wide *wide, unsigned buckets);

// One key, any thread.
uint32_t wide_find(const struct flow_wide *wide, const struct flow_key *key);

// The forms of the burst lookup, of up to FLOW_LOOKUP_MAX keys. All say the same. fetch: also the records that are found.
struct wide_form {
	void (*lookup)(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n, uint32_t flow[],
		       bool fetch);
	void (*lookup_shared)(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n,
			      uint32_t flow[]);
	void (*push)(const struct flow_wide *wide, struct flow_pipe *pipe, const struct flow_key key[], unsigned n,
		     uint32_t flow[], bool fetch);
};
extern const struct wide_form wide_plain, wide_avx2, wide_avx512;
