// SPDX-License-Identifier: BSD-3-Clause
#include "bench/group.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "bench/filling.h"
#include "bench/keys.h"
#include "bench/population.h"
#include "dataplane/memory.h"

enum { CHUNK = 1 << 17 }; // flows that come or go in all tables before any gets the next ones

// A kind comes before those that share its tables, and portier first: the limits take their size from it.
static const struct table_ops *const kinds[] = {
	&table_portier, &table_rte_hash, &table_rte_hash_lf, &table_rte_hash_lf_prehashed,
	&table_limit_lines, &table_limit_dependent, &table_portier_owner, &table_portier_shared,
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
static_assert(RTE_DIM(kinds) <= CONTENDERS_MAX, "");

static const struct table_ops *const filled[] = { &table_portier, &table_rte_hash, &table_rte_hash_lf };
enum { FILLED = sizeof(filled) / sizeof(filled[0]) };

struct stage {
	const struct group *group;
	struct table_setup setup;
	struct population population;
	void *table[KINDS][CORES_MAX];
	// Flows that come and go.
	struct flow_key *removed, *added; // or struct flow_key4
	uint32_t *number;
	unsigned remove, add;
	atomic_uint lost; // that were not there, or did not fit
};

static struct table_setup setup_of(const struct group *group)
{
	return (struct table_setup){
		.family = group->family,
		.flows = plan_flows(group->slots),
		.slots = group->slots,
		.form = group->plan->form,
		.bucket_bytes = (size_t)group->slots * 16,
		.socket = group->heap->socket,
	};
}

static size_t heap_bytes(const struct group *group)
{
	const struct table_setup setup = setup_of(group);
	size_t bytes = 0;

	for (unsigned k = 0; k < KINDS; k++)
		if (!kinds[k]->shares)
			bytes += kinds[k]->heap_bytes(&setup) * group->cores;
	return bytes;
}

size_t group_bytes(const struct group *group)
{
	const struct table_setup setup = setup_of(group);
	size_t bytes = heap_bytes(group) + stream_bytes(group->family, plan_stream(group->plan, group->slots)) +
		       setup.flows * sizeof(uint32_t);

	for (unsigned k = 0; k < KINDS; k++)
		if (!kinds[k]->shares)
			bytes += kinds[k]->system_bytes(&setup) * group->cores;
	return bytes;
}

static unsigned kind_index(const struct table_ops *ops)
{
	for (unsigned k = 0; k < KINDS; k++)
		if (kinds[k] == ops)
			return k;
	abort();
}

static void destroy_tables(struct stage *stage)
{
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned core = 0; core < stage->group->cores; core++)
			if (stage->table[k][core] != NULL && !kinds[k]->shares)
				kinds[k]->destroy(stage->table[k][core]);
}

static int create_tables(struct stage *stage)
{
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned core = 0; core < stage->group->cores; core++) {
			void **table = &stage->table[k][core];

			*table = kinds[k]->shares ? stage->table[kind_index(kinds[k]->shares)][core] :
						    kinds[k]->create(&stage->setup);
			if (*table == NULL)
				return -ENOMEM;
			if (kinds[k] == &table_portier)
				stage->setup.bucket_bytes = table_portier.proper_bytes(*table);
		}
	return 0;
}

// One table after another, each by one thread alone.
static void apply_chunk(void *context, unsigned core)
{
	struct stage *stage = context;
	const size_t bytes = key_bytes(stage->setup.family);
	const unsigned own = stage->group->cores, threads = stage->group->measure->cores->count;

	for (unsigned t = core; t < KINDS * own; t += threads) {
		const struct table_ops *ops = kinds[t / own];
		void *table = stage->table[t / own][t % own];

		if (ops->insert == NULL)
			continue;
		for (unsigned i = 0; i < RTE_MAX(stage->remove, stage->add); i += BURST) {
			unsigned gone = i < stage->remove ? RTE_MIN(stage->remove - i, (unsigned)BURST) : 0;
			unsigned come = i < stage->add ? RTE_MIN(stage->add - i, (unsigned)BURST) : 0;

			stage->lost += gone - ops->remove(table, (const char *)stage->removed + i * bytes, gone);
			stage->lost += come - ops->insert(table, (const char *)stage->added + i * bytes, come);
		}
	}
}

static int apply_everywhere(struct stage *stage)
{
	const struct cores *cores = stage->group->measure->cores;

	cores_run(cores, cores->count, apply_chunk, stage);
	if (stage->lost == 0)
		return 0;
	fprintf(stderr, "%u flows did not fit into a table, or were not found in it\n", stage->lost);
	return -ENOTRECOVERABLE;
}

