// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/latency.h"

#include "dataplane/counters.h"
#include "dataplane/random.h"

uint64_t latency_bucket_end(unsigned bucket)
{
	if (bucket < 2 * LATENCY_PARTS)
		return bucket;
	unsigned shift = bucket / LATENCY_PARTS - 1;
	return ((uint64_t)(bucket - shift * LATENCY_PARTS + 1) << shift) - 1;
}

// From 1 to 2 * one_in - 1, each as likely: one_in in the mean.
static uint32_t distance(struct latency_sampler *sampler)
{
	return 1 + random_below(&sampler->random, 2 * sampler->one_in - 1);
}

uint64_t latency_draw(struct latency_sampler *sampler, unsigned count)
{
	uint64_t drawn = 0;
	for (; sampler->skip < count; sampler->skip += distance(sampler))
		drawn |= UINT64_C(1) << sampler->skip;
	sampler->skip -= count;
	return drawn;
}

void latency_sum(struct latency *sum, const struct latency *part)
{
	// Acquire, and the longest last: it must not be from before a packet that is counted.
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		sum->packets[i] += __atomic_load_n(&part->packets[i], __ATOMIC_ACQUIRE);
	uint64_t longest = counter_read(&part->longest);
	sum->longest = longest > sum->longest ? longest : sum->longest;
}

uint64_t latency_packets(const struct latency *sum)
{
	uint64_t packets = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		packets += sum->packets[i];
	return packets;
}

uint64_t latency_quantile(const struct latency *sum, unsigned thousandths)
{
	uint64_t rank = (latency_packets(sum) * thousandths + 999) / 1000, seen = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += sum->packets[i];
		if (rank && seen >= rank) {
			uint64_t end = latency_bucket_end(i);
			return end < sum->longest && i + 1 < LATENCY_BUCKETS ? end : sum->longest;
		}
	}
	return 0;
}
