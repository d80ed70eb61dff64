// SPDX-License-Identifier: BSD-3-Clause
// Flows that age in a table of their own, by a clock of the test's.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "dataplane/ageing.h"

enum {
	CAPACITY = 5000,
	TICK = 128,
	ALL = 1 << 30, // a budget that is never used up
	TURN = 1024 * TICK,
	CALLS_A_TURN = 1024 / 64,
	SYN_TIMEOUT = 30000,
	UDP_TIMEOUT = 10000,
	ESTABLISHED_TIMEOUT = 1000000,
	REPLIED_TIMEOUT = 20000,
};

struct fixture {
	struct flow_table *table;
	struct ageing *ageing;
	uint32_t next_number;
	unsigned ended[FLOW_END_RUN + 1];
	uint32_t last_number; // of the flow that ended last
	uint64_t now;         // of the last advance
	uint8_t end_of[2 * CAPACITY]; // by number: 1 + enum flow_end
};

static inline struct flow *hot(const struct fixture *fixture, uint32_t flow)
{
	return flow_table_flow(fixture->table, flow);
}

static inline uint32_t number_of(const struct fixture *fixture, uint32_t flow)
{
	uint32_t number;

	memcpy(&number, flow_table_cold(fixture->table, flow)->key.port, sizeof(number));
	return number;
}

static inline void note_end(void *context, uint32_t flow, enum flow_end why)
{
	struct fixture *fixture = context;

	// The records are still in place.
	assert_int_equal(flow_table_lookup(fixture->table, &flow_table_cold(fixture->table, flow)->key), flow);
	fixture->last_number = number_of(fixture, flow);
	fixture->ended[why]++;
	assert_int_equal(fixture->end_of[fixture->last_number], 0);
	if (why == FLOW_END_TIMEOUT)
		assert_true(ageing_expired(fixture->ageing, hot(fixture, flow), fixture->now));
	fixture->end_of[fixture->last_number] = (uint8_t)(1 + why);
}

static inline struct fixture *make(uint32_t quota)
{
	struct flow_table_params table = { .capacity = CAPACITY, .socket = -1 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct ageing_params params = {
		.timeout = {
			[FLOW_TCP_SYN_SENT] = SYN_TIMEOUT,
			[FLOW_TCP_ESTABLISHED] = ESTABLISHED_TIMEOUT,
			[FLOW_TCP_CLOSED] = 1000,
			[FLOW_TCP_TIME_WAIT] = UINT64_MAX,
			[FLOW_UDP_UNREPLIED] = UDP_TIMEOUT,
			[FLOW_UDP_REPLIED] = REPLIED_TIMEOUT,
			[FLOW_ICMP_UNREPLIED] = 5,
			[FLOW_OTHER_UNREPLIED] = 7000,
		},
		.tick = TICK, .embryonic_quota = quota, .on_end = note_end, .context = fixture, .socket = -1,
	};

	fixture->table = params.table = flow_table_create(&table);
	assert_non_null(fixture->table);
	fixture->ageing = ageing_create(&params);
	assert_non_null(fixture->ageing);
	return fixture;
}

static inline void give_back(struct fixture *fixture)
{
	ageing_destroy(fixture->ageing);
	flow_table_destroy(fixture->table);
	free(fixture);
}

static inline uint32_t add(struct fixture *fixture, enum flow_state state, bool embryonic, uint64_t now)
{
	struct flow_key key = { .family = FAMILY_IP4 };
	uint32_t flow;

	memcpy(key.port, &fixture->next_number, sizeof(fixture->next_number));
	fixture->next_number++;
	flow = flow_table_insert(fixture->table, &key);
	assert_true(flow != FLOW_NONE);
	hot(fixture, flow)->state = state;
	hot(fixture, flow)->embryonic = embryonic;
	ageing_add(fixture->ageing, flow, now);
	return flow;
}

static inline uint32_t used(const struct fixture *fixture)
{
	struct flow_table_stats stats;

	flow_table_stats(fixture->table, &stats);
	return stats.used;
}

static inline unsigned advance_by(struct fixture *fixture, uint64_t now, unsigned budget)
{
	fixture->now = now;
	return ageing_advance(fixture->ageing, now, budget);
}

// As often as it takes the wheel to come round.
static inline unsigned advance(struct fixture *fixture, uint64_t now)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < CALLS_A_TURN; i++)
		ended += advance_by(fixture, now, ALL);
	return ended;
}
