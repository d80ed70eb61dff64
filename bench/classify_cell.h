// SPDX-License-Identifier: BSD-3-Clause
// One list of rules, and all who look packets up in it, in interleaved rounds.
#pragma once

#include "bench/classify_plain.h"
#include "bench/measure.h"

enum { PACKETS = 16384, LINES_FAR = 4 << 20 };

enum classify_who {
	WHO_PORTIER_64 = 0,
	WHO_PORTIER_32,
	WHO_PORTIER_1,
	WHO_PLAIN_64,
	WHO_PLAIN_32,
	WHO_PLAIN_1,
	WHO_FILLED_64, // rte_acl too, but makes its keys from the packet tuples, as portier has to
	WHO_LINE_64, // one random cache line of memory beyond all caches
	WHO_LINE_1,  // the same, each found by what the one before says
	WHO_LINEAR,
	WHOS,
};

struct classify_row {
	const char *who;
	unsigned burst;
	struct spread ns; // a packet
};

struct classify_cell {
	enum rule_mix mix;
	uint8_t family;
	size_t rules;
	double build_seconds, plain_build_seconds; // CPU time; plain: 0 if it was not built
	size_t bytes, plain_bytes;
	unsigned linear_checked, plain_checked, wrong; // answers of portier compared
	struct classify_row row[WHOS];
};

struct classify_plan {
	unsigned rounds;
	double plain_patience_sec; // no plain rte_acl where it is expected to take longer
	double linear_seconds;     // for comparing with the linear scan
	int socket;
	uint64_t *far; // LINES_FAR lines
};

// Fills in what cell->mix, family and rules ask for. 0 or -errno.
int classify_cell_measure(struct classify_cell *cell, const struct classify_plan *plan, double plain_expected_sec);

// Compiles half of each family: seconds of CPU time and bytes. 0 or -errno.
int classify_compile_both(enum rule_mix mix, size_t rules, int socket, double *seconds, size_t *bytes);
