// SPDX-License-Identifier: BSD-3-Clause
#include "bench/burst_cell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench/keys.h"
#include "bench/program.h"
#include "control/workers.h"
#include "dataplane/burst.h"
#include "dataplane/random.h"

enum {
	SPARE_FLOWS = 4096,
	WARM = 1 << 13,      // packets before a sample, where there are so many flows or more
	CHUNK = 16,          // bursts between two looks at the clock
	DAY_MS = 86400000,   // no flow's time is over while it is not measured
};

static const struct stage {
	const char *name;
	void (*run)(struct worker *worker, struct burst *burst);
} stages[STAGES] = {
	[STAGE_PARSE] = { "parse", burst_parse },
	[STAGE_LOOK_UP] = { "look up", burst_look_up },
	[STAGE_ATTACH] = { "attach", burst_attach },
	[STAGE_HAND_OVER] = { "hand over", burst_hand_over },
	[STAGE_DEPART] = { "depart", burst_depart },
	[STAGE_AGE] = { "age", NULL },
	[STAGE_WHOLE] = { "whole", NULL },
};

const char *burst_stage_name(enum burst_stage stage)
{
	return stages[stage].name;
}

enum { DENYING_RULES = 100 };

// A network of sources each, among those of the fresh packets; what none of them names is dropped by default.
static void make_denying(struct policy *policy)
{
	static struct rule rule[DENYING_RULES];
	static struct address_range source[DENYING_RULES];
	const struct rule *list[DENYING_RULES];
	struct rule_trouble trouble;

	for (unsigned i = 0; i < DENYING_RULES; i++) {
		source[i] = (struct address_range){ { { 11, (uint8_t)(2 * i) } }, { { 11, (uint8_t)(2 * i), 255, 255 } } };
		rule[i] = (struct rule){ .slot = i + 1, .asks = RULE_SOURCE, .ip4 = true, .verdict = VERDICT_DROP,
			.sources = { &source[i], 1 } };
		list[i] = &rule[i];
	}
	if (rule_matcher_build(list, DENYING_RULES, VERDICT_DROP, -1, &policy->rules, &trouble) != 0)
		fail("the denying rules can't be compiled");
}

void burst_bench_start(struct burst_bench *bench)
{
	static const char text[] = "handlers: [{name: all, kind: count}]\ndefault_handler: all\n";
	struct runtime *runtime = &bench->runtime;
	struct rule_trouble trouble;
	struct error error;
	size_t tie[2];

	start_eal(768);
	if (config_parse("bench", text, strlen(text), &bench->config, &error) != 0)
		fail(error.text);
	for (unsigned state = 0; state < FLOW_STATES; state++)
		bench->config.timeout_ms[state] = DAY_MS;
	runtime->config = &bench->config;
	runtime->tick_hz = rte_get_tsc_hz();
	runtime->worker_count = runtime->interface_count = runtime->handler_count = 1;
	runtime->interfaces[0] = (struct interface){ .max_frame = 1518 };
	runtime->handlers[0] = (struct handler){ .ops = handler_kind("count"), .interface = INTERFACE_NONE };
	bench->wiring.parse_options[0] = (struct parse_options){ .martians_drop = true, .truncated_drop = true };
	bench->policy = (struct policy){ .generation = 1, .default_handler = 0 };
	if (rule_matcher_build(NULL, 0, VERDICT_ACCEPT, -1, &bench->policy.rules, &trouble) != 0 ||
		listener_index_build(NULL, 0, &bench->policy.listeners, tie) != 0)
		fail("the policy can't be compiled");
	bench->denying = bench->policy;
	make_denying(&bench->denying);
}

void burst_bench_stop(struct burst_bench *bench)
{
	rule_matcher_free(bench->policy.rules);
	rule_matcher_free(bench->denying.rules);
	listener_index_free(bench->policy.listeners);
	config_free(&bench->config);
	rte_eal_cleanup();
}

// A third more than there are: what floods open must not push out what is established.
static uint32_t capacity(uint32_t flows)
{
	return flows + flows / 3 + SPARE_FLOWS;
}

size_t burst_cell_bytes(uint32_t flows)
{
	const struct flow_table_params params = { .capacity = capacity(flows) };
	return flow_table_bytes(&params);
}