static int fill_tables(struct stage *stage)
{
	int result = 0;

	stage->remove = 0;
	while (result == 0 && stage->population.count < stage->setup.flows) {
		stage->add = RTE_MIN(stage->setup.flows - stage->population.count, (uint32_t)CHUNK);
		population_grow(&stage->population, stage->add, stage->number);
		keys_make(stage->setup.family, stage->number, stage->add, stage->added);
		result = apply_everywhere(stage);
	}
	return result;
}

// Each step replaces random flows; in a small table at most an eighth of them, so that it stays about as full.
static int churn_tables(struct stage *stage, unsigned times)
{
	const uint32_t step = RTE_MIN(stage->setup.flows / 8, (uint32_t)CHUNK);
	uint64_t left = (uint64_t)stage->setup.flows * times;
	int result = 0;

	for (; result == 0 && left > 0; left -= stage->add) {
		stage->add = stage->remove = (unsigned)RTE_MIN(left, step);
		population_shrink(&stage->population, stage->remove, stage->number);
		keys_make(stage->setup.family, stage->number, stage->remove, stage->removed);
		population_grow(&stage->population, stage->add, stage->number);
		keys_make(stage->setup.family, stage->number, stage->add, stage->added);
		result = apply_everywhere(stage);
	}
	return result;
}

// The owner's way of looking up and that of other threads, unwoven, are compared in a few cells alone.
static bool takes_part(const struct table_ops *ops, const struct cell *cell)
{
	if (ops->hidden)
		return !cell->touch && cell->cores == 1 && cell->access == ACCESS_UNIFORM && cell->hit_percent != 90;
	return ops != &table_limit_lines || !cell->touch;
}

static void progress(const struct group *group, const char *text)
{
	fprintf(stderr, "%5.0f s  %s\n", now_seconds() - group->measure->began, text);
}

static int measure_cell(struct stage *stage, const struct cell *cell, const struct stream *stream, struct results *results)
{
	struct contender contender[KINDS];
	unsigned contenders = 0;
	char text[128];
	int result = 0;

	cell_text(cell, text, sizeof(text));
	progress(stage->group, text);
	for (unsigned k = 0; k < KINDS; k++)
		if (takes_part(kinds[k], cell))
			contender[contenders++] = (struct contender){ .ops = kinds[k], .table = stage->table[k] };
	measure_lookups(stage->group->measure, contender, contenders, stream, cell->touch, cell->cores, cell->flows);
	for (unsigned i = 0; i < contenders && result == 0; i++)
		result = results_add(results, &(struct result){
			.table = contender[i].ops->name, .hidden = contender[i].ops->hidden, .cell = *cell,
			.mops = contender[i].lookups,
		});
	return result;
}

static bool all_found(struct stage *stage, const struct stream *stream)
{
	for (unsigned k = 0; k < KINDS; k++) {
		struct contender contender = { .ops = kinds[k], .table = stage->table[k] };

		if (kinds[k] == &table_limit_lines || kinds[k] == &table_limit_dependent)
			continue;
		if (!check_lookups(&contender, stream, stage->group->cores)) {
			fprintf(stderr, "%s found other keys than are there\n", kinds[k]->name);
			return false;
		}
	}
	return true;
}

// One stream of keys, with and without touching the record.
static int measure_stream(struct stage *stage, struct cell *cell, struct results *results)
{
	const struct group *group = stage->group;
	const struct stream_params params = {
		.family = group->family, .access = cell->access, .hit_percent = cell->hit_percent,
		.slot_bits = (unsigned)__builtin_ctz(group->slots), .count = plan_stream(group->plan, group->slots),
	};
	bool wanted[2] = { plan_wants(group->plan, cell) };
	struct stream stream;
	int result;

	cell->touch = true;
	wanted[1] = plan_wants(group->plan, cell);
	if (!wanted[0] && !wanted[1])
		return 0;
	if (stream_make(&stream, &params, &stage->population) != 0)
		return -ENOMEM;
	result = all_found(stage, &stream) ? 0 : -ENOTRECOVERABLE;
	for (unsigned touch = 0; touch < 2 && result == 0; touch++) {
		cell->touch = touch;
		if (wanted[touch])
			result = measure_cell(stage, cell, &stream, results);
	}
	stream_free(&stream);
	return result;
}

