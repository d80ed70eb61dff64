// SPDX-License-Identifier: BSD-3-Clause
#include <inttypes.h>
#include <stdlib.h>

#include <rte_common.h>

#include "bench/ageing_fixture.h"

enum {
	OPERATIONS = 16,         // of one sample, where single ones are too short for the clock
	OPERATION_SAMPLES = 1000,
	OPERATION_FLOWS = 1000000,
};

// The other calls, while a million flows wait.
typedef void operation_fn(struct bench *bench, uint32_t flow, uint64_t now);

static void do_advance(struct bench *bench, uint32_t flow, uint64_t now)
{
	(void)flow;
	ageing_advance(bench->ageing, now, bench->options->budget);
}

static void do_change_state(struct bench *bench, uint32_t flow, uint64_t now)
{
	(void)now;
	ageing_state_changed(bench->ageing, flow);
}

static void do_answer(struct bench *bench, uint32_t flow, uint64_t now)
{
	ageing_answered(bench->ageing, flow, now);
}

static void do_end(struct bench *bench, uint32_t flow, uint64_t now)
{
	(void)now;
	ageing_end(bench->ageing, flow, FLOW_END_CLOSED);
}

static void do_add(struct bench *bench, uint32_t flow, uint64_t now)
{
	ageing_add(bench->ageing, flow, now);
}

static const struct operation {
	const char *name;
	operation_fn *run;
	bool fresh;     // of flows that were just inserted, else of any
	bool embryonic; // of flows that nobody answered
	unsigned batch; // of one sample
} operations[] = { // in this order: the quota is used up, answers free some of it, additions use it up again
	{ "advance, nothing due", do_advance, false, false, 1 },
	{ "state_changed", do_change_state, false, false, OPERATIONS },
	{ "answered", do_answer, false, true, OPERATIONS },
	{ "end", do_end, false, false, OPERATIONS },
	{ "add, answered", do_add, true, false, OPERATIONS },
	{ "add, embryonic", do_add, true, true, OPERATIONS },
	{ "add, embryonic, evicts another", do_add, true, true, OPERATIONS },
};

static uint32_t fresh_flow(struct bench *bench, bool embryonic)
{
	struct flow_key key = bench_key(bench, bench->next_key++);
	uint32_t flow = flow_table_insert(bench->table, &key);
	struct flow *hot = flow_table_flow(bench->table, flow);

	hot->embryonic = embryonic;
	hot->state = embryonic ? FLOW_UDP_UNREPLIED : FLOW_UDP_REPLIED;
	return flow;
}

// Each flow once, and far from the one before: neighbours on a list would already be in the cache.
static uint32_t waiting_flow(struct bench *bench, bool embryonic)
{
	uint32_t flow;

	do
		flow = bench->flow[bench->next_flow++ * UINT64_C(7919) % bench->flows];
	while (flow_table_flow(bench->table, flow)->embryonic != embryonic);
	return flow;
}

// A batch, on flows that a packet's lookup brought into the cache.
static uint64_t time_operation(struct bench *bench, const struct operation *operation, uint64_t now)
{
	uint32_t flow[OPERATIONS];

	bench_burst(bench);
	for (unsigned i = 0; i < operation->batch; i++) {
		flow[i] = (operation->fresh ? fresh_flow : waiting_flow)(bench, operation->embryonic);
		__atomic_load_n(&flow_table_cold(bench->table, flow[i])->next, __ATOMIC_RELAXED);
	}
	uint64_t before = rte_rdtsc_precise();
	for (unsigned i = 0; i < operation->batch; i++)
		operation->run(bench, flow[i], now);
	return rte_rdtsc_precise() - before;
}

static void run_operation(struct bench *bench, const struct operation *operation, uint64_t now, FILE *json)
{
	uint64_t sample[OPERATION_SAMPLES], empty = UINT64_MAX;

	for (unsigned i = 0; i < OPERATION_SAMPLES; i++) {
		uint64_t before = rte_rdtsc_precise();

		empty = RTE_MIN(empty, rte_rdtsc_precise() - before);
		sample[i] = time_operation(bench, operation, now);
	}
	qsort(sample, OPERATION_SAMPLES, sizeof(sample[0]), bench_by_size);
	double median = bench_us(bench, (double)(sample[OPERATION_SAMPLES / 2] - empty)) * 1e3 / operation->batch;
	double p99 = bench_us(bench, (double)(sample[OPERATION_SAMPLES * 99 / 100] - empty)) * 1e3 / operation->batch;
	printf("%-32s %7.1f %7.1f\n", operation->name, median, p99);
	if (json != NULL)
		fprintf(json, ",\n{\"operation\": \"%s\", \"flows\": %u, \"ns_median\": %.1f, \"ns_p99\": %.1f}",
			operation->name, bench->flows, median, p99);
}

void bench_operations(const struct options *options, FILE *json)
{
	static const struct scenario half = { "operations", KIND_SPREAD, 4, false, true };
	struct bench bench = { .scenario = &half, .options = options, .flows = OPERATION_FLOWS };

	bench_make(&bench);
	bench_fill(&bench, START);
	printf("\nOther calls, %u flows waiting, ns:\n%-32s %7s %7s\n", bench.flows, "", "median", "p99");
	for (unsigned i = 0; i < RTE_DIM(operations); i++)
		run_operation(&bench, &operations[i], START, json);
	bench_give_back(&bench);
}
