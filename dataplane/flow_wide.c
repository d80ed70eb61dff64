// SPDX-License-Identifier: BSD-3-Clause
// The writing half of the wide index. See flow_wide.h for what readers rely on.
#include "dataplane/flow_wide.h"

#include <rte_prefetch.h>

enum {
	FAR_BUCKETS = 1 << 16, // 4 MB of them, and seven times as much of records
};

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
	       uint32_t nobody, const struct hash_secret *secret)
{
	const size_t count = buckets_for(capacity);

	*wide = (struct flow_wide){
		.bucket = buckets,
		.hot = records->hot,
		.cold = records->cold,
		.bucket_mask = (uint32_t)count - 1,
		.nobody = nobody,
		.far = count >= FAR_BUCKETS,
		.secret = *secret,
	};
}

// Release: whoever sees the new version sees what was stored before, an entry's new place or an emptied slot.
static void meta_add(struct flow_bucket *bucket, uint32_t n)
{
	__atomic_store_n(&bucket->meta, bucket->meta + n, __ATOMIC_RELEASE);
}

static void version_step(struct flow_bucket *bucket)
{
	meta_add(bucket, BUCKET_OVERFLOW_MAX + 1);
}

// Release, both: a reader that sees this index or tag in place of an older one also sees what made the older one go
// (its copy in the other bucket), and one that matches the tag sees its index and its record.
static void slot_fill(struct flow_wide *wide, struct slot to, uint16_t tag, uint32_t entry)
{
	struct flow_bucket *bucket = &wide->bucket[to.bucket];
	uint32_t hints = bucket->index[to.slot] & BUCKET_HINT_BITS;

	__atomic_store_n(&bucket->index[to.slot], hints | entry, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->tag[to.slot], tag, __ATOMIC_RELEASE);
}

// Emptied first, then the version: a reader that begins with the new version doesn't see the entry any more. Release:
// the entry's copy is in place, if it moves.
static void slot_clear(struct flow_wide *wide, struct slot from)
{
	struct flow_bucket *bucket = &wide->bucket[from.bucket];

	__atomic_store_n(&bucket->tag[from.slot], 0, __ATOMIC_RELEASE);
	version_step(bucket);
}

static uint16_t tag_of(const struct flow_wide *wide, struct slot slot)
{
	return wide->bucket[slot.bucket].tag[slot.slot];
}

// The record, and whether it is in its second bucket.
static uint32_t entry_of(const struct flow_wide *wide, struct slot slot)
{
	return wide->bucket[slot.bucket].index[slot.slot] & ~BUCKET_HINT_BITS;
}

// An entry of this bucket is about to go to its second one: the hint first, or a reader that misses it here would
// not look there. Release: the hint is seen before anything that is stored later is missed.
static void enter_second(struct flow_wide *wide, uint32_t first, uint16_t tag)
{
	struct flow_bucket *bucket = &wide->bucket[first];
	uint32_t *word = &bucket->index[bucket_hint_slot(tag)];

	__atomic_store_n(word, *word | bucket_hint_bit(tag), __ATOMIC_RELEASE);
	if (bucket_overflow(bucket->meta) < BUCKET_OVERFLOW_MAX)
		meta_add(bucket, 1);
	add_relaxed32(&wide->in_second, 1);
}

// It is no longer there. Hints can only be taken back together: a bit may stand for several entries. Those of an overflow
// that is not counted any more stay. Release: the version changed before.
static void leave_second(struct flow_wide *wide, uint32_t first)
{
	struct flow_bucket *bucket = &wide->bucket[first];

	if (bucket_overflow(bucket->meta) < BUCKET_OVERFLOW_MAX)
		meta_add(bucket, -1u);
	for (unsigned s = 0; bucket_overflow(bucket->meta) == 0 && s < BUCKET_HINT_SLOTS; s++)
		__atomic_store_n(&bucket->index[s], bucket->index[s] & ~BUCKET_HINT_BITS, __ATOMIC_RELEASE);
	add_relaxed32(&wide->in_second, -1u);
}

static unsigned misplaced(const void *index, uint32_t bucket)
{
	unsigned mask = 0;

	for (unsigned s = 0; s < BUCKET_SLOTS; s++)
		mask |= (unsigned)(entry_of(index, (struct slot){ bucket, s }) / BUCKET_SECOND % 2) << s;
	return mask & ~bucket_match(&((const struct flow_wide *)index)->bucket[bucket], 0);
}

// Moves an entry to a free slot of its other bucket.
static void move(void *index, struct slot from, struct slot to)
{
	struct flow_wide *wide = index;
	const uint16_t tag = tag_of(wide, from);
	const uint32_t entry = entry_of(wide, from);

	if (!(entry & BUCKET_SECOND))
		enter_second(wide, from.bucket, tag);
	slot_fill(wide, to, tag, entry ^ BUCKET_SECOND);
	if (entry & BUCKET_SECOND)
		version_step(&wide->bucket[to.bucket]); // before it leaves the second: see flow_wide.h
	slot_clear(wide, from);
	if (entry & BUCKET_SECOND)
		leave_second(wide, to.bucket);
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
	return bucket_other(index, slot.bucket, tag_of(index, slot));
}

static void fetch(const void *index, uint32_t bucket)
{
	rte_prefetch0(&((const struct flow_wide *)index)->bucket[bucket]);
}

static_assert((int)BUCKET_SLOTS <= (int)CUCKOO_SLOTS_MAX, "the search has room for a bucket");
static const struct cuckoo_layout layout = {
	.slots = BUCKET_SLOTS, .free_slot = free_slot, .other_bucket = other_bucket, .misplaced = misplaced, .fetch = fetch,
	.move = move,
};

bool wide_insert(struct flow_wide *wide, const struct flow_key *key, uint32_t flow)
{
	uint64_t hash = wide_hash(wide, key);
	uint32_t first = bucket_first(wide, hash);
	uint16_t tag = flow_tag(hash);
	struct slot slot;

	if (!cuckoo_find_room(wide, &layout, first, bucket_other(wide, first, tag), &slot))
		return false;
	bool second = slot.bucket != first;
	if (second)
		enter_second(wide, first, tag);
	slot_fill(wide, slot, tag, flow | second * (uint32_t)BUCKET_SECOND);
	add_relaxed32(&wide->used, 1);
	return true;
}

static bool slot_of(const struct flow_wide *wide, uint32_t number, uint16_t tag, uint32_t entry, struct slot *slot)
{
	for (unsigned mask = bucket_match(&wide->bucket[number], tag); mask != 0; mask &= mask - 1) {
		*slot = (struct slot){ number, (unsigned)__builtin_ctz(mask) };
		if (entry_of(wide, *slot) == entry)
			return true;
	}
	return false;
}

bool wide_remove(struct flow_wide *wide, uint32_t flow)
{
	uint64_t hash = wide_hash(wide, &wide->cold[flow].key);
	uint32_t first = bucket_first(wide, hash);
	uint16_t tag = flow_tag(hash);
	struct slot slot;

	if (!slot_of(wide, first, tag, flow, &slot) &&
	    !slot_of(wide, bucket_other(wide, first, tag), tag, flow | BUCKET_SECOND, &slot))
		return false;
	slot_clear(wide, slot);
	if (slot.bucket != first)
		leave_second(wide, first);
	add_relaxed32(&wide->used, -1u);
	return true;
}

void wide_scrub(struct flow_wide *wide, unsigned buckets)
{
	wide->scrub_next = cuckoo_scrub(wide, &layout, wide->scrub_next, wide->bucket_mask, buckets);
}
