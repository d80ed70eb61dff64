// SPDX-License-Identifier: BSD-3-Clause
// One bucket of the flow table: a cache line of ten tags and ten record indices. Private to the table and its tests.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	BUCKET_SLOTS = 10,
	BUCKET_FULL_HINT = 255, // overflow stays here for good once it got here
};

// Owner writes, all read. A tag of 0 marks an empty slot.
struct flow_bucket {
	uint16_t tag[BUCKET_SLOTS];
	uint32_t index[BUCKET_SLOTS];
	uint32_t meta; // low byte: overflow, entries of this bucket that sit in their second one; above: version
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

static inline unsigned bucket_overflow(uint32_t meta)
{
	return meta & 255;
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

// Slots that hold tag, as a mask of ten bits. Owner only.
static inline unsigned bucket_match_plain(const struct flow_bucket *bucket, uint16_t tag)
{
	uint64_t low, high;
	uint32_t last;

	memcpy(&low, &bucket->tag[0], sizeof(low));
	memcpy(&high, &bucket->tag[4], sizeof(high));
	memcpy(&last, &bucket->tag[8], sizeof(last));
	return bucket_match4(low, tag) | bucket_match4(high, tag) << 4 | (bucket_match4(last, tag) & 3) << 8;
}

typedef uint64_t bucket_u64 __attribute__((may_alias));
typedef uint32_t bucket_u32 __attribute__((may_alias, aligned(4)));

// The same for any thread. Acquire: the loads of indices, of the overflow hint and of the second bucket must not
// be done before, or an entry that was just moved there would be missed.
static inline unsigned bucket_match_shared(const struct flow_bucket *bucket, uint16_t tag)
{
	uint64_t low = __atomic_load_n((const bucket_u64 *)&bucket->tag[0], __ATOMIC_ACQUIRE);
	uint64_t high = __atomic_load_n((const bucket_u64 *)&bucket->tag[4], __ATOMIC_ACQUIRE);
	uint32_t last = __atomic_load_n((const bucket_u32 *)&bucket->tag[8], __ATOMIC_ACQUIRE);

	return bucket_match4(low, tag) | bucket_match4(high, tag) << 4 | (bucket_match4(last, tag) & 3) << 8;
}

#ifdef __SSE2__
// The same as bucket_match_plain: two overlapping compares of eight tags. SSE2 is part of every x86-64.
static inline unsigned bucket_match_sse2(const struct flow_bucket *bucket, uint16_t tag)
{
	const __m128i wanted = _mm_set1_epi16((short)tag);
	__m128i low = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)&bucket->tag[0]), wanted);
	__m128i high = _mm_cmpeq_epi16(_mm_loadu_si128((const __m128i *)&bucket->tag[2]), wanted);
	unsigned both = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));

	return (both & 255) | both >> 8 << 2;
}
#endif

static inline unsigned bucket_match(const struct flow_bucket *bucket, uint16_t tag)
{
#ifdef __SSE2__
	return bucket_match_sse2(bucket, tag);
#else
	return bucket_match_plain(bucket, tag);
#endif
}
