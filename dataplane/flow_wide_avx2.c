// SPDX-License-Identifier: BSD-3-Clause
// The wide index's lookup with AVX2 and BMI2. Built with these instructions: to be called only where the processor has them.
#include <immintrin.h>

#include "dataplane/flow_wide_lookup.h"

// Ten of sixteen lanes are tags. Volatile, both here: loaded once.
static __rte_always_inline unsigned match(const struct flow_bucket *bucket, uint16_t tag)
{
	const __m256i line = *(const volatile __m256i *)bucket;
	const __m256i same = _mm256_cmpeq_epi16(line, _mm256_set1_epi16((short)tag));
	const unsigned bytes = (unsigned)_mm256_movemask_epi8(_mm256_packs_epi16(same, _mm256_setzero_si256()));

	return (bytes & 255) | (bytes >> 16 & 3) << 8;
}

static __rte_always_inline bool equal(const struct flow_key *key, const struct flow_key *shared)
{
	const __m256i mine = _mm256_loadu_si256((const __m256i *)key);
	const __m256i differs = _mm256_xor_si256(mine, *(const volatile __m256i *)shared);
	const uint64_t last = flow_key_word(key, 4) ^ ((const volatile uint64_t *)shared)[4];

	return _mm256_testz_si256(differs, differs) & (last == 0);
}

WIDE_FORM(wide_avx2, match, equal, .vectors = true);
