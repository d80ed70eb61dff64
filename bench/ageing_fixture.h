// SPDX-License-Identifier: BSD-3-Clause
// A table full of flows that wait for their end, and a clock that tells which samples were disturbed.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "dataplane/ageing.h"

enum {
	TICK = 1 << 10, // of the simulated clock, a slot of the wheel
	WHEEL_TURN = 1024,
	TIMEOUT = WHEEL_TURN * TICK, // of every state
	START = 1 << 30,
	SPREAD_SLOTS = 1000,
};

enum kind {
	KIND_MOMENT, // all flows are over at once
	KIND_SPREAD, // over SPREAD_SLOTS slots of the wheel
};

struct scenario {
	const char *name;
	enum kind kind;
	unsigned embryonic_of_8; // how many of eight flows nobody answered
	bool wide;    // IPv6
	bool on_end;  // as the worker counts ended flows
};

struct options {
	bool quick;
	const char *json;
	unsigned budget, rounds;
	double ns_per_tick;
};

struct bench {
	const struct scenario *scenario;
	const struct options *options;
	uint32_t flows;
	struct flow_table *table;
	struct ageing *ageing;
	uint32_t *flow; // in the order in which they are added
	char *traffic;
	uint64_t random;
	uint32_t next_key, next_flow; // of operations
	uint64_t ended_by[FLOW_END_RUN + 1], states[FLOW_STATES]; // what on_end counts
};

void bench_make(struct bench *bench);
void bench_give_back(struct bench *bench);

// Fills the table with flows that begin to age at start, in an order that has nothing to do with where their records are:
// each is a miss.
void bench_fill(struct bench *bench, uint64_t start);

// What else a worker does between two calls, as the caches see it.
void bench_burst(struct bench *bench);

struct flow_key bench_key(const struct bench *bench, uint32_t number);

// memory, or the end of the program.
void *bench_need(void *memory);

double bench_us(const struct bench *bench, double ticks);

// qsort's, of ticks.
int bench_by_size(const void *a, const void *b);

// Measures all calls but ageing_advance at work, and prints what they cost. json may be NULL.
void bench_operations(const struct options *options, FILE *json);

// An interrupt's end clears a segment register that holds a null selector other than 0: so a sample is told from one in
// which the kernel had something to do, without asking the kernel. What a hypervisor takes away stays unseen.
static inline void watch_interrupts(void)
{
#ifdef __x86_64__
	__asm__ volatile("mov %0, %%es" : : "r"((uint16_t)3));
#endif
}

static inline bool was_interrupted(void)
{
#ifdef __x86_64__
	uint16_t selector;

	__asm__ volatile("mov %%es, %0" : "=r"(selector));
	return selector != 3;
#else
	return false;
#endif
}
