// SPDX-License-Identifier: BSD-3-Clause
// Inserting into a table until it is full, and deleting until it is empty: speed by load, and the slowest single insert.
#pragma once

#include "bench/cell.h"
#include "bench/heap.h"

struct filling_params {
	struct table_setup setup; // setup.full is set
	unsigned rounds;          // each with new tables and the same keys
	uint32_t singles;         // inserts that are timed one by one
	double bytes_per_flow[CONTENDERS_MAX]; // by table; for the rows
	struct heap *heap;
};

// Adds the rows of all windows for each of the tables. 0, or -errno.
int filling_measure(struct measure *measure, const struct filling_params *params, const struct table_ops *const ops[],
		    unsigned tables, struct results *results);
