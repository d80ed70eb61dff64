// SPDX-License-Identifier: BSD-3-Clause
#include "bench/ageing_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_prefetch.h>

#include "dataplane/memory.h"
#include "dataplane/random.h"

enum {
	BURST_LINES = 32,        // that a simulated burst reads between two calls
	TRAFFIC_LINES = 1 << 20, // out of so many: 64 MB
};

double bench_us(const struct bench *bench, double ticks)
{
	return ticks * bench->options->ns_per_tick / 1e3;
}

int bench_by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct flow_key bench_key(const struct bench *bench, uint32_t number)
{
	struct flow_key key = { .protocol = 17, .family = bench->scenario->wide ? FAMILY_IP6 : FAMILY_IP4 };
	uint64_t random = (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

	key.address[0].byte[0] = 10;
	memcpy(&key.address[0].byte[1], &random, 3);
	memcpy(&key.address[1], &number, sizeof(number));
	memcpy(key.port, (const char *)&random + 4, sizeof(key.port));
	return key;
}

static void count_end(void *context, uint32_t flow, enum flow_end why)
{
	struct bench *bench = context;

	bench->ended_by[why]++;
	bench->states[flow_table_flow(bench->table, flow)->state]--;
}

void *bench_need(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "ageing_bench: %s\n", strerror(errno));
		exit(1);
	}
	return memory;
}

void bench_make(struct bench *bench)
{
	const bool wide = bench->scenario->wide;
	struct flow_table_params table = {
		.capacity = bench->flows + bench->flows / 16, .ip4_capacity = wide ? 1 : 0, .wide_capacity = wide ? 0 : 1,
		.socket = -1,
	};
	struct ageing_params params = {
		.tick = TICK, .embryonic_quota = bench->flows / 8 * bench->scenario->embryonic_of_8, .on_end = bench->scenario->on_end ? count_end : NULL,
		.context = bench, .socket = -1,
	};

	for (unsigned state = 0; state < FLOW_STATES; state++)
		params.timeout[state] = TIMEOUT;
	hash_secret_draw(&table.secret);
	bench->table = params.table = bench_need(flow_table_create(&table));
	bench->ageing = bench_need(ageing_create(&params));
	bench->flow = bench_need(calloc(bench->flows, sizeof(*bench->flow)));
	bench->traffic = bench_need(memory_take("traffic", TRAFFIC_LINES * 64ul, -1));
	bench->random = 88172645463325252;
	bench->next_key = bench->flows;
}

void bench_give_back(struct bench *bench)
{
	memory_give(bench->traffic);
	free(bench->flow);
	ageing_destroy(bench->ageing);
	flow_table_destroy(bench->table);
}

static void shuffle(struct bench *bench)
{
	for (uint32_t i = bench->flows; i > 1; i--) {
		uint32_t other = (uint32_t)(random_next(&bench->random) % i), flow = bench->flow[i - 1];

		bench->flow[i - 1] = bench->flow[other];
		bench->flow[other] = flow;
	}
}

static void insert_all(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->flows; i++) {
		struct flow_key key = bench_key(bench, i);

		bench->flow[i] = flow_table_insert(bench->table, &key);
		if (bench->flow[i] == FLOW_NONE) {
			fprintf(stderr, "ageing_bench: no room for flow %u\n", i);
			exit(1);
		}
		struct flow *hot = flow_table_flow(bench->table, bench->flow[i]);
		hot->embryonic = i % 8 < bench->scenario->embryonic_of_8;
		hot->state = hot->embryonic ? FLOW_UDP_UNREPLIED : FLOW_UDP_REPLIED;
	}
}

void bench_fill(struct bench *bench, uint64_t start)
{
	uint64_t width = bench->scenario->kind == KIND_SPREAD ? (uint64_t)SPREAD_SLOTS * TICK : 0;

	for (unsigned i = 0; i < WHEEL_TURN / 64; i++) // the hand, from where it was
		ageing_advance(bench->ageing, start, UINT32_MAX);
	insert_all(bench);
	shuffle(bench);
	for (uint32_t i = 0; i < bench->flows; i++)
		ageing_add(bench->ageing, bench->flow[i], start + width * i / bench->flows);
}

void bench_burst(struct bench *bench)
{
	uint64_t line[BURST_LINES], sum = 0;

	for (unsigned i = 0; i < BURST_LINES; i++) {
		line[i] = random_next(&bench->random) % TRAFFIC_LINES * 64;
		rte_prefetch0(bench->traffic + line[i]);
	}
	for (unsigned i = 0; i < BURST_LINES; i++)
		sum += (uint64_t)bench->traffic[line[i]];
	bench->random += sum; // 0
}
