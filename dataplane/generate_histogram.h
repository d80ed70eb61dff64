// SPDX-License-Identifier: BSD-3-Clause
// A histogram of times whose buckets grow with the time: each is at most a 32nd wide of where it stands.
#pragma once

#include <stdint.h>

#include <rte_common.h>

enum {
	GENERATE_HISTOGRAM_SUB = 5, // bits: buckets of each power of two
	GENERATE_HISTOGRAM_BUCKETS = (64 - GENERATE_HISTOGRAM_SUB + 1) << GENERATE_HISTOGRAM_SUB,
};

struct generate_histogram {
	uint64_t bucket[GENERATE_HISTOGRAM_BUCKETS];
	uint64_t count;
	uint64_t sum;
	uint64_t least, most; // valid if count > 0
};

static inline unsigned generate_histogram_place(uint64_t value)
{
	if (value < 1u << GENERATE_HISTOGRAM_SUB)
		return (unsigned)value;
	unsigned power = 63 - (unsigned)__builtin_clzll(value) - GENERATE_HISTOGRAM_SUB;
	return ((power + 1) << GENERATE_HISTOGRAM_SUB) + (unsigned)(value >> power) - (1u << GENERATE_HISTOGRAM_SUB);
}

// The least value of a bucket.
static inline uint64_t generate_histogram_value(unsigned place)
{
	unsigned power = place >> GENERATE_HISTOGRAM_SUB;
	uint64_t low = place & ((1u << GENERATE_HISTOGRAM_SUB) - 1);
	return power == 0 ? low : (low + (1u << GENERATE_HISTOGRAM_SUB)) << (power - 1);
}

static inline void generate_histogram_add(struct generate_histogram *histogram, uint64_t value)
{
	histogram->bucket[generate_histogram_place(value)]++;
	histogram->least = histogram->count == 0 ? value : RTE_MIN(histogram->least, value);
	histogram->most = RTE_MAX(histogram->most, value);
	histogram->count++;
	histogram->sum += value;
}

// The value that a share (0 to 1) of all does not exceed, by its bucket. 0 of an empty one.
static inline uint64_t generate_histogram_quantile(const struct generate_histogram *histogram, double share)
{
	uint64_t passed = 0;
	for (unsigned i = 0; i < GENERATE_HISTOGRAM_BUCKETS; i++) {
		passed += histogram->bucket[i];
		if (passed > 0 && (double)passed >= share * (double)histogram->count)
			return RTE_MIN(generate_histogram_value(i + 1) - 1, histogram->most);
	}
	return histogram->most;
}
