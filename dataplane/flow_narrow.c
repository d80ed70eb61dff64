// SPDX-License-Identifier: BSD-3-Clause
// The writing half of the IPv4 index, and the lookup of one key. See flow_narrow.h for what readers rely on.
#include "dataplane/flow_narrow.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#include <emmintrin.h>
#define STORES_LANES 1
#else
#define STORES_LANES 0 // ThreadSanitizer knows only the atomic words
#endif

static unsigned bits_for(uint64_t n)
{
	return n > 1 ? 64 - (unsigned)__builtin_clzll(n - 1) : 0;
}

// At most 61 of 64 slots get full: from there on inserts get slow, and soon fail. Some to spare: in a small table chance
// fills a few buckets long before all are full. And as many as leave six bits of the entry to port bits.
static unsigned bucket_bits(uint32_t capacity, uint32_t index_max)
{
	unsigned bits = bits_for(((uint64_t)capacity + 32) * 64 / 61 / NARROW_SLOTS + 1);
	unsigned index_bits = bits_for((uint64_t)index_max + 2);

	bits = RTE_MAX(bits, index_bits > 6 ? index_bits - 6 : 0);
	return RTE_MIN(RTE_MAX(bits, (unsigned)NARROW_BITS_MIN), (unsigned)NARROW_BITS_MAX);
}

size_t narrow_bytes(uint32_t capacity, uint32_t index_max)
{
	return sizeof(struct narrow_bucket) << bucket_bits(capacity, index_max);
}

void narrow_init(struct flow_narrow *narrow, void *buckets, uint32_t capacity, uint32_t index_max,
		 const struct hash_secret *secret)
{
	unsigned bits = bucket_bits(capacity, index_max), index_bits = bits_for((uint64_t)index_max + 2);

	*narrow = (struct flow_narrow){
		.bucket = buckets,
		.mask = (UINT32_C(1) << bits) - 1,
		.bits = (uint8_t)bits,
		.half_bits = (uint8_t)((bits + 1) / 2),
		.index_bits = (uint8_t)index_bits,
		.shuffle = { (uint32_t)secret->word[3] | 1, (uint32_t)(secret->word[3] >> 32) | 1 },
		.add = { (uint32_t)secret->word[0], (uint32_t)(secret->word[0] >> 32),
			 (uint32_t)secret->word[1], (uint32_t)(secret->word[1] >> 32) },
		.multiplier = secret->word[2] | 1,
		.compare_low = ~((UINT64_C(1) << index_bits) - 1),
	};
}

static struct narrow_entry *entry_at(const struct flow_narrow *narrow, struct slot slot)
{
	return &narrow->bucket[slot.bucket].entry[slot.slot];
}

static bool is_second(const struct narrow_entry *entry)
{
	return entry->high & NARROW_SECOND;
}

// Stores an entry, the bucket's spare bits kept. Release: readers that see it see all that was stored before, namely
// the hint that leads to it and, if it fills a slot again, the version that tells of the entry before.
static void entry_store(struct narrow_entry *entry, uint64_t low, uint64_t high)
{
	high |= entry->high & ~NARROW_HIGH_MASK;
#if STORES_LANES
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*(volatile __m128i *)entry = _mm_set_epi64x((long long)high, (long long)low);
#else
	// An emptied slot is filled from high to low, read from low to high: only versions can tell two fillings apart.
	__atomic_store_n(&entry->high, high, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->low, low, __ATOMIC_RELEASE);
#endif
}

// Release: whoever sees the new bits sees what was stored before.
static void spare_store(struct narrow_bucket *bucket, enum narrow_spare which, uint16_t value)
{
	uint64_t *high = &bucket->entry[which].high;

	__atomic_store_n(high, (*high & NARROW_HIGH_MASK) | (uint64_t)value << NARROW_SPARE_SHIFT, __ATOMIC_RELEASE);
}

static void version_step(struct narrow_bucket *bucket)
{
	spare_store(bucket, SPARE_VERSION, narrow_spare(bucket, SPARE_VERSION) + 1);
}

// Emptied first, then the version: a reader that begins with the new version doesn't see the entry any more.
static void entry_clear(struct flow_narrow *narrow, struct slot slot)
{
	entry_store(entry_at(narrow, slot), 0, 0);
	version_step(&narrow->bucket[slot.bucket]);
}

// An entry of this bucket is about to go to its second one: the hint first, or a reader that misses it here would
// not look there.
static void enter_second(struct flow_narrow *narrow, uint32_t first, uint8_t hint)
{
	struct narrow_bucket *bucket = &narrow->bucket[first];
	enum narrow_spare lane = SPARE_HINT + (hint >> 4);

	spare_store(bucket, lane, narrow_spare(bucket, lane) | (uint16_t)(1u << (hint & 15)));
	spare_store(bucket, SPARE_OVERFLOW, narrow_spare(bucket, SPARE_OVERFLOW) + 1);
	add_relaxed32(&narrow->in_second, 1);
}

// It is no longer there. Hints can only be taken back together: a bit may stand for several entries.
static void leave_second(struct flow_narrow *narrow, uint32_t first)
{
	struct narrow_bucket *bucket = &narrow->bucket[first];
	uint16_t left = narrow_spare(bucket, SPARE_OVERFLOW) - 1;

	spare_store(bucket, SPARE_OVERFLOW, left);
	if (left == 0) {
		spare_store(bucket, SPARE_HINT, 0);
		spare_store(bucket, SPARE_HINT + 1, 0);
	}
	add_relaxed32(&narrow->in_second, -1u);
}

