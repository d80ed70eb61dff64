// SPDX-License-Identifier: BSD-3-Clause
// What the packet path costs, in TSC cycles a packet: each stage of a burst, and all of it as the daemon runs it, on packets in
// memory. Source and sink are not in it. Rounds are interleaved; disturbed samples are taken again, and told.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "bench/burst_cell.h"
#include "bench/cores.h"

enum { SIZES_MAX = 8, CELLS_MAX = SIZES_MAX * INPUTS, FLOWS_MIN = 64, FLOWS_MAX = 1 << 24, COUNTED_BURSTS = 1024 };

struct options {
	uint32_t size[SIZES_MAX];
	unsigned sizes, rounds;
	double sample_seconds;
	const char *json, *only;
	bool count, by_stage;
};

static const char usage[] =
	"usage: burst_bench [--quick] [--only WORDS] [--sizes FLOWS,...] [--json FILE] [--count|--stages]\n"
	"  --quick  fewer rounds, and no more than a million flows: below a minute\n"
	"  --only   inputs whose name contains the words, such as 'ip4 tcp'\n"
	"  --sizes  numbers of flows, powers of two from 64 to 16M, such as 1K,64K,1M\n"
	"  --count  no clock: 65,536 packets of each through counted_burst, for\n"
	"           valgrind --tool=callgrind --toggle-collect=counted_burst\n"
	"  --stages the same, stage by stage: --toggle-collect=staged_burst\n";

static void refuse(const char *what, const char *text)
{
	fprintf(stderr, "burst_bench: %s '%s'\n%s", what, text, usage);
	exit(2);
}

// "64K". Ends the program if it is no size.
static uint32_t size_of(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	unsigned shift = *end == 'k' || *end == 'K' ? 10 : *end == 'm' || *end == 'M' ? 20 : 0;

	if (end == text || end[shift != 0] != '\0' || value > FLOWS_MAX)
		refuse("expected a number of flows, found", text);
	value <<= shift;
	if (value < FLOWS_MIN || value > FLOWS_MAX || (value & (value - 1)) != 0)
		refuse("expected a power of two from 64 to 16M, found", text);
	return (uint32_t)value;
}

static void set_sizes(struct options *options, const char *text)
{
	char list[128], *rest = list, *word;

	snprintf(list, sizeof(list), "%s", text);
	options->sizes = 0;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (options->sizes == SIZES_MAX)
			refuse("more than eight sizes:", text);
		options->size[options->sizes++] = size_of(word);
	}
}

static void be_quick(struct options *options)
{
	set_sizes(options, "1K,64K,1M");
	options->rounds = 5;
	options->sample_seconds = 0.01;
}

static void be_brief(struct options *options)
{
	set_sizes(options, "64,1K");
	options->rounds = 1;
	options->sample_seconds = 0.001;
}

static void read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = { { "quick", no_argument, NULL, 'q' }, { "smoke", no_argument, NULL, 's' },
		{ "only", required_argument, NULL, 'o' }, { "sizes", required_argument, NULL, 'f' },
		{ "json", required_argument, NULL, 'j' }, { "count", no_argument, NULL, 'c' },
		{ "stages", no_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { NULL } };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'q': be_quick(options); break;
		case 's': be_brief(options); break;
		case 'o': options->only = optarg; break;
		case 'f': set_sizes(options, optarg); break;
		case 'j': options->json = optarg; break;
		case 'c': options->count = true; break;
		case 't': options->count = options->by_stage = true; break;
		case 'h': fputs(usage, stdout), exit(0);
		default: fputs(usage, stderr), exit(2);
		}
	}
	if (optind < argc)
		refuse("expected nothing behind the options, found", argv[optind]);
}

