// SPDX-License-Identifier: BSD-3-Clause
// The IPv4 index's lookup with AVX2: four keys a step, a bucket two comparisons. Built with these instructions: to be
// called only where the processor has them.
#include <immintrin.h>

#include "dataplane/flow_narrow_lookup.h"

enum { LANES = 4 };

// The words of half a bucket whose entry is the same but for the bits that are not compared, others zero.
static __rte_always_inline __m256i same_entries(__m256i half, __m256i wanted, __m256i compare)
{
	__m256i differs = _mm256_and_si256(_mm256_xor_si256(half, wanted), compare);

	differs = _mm256_or_si256(differs, _mm256_shuffle_epi32(differs, 0x4e)); // of both words
	return _mm256_and_si256(half, _mm256_cmpeq_epi64(differs, _mm256_setzero_si256()));
}

// Volatile: loaded once, here. The index comes out of the same register that was compared.
static __rte_always_inline uint32_t probe(const struct flow_narrow *narrow, const struct narrow_bucket *bucket,
					  const uint64_t target[2])
{
	const __m256i compare = _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)NARROW_HIGH_MASK,
									    (long long)narrow->compare_low));
	const __m256i wanted = _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)target));
	const volatile __m256i *half = (const volatile __m256i *)bucket;
	const __m256i same = _mm256_or_si256(same_entries(half[0], wanted, compare), same_entries(half[1], wanted, compare));
	const __m128i word = _mm_or_si128(_mm256_castsi256_si128(same), _mm256_extracti128_si256(same, 1));

	return (uint32_t)_mm_cvtsi128_si32(word);
}

// Eight of them: see narrow_settle_fn.
static __rte_always_inline uint32_t settle8(const uint32_t found[8], __m256i mask, uint32_t flow[8])
{
	const __m256i index = _mm256_and_si256(_mm256_load_si256((const __m256i *)found), mask);
	const __m256i none = _mm256_cmpeq_epi32(index, _mm256_setzero_si256());

	_mm256_storeu_si256((__m256i *)flow, _mm256_add_epi32(index, _mm256_set1_epi32(-1)));
	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(none));
}

static __rte_always_inline uint32_t settle(const uint32_t found[NARROW_GROUP], uint32_t index_mask,
					   uint32_t flow[NARROW_GROUP])
{
	const __m256i mask = _mm256_set1_epi32((int)index_mask);

	return settle8(found, mask, flow) | settle8(found + 8, mask, flow + 8) << 8;
}

// An entry may go from one half to the other between the two loads, and another take its place.
static const struct narrow_probe form = { probe, settle, .hits_need_version = true };

// The low 64 bits of the products.
static __rte_always_inline __m256i multiply(__m256i a, __m256i b)
{
	const __m256i crossed = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(a, 32), b),
						 _mm256_mul_epu32(a, _mm256_srli_epi64(b, 32)));

	return _mm256_add_epi64(_mm256_mul_epu32(a, b), _mm256_slli_epi64(crossed, 32));
}

// The low halves of four words.
static __rte_always_inline __m128i halves(__m256i words)
{
	return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(words, _mm256_set_epi32(7, 5, 3, 1, 6, 4, 2, 0)));
}

// Four keys: see narrow_target. Between loading and storing, they stand in the order 0, 2, 1, 3.
static __rte_always_inline void prepare(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned at,
					struct flow_lookup *lookup)
{
	const __m256i low32 = _mm256_set1_epi64x(0xffffffff);
	const __m256i mask = _mm256_set1_epi64x(narrow->mask);
	const __m256i two = _mm256_loadu_si256((const __m256i *)&key[0]);
	const __m256i more = _mm256_loadu_si256((const __m256i *)&key[2]);
	const __m256i address = _mm256_unpacklo_epi64(two, more), word = _mm256_unpackhi_epi64(two, more);

	const __m256i address1 = _mm256_srli_epi64(address, 32);
	const __m256i ports = _mm256_and_si256(word, low32);
	const __m256i protocol = _mm256_and_si256(_mm256_srli_epi64(word, 48), _mm256_set1_epi64x(0xff));
	const __m256i rest = _mm256_srl_epi64(ports, _mm_cvtsi32_si128(narrow->bits));

	__m256i hash = _mm256_add_epi64(
		_mm256_mul_epu32(_mm256_add_epi64(address, _mm256_set1_epi64x(narrow->add[0])),
				 _mm256_add_epi64(address1, _mm256_set1_epi64x(narrow->add[1]))),
		_mm256_mul_epu32(_mm256_add_epi64(rest, _mm256_set1_epi64x(narrow->add[2])),
				 _mm256_add_epi64(protocol, _mm256_set1_epi64x(narrow->add[3]))));
	hash = _mm256_xor_si256(hash, _mm256_srli_epi64(hash, 32));
	hash = multiply(hash, _mm256_set1_epi64x((long long)narrow->multiplier));

	const __m256i above = _mm256_sll_epi64(rest, _mm_cvtsi32_si128(narrow->index_bits));
	const __m256i low = _mm256_or_si256(_mm256_slli_epi64(address, 32), _mm256_and_si256(above, low32));
	const __m256i high = _mm256_or_si256(
		_mm256_or_si256(_mm256_slli_epi64(protocol, 40), _mm256_set1_epi64x((long long)NARROW_VALID)),
		_mm256_or_si256(_mm256_andnot_si256(low32, above), address1));
	const __m256i unstored = _mm256_and_si256(mask,
		_mm256_mul_epu32(_mm256_and_si256(ports, mask), _mm256_set1_epi64x(narrow->shuffle[0])));
	const __m256i folded = _mm256_xor_si256(unstored, _mm256_srl_epi64(unstored, _mm_cvtsi32_si128(narrow->half_bits)));
	const __m256i shuffled = _mm256_and_si256(_mm256_mul_epu32(folded, _mm256_set1_epi64x(narrow->shuffle[1])), mask);
	const __m256i first = _mm256_xor_si256(shuffled,
		_mm256_srl_epi64(hash, _mm_cvtsi32_si128(64 - narrow->bits)));
	const __m256i sum = _mm256_or_si256(_mm256_set1_epi64x(1), _mm256_and_si256(mask,
		_mm256_srl_epi64(hash, _mm_cvtsi32_si128(64 - 2 * narrow->bits))));
	const __m256i hint = _mm256_and_si256(_mm256_srli_epi64(hash, 8), _mm256_set1_epi64x(31));

	_mm256_store_si256((__m256i *)&lookup->target[at], _mm256_unpacklo_epi64(low, high));
	_mm256_store_si256((__m256i *)&lookup->target[at + 2], _mm256_unpackhi_epi64(low, high));
	const __m128i in_order = _mm_setr_epi8(0, 8, 4, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	_mm_store_si128((__m128i *)&lookup->first[at], _mm_shuffle_epi32(halves(first), 0xd8));
	_mm_store_si128((__m128i *)&lookup->sum[at], _mm_shuffle_epi32(halves(sum), 0xd8));
	_mm_storeu_si32(&lookup->hint[at], _mm_shuffle_epi8(halves(hint), in_order));
}

NARROW_FORM(narrow_avx2, form, prepare, LANES);
