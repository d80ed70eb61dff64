// SPDX-License-Identifier: BSD-3-Clause
// One bucket of the wide index: a cache line of ten tags and ten record indices. Private to the table and its tests.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BUCKET_SLOTS = 10,
	BUCKET_HINT_SLOTS = 8,   // words of index[] that hold hints
	BUCKET_OVERFLOW_MAX = 255, // stays here for good once it got here
	// A word of index[]: hints of the bucket, in its first eight : 4 | unused : 1 | in second bucket : 1 | record : 26
	BUCKET_RECORD = (1 << 26) - 1,
	BUCKET_SECOND = 1 << 26,
	BUCKET_HINTS = 4, // of each of those words, from the top
};
#define BUCKET_HINT_BITS (~(uint32_t)(BUCKET_RECORD | BUCKET_SECOND))

// Owner writes, all read. A tag of 0 marks an empty slot.
struct flow_bucket {
	uint16_t tag[BUCKET_SLOTS];
	uint32_t index[BUCKET_SLOTS];
	uint32_t meta; // low byte: overflow, entries of this bucket that sit in their second one, owner only; above: version
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

static inline uint32_t bucket_version(uint32_t meta)
{
	return meta / (BUCKET_OVERFLOW_MAX + 1);
}

static inline unsigned bucket_overflow(uint32_t meta)
{
	return meta & BUCKET_OVERFLOW_MAX;
}

// Where a tag's hint is, one of 32.
static inline unsigned bucket_hint_slot(uint16_t tag)
{
	return tag % BUCKET_HINT_SLOTS;
}

static inline unsigned bucket_hint_shift(uint16_t tag)
{
	return tag / BUCKET_HINT_SLOTS % BUCKET_HINTS;
}

static inline uint32_t bucket_hint_bit(uint16_t tag)
{
	return UINT32_C(1) << 31 >> bucket_hint_shift(tag);
}

// Whether entries of this bucket with such a tag may be in their second one. Acquire: read after the tags, or one that left
// in between would be missed, and before the version.
static inline bool bucket_hinted(const struct flow_bucket *bucket, uint16_t tag)
{
	return __atomic_load_n(&bucket->index[bucket_hint_slot(tag)], __ATOMIC_ACQUIRE) << bucket_hint_shift(tag) >> 31;
}

// Which of four 16-bit lanes equal tag, as bits 0 to 3.
static inline unsigned bucket_match4(uint64_t lanes, uint16_t tag)
{
	const uint64_t low15 = 0x7fff7fff7fff7fff;
	uint64_t x = lanes ^ tag * 0x0001000100010001ull;
	uint64_t zero = ~(((x & low15) + low15) | x | low15); // bit 15 of each lane that is 0; exact, no carries

	// Gathers bits 0, 16, 32, 48 in bits 48 to 51: the partial products never meet.
	return (zero >> 15) * 0x0001000200040008ull >> 48 & 15;
}

typedef uint64_t bucket_u64 __attribute__((may_alias));
typedef uint32_t bucket_u32 __attribute__((may_alias, aligned(4)));

// Slots that hold tag, as a mask of ten bits. Any thread. Acquire: the loads of indices, of hints and of the second bucket
// must not be done before, or an entry that was just moved there would be missed.
static inline unsigned bucket_match(const struct flow_bucket *bucket, uint16_t tag)
{
	uint64_t low = __atomic_load_n((const bucket_u64 *)&bucket->tag[0], __ATOMIC_ACQUIRE);
	uint64_t high = __atomic_load_n((const bucket_u64 *)&bucket->tag[4], __ATOMIC_ACQUIRE);
	uint32_t last = __atomic_load_n((const bucket_u32 *)&bucket->tag[8], __ATOMIC_ACQUIRE);

	return bucket_match4(low, tag) | bucket_match4(high, tag) << 4 | (bucket_match4(last, tag) & 3) << 8;
}
