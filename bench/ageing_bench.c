// SPDX-License-Identifier: BSD-3-Clause
// What ageing adds to a burst while a million flows expire, and what its other calls cost. How to read it: bench/README.md.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>

#include "bench/ageing_fixture.h"

enum {
	LATE = TIMEOUT + 4 * TICK, // by then all is over
	LIMIT_US = 20,
};

static const struct scenario scenarios[] = {
	{ "wheel, one moment", KIND_MOMENT, 0, false, true },
	{ "wheel, one moment, no on_end", KIND_MOMENT, 0, false, false },
	{ "wheel, one moment, IPv6", KIND_MOMENT, 0, true, true },
	{ "wheel, spread", KIND_SPREAD, 0, false, true },
	{ "embryonic, one moment", KIND_MOMENT, 8, false, true },
	{ "half embryonic, one moment", KIND_MOMENT, 4, false, true },
};

// Without an EAL nobody has measured the clock.
static double calibrate(void)
{
	struct timespec from, to;
	uint64_t before = rte_rdtsc(), ns;

	clock_gettime(CLOCK_MONOTONIC_RAW, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC_RAW, &to);
		ns = (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000 + (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
	} while (ns < 50000000);
	return (double)ns / (double)(rte_rdtsc() - before);
}

// What calls took, of all rounds. Undisturbed ones alone, but for the count.
struct samples {
	uint64_t *all; // ticks
	size_t count, max;
	uint64_t *least; // by number of the call: the least of all rounds
	size_t calls;    // of the shortest round
	uint64_t disturbed, worst_disturbed;
	uint64_t ticks, ended; // sums
};

static void samples_make(struct samples *samples, uint32_t flows)
{
	samples->max = (size_t)flows * 2;
	samples->all = bench_need(malloc(samples->max * sizeof(*samples->all)));
	samples->least = bench_need(malloc(samples->max * sizeof(*samples->least)));
	memset(samples->least, 0xff, samples->max * sizeof(*samples->least));
}

static void take_sample(struct samples *samples, size_t call, uint64_t ticks, unsigned ended)
{
	if (was_interrupted()) {
		samples->disturbed++;
		samples->worst_disturbed = RTE_MAX(samples->worst_disturbed, ticks);
		return;
	}
	if (call < samples->max)
		samples->least[call] = RTE_MIN(samples->least[call], ticks);
	if (samples->count < samples->max)
		samples->all[samples->count++] = ticks;
	samples->ticks += ticks;
	samples->ended += ended;
}

static unsigned timed_advance(struct bench *bench, uint64_t now, uint64_t *ticks)
{
	bench_burst(bench);
	watch_interrupts();
	uint64_t before = rte_rdtsc_precise();
	unsigned ended = ageing_advance(bench->ageing, now, bench->options->budget);
	*ticks = rte_rdtsc_precise() - before;
	return ended;
}

// Spread: in twice the calls that the budget would need.
static void expire(struct bench *bench, uint64_t start, struct samples *samples)
{
	uint64_t width = (uint64_t)SPREAD_SLOTS * TICK, ended = 0, ticks;
	uint64_t step = width * bench->options->budget / 2 / bench->flows;
	bool spread = bench->scenario->kind == KIND_SPREAD;
	uint64_t now = start + (spread ? TIMEOUT : LATE);
	size_t call = 0;

	for (uint64_t before = start; before < start + TIMEOUT; before += TICK) // the hand comes along slot by slot
		ageing_advance(bench->ageing, before, bench->options->budget);
	for (; ended < bench->flows; call++) {
		unsigned n = timed_advance(bench, now, &ticks);

		take_sample(samples, call, ticks, n);
		ended += n;
		now += spread ? step : 0;
	}
	samples->calls = samples->calls > 0 ? RTE_MIN(samples->calls, call) : call;
}

// Of sorted samples.
static double quantile(const struct bench *bench, const struct samples *samples, double q)
{
	size_t n = samples->count;

	return n > 0 ? bench_us(bench, (double)samples->all[RTE_MIN((size_t)(q * (double)n), n - 1)]) : 0;
}

struct result {
	const char *scenario;
	uint32_t flows;
	unsigned budget;
	size_t samples;
	uint64_t disturbed, above_limit, above_limit_idle;
	double median, p99, p999, max, repeatable_max, disturbed_max, idle_max, ns_per_flow, total_ms;
};

// The machine's own share: as long a wait that touches no memory, as often, at the same place. What it shows above the
// median, the hypervisor did.
static void measure_machine(struct bench *bench, struct result *result, size_t count)
{
	uint64_t length = (uint64_t)(result->median * 1e3 / bench->options->ns_per_tick);

	for (size_t i = 0; i < count; i++) {
		bench_burst(bench);
		watch_interrupts();
		uint64_t before = rte_rdtsc_precise(), ticks;
		while ((ticks = rte_rdtsc_precise() - before) < length)
			;
		if (was_interrupted())
			continue;
		result->idle_max = RTE_MAX(result->idle_max, bench_us(bench, (double)ticks));
		result->above_limit_idle += bench_us(bench, (double)ticks) > LIMIT_US;
	}
}

static void evaluate(struct bench *bench, const struct samples *samples, struct result *result)
{
	qsort(samples->all, samples->count, sizeof(samples->all[0]), bench_by_size);
	*result = (struct result){
		.scenario = bench->scenario->name, .flows = bench->flows, .budget = bench->options->budget,
		.samples = samples->count, .disturbed = samples->disturbed, .disturbed_max = bench_us(bench, (double)samples->worst_disturbed),
		.median = quantile(bench, samples, 0.5), .p99 = quantile(bench, samples, 0.99), .p999 = quantile(bench, samples, 0.999),
		.max = quantile(bench, samples, 1),
		.ns_per_flow = bench_us(bench, (double)samples->ticks) * 1e3 / (double)RTE_MAX(samples->ended, 1u),
	};
	result->total_ms = result->ns_per_flow * bench->flows / 1e6;
	for (size_t i = 0; i < samples->calls; i++)
		if (samples->least[i] != UINT64_MAX)
			result->repeatable_max = RTE_MAX(result->repeatable_max, bench_us(bench, (double)samples->least[i]));
	for (size_t i = samples->count; i > 0 && bench_us(bench, (double)samples->all[i - 1]) > LIMIT_US; i--)
		result->above_limit++;
	measure_machine(bench, result, samples->count);
}

static void run_scenario(const struct scenario *scenario, uint32_t flows, const struct options *options,
			 struct result *result)
{
	struct bench bench = { .scenario = scenario, .options = options, .flows = flows };
	struct samples samples = { 0 };
	uint64_t start = START;

	bench_make(&bench);
	samples_make(&samples, flows);
	for (unsigned round = 0; round < options->rounds; round++, start += 16 * TIMEOUT) {
		bench_fill(&bench, start);
		expire(&bench, start, &samples);
	}
	evaluate(&bench, &samples, result);
	free(samples.least);
	free(samples.all);
	bench_give_back(&bench);
}

static void print_head(void)
{
	printf("Added to a burst by ageing_advance while flows expire, microseconds (undisturbed calls; repeat: the least of "
	       "all rounds,\nlargest of all calls; above %d: how many, beside them those of an empty loop as long)\n", LIMIT_US);
	printf("%-28s %8s %6s %7s %7s %7s %7s %7s %13s %9s %9s %9s\n", "", "flows", "budget", "median", "p99", "p99.9", "max",
	       "repeat", "above", "disturbed", "ns/flow", "all in ms");
}

static void print_result(const struct result *r)
{
	printf("%-28s %8u %6u %7.2f %7.2f %7.2f %7.2f %7.2f %6" PRIu64 " %6" PRIu64 " %9" PRIu64 " %9.1f %9.1f\n",
	       r->scenario, r->flows, r->budget, r->median, r->p99, r->p999, r->max, r->repeatable_max,
	       r->above_limit, r->above_limit_idle, r->disturbed, r->ns_per_flow, r->total_ms);
	fflush(stdout);
}

static void write_result(FILE *json, const struct result *r)
{
	if (json == NULL)
		return;
	fprintf(json, "%s\n{\"scenario\": \"%s\", \"flows\": %u, \"budget\": %u, \"us_median\": %.3f, \"us_p99\": %.3f, "
		"\"us_p999\": %.3f, \"us_max\": %.3f, \"us_repeatable_max\": %.3f, \"us_idle_loop_max\": %.3f, "
		"\"us_disturbed_max\": %.3f, ", ftell(json) > 1 ? "," : "", r->scenario, r->flows, r->budget, r->median, r->p99,
		r->p999, r->max, r->repeatable_max, r->idle_max, r->disturbed_max);
	fprintf(json, "\"samples\": %zu, \"disturbed\": %" PRIu64 ", \"above_limit\": %" PRIu64
		", \"above_limit_idle_loop\": %" PRIu64 ", \"ns_per_flow\": %.2f, \"total_ms\": %.3f}",
		r->samples, r->disturbed, r->above_limit, r->above_limit_idle, r->ns_per_flow, r->total_ms);
}

static const char usage[] =
	"usage: ageing_bench [--quick] [--json FILE] [--budget FLOWS]\n"
	"  --quick   a million flows, three rounds; else four million too\n"
	"  --json    writes all rows\n"
	"  --budget  how many flows a call may look at (72, the most that portier allows after a burst of 64)\n";

static int parse_options(int argc, char **argv, struct options *options)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			options->quick = true;
		else if (!strcmp(argv[i], "--json") && i + 1 < argc)
			options->json = argv[++i];
		else if (!strcmp(argv[i], "--budget") && i + 1 < argc)
			options->budget = (unsigned)atoi(argv[++i]);
		else if (!strcmp(argv[i], "--help"))
			fputs(usage, stdout), exit(0);
		else
			return -EINVAL;
	}
	return options->budget > 0 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1000000, 4000000 };
	struct options options = { .budget = ageing_budget(FLOW_LOOKUP_MAX) };
	FILE *json = NULL;
	struct result result;

	if (parse_options(argc, argv, &options) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (options.json != NULL) {
		json = bench_need(fopen(options.json, "w"));
		fputc('[', json);
	}
	options.rounds = options.quick ? 3 : 7;
	options.ns_per_tick = calibrate();
	print_head();
	for (unsigned s = 0; s < (options.quick ? 1 : RTE_DIM(sizes)); s++)
		for (unsigned i = 0; i < RTE_DIM(scenarios); i++) {
			run_scenario(&scenarios[i], sizes[s], &options, &result);
			print_result(&result);
			write_result(json, &result);
		}
	bench_operations(&options, json);
	if (json != NULL)
		fputs("\n]\n", json);
	return json != NULL && fclose(json) != 0;
}
