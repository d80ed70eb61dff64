// SPDX-License-Identifier: BSD-3-Clause
// What is measured, how often and for how long: by the command line.
#pragma once

#include "bench/cell.h"
#include "dataplane/flow_table.h"

enum { SIZES_MAX = 8 };

// How much of everything.
struct effort {
	const char *name;
	uint32_t slots[SIZES_MAX]; // 0: no more
	unsigned rounds;
	double sample_ms;
	uint32_t large;                      // slots of a table that is "large" in what follows
	unsigned churn, churn_large;         // times its size
	unsigned filling_rounds, filling_rounds_large;
	uint32_t singles;
	size_t stream, stream_large; // keys at most
	bool (*wants)(const struct cell *cell);
};

struct plan {
	struct effort effort; // with what the command line changed of it
	enum flow_table_form form;
	const char *only, *json, *svg;
};

// 0, or -EINVAL with a message on stderr, or 1: nothing to do any more.
int plan_make(struct plan *plan, int argc, char **argv);

bool plan_wants(const struct plan *plan, const struct cell *cell);

// 87 percent.
uint32_t plan_flows(uint32_t slots);
unsigned plan_churn(const struct plan *plan, uint32_t slots);
unsigned plan_filling_rounds(const struct plan *plan, uint32_t slots);
size_t plan_stream(const struct plan *plan, uint32_t slots);
