// SPDX-License-Identifier: BSD-3-Clause
// The writing half of the wide index. See flow_wide.h for what readers rely on.
#include "dataplane/flow_wide.h"

#include <rte_prefetch.h>

// A power of two of them, so that at most 31 of 32 slots get full: from there on inserts get slow. Some to spare: in a
// small table chance fills a few buckets long before all are full. At least two: a key needs two.
static size_t buckets_for(uint32_t capacity)
{
	size_t buckets = 2;

	while (buckets * BUCKET_SLOTS * 31 / 32 < capacity + 64)
		buckets *= 2;
	return buckets;
}

size_t wide_bytes(uint32_t capacity)
{
	return buckets_for(capacity) * sizeof(struct flow_bucket);
}

void wide_init(struct flow_wide *wide, void *buckets, uint32_t capacity, const struct flow_table_head *records,
	       const struct hash_secret *secret)
{
	*wide = (struct flow_wide){
		.bucket = buckets,
		.hot = records->hot,
		.cold = records->cold,
		.bucket_mask = (uint32_t)buckets_for(capacity) - 1,
		.secret = *secret,
	};
}

// Adds to a bucket's overflow and to its version in one store. Release: what was stored before (an entry's new place, a
// cleared slot) is seen by whoever sees the new version. A hint that is full stays full: its entries are not counted.
static void meta_change(struct flow_bucket *bucket, int overflow)
{
	uint32_t meta = bucket->meta;

	if (bucket_overflow(meta) < BUCKET_FULL_HINT)
		meta += (uint32_t)overflow;
	__atomic_store_n(&bucket->meta, meta + (BUCKET_FULL_HINT + 1), __ATOMIC_RELEASE);
}

// Release, both: a reader that sees this index or tag in place of an older one also sees what made the older one go
// (its copy in the other bucket), and one that matches the tag sees its index and its record.
static void slot_fill(struct flow_wide *wide, struct slot to, uint16_t tag, uint32_t flow)
{
	struct flow_bucket *bucket = &wide->bucket[to.bucket];

	__atomic_store_n(&bucket->index[to.slot], flow, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->tag[to.slot], tag, __ATOMIC_RELEASE);
}

// Cleared first, then the version: a reader that starts with the new version doesn't see the entry any more. Release:
// the entry's copy is in place, if it moves.
static void slot_clear(struct flow_wide *wide, struct slot from)
{
	struct flow_bucket *bucket = &wide->bucket[from.bucket];

	__atomic_store_n(&bucket->tag[from.slot], 0, __ATOMIC_RELEASE);
	meta_change(bucket, 0);
}

static void enter_second(struct flow_wide *wide, uint32_t first)
{
	meta_change(&wide->bucket[first], +1);
	add_relaxed32(&wide->in_second, 1);
}

static void leave_second(struct flow_wide *wide, uint32_t first)
{
	meta_change(&wide->bucket[first], -1);
	add_relaxed32(&wide->in_second, -1u);
}

static uint64_t record_hash(const struct flow_wide *wide, uint32_t flow)
{
	return wide_hash(wide, &wide->cold[flow].key);
}

// Moves an entry to a free slot of its other bucket.
static void move(void *index, struct slot from, struct slot to)
{
	struct flow_wide *wide = index;
	uint16_t tag = wide->bucket[from.bucket].tag[from.slot];
	uint32_t flow = wide->bucket[from.bucket].index[from.slot];
	uint32_t first = bucket_first(wide, record_hash(wide, flow));

	if (from.bucket == first)
		enter_second(wide, first);
	slot_fill(wide, to, tag, flow);
	if (to.bucket == first)
		leave_second(wide, first);
	slot_clear(wide, from);
	add_relaxed64(&wide->displacements, 1);
}

static bool free_slot(const void *index, uint32_t bucket, struct slot *slot)
{
	unsigned mask = bucket_match(&((const struct flow_wide *)index)->bucket[bucket], 0);

	if (mask == 0)
		return false;
	*slot = (struct slot){ bucket, (unsigned)__builtin_ctz(mask) };
	return true;
}

static uint32_t other_bucket(const void *index, struct slot slot)
{
	const struct flow_wide *wide = index;

	return bucket_other(wide, slot.bucket, wide->bucket[slot.bucket].tag[slot.slot]);
}

static void fetch(const void *index, uint32_t bucket)
{
	rte_prefetch0(&((const struct flow_wide *)index)->bucket[bucket]);
}

static const struct cuckoo_layout layout = {
	.slots = BUCKET_SLOTS, .free_slot = free_slot, .other_bucket = other_bucket, .fetch = fetch, .move = move,
};

bool wide_insert(struct flow_wide *wide, const struct flow_key *key, uint32_t flow)
{
	uint64_t hash = wide_hash(wide, key);
	uint32_t first = bucket_first(wide, hash);
	struct slot slot;

	if (!cuckoo_find_room(wide, &layout, first, bucket_other(wide, first, flow_tag(hash)), &slot))
		return false;
	if (slot.bucket != first)
		enter_second(wide, first);
	slot_fill(wide, slot, flow_tag(hash), flow);
	add_relaxed32(&wide->used, 1);
	return true;
}

static bool slot_of(const struct flow_wide *wide, uint32_t number, uint16_t tag, uint32_t flow, struct slot *slot)
{
	const struct flow_bucket *bucket = &wide->bucket[number];

	for (unsigned mask = bucket_match(bucket, tag); mask != 0; mask &= mask - 1) {
		unsigned s = (unsigned)__builtin_ctz(mask);

		if (bucket->index[s] == flow) {
			*slot = (struct slot){ number, s };
			return true;
		}
	}
	return false;
}

bool wide_remove(struct flow_wide *wide, uint32_t flow)
{
	uint64_t hash = record_hash(wide, flow);
	uint32_t first = bucket_first(wide, hash);
	uint16_t tag = flow_tag(hash);
	struct slot slot;

	if (!slot_of(wide, first, tag, flow, &slot) &&
	    !slot_of(wide, bucket_other(wide, first, tag), tag, flow, &slot))
		return false;
	slot_clear(wide, slot);
	if (slot.bucket != first)
		leave_second(wide, first);
	add_relaxed32(&wide->used, -1u);
	return true;
}
