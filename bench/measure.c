// SPDX-License-Identifier: BSD-3-Clause
#include "bench/measure.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <rte_common.h>
#include <rte_pause.h>

enum {
	PROBE_STEPS = 10000, // some 10 microseconds
	PROBES = 3,
	WARM_SMALL = 2 << 20, // flows: up to here a table may stay in a cache, and is looked up once all over
	WARM_LARGE = 256 << 10, // lookups, above
	CHECKED = 512 << 10,    // keys
	TRIES = 3,
	PATIENCE = 10, // times as long as a sample
	ROUNDS_MAX = 256,
};

double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static long involuntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

// Pure computing: slower only if the processor is. The best of a few, so that one interrupt does not count.
static double probe(void)
{
	double best = 1, start;
	uint64_t x = 1;

	for (unsigned p = 0; p < PROBES; p++) {
		start = now_seconds();
		for (unsigned i = 0; i < PROBE_STEPS; i++) {
			x = x * 0x9e3779b97f4a7c15 + 1;
			__asm__ volatile("" : "+r"(x));
		}
		best = RTE_MIN(best, now_seconds() - start);
	}
	return best;
}

static double probe_remembered(struct quiet *quiet)
{
	double seconds = probe();

	if (quiet->probe_best == 0 || seconds < quiet->probe_best)
		quiet->probe_best = seconds;
	return seconds;
}

void quiet_begin(struct quiet *quiet)
{
	quiet->probe_before = probe_remembered(quiet);
	quiet->switches = involuntary_switches();
}

static bool full_speed(struct quiet *quiet)
{
	return RTE_MAX(quiet->probe_before, probe_remembered(quiet)) < 1.1 * quiet->probe_best;
}

