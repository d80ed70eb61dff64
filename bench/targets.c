// SPDX-License-Identifier: BSD-3-Clause
#include "bench/targets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

// A ratio of two medians that is to be at least something, at all sizes, fresh and churned.
struct target {
	const char *text;
	enum ip_family family;
	unsigned hit_percent;
	bool touch;
	const char *table, *peer;
	double least;
};

static const struct target ratios[] = {
	{ "1. IPv4 hits, to rte_hash_lf", FAMILY_IP4, 100, false, "portier", "rte_hash_lf", 3 },
	{ "1. IPv4 misses, to rte_hash_lf", FAMILY_IP4, 0, false, "portier", "rte_hash_lf", 1 },
	{ "1. IPv4 misses, to rte_hash", FAMILY_IP4, 0, false, "portier", "rte_hash", 1 },
	{ "2. IPv4 hits, touched, to rte_hash_lf", FAMILY_IP4, 100, true, "portier", "rte_hash_lf", 2.5 },
	{ "2. IPv4 hits, touched, to limit_dependent", FAMILY_IP4, 100, true, "portier", "limit_dependent", 0.85 },
	{ "3. IPv6 hits, to rte_hash_lf", FAMILY_IP6, 100, false, "portier", "rte_hash_lf", 2 },
	{ "3. IPv6 hits, touched, to rte_hash_lf", FAMILY_IP6, 100, true, "portier", "rte_hash_lf", 2 },
	{ "6. IPv4 hits, any thread's to the owner's lookup", FAMILY_IP4, 100, false, "portier_shared", "portier_owner", 0.95 },
	{ "6. IPv6 hits, any thread's to the owner's lookup", FAMILY_IP6, 100, false, "portier_shared", "portier_owner", 0.95 },
};

// Of the best known peer, Cuckoo++: million misses a second, and what the limit was in the same run.
struct best_peer {
	uint32_t slots;
	double misses, limit;
};

static const struct best_peer best_peer[] = {
	{ 1 << 16, 250, 630 }, { 1 << 20, 250, 400 }, { 1 << 23, 80, 156 }, { 1 << 25, 60, 111 },
};

static double ratio(const struct results *results, const struct cell *cell, const char *table, const char *peer)
{
	const struct result *a = results_find(results, table, cell), *b = results_find(results, peer, cell);

	return a && b ? a->mops.median / b->mops.median : NAN;
}

static void print_pair(double fresh, double churned)
{
	const double pair[] = { fresh, churned };

	for (unsigned i = 0; i < 2; i++)
		if (isnan(pair[i]))
			printf(i ? "/-    " : "     -");
		else
			printf(i ? "/%-5.2f" : " %5.2f", pair[i]);
}

static void print_verdict(double worst, double least)
{
	if (isinf(worst))
		puts("  not measured");
	else
		printf("  at least %.2f: %s\n", least, worst >= least ? "met" : "NOT MET");
}

// Sizes one after the other: fresh/churned.
static void print_ratio(const struct plan *plan, const struct results *results, const struct target *target)
{
	double worst = INFINITY;

	printf("%-50s", target->text);
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++) {
		struct cell cell = {
			.family = target->family, .flows = plan_flows(plan->effort.slots[s]), .cores = 1,
			.hit_percent = target->hit_percent, .touch = target->touch,
		};
		double fresh = ratio(results, &cell, target->table, target->peer), churned;

		cell.churned = true;
		churned = ratio(results, &cell, target->table, target->peer);
		worst = fmin(worst, fmin(fresh, churned)); // not a number: left out
		print_pair(fresh, churned);
	}
	print_verdict(worst, target->least);
}