// The packet's flow. Each is met once in a pass, in an order that is mixed, in the direction that chance says.
static uint16_t write_next(struct burst_cell *cell, uint8_t *frame, uint64_t *random)
{
	uint64_t number = cell->sent++;
	uint32_t chance = (uint32_t)(random_next(random) >> 32);

	if (chance % 1024 < cell->input->fresh)
		return input_fresh(frame, cell->fresh++);
	uint32_t flow = scatter((uint32_t)number & (cell->flows - 1), (unsigned)__builtin_ctz(cell->flows));
	return cell->input->write(frame, flow, chance >> 31 ? STEP_REPLY : STEP_ASK);
}

// Puts a burst of packets where a device would.
static void receive(struct burst_cell *cell, uint32_t first, enum input_step step, bool opening)
{
	struct worker *worker = cell->worker;
	struct burst *burst = worker->burst;
	uint64_t random = cell->sent;

	if (rte_pktmbuf_alloc_bulk(worker->pool, burst->mbuf, BURST_MAX) != 0)
		fail("no packet buffers");
	for (unsigned i = 0; i < BURST_MAX; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(burst->mbuf[i], uint8_t *);
		uint16_t length = opening ? cell->input->write(frame, first + i, step) : write_next(cell, frame, &random);
		burst->mbuf[i]->data_len = length;
		burst->mbuf[i]->pkt_len = length;
		traffic_add(&worker->counters.received, length);
	}
	memset(burst->interface, 0, BURST_MAX);
	burst->from_inbox = burst->capture = false;
	worker->now = rte_rdtsc();
	for (unsigned i = 0; i < BURST_MAX; i++)
		burst->time[i] = worker->now;
}

static void whole_burst(struct worker *worker)
{
	burst_run(worker, BURST_MAX);
	worker_age(worker);
}

// Functions by themselves, so that who counts instructions can be told where.
__rte_noinline void counted_burst(struct worker *worker);
__rte_noinline void counted_burst(struct worker *worker)
{
	burst_run(worker, BURST_MAX);
	worker_age(worker);
}

__rte_noinline void staged_burst(struct worker *worker, uint64_t ticks[STAGES]);
__rte_noinline void staged_burst(struct worker *worker, uint64_t ticks[STAGES])
{
	uint64_t before = rte_rdtsc(), now;

	burst_begin(worker, BURST_MAX);
	for (unsigned stage = 0; stage < STAGE_AGE; stage++) {
		stages[stage].run(worker, worker->burst);
		now = rte_rdtsc();
		ticks[stage] += now - before;
		before = now;
	}
	worker_age(worker);
	ticks[STAGE_AGE] += rte_rdtsc() - before;
}

static void open_flows(struct burst_cell *cell)
{
	if (cell->input->hostile)
		return;
	for (uint32_t first = 0; first < cell->flows; first += BURST_MAX)
		for (unsigned step = 0; step < INPUT_STEPS; step++) {
			receive(cell, first, (enum input_step)step, true);
			whole_burst(cell->worker);
		}
}

void burst_cell_open(struct burst_bench *bench, struct burst_cell *cell)
{
	struct error error;

	bench->config.flow_capacity = capacity(cell->flows);
	cell->worker = worker_make(&bench->runtime, bench->workers++, &error);
	if (!cell->worker)
		fail(error.text);
	cell->worker->peer[0] = cell->worker;
	cell->worker->interfaces = bench->runtime.interfaces;
	cell->worker->handlers = bench->runtime.handlers;
	cell->worker->wiring = &bench->wiring;
	cell->worker->burst->policy = &bench->policy;
	for (unsigned stage = 0; stage < STAGES; stage++)
		cell->sample[stage] = need(calloc(bench->rounds, sizeof(double)));
	open_flows(cell);
	if (cell->input->denied)
		cell->worker->burst->policy = &bench->denying;
}

void burst_cell_close(struct burst_bench *bench, struct burst_cell *cell)
{
	bench->config.flow_capacity = capacity(cell->flows);
	worker_unmake(&bench->runtime, cell->worker);
	cell->worker = NULL;
	for (unsigned stage = 0; stage < STAGES; stage++)
		free(cell->sample[stage]);
}

static void warm(struct burst_cell *cell)
{
	for (uint32_t packets = RTE_MIN(cell->flows, (uint32_t)WARM); packets >= BURST_MAX; packets -= BURST_MAX) {
		receive(cell, 0, STEP_ASK, false);
		whole_burst(cell->worker);
	}
}

