// SPDX-License-Identifier: BSD-3-Clause
#include "bench/filling.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "bench/keys.h"
#include "bench/population.h"

enum {
	PIECE_MAX = 4096, // keys between two looks at the clock
	ROUNDS_MAX = 64,
	FULL = 95,        // percent of the slots: the end of the last window
	NEARLY_FULL = 90,
};

static const unsigned window_end[] = { 50, 75, 87, FULL };
enum { WINDOWS = sizeof(window_end) / sizeof(window_end[0]) };

// What was timed in one window of one round.
struct timing {
	uint64_t done, disturbed_done;
	double seconds, disturbed_seconds;
};

// One kind of table, over all rounds.
struct candidate {
	const struct table_ops *ops;
	double insert[WINDOWS][ROUNDS_MAX], remove[WINDOWS][ROUNDS_MAX]; // million a second
	unsigned inserted[WINDOWS], removed[WINDOWS];
	unsigned disturbed_inserts[WINDOWS], disturbed_removes[WINDOWS];
	double first_failure_percent;
	uint32_t *cost; // of each single insert, in ticks: the lowest of all rounds
	uint32_t worst_raw;
};

// A table that is being filled.
struct tank {
	struct measure *measure;
	const struct filling_params *params;
	struct candidate *candidate;
	void *table;
	uint32_t slots;
	struct population population;
	uint32_t number[PIECE_MAX];
	struct flow_key key[PIECE_MAX]; // or struct flow_key4
};

typedef unsigned apply_fn(void *table, const void *keys, unsigned n);

static unsigned apply(struct tank *tank, apply_fn *fn, unsigned n)
{
	const size_t bytes = key_bytes(tank->params->setup.family);
	unsigned done = 0, burst, went;

	for (unsigned i = 0; i < n; i += burst) {
		burst = RTE_MIN(n - i, (unsigned)BURST);
		went = fn(tank->table, (const char *)tank->key + i * bytes, burst);
		done += went;
		if (went < burst)
			break;
	}
	return done;
}

static unsigned apply_timed(struct tank *tank, apply_fn *fn, unsigned n, struct timing *timing)
{
	struct quiet *quiet = &tank->measure->quiet[0];
	double start, seconds;
	unsigned done;

	quiet_begin(quiet);
	start = now_seconds();
	done = apply(tank, fn, n);
	seconds = now_seconds() - start;
	if (quiet_end(quiet)) {
		timing->done += done;
		timing->seconds += seconds;
	} else {
		timing->disturbed_done += done;
		timing->disturbed_seconds += seconds;
	}
	return done;
}

static uint32_t flows_at(const struct tank *tank, unsigned percent)
{
	return (uint32_t)((uint64_t)tank->slots * percent / 100);
}

static void note_failure(struct tank *tank)
{
	double percent = 100.0 * tank->population.count / tank->slots;
	double *first = &tank->candidate->first_failure_percent;

	if (*first == 0 || percent < *first)
		*first = percent;
}

// Fills up to so many flows; less pieces of the small tables, whose windows are small. false: something did not fit.
static bool fill(struct tank *tank, uint32_t flows, struct timing *timing)
{
	struct population *population = &tank->population;
	const unsigned piece = tank->slots < 1 << 18 ? PIECE_MAX / 4 : PIECE_MAX;
	unsigned n, done;

	while (population->count < flows) {
		n = RTE_MIN(flows - population->count, piece);
		population_grow(population, n, tank->number);
		keys_make(tank->params->setup.family, tank->number, n, tank->key);
		done = apply_timed(tank, tank->candidate->ops->insert, n, timing);
		population->count -= n - done;
		if (done < n) {
			note_failure(tank);
			return false;
		}
	}
	return true;
}

// false: something was not there, which is an error.
static bool drain(struct tank *tank, uint32_t flows, struct timing *timing)
{
	struct population *population = &tank->population;
	const unsigned piece = tank->slots < 1 << 18 ? PIECE_MAX / 4 : PIECE_MAX;
	unsigned n;

	while (population->count > flows) {
		n = RTE_MIN(population->count - flows, piece);
		population_shrink(population, n, tank->number);
		keys_make(tank->params->setup.family, tank->number, n, tank->key);
		if (apply_timed(tank, tank->candidate->ops->remove, n, timing) != n)
			return false;
	}
	return true;
}

// Of the undisturbed pieces, if there are any.
static void note(const struct timing *timing, double mops[], unsigned *count, unsigned *disturbed)
{
	if (timing->done > 0) {
		mops[(*count)++] = (double)timing->done / timing->seconds * 1e-6;
	} else if (timing->disturbed_done > 0) {
		mops[(*count)++] = (double)timing->disturbed_done / timing->disturbed_seconds * 1e-6;
		(*disturbed)++;
	}
}

