// SPDX-License-Identifier: BSD-3-Clause
// A worker that is real but for its devices, with the flows of one kind of input; and what its bursts cost.
#pragma once

#include "bench/burst_input.h"
#include "bench/measure.h"
#include "control/runtime.h"

enum burst_stage {
	STAGE_PARSE,
	STAGE_LOOK_UP,
	STAGE_ATTACH,
	STAGE_HAND_OVER,
	STAGE_DEPART,
	STAGE_AGE,
	STAGE_WHOLE, // all of them as the worker runs them, by burst_run
	STAGES
};

const char *burst_stage_name(enum burst_stage stage);

struct burst_cell {
	const struct input *input;
	uint32_t flows; // a power of two
	struct worker *worker;
	uint64_t sent;  // packets
	uint64_t fresh; // of them, those of new sources
	struct spread cycles[STAGES]; // a packet, TSC
	double *sample[STAGES];       // the same, by round
	unsigned rounds, disturbed;   // samples that were kept; that were thrown away
};

// What all cells share.
struct burst_bench {
	struct config config;
	struct runtime runtime;
	struct policy policy, denying; // accepts all; drops all, a hundred rules for some sources each
	struct wiring wiring;
	struct quiet quiet;
	double sample_seconds;
	unsigned rounds;
	unsigned workers; // made so far: names go by it
};

// Starts the EAL, without devices. Ends the program if that fails, as all here.
void burst_bench_start(struct burst_bench *bench);
void burst_bench_stop(struct burst_bench *bench);

// Bytes that a cell of so many flows takes.
size_t burst_cell_bytes(uint32_t flows);

// Makes the worker and opens its flows.
void burst_cell_open(struct burst_bench *bench, struct burst_cell *cell);
void burst_cell_close(struct burst_bench *bench, struct burst_cell *cell);

// One sample of the whole and one of its stages.
void burst_cell_sample(struct burst_bench *bench, struct burst_cell *cell);

// Medians of the samples.
void burst_cell_finish(struct burst_cell *cell);

// So many bursts through counted_burst, or stage by stage, for who counts instructions there; others before them.
void burst_cell_count(struct burst_cell *cell, unsigned bursts, bool by_stage);

// Whether the counters say what was sent: each packet has one end, and no flow was lost. Tells what does not.
bool burst_cell_agrees(const struct burst_cell *cell);
