// SPDX-License-Identifier: BSD-3-Clause
// Which flows live in the tables of a run: the same in all of them, in step.
#pragma once

#include <stdint.h>

struct population {
	uint32_t *number; // of the flows that live, in no order
	uint32_t count;
	uint32_t next;   // number of the next new flow
	uint64_t random;
};

// No flows yet, at most so many at a time. 0, or -ENOMEM.
int population_init(struct population *population, uint32_t flows_max);
void population_free(struct population *population);

// New flows; their numbers.
void population_grow(struct population *population, uint32_t n, uint32_t added[]);

// Random flows go.
void population_shrink(struct population *population, uint32_t n, uint32_t removed[]);

// Random flows go, and as many new ones take their places.
void population_churn(struct population *population, uint32_t n, uint32_t removed[], uint32_t added[]);
