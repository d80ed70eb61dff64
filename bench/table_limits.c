// SPDX-License-Identifier: BSD-3-Clause
// What the machine's memory allows: a table that knows where everything is. Its lines are as many as portier's buckets,
// its records as large as portier's, and each flow has its own place in both.
#include "bench/table_ops.h"

#include <stdlib.h>

#include <rte_common.h>

#include "bench/keys.h"
#include "dataplane/flow_fetch.h"
#include "dataplane/memory.h"

enum {
	HUGE_PAGE = 2 << 20,
	FAR_BYTES = 32 << 20, // read at random: from here on, lines come faster if they are fetched to the second-level cache alone
	LINE_WORDS = 64 / sizeof(uint32_t),
	LINES_AHEAD = BURST,       // that the first line is fetched before it is read
	RECORDS_AHEAD = BURST / 2, // that it is read, and the record fetched, before the record is
};
static_assert((int)LINES_AHEAD <= (int)STREAM_AHEAD, "slots that are read beyond the end of a stream");

struct limits {
	uint32_t (*line)[LINE_WORDS];
	struct flow *record;
	size_t line_bytes, record_bytes;
	unsigned line_shift;  // slot >> line_shift: the line
	uint32_t place_mask;  // slot & place_mask: the place in the line
	unsigned place_step;  // in words
};

static size_t no_bytes(const struct table_setup *setup)
{
	(void)setup;
	return 0;
}

static size_t limits_bytes(const struct table_setup *setup)
{
	return setup->bucket_bytes + setup->flows * sizeof(struct flow);
}

static unsigned log2_of(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n);
}

static uint32_t *word_of(const struct limits *limits, uint32_t slot)
{
	return &limits->line[slot >> limits->line_shift][(slot & limits->place_mask) * limits->place_step];
}

static void limits_destroy(void *table)
{
	struct limits *limits = table;

	memory_give(limits->line);
	memory_give(limits->record);
	free(limits);
}

static void *limits_create(const struct table_setup *setup)
{
	const uint64_t lines = setup->bucket_bytes / 64, slots = RTE_MAX((uint64_t)setup->slots, lines);
	struct limits *limits = calloc(1, sizeof(*limits));

	if (limits == NULL)
		return NULL;
	limits->line_bytes = RTE_MAX(setup->bucket_bytes, (size_t)HUGE_PAGE);
	limits->record_bytes = setup->flows * sizeof(struct flow);
	limits->line = memory_take("lines", limits->line_bytes, -1);
	limits->record = memory_take("records", limits->record_bytes, -1);
	if (limits->line == NULL || limits->record == NULL) {
		limits_destroy(limits);
		return NULL;
	}
	limits->line_shift = log2_of(slots / lines);
	limits->place_mask = RTE_MIN((1u << limits->line_shift), LINE_WORDS) - 1;
	limits->place_step = LINE_WORDS / (limits->place_mask + 1);
	for (uint32_t flow = 0; flow < setup->flows; flow++)
		*word_of(limits, scatter(flow, log2_of(setup->slots))) = flow;
	return limits;
}

typedef uint32_t quarter __attribute__((vector_size(16), may_alias));

static __rte_always_inline quarter line_sum(const uint32_t line[LINE_WORDS])
{
	const quarter *q = (const quarter *)line;

	return (q[0] + q[1]) + (q[2] + q[3]);
}

static __rte_always_inline uint64_t lines(const struct limits *table, const struct stream *stream, size_t from, size_t n,
					  const bool far)
{
	const struct limits limits = *table;
	const uint32_t *slot = stream->slot + from;
	const size_t step = key_bytes(stream->family);
	const char *key = (const char *)stream->key + from * step;
	quarter sum = { 0 };
	uint64_t keys = 0;

	for (size_t i = 0; i < n; i++, key += step) {
		fetch_line(limits.line[slot[i + LINES_AHEAD] >> limits.line_shift], far);
		sum += line_sum(limits.line[slot[i] >> limits.line_shift]);
		keys += *(const uint64_t *)key;
	}
	__asm__ volatile("" : : "x"(sum), "r"(keys));
	return n;
}

// Reads what every table has to: the key, and a line of the table.
static uint64_t lines_lookup(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	const struct limits *limits = table;

	(void)touch;
	return limits->line_bytes >= FAR_BYTES ? lines(limits, stream, from, n, true) : lines(limits, stream, from, n, false);
}

// A burst's beginning reads lines that its predecessor fetched.
static __rte_always_inline uint64_t dependent(const struct limits *table, const uint32_t *slot, size_t n, const bool touch,
					      const bool far)
{
	const struct limits limits = *table;
	uint32_t flow[RECORDS_AHEAD];
	uint64_t sum = 0;

	for (unsigned i = 0; i < RECORDS_AHEAD; i++)
		flow[i] = *word_of(&limits, slot[i]);
	for (size_t i = 0; i < n; i++) {
		uint32_t *coming = &flow[i % RECORDS_AHEAD];
		struct flow *hot = &limits.record[*coming];

		fetch_line(limits.line[slot[i + LINES_AHEAD] >> limits.line_shift], far);
		if (touch)
			hot->traffic[0].packets++;
		else
			sum += hot->traffic[0].packets;
		*coming = *word_of(&limits, slot[i + RECORDS_AHEAD]);
		fetch_line(&limits.record[*coming], far);
	}
	__asm__ volatile("" : : "r"(sum));
	return n;
}

static uint64_t dependent_lookup(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	const struct limits *limits = table;
	const uint32_t *slot = stream->slot + from;

	if (limits->line_bytes + limits->record_bytes >= FAR_BYTES)
		return touch ? dependent(limits, slot, n, true, true) : dependent(limits, slot, n, false, true);
	return touch ? dependent(limits, slot, n, true, false) : dependent(limits, slot, n, false, false);
}

const struct table_ops table_limit_lines = {
	.name = "limit_lines", .heap_bytes = no_bytes, .system_bytes = limits_bytes, .create = limits_create,
	.destroy = limits_destroy, .lookup = lines_lookup,
};
const struct table_ops table_limit_dependent = {
	.name = "limit_dependent", .shares = &table_limit_lines, .lookup = dependent_lookup,
};