static int measure_streams(struct stage *stage, bool churned, struct results *results)
{
	static const unsigned hit_percents[] = { 100, 90, 0 };
	int result = 0;

	for (unsigned i = 0; i < 2 * RTE_DIM(hit_percents) && result == 0; i++) {
		struct cell cell = {
			.family = stage->group->family, .flows = stage->setup.flows, .churned = churned,
			.access = i / RTE_DIM(hit_percents) ? ACCESS_ZIPF : ACCESS_UNIFORM,
			.hit_percent = hit_percents[i % RTE_DIM(hit_percents)], .cores = stage->group->cores,
		};

		result = measure_stream(stage, &cell, results);
	}
	return result;
}

// Of all lookups, or of those in churned tables, or of inserts: is any wanted?
static bool wants_lookups(const struct group *group, bool churned)
{
	static const unsigned hit_percents[] = { 100, 90, 0 };

	for (unsigned i = 0; i < 12; i++) {
		const struct cell cell = {
			.family = group->family, .flows = plan_flows(group->slots), .churned = churned,
			.hit_percent = hit_percents[i % 3], .access = i / 3 & 1, .touch = i / 6, .cores = group->cores,
		};

		if (plan_wants(group->plan, &cell))
			return true;
	}
	return false;
}

static int measure_lookup_cells(struct stage *stage, struct results *results)
{
	const struct group *group = stage->group;
	int result;

	progress(group, "fill");
	result = fill_tables(stage);
	if (!heap_settle())
		progress(group, "not all pages could be had beforehand: first samples may be slow");
	if (result == 0)
		result = measure_streams(stage, false, results);
	if (result == 0 && wants_lookups(group, true)) {
		progress(group, "churn");
		result = churn_tables(stage, plan_churn(group->plan, group->slots));
		if (result == 0)
			result = measure_streams(stage, true, results);
	}
	return result;
}

static int run_lookups(struct stage *stage, struct results *results)
{
	int result = -ENOMEM;

	stage->removed = calloc(CHUNK, sizeof(*stage->removed));
	stage->added = calloc(CHUNK, sizeof(*stage->added));
	stage->number = calloc(CHUNK, sizeof(*stage->number));
	if (stage->removed && stage->added && stage->number &&
	    population_init(&stage->population, stage->setup.flows) == 0 && create_tables(stage) == 0)
		result = measure_lookup_cells(stage, results);
	destroy_tables(stage);
	population_free(&stage->population);
	free(stage->removed);
	free(stage->added);
	free(stage->number);
	return result;
}

// Of a table for so many flows, not of one that can be filled to its last slot.
static int find_bytes_per_flow(const struct table_setup *setup, double bytes_per_flow[])
{
	for (unsigned t = 0; t < FILLED; t++) {
		void *table = filled[t]->create(setup);

		if (table == NULL)
			return -ENOMEM;
		bytes_per_flow[t] = (double)filled[t]->proper_bytes(table) / setup->flows;
		filled[t]->destroy(table);
	}
	return 0;
}

static int run_filling(const struct stage *stage, struct results *results)
{
	const struct plan *plan = stage->group->plan;
	struct filling_params params = {
		.setup = stage->setup, .rounds = plan_filling_rounds(plan, stage->group->slots),
		.singles = plan->effort.singles, .heap = stage->group->heap,
	};
	int result = find_bytes_per_flow(&params.setup, params.bytes_per_flow);

	params.setup.full = true;
	return result ? result : filling_measure(stage->group->measure, &params, filled, FILLED, results);
}

static struct cell filling_cell(const struct group *group)
{
	return (struct cell){
		.operation = OPERATION_INSERT, .family = group->family, .flows = plan_flows(group->slots), .cores = 1,
	};
}

int group_run(const struct group *group, struct results *results)
{
	const bool lookups = wants_lookups(group, false) || wants_lookups(group, true);
	const struct cell filling = filling_cell(group);
	const bool wants_filling = group->cores == 1 && plan_wants(group->plan, &filling);
	struct stage *stage;
	char text[128];
	int result;

	if (!lookups && !wants_filling)
		return 0;
	stage = calloc(1, sizeof(*stage));
	result = stage ? heap_open(group->heap, heap_bytes(group)) : -ENOMEM;
	if (result == 0) {
		*stage = (struct stage){ .group = group, .setup = setup_of(group) };
		if (lookups)
			result = run_lookups(stage, results);
		if (result == 0 && wants_filling) {
			cell_text(&filling, text, sizeof(text));
			progress(group, text);
			result = run_filling(stage, results);
		}
		heap_close(group->heap);
	}
	if (result != 0)
		fprintf(stderr, "ip%d, %u flows, %u cores: %s\n", group->family, plan_flows(group->slots), group->cores,
			strerror(-result));
	free(stage);
	return result;
}