static size_t memory_there(void)
{
	return (size_t)sysconf(_SC_AVPHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

// Those that are asked for and that there is memory for.
static unsigned list_cells(const struct options *options, struct burst_cell cell[])
{
	unsigned n = 0;

	for (unsigned s = 0; s < options->sizes; s++) {
		if (burst_cell_bytes(options->size[s]) > memory_there() / 2) {
			printf("%u flows are left out: there is no memory for them\n", options->size[s]);
			continue;
		}
		for (unsigned i = 0; i < INPUTS; i++)
			if (!options->only || strstr(inputs[i].name, options->only))
				cell[n++] = (struct burst_cell){ .input = &inputs[i], .flows = options->size[s] };
	}
	return n;
}

// How many of the next cells fit into memory together; one at least.
static unsigned group_of(const struct burst_cell cell[], unsigned n)
{
	size_t room = memory_there() / 2;
	unsigned count = 0;

	while (count < n && cell[count].flows == cell[0].flows && burst_cell_bytes(cell[count].flows) <= room)
		room -= burst_cell_bytes(cell[count++].flows);
	return RTE_MAX(count, 1u);
}

static void print_head(void)
{
	printf("TSC of %.0f MHz; cycles a packet, medians; spread: slowest less fastest round, in percent\n\n",
		(double)rte_get_tsc_hz() / 1e6);
	printf("%-14s %9s %7s %7s %7s", "input", "flows", "whole", "ns", "spread");
	for (unsigned stage = 0; stage < STAGE_WHOLE; stage++)
		printf(" %15s", burst_stage_name((enum burst_stage)stage));
	printf(" %9s\n", "disturbed");
}

static double staged_sum(const struct burst_cell *cell)
{
	double sum = 0;
	for (unsigned stage = 0; stage < STAGE_WHOLE; stage++)
		sum += cell->cycles[stage].median;
	return sum;
}

static double share_percent(const struct burst_cell *cell, unsigned stage)
{
	return stage == STAGE_WHOLE ? 100 : 100 * cell->cycles[stage].median / staged_sum(cell);
}

static void print_cell(const struct burst_cell *cell)
{
	const struct spread *whole = &cell->cycles[STAGE_WHOLE];

	printf("%-14s %9u %7.1f %7.1f %6.1f%%", cell->input->name, cell->flows, whole->median,
		whole->median * 1e9 / (double)rte_get_tsc_hz(), 100 * (whole->max - whole->min) / whole->median);
	for (unsigned stage = 0; stage < STAGE_WHOLE; stage++)
		printf(" %8.1f %5.1f%%", cell->cycles[stage].median, share_percent(cell, stage));
	printf(" %4u of %2u\n", cell->disturbed, cell->rounds + cell->disturbed);
}

static bool finish(struct burst_bench *bench, struct burst_cell cell[], unsigned n)
{
	bool agree = true;

	for (unsigned i = 0; i < n; i++) {
		agree &= burst_cell_agrees(&cell[i]);
		burst_cell_finish(&cell[i]);
		burst_cell_close(bench, &cell[i]);
	}
	return agree;
}

static bool measure_group(struct burst_bench *bench, struct burst_cell cell[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		burst_cell_open(bench, &cell[i]);
	for (unsigned round = 0; round < bench->rounds; round++)
		for (unsigned i = 0; i < n; i++)
			burst_cell_sample(bench, &cell[(round + i) % n]);
	bool agree = finish(bench, cell, n);
	for (unsigned i = 0; i < n; i++)
		print_cell(&cell[i]);
	fflush(stdout);
	return agree;
}

static bool count_cell(struct burst_bench *bench, struct burst_cell *cell, bool by_stage)
{
	burst_cell_open(bench, cell);
	burst_cell_count(cell, COUNTED_BURSTS, by_stage);
	printf("%s, %u flows: %u packets counted\n", cell->input->name, cell->flows, COUNTED_BURSTS * BURST_MAX);
	return finish(bench, cell, 1);
}

static void write_row(FILE *file, const struct burst_cell *cell, unsigned stage)
{
	const struct spread *cycles = &cell->cycles[stage];

	fprintf(file, "{\"input\": \"%s\", \"flows\": %u, \"stage\": \"%s\", \"cycles\": %.2f, \"cycles_min\": %.2f, "
		"\"cycles_max\": %.2f, \"ns\": %.2f, \"share_percent\": %.1f, \"rounds\": %u, \"disturbed\": %u}",
		cell->input->name, cell->flows, burst_stage_name((enum burst_stage)stage), cycles->median, cycles->min,
		cycles->max, cycles->median * 1e9 / (double)rte_get_tsc_hz(), share_percent(cell, stage), cell->rounds,
		cell->disturbed);
}

static int write_json(const char *path, const struct burst_cell cell[], unsigned n)
{
	FILE *file = fopen(path, "w");

	for (unsigned i = 0; file && i < n; i++)
		for (unsigned stage = 0; stage < STAGES; stage++) {
			fputs(i || stage ? ",\n" : "[\n", file);
			write_row(file, &cell[i], stage);
		}
	if (file)
		fputs("\n]\n", file);
	if (!file || ferror(file) | fclose(file)) {
		fprintf(stderr, "burst_bench: %s: %s\n", path, strerror(errno));
		return -EIO;
	}
	return 0;
}

static bool run(struct burst_bench *bench, const struct options *options, struct burst_cell cell[], unsigned n)
{
	bool agree = true;

	if (!options->count)
		print_head();
	for (unsigned at = 0, group; at < n; at += group) {
		group = options->count ? 1 : group_of(&cell[at], n - at);
		agree &= options->count ? count_cell(bench, &cell[at], options->by_stage) : measure_group(bench, &cell[at], group);
	}
	if (!options->count && options->json)
		agree &= write_json(options->json, cell, n) == 0;
	return agree;
}

int main(int argc, char **argv)
{
	static struct burst_bench bench;
	static struct burst_cell cell[CELLS_MAX];
	struct options options = { .rounds = 15, .sample_seconds = 0.05 };
	struct cores cores;

	set_sizes(&options, "1K,64K,1M,16M");
	read_options(argc, argv, &options);
	unsigned n = list_cells(&options, cell);
	if (n == 0)
		refuse("no input's name contains", options.only ? options.only : "");
	bench.rounds = options.rounds;
	bench.sample_seconds = options.sample_seconds;
	burst_bench_start(&bench);
	if (cores_find(&cores) == 0)
		core_pin(&cores, 0);
	bool agree = run(&bench, &options, cell, n);
	burst_bench_stop(&bench);
	return agree ? EXIT_SUCCESS : EXIT_FAILURE;
}