static void print_best_peer(const struct plan *plan, const struct results *results)
{
	double worst = INFINITY;

	printf("%-50s", "1. IPv4 misses, to Cuckoo++ by the limit");
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++)
		for (unsigned p = 0; p < RTE_DIM(best_peer); p++) {
			struct cell cell = { .family = FAMILY_IP4, .flows = plan_flows(plan->effort.slots[s]), .cores = 1 };
			double scale = best_peer[p].limit / best_peer[p].misses, fresh, churned;

			if (best_peer[p].slots != plan->effort.slots[s])
				continue;
			fresh = ratio(results, &cell, "portier", "limit_lines") * scale;
			cell.churned = true;
			churned = ratio(results, &cell, "portier", "limit_lines") * scale;
			worst = fmin(worst, fmin(fresh, churned));
			print_pair(fresh, churned);
		}
	print_verdict(worst, 1);
}

static const struct result *filling_row(const struct results *results, const char *table, enum ip_family family,
					uint32_t flows, double load)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct result *row = &results->row[i];

		if (row->cell.operation == OPERATION_INSERT && row->cell.family == family && row->cell.flows == flows &&
		    row->filling.load_percent == load && strcmp(row->table, table) == 0)
			return row;
	}
	return NULL;
}

// Sizes one after the other: by window.
static void print_inserts(const struct plan *plan, const struct results *results, const char *peer)
{
	static const double loads[] = { 50, 75, 87, 95 };
	double worst = INFINITY;
	char text[64];

	snprintf(text, sizeof(text), "4. IPv4 inserts, to %s", peer);
	printf("%-50s", text);
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++)
		for (unsigned w = 0; w < RTE_DIM(loads); w++) {
			uint32_t flows = plan_flows(plan->effort.slots[s]);
			const struct result *a = filling_row(results, "portier", FAMILY_IP4, flows, loads[w]);
			const struct result *b = filling_row(results, peer, FAMILY_IP4, flows, loads[w]);

			if (a == NULL || b == NULL || b->mops.median == 0)
				continue;
			worst = fmin(worst, a->mops.median / b->mops.median);
			printf("%s%.2f", w ? "/" : " ", a->mops.median / b->mops.median);
		}
	print_verdict(worst, 1);
}

static double first_failure(const struct filling *filling)
{
	return filling->first_failure_percent;
}

static double slowest(const struct filling *filling)
{
	return -filling->worst_us;
}

static double bytes(const struct filling *filling)
{
	return -filling->bytes_per_flow;
}

static void print_figure(const struct plan *plan, const struct results *results, const char *text,
			 double (*figure)(const struct filling *), double least)
{
	double worst = INFINITY;

	printf("%-50s", text);
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++) {
		const struct result *row =
			filling_row(results, "portier", FAMILY_IP4, plan_flows(plan->effort.slots[s]), 50);

		if (row == NULL)
			continue;
		worst = fmin(worst, figure(&row->filling));
		printf(" %11.2f", fabs(figure(&row->filling)));
	}
	if (isinf(worst))
		puts("  not measured");
	else
		printf("  at %s %.0f: %s\n", least < 0 ? "most" : "least", fabs(least), worst >= least ? "met" : "NOT MET");
}

void targets_print(const struct plan *plan, const struct results *results)
{
	printf("\ntargets, on one core, keys drawn uniformly; ratios fresh/churned, for each size\n%-50s", "");
	for (unsigned s = 0; s < SIZES_MAX && plan->effort.slots[s]; s++)
		printf(" %11u", plan_flows(plan->effort.slots[s]));
	puts("");
	for (unsigned i = 0; i < RTE_DIM(ratios); i++)
		print_ratio(plan, results, &ratios[i]);
	print_best_peer(plan, results);
	print_inserts(plan, results, "rte_hash");
	print_inserts(plan, results, "rte_hash_lf");
	print_figure(plan, results, "4. load at the first failed insert, percent", first_failure, 95);
	print_figure(plan, results, "4. slowest insert at 90 percent, microseconds", slowest, -100);
	print_figure(plan, results, "5. bytes a flow of the table proper", bytes, -20);
	puts("6. no wrong and no missed answer beside a writer: tests/stress/flow_table_stress");
}
