// SPDX-License-Identifier: BSD-3-Clause
// Which of n flows sends next: one after another, any, or a few much more often than the rest.
#pragma once

#include <stdint.h>

#include "dataplane/random.h"

enum generate_order {
	GENERATE_ORDER_SEQUENTIAL = 0,
	GENERATE_ORDER_UNIFORM,
	GENERATE_ORDER_ZIPF, // flow k (from 0) with a probability in proportion to 1 / (k + 1)^exponent
};

// One column of Walker's alias method: itself below the limit, else the other.
struct generate_column {
	uint32_t limit;
	uint32_t other;
};

struct generate_pick {
	struct generate_column *column; // of Zipf; owned
	uint32_t count;
	uint32_t next;
	uint8_t order; // enum generate_order
};

// count: 1 or more. 0, or -ENOMEM; then there is nothing to free. Control thread.
int generate_pick_init(struct generate_pick *pick, enum generate_order order, uint32_t count, double exponent);
void generate_pick_free(struct generate_pick *pick);

// 0 to count - 1. One thread.
static inline uint32_t generate_pick_next(struct generate_pick *pick, uint64_t *random)
{
	if (pick->order == GENERATE_ORDER_SEQUENTIAL) {
		uint32_t chosen = pick->next;
		pick->next = chosen + 1 == pick->count ? 0 : chosen + 1;
		return chosen;
	}
	uint64_t drawn = random_next(random);
	uint32_t chosen = (uint32_t)((drawn >> 32) * pick->count >> 32);
	if (pick->order == GENERATE_ORDER_UNIFORM)
		return chosen;
	const struct generate_column *column = &pick->column[chosen];
	return (uint32_t)drawn < column->limit ? chosen : column->other;
}