// Of an entry, from what it stores.
static uint64_t entry_hash(const struct flow_narrow *narrow, const struct narrow_entry *entry)
{
	uint64_t ports = (entry->high >> 32 & 63) << 32 | (uint32_t)entry->low;

	return narrow_hash(narrow, (uint32_t)(entry->low >> 32), (uint32_t)entry->high,
			   (uint32_t)(ports >> narrow->index_bits), entry->high >> 40 & 0xff);
}

static uint32_t other_bucket(const void *index, struct slot slot)
{
	const struct flow_narrow *narrow = index;

	return narrow_other(narrow, slot.bucket, narrow_sum(narrow, entry_hash(narrow, entry_at(narrow, slot))));
}

// Which entries have the bit of this number in their high word, as bits. Free of branches: which slot it will be is anybody's
// guess.
static inline unsigned slots_with(const struct flow_narrow *narrow, uint32_t number, unsigned bit)
{
	uint64_t mask = 0;

	for (unsigned s = 0; s < NARROW_SLOTS; s++)
		mask |= narrow->bucket[number].entry[s].high >> (bit - s) & 1u << s;
	return (unsigned)mask;
}

static bool free_slot(const void *index, uint32_t number, struct slot *slot)
{
	unsigned free = slots_with(index, number, NARROW_VALID_BIT) ^ ((1u << NARROW_SLOTS) - 1);

	if (free == 0)
		return false;
	*slot = (struct slot){ number, (unsigned)__builtin_ctz(free) };
	return true;
}

static void fetch(const void *index, uint32_t bucket)
{
	rte_prefetch0(&((const struct flow_narrow *)index)->bucket[bucket]);
}

static unsigned misplaced(const void *index, uint32_t bucket)
{
	return slots_with(index, bucket, NARROW_SECOND_BIT);
}

// Moves an entry to a free slot of its other bucket.
static void move(void *index, struct slot from, struct slot to)
{
	struct flow_narrow *narrow = index;
	const struct narrow_entry entry = *entry_at(narrow, from);

	if (!is_second(&entry))
		enter_second(narrow, from.bucket, narrow_hint(entry_hash(narrow, &entry)));
	entry_store(entry_at(narrow, to), entry.low, (entry.high & NARROW_HIGH_MASK) ^ NARROW_SECOND);
	if (is_second(&entry))
		version_step(&narrow->bucket[to.bucket]); // before it leaves the second: see flow_narrow.h
	entry_clear(narrow, from);
	if (is_second(&entry))
		leave_second(narrow, to.bucket);
	add_relaxed64(&narrow->displacements, 1);
}

static_assert((int)NARROW_SLOTS <= (int)CUCKOO_SLOTS_MAX, "the search has room for a bucket");
static const struct cuckoo_layout layout = {
	.slots = NARROW_SLOTS, .free_slot = free_slot, .other_bucket = other_bucket, .misplaced = misplaced, .fetch = fetch,
	.move = move,
};

bool narrow_insert(struct flow_narrow *narrow, const struct flow_key4 *key, uint32_t flow)
{
	const struct narrow_target target = narrow_target(narrow, key);
	struct slot slot;

	if (!cuckoo_find_room(narrow, &layout, target.first, narrow_other(narrow, target.first, target.sum), &slot))
		return false;
	bool second = slot.bucket != target.first;
	if (second)
		enter_second(narrow, target.first, target.hint);
	entry_store(entry_at(narrow, slot), target.low | (flow + 1), target.high | second * NARROW_SECOND);
	add_relaxed32(&narrow->used, 1);
	return true;
}

// Where the key's entry is in this bucket.
static bool slot_of(const struct flow_narrow *narrow, uint32_t number, uint64_t low, uint64_t high, struct slot *slot)
{
	unsigned mask = 0;

	for (unsigned s = 0; s < NARROW_SLOTS; s++) {
		const struct narrow_entry *entry = &narrow->bucket[number].entry[s];

		mask |= (unsigned)(((entry->low ^ low) | ((entry->high ^ high) & NARROW_HIGH_MASK)) == 0) << s;
	}
	if (mask == 0)
		return false;
	*slot = (struct slot){ number, (unsigned)__builtin_ctz(mask) };
	return true;
}

bool narrow_remove(struct flow_narrow *narrow, const struct flow_key4 *key, uint32_t flow)
{
	const struct narrow_target target = narrow_target(narrow, key);
	const uint64_t low = target.low | (flow + 1);
	struct slot slot;

	if (!slot_of(narrow, target.first, low, target.high, &slot) &&
	    !slot_of(narrow, narrow_other(narrow, target.first, target.sum), low, target.high | NARROW_SECOND, &slot))
		return false;
	entry_clear(narrow, slot);
	if (slot.bucket != target.first)
		leave_second(narrow, target.first);
	add_relaxed32(&narrow->used, -1u);
	return true;
}

void narrow_scrub(struct flow_narrow *narrow, unsigned buckets)
{
	narrow->scrub_next = cuckoo_scrub(narrow, &layout, narrow->scrub_next, narrow->mask, buckets);
}
