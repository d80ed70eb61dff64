// SPDX-License-Identifier: BSD-3-Clause
// One line of the results: under which conditions what was measured.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/measure.h"
#include "bench/stream.h"

enum operation {
	OPERATION_LOOKUP,
	OPERATION_INSERT,
	OPERATION_DELETE,
};

struct cell {
	enum ip_family family;
	uint32_t flows;
	unsigned hit_percent;
	enum access access;
	bool touch;
	bool churned;
	enum operation operation;
	unsigned cores;
};

// What else there is to say of inserting and deleting: those rows alone.
struct filling {
	double load_from, load_percent; // the window, in percent of the table's slots
	double first_failure_percent;   // load at which the first key did not fit
	double bytes_per_flow;          // of the table proper, filled to 87 percent
	double worst_us, p999_us; // of single inserts into a table 90 percent full; worst: of each the fastest of all rounds
	double worst_raw_us;            // with all that disturbed it
};

struct result {
	const char *table;
	bool hidden; // for the summary alone
	struct cell cell;
	struct spread mops;
	struct filling filling; // not of lookups
};

struct results {
	struct result *row;
	size_t count, room;
};

const char *operation_name(enum operation operation);

// "ip4 57015 hit100 uniform touch churned lookup 1core"
void cell_text(const struct cell *cell, char *text, size_t size);

bool cell_same(const struct cell *a, const struct cell *b);

// 0, or -ENOMEM.
int results_add(struct results *results, const struct result *result);

// The row of a table under such conditions; NULL if it was not measured. Lookups.
const struct result *results_find(const struct results *results, const char *table, const struct cell *cell);
