// SPDX-License-Identifier: BSD-3-Clause
// Rules: how long a packet's first match takes to find, beside plain rte_acl, a linear scan and one random cache line; and how
// long a list takes to compile. See README.md.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_eal.h>

#include "bench/classify_cell.h"
#include "bench/heap.h"
#include "dataplane/memory.h"

enum { SIZES = 5, CELLS_MAX = MIXES * 2 * SIZES };

static const size_t sizes[SIZES] = { 10, 100, 1000, 10000, 100000 };

struct options {
	bool quick;
	const char *json;
	const char *only; // a mix
	size_t most;      // rules
};

struct compiled {
	enum rule_mix mix;
	size_t rules, bytes;
	double seconds;
};

struct results {
	struct classify_cell cell[CELLS_MAX];
	unsigned cells;
	struct compiled both[MIXES * SIZES];
	unsigned boths;
};

static const char usage[] =
	"usage: classify_bench [--quick] [--only MIX] [--most RULES] [--json FILE]\n"
	"  --quick  up to 10,000 rules, few rounds: under a minute on a quiet machine\n"
	"  --only   ports, acl, fw or ipc\n"
	"  --most   no longer lists than this\n"
	"  --json   writes all rows\n";

static int options_parse(int argc, char *argv[], struct options *options)
{
	static const struct option known[] = {
		{ "quick", no_argument, NULL, 'q' }, { "only", required_argument, NULL, 'o' },
		{ "most", required_argument, NULL, 'm' }, { "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int option;
	*options = (struct options){ .most = sizes[SIZES - 1] };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'q': options->quick = true; options->most = 10000; break;
		case 'o': options->only = optarg; break;
		case 'm': options->most = strtoull(optarg, NULL, 10); break;
		case 'j': options->json = optarg; break;
		case 'h': fputs(usage, stdout), exit(0);
		default: return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

// The table

static void print_head(enum rule_mix mix, uint8_t family)
{
	printf("\n%s, IPv%u: nanoseconds a packet (median)\n", rule_mix_name(mix), family);
	printf("%8s | %-26s | %-35s | %-13s | %-17s | %9s | %6s | %-17s | %-17s\n", "", "portier, in bursts of", "rte_acl",
		"portier/it", "line", "linear", "spread", "build seconds", "MB");
	printf("%8s | %8s %8s %8s | %8s %8s %8s %8s | %6s %6s | %8s %8s | %9s | %6s | %8s %8s | %8s %8s\n", "rules", "64", "32",
		"1", "64", "32", "1", "fill 64", "64", "fill", "64", "1", "1", "64", "portier", "rte_acl", "portier", "rte_acl");
}

static double median(const struct classify_cell *cell, enum classify_who who)
{
	return cell->row[who].ns.median;
}

static void print_cell(const struct classify_cell *cell)
{
	const struct spread *first = &cell->row[WHO_PORTIER_64].ns;
	bool plain = cell->row[WHO_PLAIN_64].ns.samples > 0;
	printf("%8zu |", cell->rules);
	for (unsigned who = 0; who < WHOS; who++) {
		bool bar = who == WHO_PORTIER_1 || who == WHO_FILLED_64 || who == WHO_LINE_1 || who == WHO_LINEAR;
		if (cell->row[who].ns.samples)
			printf(who == WHO_LINEAR ? " %9.1f%s" : " %8.1f%s", median(cell, who), bar ? " |" : "");
		else
			printf(" %8s%s", "-", bar ? " |" : "");
		if (who == WHO_FILLED_64 && plain)
			printf(" %6.2f %6.2f |", first->median / median(cell, WHO_PLAIN_64),
				first->median / median(cell, WHO_FILLED_64));
		else if (who == WHO_FILLED_64)
			printf(" %6s %6s |", "-", "-");
	}
	printf(" %5.0f%% | %8.3f", (first->max - first->min) / first->median * 100, cell->build_seconds);
	if (plain)
		printf(" %8.3f | %8.1f %8.1f", cell->plain_build_seconds, (double)cell->bytes / 1e6,
			(double)cell->plain_bytes / 1e6);
	else
		printf(" %8s | %8.1f %8s", "-", (double)cell->bytes / 1e6, "-");
	printf("%s\n", cell->wrong ? "  WRONG ANSWERS" : "");
	fflush(stdout);
}

static void print_compiled(const struct results *results)
{
	printf("\nCompiling lists of both families, seconds of processor time (and MB)\n%8s", "rules");
	for (unsigned mix = 0; mix < MIXES; mix++)
		printf(" %20s", rule_mix_name(mix));
	for (unsigned size = 0; size < SIZES; size++) {
		printf("\n%8zu", sizes[size]);
		for (unsigned mix = 0; mix < MIXES; mix++) {
			const struct compiled *found = NULL;
			for (unsigned i = 0; i < results->boths; i++) {
				if (results->both[i].mix == mix && results->both[i].rules == sizes[size])
					found = &results->both[i];
			}
			if (found)
				printf("     %7.3f (%6.1f)", found->seconds, (double)found->bytes / 1e6);
			else
				printf(" %20s", "-");
		}
	}
	printf("\n");
}

// JSON

static json_t *json_of_row(const struct classify_cell *cell, const struct classify_row *row)
{
	bool plain = strncmp(row->who, "rte_acl", strlen("rte_acl")) == 0;
	return json_pack("{s:s, s:i, s:I, s:s, s:i, s:f, s:f, s:f, s:i, s:i, s:f, s:I, s:i, s:i, s:i}", "mix",
		rule_mix_name(cell->mix), "family", cell->family, "rules", (json_int_t)cell->rules, "who", row->who, "burst",
		(int)row->burst, "ns", row->ns.median, "ns_min", row->ns.min, "ns_max", row->ns.max, "samples",
		(int)row->ns.samples, "disturbed", (int)row->ns.disturbed, "build_sec",
		plain ? cell->plain_build_seconds : cell->build_seconds, "bytes",
		(json_int_t)(plain ? cell->plain_bytes : cell->bytes), "checked_linear", (int)cell->linear_checked,
		"checked_rte_acl", (int)cell->plain_checked, "wrong", (int)cell->wrong);
}

static json_t *json_of_compiled(const struct compiled *compiled)
{
	return json_pack("{s:s, s:i, s:I, s:s, s:f, s:I}", "mix", rule_mix_name(compiled->mix), "family", 0, "rules",
		(json_int_t)compiled->rules, "who", "compile", "build_sec", compiled->seconds, "bytes",
		(json_int_t)compiled->bytes);
}

static int write_json(const struct results *results, const char *path)
{
	json_t *rows = json_array();
	for (unsigned i = 0; i < results->cells; i++) {
		for (unsigned who = 0; who < WHOS; who++) {
			if (results->cell[i].row[who].ns.samples)
				json_array_append_new(rows, json_of_row(&results->cell[i], &results->cell[i].row[who]));
		}
	}
	for (unsigned i = 0; i < results->boths; i++)
		json_array_append_new(rows, json_of_compiled(&results->both[i]));
	int result = json_dump_file(rows, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(rows);
	return result;
}

// The run

// Building takes longer than the rules get more: what the shorter list took tells whether to try.
static double expected(double before, bool first)
{
	enum { GROWTH = 20 };
	return first ? 0 : before == 0 ? 1e9 : before * GROWTH;
}

static int measure_lists(struct results *results, const struct options *options, const struct classify_plan *plan,
			 enum rule_mix mix, uint8_t family)
{
	double plain_before = 0;
	print_head(mix, family);
	for (unsigned size = 0; size < SIZES && sizes[size] <= options->most; size++) {
		struct classify_cell *cell = &results->cell[results->cells];
		*cell = (struct classify_cell){ .mix = mix, .family = family, .rules = sizes[size] };
		int result = classify_cell_measure(cell, plan, expected(plain_before, size == 0));
		if (result) {
			printf("%8zu | %s\n", sizes[size], strerror(-result));
			return result;
		}
		results->cells++;
		plain_before = cell->plain_build_seconds;
		print_cell(cell);
	}
	return 0;
}

static int compile_lists(struct results *results, const struct options *options, const struct classify_plan *plan,
			 enum rule_mix mix)
{
	for (unsigned size = 0; size < SIZES && sizes[size] <= options->most; size++) {
		struct compiled *compiled = &results->both[results->boths];
		*compiled = (struct compiled){ .mix = mix, .rules = sizes[size] };
		int result = classify_compile_both(mix, sizes[size], plan->socket, &compiled->seconds, &compiled->bytes);
		if (result)
			return result;
		results->boths++;
	}
	return 0;
}

static int run(struct results *results, const struct options *options, const struct classify_plan *plan)
{
	int worst = 0;
	for (unsigned mix = 0; mix < MIXES; mix++) {
		if (options->only && strcmp(options->only, rule_mix_name(mix)) != 0)
			continue;
		for (unsigned family = FAMILY_IP4; family <= FAMILY_IP6; family += 2) {
			int result = measure_lists(results, options, plan, mix, (uint8_t)family);
			worst = result ? result : worst;
		}
		int result = compile_lists(results, options, plan, mix);
		worst = result ? result : worst;
	}
	print_compiled(results);
	return worst;
}

static bool any_wrong(const struct results *results)
{
	for (unsigned i = 0; i < results->cells; i++) {
		if (results->cell[i].wrong)
			return true;
	}
	return false;
}

static int far_take(struct classify_plan *plan)
{
	plan->far = memory_take("lines beyond caches", (size_t)LINES_FAR * 64, -1);
	if (!plan->far)
		return -ENOMEM;
	for (size_t i = 0; i < LINES_FAR; i++)
		plan->far[8 * i] = i;
	return 0;
}

int main(int argc, char *argv[])
{
	static struct results results;
	struct options options;
	struct heap heap;
	if (options_parse(argc, argv, &options)) {
		fputs(usage, stderr);
		return 2;
	}
	size_t bytes = (size_t)(options.most > 10000 ? 6 : 1) << 30;
	struct classify_plan plan = {
		.rounds = options.quick ? 5 : 15,
		.plain_patience_sec = options.quick ? 20 : 200,
		.linear_seconds = options.quick ? 0.05 : 5,
	};
	if (heap_start(&heap, bytes) || heap_open(&heap, bytes) || far_take(&plan)) {
		fputs("classify_bench: no memory\n", stderr);
		return 1;
	}
	plan.socket = heap.socket;
	printf("%d packets in bursts, drawn from the rules, one in ten at random; memory of %s\n", PACKETS,
		heap.hugetlb ? "hugepages" : "mappings that may get huge pages");
	int result = run(&results, &options, &plan);
	if (options.json && write_json(&results, options.json))
		result = -EIO;
	memory_give(plan.far);
	heap_close(&heap);
	heap_stop(&heap);
	return result || any_wrong(&results);
}