bool quiet_end(struct quiet *quiet)
{
	const bool switched = involuntary_switches() != quiet->switches;

	return full_speed(quiet) && !switched;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread spread_of(double value[], unsigned n, unsigned disturbed)
{
	if (n == 0)
		return (struct spread){ .disturbed = disturbed };
	qsort(value, n, sizeof(value[0]), compare);
	return (struct spread){
		.median = (value[(n - 1) / 2] + value[n / 2]) / 2, .min = value[0], .max = value[n - 1],
		.samples = n, .disturbed = disturbed,
	};
}

// One sample, on all its cores.
struct sample {
	struct measure *measure;
	const struct contender *contender;
	const struct stream *stream;
	bool touch;
	unsigned cores;
	size_t warm;
	atomic_uint ready;
	double mops[CORES_MAX];
	bool good[CORES_MAX];
	unsigned disturbed[CORES_MAX]; // chunks
};

struct cursor {
	const struct sample *sample;
	void *table;
	size_t at;
};

// Goes round and round the stream.
static uint64_t lookup_chunk(struct cursor *cursor)
{
	const struct sample *sample = cursor->sample;
	const size_t from = cursor->at;

	cursor->at = from + STREAM_CHUNK < sample->stream->count ? from + STREAM_CHUNK : 0;
	return sample->contender->ops->lookup(cursor->table, sample->stream, from, STREAM_CHUNK, sample->touch);
}

static void wait_for_all(struct sample *sample)
{
	atomic_fetch_add(&sample->ready, 1);
	while (atomic_load(&sample->ready) < sample->cores)
		rte_pause();
}

// Looks up until enough time has been measured. A chunk in which somebody else ran is left out, and the next one too, which
// finds the caches as he left them.
static void measure_chunks(struct sample *sample, struct cursor *cursor, unsigned core)
{
	const double enough = sample->measure->sample_seconds, began = now_seconds();
	double measured = 0, start, end;
	uint64_t done = 0;
	long switches;

	do {
		switches = involuntary_switches();
		start = now_seconds();
		lookup_chunk(cursor);
		end = now_seconds();
		if (involuntary_switches() == switches) {
			done += STREAM_CHUNK;
			measured += end - start;
		} else {
			lookup_chunk(cursor);
			sample->disturbed[core]++;
		}
	} while (measured < enough && end - began < PATIENCE * enough);
	sample->mops[core] = measured > 0 ? (double)done / measured * 1e-6 : 0;
	sample->good[core] = measured >= enough;
}

static void sample_core(void *context, unsigned core)
{
	struct sample *sample = context;
	struct quiet *quiet = &sample->measure->quiet[core];
	const size_t chunks = sample->stream->count / STREAM_CHUNK;
	struct cursor cursor = {
		.sample = sample,
		.table = sample->contender->table[core],
		.at = (size_t)(now_seconds() * 1e6) % chunks * STREAM_CHUNK,
	};

	for (size_t warm = 0; warm < sample->warm; warm += STREAM_CHUNK)
		lookup_chunk(&cursor);
	wait_for_all(sample);
	quiet_begin(quiet);
	lookup_chunk(&cursor);
	measure_chunks(sample, &cursor, core);
	sample->good[core] &= full_speed(quiet);
}

// Whether it is worth something. mops: of all cores together. Counts the chunks that were disturbed.
static bool take_sample(struct sample *sample, double *mops, unsigned *disturbed)
{
	bool good = true;

	*mops = 0;
	atomic_store(&sample->ready, 0);
	cores_run(sample->measure->cores, sample->cores, sample_core, sample);
	for (unsigned core = 0; core < sample->cores; core++) {
		*mops += sample->mops[core];
		good &= sample->good[core];
		*disturbed += sample->disturbed[core];
		sample->disturbed[core] = 0;
	}
	return good;
}

struct tally {
	double value[ROUNDS_MAX];
	unsigned count, disturbed;
	double last_resort; // the best of the disturbed ones
};

static void tally_sample(struct tally *tally, struct sample *sample)
{
	double mops = 0;

	for (unsigned try = 0; try < TRIES; try++) {
		if (take_sample(sample, &mops, &tally->disturbed)) {
			tally->value[tally->count++] = mops;
			return;
		}
		tally->disturbed++;
		tally->last_resort = RTE_MAX(tally->last_resort, mops);
	}
}

void measure_lookups(struct measure *measure, struct contender contender[], unsigned contenders, const struct stream *stream,
		     bool touch, unsigned cores, uint32_t flows)
{
	struct sample sample = {
		.measure = measure, .stream = stream, .touch = touch, .cores = cores,
		.warm = flows <= WARM_SMALL ? flows : WARM_LARGE,
	};
	struct tally *tally = calloc(contenders, sizeof(*tally));

	for (unsigned round = 0; tally != NULL && round < RTE_MIN(measure->rounds, (unsigned)ROUNDS_MAX); round++)
		for (unsigned i = 0; i < contenders; i++) {
			unsigned turn = (round + i) % contenders;

			sample.contender = &contender[turn];
			tally_sample(&tally[turn], &sample);
		}
	for (unsigned i = 0; tally != NULL && i < contenders; i++) {
		if (tally[i].count == 0) // better than nothing: the report says that nothing was undisturbed
			tally[i].value[0] = tally[i].last_resort;
		contender[i].lookups = spread_of(tally[i].value, RTE_MAX(tally[i].count, 1u), tally[i].disturbed);
		contender[i].lookups.samples = tally[i].count;
	}
	free(tally);
}

bool check_lookups(const struct contender *contender, const struct stream *stream, unsigned cores)
{
	const size_t count = RTE_MIN(stream->count, (size_t)CHECKED);

	for (unsigned core = 0; core < cores; core++)
		for (size_t from = 0; from < count; from += STREAM_CHUNK)
			if (contender->ops->lookup(contender->table[core], stream, from, STREAM_CHUNK, false) !=
			    stream->hits[from / STREAM_CHUNK])
				return false;
	return true;
}