static void timed_whole_burst(struct worker *worker, uint64_t ticks[STAGES])
{
	uint64_t before = rte_rdtsc();

	whole_burst(worker);
	ticks[STAGE_WHOLE] += rte_rdtsc() - before;
}

// Only what the path does is on the clock: packets are made between bursts. Returns bursts.
static unsigned sample(const struct burst_bench *bench, struct burst_cell *cell, uint64_t ticks[STAGES],
		       void (*run)(struct worker *worker, uint64_t ticks[STAGES]))
{
	const double end = now_seconds() + bench->sample_seconds;
	unsigned bursts = 0;

	do {
		for (unsigned i = 0; i < CHUNK; i++) {
			receive(cell, 0, STEP_ASK, false);
			run(cell->worker, ticks);
		}
		bursts += CHUNK;
	} while (now_seconds() < end);
	return bursts;
}

void burst_cell_sample(struct burst_bench *bench, struct burst_cell *cell)
{
	enum { TRIES = 3 };

	for (unsigned try = 0; try < TRIES; try++) {
		uint64_t ticks[STAGES] = { 0 };

		warm(cell);
		quiet_begin(&bench->quiet);
		unsigned whole = sample(bench, cell, ticks, timed_whole_burst), staged = sample(bench, cell, ticks, staged_burst);
		// The last resort is kept though it was disturbed, and counted as such.
		bool quiet = quiet_end(&bench->quiet);
		cell->disturbed += !quiet;
		if (!quiet && try + 1 < TRIES)
			continue;
		for (unsigned stage = 0; stage < STAGES; stage++)
			cell->sample[stage][cell->rounds] = (double)ticks[stage] / BURST_MAX /
				(stage == STAGE_WHOLE ? whole : staged);
		cell->rounds++;
		return;
	}
}

void burst_cell_finish(struct burst_cell *cell)
{
	for (unsigned stage = 0; stage < STAGES; stage++)
		cell->cycles[stage] = spread_of(cell->sample[stage], cell->rounds, cell->disturbed);
}

void burst_cell_count(struct burst_cell *cell, unsigned bursts, bool by_stage)
{
	uint64_t ticks[STAGES] = { 0 };

	warm(cell);
	for (unsigned i = 0; i < bursts; i++) {
		receive(cell, 0, STEP_ASK, false);
		if (by_stage)
			staged_burst(cell->worker, ticks);
		else
			counted_burst(cell->worker);
	}
}

static bool same(const struct burst_cell *cell, const char *what, uint64_t said, uint64_t expected)
{
	if (said == expected)
		return true;
	fprintf(stderr, "burst_bench: %s, %u flows: %s: %" PRIu64 ", expected %" PRIu64 "\n", cell->input->name, cell->flows,
		what, said, expected);
	return false;
}

bool burst_cell_agrees(const struct burst_cell *cell)
{
	const struct worker_counters *counters = &cell->worker->counters;
	uint64_t opening = cell->input->hostile ? 0 : (uint64_t)cell->flows * INPUT_STEPS, dropped = 0, ended = 0;
	bool agrees = true;

	for (unsigned reason = 0; reason < DROP_REASONS; reason++)
		dropped += counters->drops[reason].packets;
	agrees &= same(cell, "packets received", counters->received.packets, opening + cell->sent);
	agrees &= same(cell, "packets handed over or dropped", counters->handed.packets + dropped, opening + cell->sent);
	agrees &= same(cell, "packets consumed", cell->worker->handler_counters[0].consumed.packets, counters->handed.packets);
	agrees &= same(cell, "packet buffers in use", rte_mempool_in_use_count(cell->worker->pool), 0);
	if (cell->input->hostile)
		return agrees & same(cell, "packets dropped at all", dropped > cell->sent / 2, true);
	uint64_t denied = cell->input->denied ? cell->fresh : 0;
	agrees &= same(cell, "packets dropped", dropped, denied);
	agrees &= same(cell, "flows opened", counters->flows_opened, cell->flows + cell->fresh - denied);
	for (unsigned why = 0; why <= FLOW_END_RUN; why++)
		ended += counters->flows_ended[why];
	uint64_t unanswered = ageing_embryonic(cell->worker->ageing);
	return agrees & same(cell, "answered flows that live", counters->flows_opened - ended - unanswered, cell->flows);
}
