// SPDX-License-Identifier: BSD-3-Clause
// portier's own table, used as its header says.
#include "bench/table_ops.h"

#include <stdlib.h>

#include "bench/burst_records.h"
#include "bench/keys.h"

enum {
	WOVEN_BYTES = 2 << 20, // of IPv4 buckets: from here on memory is waited for, so that weaving pays
};

struct portier {
	struct flow_table *table;
	enum ip_family family;
	bool woven;
};

static struct flow_table_params params_of(const struct table_setup *setup)
{
	const bool ip4 = setup->family == FAMILY_IP4;
	struct flow_table_params params = {
		.capacity = setup->flows,
		.ip4_capacity = ip4 ? setup->flows : 1,
		.wide_capacity = ip4 ? 1 : setup->flows,
		.socket = -1,
		.form = setup->form,
	};

	for (unsigned i = 0; i < 8; i++) // the same in each run
		params.secret.word[i] = 0x9e3779b97f4a7c15 * (i + 1);
	if (setup->full)
		params.capacity = ip4 ? setup->slots : 2 * setup->slots;
	if (params.capacity > FLOW_TABLE_CAPACITY_MAX)
		params.capacity = FLOW_TABLE_CAPACITY_MAX;
	return params;
}

static size_t no_bytes(const struct table_setup *setup)
{
	(void)setup;
	return 0;
}

static size_t portier_bytes(const struct table_setup *setup)
{
	const struct flow_table_params params = params_of(setup);

	return flow_table_bytes(&params);
}

static struct flow_table_stats stats_of(const struct portier *portier)
{
	struct flow_table_stats stats;

	flow_table_stats(portier->table, &stats);
	return stats;
}

static uint64_t portier_proper_bytes(const void *table)
{
	const struct portier *portier = table;
	const struct flow_table_stats stats = stats_of(portier);

	return portier->family == FAMILY_IP4 ? stats.ip4_bytes : stats.wide_bytes;
}

static uint64_t portier_slots(const void *table)
{
	const struct portier *portier = table;
	const struct flow_table_stats stats = stats_of(portier);

	return portier->family == FAMILY_IP4 ? stats.ip4_slots : stats.wide_slots;
}

static void *portier_create(const struct table_setup *setup)
{
	const struct flow_table_params params = params_of(setup);
	struct portier *portier = calloc(1, sizeof(*portier));

	if (portier == NULL)
		return NULL;
	portier->family = setup->family;
	portier->table = flow_table_create(&params);
	if (portier->table == NULL) {
		free(portier);
		return NULL;
	}
	portier->woven = setup->family == FAMILY_IP4 && portier_proper_bytes(portier) >= WOVEN_BYTES;
	return portier;
}

static void portier_destroy(void *table)
{
	struct portier *portier = table;

	flow_table_destroy(portier->table);
	free(portier);
}

typedef void burst_fn(const struct flow_table *table, const void *keys, uint32_t flow[BURST], bool fetch);

static void burst4(const struct flow_table *table, const void *keys, uint32_t flow[BURST], bool fetch)
{
	struct flow_lookup lookup;

	flow_table_lookup4_begin(table, keys, BURST, &lookup);
	flow_table_lookup4_end(table, &lookup, flow, fetch);
}

static void burst4_shared(const struct flow_table *table, const void *keys, uint32_t flow[BURST], bool fetch)
{
	(void)fetch;
	flow_table_lookup4_burst_shared(table, keys, BURST, flow);
}

static __rte_always_inline void point(const struct flow_key *keys, const struct flow_key *pointer[BURST])
{
	for (unsigned i = 0; i < BURST; i++)
		pointer[i] = &keys[i];
}

static void burst6(const struct flow_table *table, const void *keys, uint32_t flow[BURST], bool fetch)
{
	const struct flow_key *pointer[BURST];

	point(keys, pointer);
	flow_table_lookup_burst(table, pointer, BURST, flow, fetch);
}

static void burst6_shared(const struct flow_table *table, const void *keys, uint32_t flow[BURST], bool fetch)
{
	const struct flow_key *pointer[BURST];

	(void)fetch;
	point(keys, pointer);
	flow_table_lookup_burst_shared(table, pointer, BURST, flow);
}

// A burst at a time. Records are fetched when they are known, and touched a burst later.
static __rte_always_inline uint64_t lookup(const struct portier *portier, const char *keys, size_t step, size_t bursts,
					   burst_fn *burst, const bool touch)
{
	char *records = (char *)flow_table_flow(portier->table, 0);
	int32_t flow[2][BURST];
	uint64_t hits = 0;

	for (size_t b = 0; b < bursts; b++) {
		int32_t *now = flow[b & 1];

		burst(portier->table, keys + b * BURST * step, (uint32_t *)now, touch);
		hits += burst_hits(now);
		if (touch && b > 0)
			burst_touch(records, sizeof(struct flow), flow[(b - 1) & 1]);
	}
	if (touch)
		burst_touch(records, sizeof(struct flow), flow[(bursts - 1) & 1]);
	return hits;
}

enum { UNDER_WAY = 4 }; // bursts: one begun, one in its first buckets, one in its second, one whose records are awaited

