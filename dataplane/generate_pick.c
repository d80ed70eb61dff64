// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_pick.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "dataplane/memory.h"

// While columns are filled: each one's share of the whole, in units of the mean; and who is below it, who above.
struct filling {
	double *share;
	uint32_t *below, *above;
	uint32_t below_count, above_count;
};

static void sort_columns(struct filling *filling, uint32_t count, double exponent)
{
	double sum = 0;
	for (uint32_t k = 0; k < count; k++)
		sum += filling->share[k] = pow(k + 1.0, -exponent);
	for (uint32_t k = 0; k < count; k++) {
		filling->share[k] *= count / sum;
		if (filling->share[k] < 1)
			filling->below[filling->below_count++] = k;
		else
			filling->above[filling->above_count++] = k;
	}
}

// Vose (1991): a column that is too low is filled up by one that is too high.
static void fill(struct generate_column *column, struct filling *filling)
{
	while (filling->below_count > 0 && filling->above_count > 0) {
		uint32_t low = filling->below[--filling->below_count], high = filling->above[filling->above_count - 1];
		column[low].limit = (uint32_t)(filling->share[low] * UINT32_MAX);
		column[low].other = high;
		filling->share[high] -= 1 - filling->share[low];
		if (filling->share[high] < 1) {
			filling->above_count--;
			filling->below[filling->below_count++] = high;
		}
	}
}

static int make_columns(struct generate_pick *pick, double exponent)
{
	size_t count = pick->count;
	struct filling filling = { .share = malloc(count * sizeof(double)), .below = malloc(count * sizeof(uint32_t)),
		.above = malloc(count * sizeof(uint32_t)) };
	pick->column = memory_take("generate pick", count * sizeof(*pick->column), -1);
	bool enough = filling.share && filling.below && filling.above && pick->column;
	if (enough) {
		for (uint32_t k = 0; k < pick->count; k++)
			pick->column[k] = (struct generate_column){ UINT32_MAX, k };
		sort_columns(&filling, pick->count, exponent);
		fill(pick->column, &filling);
	}
	free(filling.share);
	free(filling.below);
	free(filling.above);
	return enough ? 0 : -ENOMEM;
}

int generate_pick_init(struct generate_pick *pick, enum generate_order order, uint32_t count, double exponent)
{
	*pick = (struct generate_pick){ .count = count, .order = (uint8_t)order };
	int result = order == GENERATE_ORDER_ZIPF ? make_columns(pick, exponent) : 0;
	if (result != 0)
		generate_pick_free(pick);
	return result;
}

void generate_pick_free(struct generate_pick *pick)
{
	memory_give(pick->column);
	pick->column = NULL;
}
