// SPDX-License-Identifier: BSD-3-Clause
// How long packets take, as histograms: a power of two is cut into equal parts, so that any value is told to within a
// 64th of itself. Each histogram has one writer, its worker; control reads it and sums. Values are ticks of the TSC.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	LATENCY_PART_BITS = 6,
	LATENCY_PARTS = 1 << LATENCY_PART_BITS, // of each power of two
	LATENCY_BITS = 40,                      // longer than 2^40 ticks, minutes: counted as that long
	LATENCY_BUCKETS = (LATENCY_BITS - LATENCY_PART_BITS + 1) * LATENCY_PARTS,
	LATENCY_ONE_IN = 64, // packets of which one is measured, where nothing else is said
	LATENCY_ONE_IN_MAX = 1000000,
};

struct latency {
	uint64_t longest; // exact
	uint64_t packets[LATENCY_BUCKETS];
};

// Which packets are measured: one in so many, at random distances, so that no pattern of the traffic is always met or
// always missed. Owner worker only.
struct latency_sampler {
	uint32_t one_in;
	uint32_t skip;   // packets before the next one that is measured
	uint64_t random; // state of the distances
};

// What one worker measures.
struct latency_meter {
	struct latency_sampler sampler;
	unsigned handlers;
	// Worker: writes; control: reads. By handler id, and one more: packets that came back from a handler's device, until an
	// interface has taken them.
	struct latency of[];
};

static inline size_t latency_meter_bytes(unsigned handlers)
{
	return sizeof(struct latency_meter) + (handlers + 1) * sizeof(struct latency);
}

// The bucket that a value falls into. Below 2 * LATENCY_PARTS each value has its own.
static inline unsigned latency_bucket(uint64_t ticks)
{
	const uint64_t longest = (UINT64_C(1) << LATENCY_BITS) - 1;
	uint64_t value = ticks < longest ? ticks : longest;
	unsigned shift = value < LATENCY_PARTS ? 0 : 63 - LATENCY_PART_BITS - (unsigned)__builtin_clzll(value);
	return shift * LATENCY_PARTS + (unsigned)(value >> shift);
}

// The longest value of a bucket.
uint64_t latency_bucket_end(unsigned bucket);

// Counts one packet. Owner worker only.
static inline void latency_add(struct latency *latency, uint64_t ticks)
{
	if (ticks > latency->longest)
		__atomic_store_n(&latency->longest, ticks, __ATOMIC_RELAXED);
	// Release: who sees the packet sees a longest that is no shorter; its quantiles would be cut to an older one.
	uint64_t *packets = &latency->packets[latency_bucket(ticks)];
	__atomic_store_n(packets, __atomic_load_n(packets, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE);
}

// Which of the next packets are measured, a bit each; count: at most 64. Owner worker only.
uint64_t latency_draw(struct latency_sampler *sampler, unsigned count);

// Adds another thread's histogram to a sum. Control thread.
void latency_sum(struct latency *sum, const struct latency *part);

// Packets of a histogram that nobody writes any more.
uint64_t latency_packets(const struct latency *sum);

// So many thousandths of the packets took no longer than this: never less than the truth, and at most a 64th more.
// 0: there are none. Of a histogram that nobody writes.
uint64_t latency_quantile(const struct latency *sum, unsigned thousandths);
