// SPDX-License-Identifier: BSD-3-Clause
// What was measured of packets' latency, as JSON.
#include <stdlib.h>

#include <rte_cycles.h>

#include "control/stats.h"

// Rounded up, as the histogram's own values are.
static json_int_t nanoseconds(uint64_t ticks)
{
	uint64_t hz = rte_get_tsc_hz();
	return (json_int_t)(((unsigned __int128)ticks * 1000000000 + hz - 1) / hz);
}

// [[nanoseconds, packets], ...] of the buckets that are not empty.
static json_t *distribution(const struct latency *latency)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if (latency->packets[i])
			json_array_append_new(array, json_pack("[I, I]", nanoseconds(latency_bucket_end(i)),
							       (json_int_t)latency->packets[i]));
	return array;
}

static json_t *latency_entry(const char *name, const struct latency *latency)
{
	return json_pack("{s:s?, s:I, s:I, s:I, s:I, s:I, s:o}",
		"name", name,
		"packets", (json_int_t)latency_packets(latency),
		"p50_ns", nanoseconds(latency_quantile(latency, 500)),
		"p99_ns", nanoseconds(latency_quantile(latency, 990)),
		"p999_ns", nanoseconds(latency_quantile(latency, 999)),
		"max_ns", nanoseconds(latency->longest),
		"distribution", distribution(latency));
}

// Of handler id; beyond the last one, of what was forwarded.
static json_t *merged_entry(const struct runtime *runtime, unsigned id, const char *name)
{
	struct latency *sum = calloc(1, sizeof(*sum));
	if (!sum)
		return NULL;
	for (unsigned i = 0; i < runtime->worker_count; i++)
		latency_sum(sum, &runtime->workers[i]->latency->of[id]);
	json_t *entry = latency_entry(name, sum);
	free(sum);
	return entry;
}

json_t *stats_latency(const struct runtime *runtime)
{
	if (!runtime->options.latency)
		return json_pack("{s:n, s:[], s:n}", "one_in", "handlers", "forwarded");
	json_t *handlers = json_array();
	for (unsigned i = 0; i < runtime->handler_count; i++)
		json_array_append_new(handlers, merged_entry(runtime, i, runtime->handlers[i].name));
	return json_pack("{s:I, s:o, s:o}",
		"one_in", (json_int_t)runtime->options.latency,
		"handlers", handlers,
		"forwarded", merged_entry(runtime, runtime->handler_count, NULL));
}
