// SPDX-License-Identifier: BSD-3-Clause
// The wide index's lookup with AVX-512 (F, BW, VL; BMI2). Built with these instructions: to be called only where the processor has
// them.
#include <immintrin.h>

#include "dataplane/flow_wide_lookup.h"

// Ten of sixteen lanes are tags. Volatile, both here: loaded once.
static __rte_always_inline unsigned match(const struct flow_bucket *bucket, uint16_t tag)
{
	const __m256i line = *(const volatile __m256i *)bucket;

	return _mm256_mask_cmpeq_epi16_mask((1 << BUCKET_SLOTS) - 1, line, _mm256_set1_epi16((short)tag));
}

// The record's whole line is loaded, its first five words are the key.
static __rte_always_inline bool equal(const struct flow_key *key, const struct flow_key *shared)
{
	const __mmask8 words = (1 << FLOW_KEY_WORDS) - 1;
	const __m512i mine = _mm512_maskz_loadu_epi64(words, key);

	return _mm512_mask_cmpneq_epi64_mask(words, mine, *(const volatile __m512i *)shared) == 0;
}

WIDE_FORM(wide_avx512, match, equal, .vectors = true);