// One flow goes, another one comes: it is timed alone. What disturbs one insert won't disturb the same one in all rounds.
static bool time_singles(struct tank *tank)
{
	struct candidate *candidate = tank->candidate;
	uint64_t start;

	for (uint32_t i = 0; i < tank->params->singles; i++) {
		population_churn(&tank->population, 1, &tank->number[0], &tank->number[1]);
		keys_make(tank->params->setup.family, tank->number, 1, tank->key);
		if (apply(tank, candidate->ops->remove, 1) != 1)
			return false;
		keys_make(tank->params->setup.family, tank->number + 1, 1, tank->key);
		start = rte_rdtsc_precise();
		if (apply(tank, candidate->ops->insert, 1) != 1)
			return false;
		uint32_t cost = (uint32_t)RTE_MIN(rte_rdtsc_precise() - start, UINT32_MAX);
		candidate->worst_raw = RTE_MAX(candidate->worst_raw, cost);
		candidate->cost[i] = candidate->cost[i] ? RTE_MIN(candidate->cost[i], cost) : cost;
	}
	return true;
}

static bool fill_and_drain(struct tank *tank)
{
	struct candidate *candidate = tank->candidate;
	struct timing unused = { 0 };
	bool fits = true;

	for (unsigned w = 0; w < WINDOWS && fits; w++) {
		struct timing timing = { 0 };

		fits = fill(tank, flows_at(tank, window_end[w]), &timing);
		note(&timing, candidate->insert[w], &candidate->inserted[w], &candidate->disturbed_inserts[w]);
	}
	if (fits && fill(tank, tank->slots, &unused))
		candidate->first_failure_percent = candidate->first_failure_percent ? candidate->first_failure_percent : 100;
	if (!drain(tank, flows_at(tank, NEARLY_FULL), &unused) || !time_singles(tank))
		return false;
	fill(tank, flows_at(tank, FULL), &unused);
	for (unsigned w = WINDOWS; w-- > 0;) {
		struct timing timing = { 0 };

		if (!drain(tank, w ? flows_at(tank, window_end[w - 1]) : 0, &timing))
			return false;
		note(&timing, candidate->remove[w], &candidate->removed[w], &candidate->disturbed_removes[w]);
	}
	return true;
}

static int run_round(struct tank *tank)
{
	const struct table_ops *ops = tank->candidate->ops;
	int result = -ENOMEM;

	tank->table = ops->create(&tank->params->setup);
	if (tank->table == NULL)
		return -ENOMEM;
	tank->slots = (uint32_t)ops->slots(tank->table);
	if (population_init(&tank->population, tank->slots + PIECE_MAX) == 0) {
		heap_settle();
		result = fill_and_drain(tank) ? 0 : -ENOTRECOVERABLE;
		population_free(&tank->population);
	}
	ops->destroy(tank->table);
	return result;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct filling summary(const struct filling_params *params, const struct candidate *candidate, double bytes_per_flow)
{
	const double us = 1e6 / (double)rte_get_tsc_hz();
	const uint32_t n = params->singles;

	qsort(candidate->cost, n, sizeof(candidate->cost[0]), compare);
	return (struct filling){
		.first_failure_percent = candidate->first_failure_percent,
		.bytes_per_flow = bytes_per_flow,
		.worst_us = n ? candidate->cost[n - 1] * us : 0,
		.p999_us = n ? candidate->cost[n - 1 - n / 1000] * us : 0,
		.worst_raw_us = candidate->worst_raw * us,
	};
}

static int add_rows(const struct filling_params *params, struct candidate *candidate, double bytes_per_flow,
		    struct results *results)
{
	struct result row = {
		.table = candidate->ops->name,
		.cell = { .family = params->setup.family, .flows = params->setup.flows, .cores = 1 },
		.filling = summary(params, candidate, bytes_per_flow),
	};
	int result = 0;

	for (unsigned i = 0; i < 2 * WINDOWS && result == 0; i++) {
		const unsigned w = i % WINDOWS;
		const bool insert = i < WINDOWS;

		row.cell.operation = insert ? OPERATION_INSERT : OPERATION_DELETE;
		row.cell.hit_percent = insert ? 0 : 100;
		row.filling.load_from = w ? window_end[w - 1] : 0;
		row.filling.load_percent = window_end[w];
		row.mops = insert ? spread_of(candidate->insert[w], candidate->inserted[w], candidate->disturbed_inserts[w]) :
				    spread_of(candidate->remove[w], candidate->removed[w], candidate->disturbed_removes[w]);
		result = results_add(results, &row);
	}
	return result;
}

int filling_measure(struct measure *measure, const struct filling_params *params, const struct table_ops *const ops[],
		    unsigned tables, struct results *results)
{
	struct candidate *candidate = calloc(tables, sizeof(*candidate));
	struct tank *tank = calloc(1, sizeof(*tank));
	int result = candidate && tank ? 0 : -ENOMEM;

	for (unsigned t = 0; t < tables && result == 0; t++) {
		candidate[t].ops = ops[t];
		candidate[t].cost = calloc(params->singles + 1, sizeof(candidate[t].cost[0]));
		result = candidate[t].cost ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; i < RTE_MIN(params->rounds, (unsigned)ROUNDS_MAX) * tables && result == 0; i++) {
		*tank = (struct tank){ .measure = measure, .params = params };
		tank->candidate = &candidate[(i + i / tables) % tables];
		result = run_round(tank);
	}
	for (unsigned t = 0; t < tables && candidate; t++) {
		if (result == 0)
			result = add_rows(params, &candidate[t], params->bytes_per_flow[t], results);
		free(candidate[t].cost);
	}
	free(candidate);
	free(tank);
	return result;
}