// The same with IPv4 bursts woven into each other.
static __rte_always_inline uint64_t lookup_woven(const struct portier *portier, const struct flow_key4 *keys, size_t bursts,
						 const bool touch)
{
	char *records = (char *)flow_table_flow(portier->table, 0);
	struct flow_lookup lookup[UNDER_WAY];
	int32_t flow[UNDER_WAY][BURST];
	uint64_t hits = 0;

	flow_table_lookup4_begin(portier->table, keys, BURST, &lookup[0]);
	for (size_t b = 0; b < bursts + 2; b++) {
		const size_t now = b % UNDER_WAY, next = (b + 1) % UNDER_WAY, last = (b - 1) % UNDER_WAY;

		if (b + 1 < bursts)
			flow_table_lookup4_next(portier->table, keys + (b + 1) * BURST, BURST, &lookup[next], &lookup[now],
						(uint32_t *)flow[now], touch);
		if (b > 0 && b <= bursts) {
			flow_table_lookup4_end(portier->table, &lookup[last], (uint32_t *)flow[last], touch);
			hits += burst_hits(flow[last]);
		}
		if (touch && b > 1)
			burst_touch(records, sizeof(struct flow), flow[(b - 2) % UNDER_WAY]);
	}
	return hits;
}

enum { PIPED = 8 }; // bursts whose results are awaited, or whose records

// IPv6 bursts behind each other in a pipe.
static __rte_always_inline uint64_t lookup_piped(const struct portier *portier, const struct flow_key *keys, size_t bursts,
						 const bool touch)
{
	char *records = (char *)flow_table_flow(portier->table, 0);
	const size_t behind = FLOW_PIPE_BURSTS - 1;
	int32_t flow[PIPED][BURST];
	struct flow_pipe pipe;
	uint64_t hits = 0;

	flow_pipe_init(&pipe);
	for (size_t b = 0; b < bursts + behind + 1; b++) {
		const bool more = b < bursts;

		flow_table_pipe_push(portier->table, &pipe, more ? keys + b * BURST : NULL, more ? BURST : 0,
				     (uint32_t *)flow[b % PIPED], touch);
		if (b >= behind && b < bursts + behind)
			hits += burst_hits(flow[(b - behind) % PIPED]);
		if (touch && b > behind)
			burst_touch(records, sizeof(struct flow), flow[(b - behind - 1) % PIPED]);
	}
	return hits;
}

static uint64_t portier_lookup(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	const struct portier *portier = table;
	const size_t step = key_bytes(portier->family);
	const char *keys = (const char *)stream->key + from * step;

	if (portier->family != FAMILY_IP4)
		return touch ? lookup_piped(portier, (const void *)keys, n / BURST, true) :
			       lookup_piped(portier, (const void *)keys, n / BURST, false);
	if (portier->woven)
		return touch ? lookup_woven(portier, (const void *)keys, n / BURST, true) :
			       lookup_woven(portier, (const void *)keys, n / BURST, false);
	return touch ? lookup(portier, keys, step, n / BURST, burst4, true) :
		       lookup(portier, keys, step, n / BURST, burst4, false);
}

// A burst at a time: only the owner's can be woven.
static uint64_t owner_lookup(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	const struct portier *portier = table;
	const size_t step = key_bytes(portier->family);

	(void)touch;
	return lookup(portier, (const char *)stream->key + from * step, step, n / BURST,
		      portier->family == FAMILY_IP4 ? burst4 : burst6, false);
}

static uint64_t shared_lookup(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	const struct portier *portier = table;
	const size_t step = key_bytes(portier->family);

	(void)touch;
	return lookup(portier, (const char *)stream->key + from * step, step, n / BURST,
		      portier->family == FAMILY_IP4 ? burst4_shared : burst6_shared, false);
}

static void find(const struct portier *portier, const void *keys, unsigned n, uint32_t flow[])
{
	const struct flow_key *pointer[BURST] = { NULL };

	if (portier->family == FAMILY_IP4) {
		flow_table_lookup4_burst(portier->table, keys, n, flow, false);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		pointer[i] = (const struct flow_key *)keys + i;
	flow_table_lookup_burst(portier->table, pointer, n, flow, false);
}

// As a worker does: a burst is looked up, and what is not there is made.
static unsigned portier_insert(void *table, const void *keys, unsigned n)
{
	struct portier *portier = table;
	const bool ip4 = portier->family == FAMILY_IP4;
	struct flow_key key[BURST];
	uint32_t flow[BURST];

	find(portier, keys, n, flow);
	// All at first: whoever loads what was just stored in smaller pieces waits for them. A worker has parsed its burst before.
	for (unsigned i = 0; i < n; i++)
		key[i] = ip4 ? flow_key_unpack((const struct flow_key4 *)keys + i) : ((const struct flow_key *)keys)[i];
	for (unsigned i = 0; i < n; i++)
		if (flow[i] == FLOW_NONE && flow_table_insert(portier->table, &key[i]) == FLOW_NONE)
			return i;
	return n;
}

static unsigned portier_remove(void *table, const void *keys, unsigned n)
{
	struct portier *portier = table;
	unsigned removed = 0;
	uint32_t flow[BURST];

	find(portier, keys, n, flow);
	for (unsigned i = 0; i < n; i++)
		if (flow[i] != FLOW_NONE)
			rte_prefetch0(flow_table_cold(portier->table, flow[i])); // its key tells where the entry is
	for (unsigned i = 0; i < n; i++) {
		if (flow[i] == FLOW_NONE)
			continue;
		flow_table_remove(portier->table, flow[i]);
		removed++;
	}
	return removed;
}

const struct table_ops table_portier = {
	.name = "portier", .heap_bytes = no_bytes, .system_bytes = portier_bytes, .create = portier_create,
	.destroy = portier_destroy, .lookup = portier_lookup, .insert = portier_insert, .remove = portier_remove,
	.slots = portier_slots, .proper_bytes = portier_proper_bytes,
};
const struct table_ops table_portier_owner = {
	.name = "portier_owner", .hidden = true, .shares = &table_portier, .lookup = owner_lookup,
};
const struct table_ops table_portier_shared = {
	.name = "portier_shared", .hidden = true, .shares = &table_portier, .lookup = shared_lookup,
};
