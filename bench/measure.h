// SPDX-License-Identifier: BSD-3-Clause
// Lookups a second, of several tables in interleaved rounds; samples that something disturbed are thrown away and counted.
#pragma once

#include <stdbool.h>

#include "bench/cores.h"
#include "bench/table_ops.h"

enum { CONTENDERS_MAX = 10 };

// Of the samples of one table. Million operations a second.
struct spread {
	double median, min, max;
	unsigned samples, disturbed; // kept; samples, or parts of them, that were thrown away
};

// From the values themselves; sorts them.
struct spread spread_of(double value[], unsigned n, unsigned disturbed);

// Tells whether the processor was all ours for a while.
struct quiet {
	double probe_best; // of all so far
	double probe_before;
	long switches;
};

void quiet_begin(struct quiet *quiet);
bool quiet_end(struct quiet *quiet); // false: disturbed

double now_seconds(void);

struct measure {
	const struct cores *cores;
	unsigned rounds;
	double sample_seconds;
	double began; // all of it
	struct quiet quiet[CORES_MAX]; // by core
};

struct contender {
	const struct table_ops *ops;
	void **table; // by core
	struct spread lookups; // what was measured
};

// Measures lookups of the stream in all tables, each round in another order; a round is repeated, up to three times, for
// those that were disturbed.
void measure_lookups(struct measure *measure, struct contender contender[], unsigned contenders, const struct stream *stream,
		     bool touch, unsigned cores, uint32_t flows);

// Looks up the beginning of the stream. Whether the table finds what there is to be found.
bool check_lookups(const struct contender *contender, const struct stream *stream, unsigned cores);
