// SPDX-License-Identifier: BSD-3-Clause
// The IPv4 index's lookup with AVX-512 (F, DQ; BMI2): eight keys a step, a bucket a comparison. Built with these instructions:
// to be called only where the processor has them.
#include <immintrin.h>

#include "dataplane/flow_narrow_lookup.h"

enum { LANES = 8 };

// Volatile: loaded once, here, and whole. The index comes out of the same register that was compared.
static __rte_always_inline uint32_t probe(const struct flow_narrow *narrow, const struct narrow_bucket *bucket,
					  const uint64_t target[2])
{
	const __m512i compare = _mm512_broadcast_i64x2(_mm_set_epi64x((long long)NARROW_HIGH_MASK,
								     (long long)narrow->compare_low));
	const __m512i wanted = _mm512_broadcast_i64x2(_mm_load_si128((const __m128i *)target));
	const __m512i line = *(const volatile __m512i *)bucket;
	__m512i differs = _mm512_and_si512(_mm512_xor_si512(line, wanted), compare);
	__mmask8 same;

	differs = _mm512_or_si512(differs, _mm512_shuffle_epi32(differs, _MM_PERM_BADC)); // of both words
	same = _mm512_testn_epi64_mask(differs, differs);
	return (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(_mm512_maskz_compress_epi64(same, line)));
}

static __rte_always_inline uint32_t settle(const uint32_t found[NARROW_GROUP], uint32_t index_mask,
					   uint32_t flow[NARROW_GROUP])
{
	const __m512i mask = _mm512_set1_epi32((int)index_mask), words = _mm512_load_si512(found);

	_mm512_storeu_si512(flow, _mm512_add_epi32(_mm512_and_si512(words, mask), _mm512_set1_epi32(-1)));
	return _mm512_testn_epi32_mask(words, mask);
}

static const struct narrow_probe form = { probe, settle, .hits_need_version = false };

// Eight keys: see narrow_target.
static __rte_always_inline void prepare(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned at,
					struct flow_lookup *lookup)
{
	const __m512i low32 = _mm512_set1_epi64(0xffffffff);
	const __m512i evens = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), odds = _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1);
	const __m128i bits = _mm_cvtsi32_si128(narrow->bits), index_bits = _mm_cvtsi32_si128(narrow->index_bits);
	const __m512i mask = _mm512_set1_epi64(narrow->mask);
	const __m512i four = _mm512_loadu_si512(&key[0]), more = _mm512_loadu_si512(&key[4]);
	const __m512i address = _mm512_permutex2var_epi64(four, evens, more);
	const __m512i word = _mm512_permutex2var_epi64(four, odds, more);

	const __m512i address1 = _mm512_srli_epi64(address, 32);
	const __m512i ports = _mm512_and_si512(word, low32);
	const __m512i protocol = _mm512_and_si512(_mm512_srli_epi64(word, 48), _mm512_set1_epi64(0xff));
	const __m512i rest = _mm512_srl_epi64(ports, bits);

	__m512i hash = _mm512_add_epi64(
		_mm512_mul_epu32(_mm512_add_epi64(address, _mm512_set1_epi64(narrow->add[0])),
				 _mm512_add_epi64(address1, _mm512_set1_epi64(narrow->add[1]))),
		_mm512_mul_epu32(_mm512_add_epi64(rest, _mm512_set1_epi64(narrow->add[2])),
				 _mm512_add_epi64(protocol, _mm512_set1_epi64(narrow->add[3]))));
	hash = _mm512_xor_si512(hash, _mm512_srli_epi64(hash, 32));
	hash = _mm512_mullo_epi64(hash, _mm512_set1_epi64((long long)narrow->multiplier));

	const __m512i above = _mm512_sll_epi64(rest, index_bits);
	const __m512i low = _mm512_or_si512(_mm512_slli_epi64(address, 32), _mm512_and_si512(above, low32));
	const __m512i high = _mm512_or_si512(
		_mm512_or_si512(_mm512_slli_epi64(protocol, 40), _mm512_set1_epi64((long long)NARROW_VALID)),
		_mm512_or_si512(_mm512_andnot_si512(low32, above), address1));
	const __m512i unstored = _mm512_and_si512(mask,
		_mm512_mul_epu32(_mm512_and_si512(ports, mask), _mm512_set1_epi64(narrow->shuffle[0])));
	const __m512i folded = _mm512_xor_si512(unstored, _mm512_srl_epi64(unstored, _mm_cvtsi32_si128(narrow->half_bits)));
	const __m512i shuffled = _mm512_and_si512(_mm512_mul_epu32(folded, _mm512_set1_epi64(narrow->shuffle[1])), mask);
	const __m512i first = _mm512_xor_si512(shuffled,
		_mm512_srl_epi64(hash, _mm_cvtsi32_si128(64 - narrow->bits)));
	const __m512i sum = _mm512_or_si512(_mm512_set1_epi64(1), _mm512_and_si512(mask,
		_mm512_srl_epi64(hash, _mm_cvtsi32_si128(64 - 2 * narrow->bits))));
	const __m512i hint = _mm512_and_si512(_mm512_srli_epi64(hash, 8), _mm512_set1_epi64(31));

	_mm512_store_si512(&lookup->target[at], _mm512_permutex2var_epi64(low,
		_mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), high));
	_mm512_store_si512(&lookup->target[at + 4], _mm512_permutex2var_epi64(low,
		_mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), high));
	_mm256_store_si256((__m256i *)&lookup->first[at], _mm512_cvtepi64_epi32(first));
	_mm256_store_si256((__m256i *)&lookup->sum[at], _mm512_cvtepi64_epi32(sum));
	_mm512_mask_cvtepi64_storeu_epi8(&lookup->hint[at], 0xff, hint);
}

NARROW_FORM(narrow_avx512, form, prepare, LANES);
