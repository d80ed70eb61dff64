// SPDX-License-Identifier: BSD-3-Clause
// What a packet path does with the records of the flows that it found, the same for all tables.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "bench/stream.h"

// Flows by index; below 0: not found. Without branches: hits and misses come mixed.
static __rte_always_inline unsigned burst_hits(const int32_t flow[BURST])
{
	unsigned hits = 0;

	for (unsigned i = 0; i < BURST; i++)
		hits += flow[i] >= 0;
	return hits;
}

static __rte_always_inline uint64_t *burst_record(char *records, size_t step, int32_t flow)
{
	return (uint64_t *)(records + (size_t)(flow < 0 ? 0 : flow) * step);
}

static __rte_always_inline void burst_fetch(char *records, size_t step, const int32_t flow[BURST])
{
	for (unsigned i = 0; i < BURST; i++)
		rte_prefetch0(burst_record(records, step, flow[i]));
}

static __rte_always_inline void burst_touch(char *records, size_t step, const int32_t flow[BURST])
{
	for (unsigned i = 0; i < BURST; i++)
		*burst_record(records, step, flow[i]) += flow[i] >= 0;
}
