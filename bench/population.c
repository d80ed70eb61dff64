// SPDX-License-Identifier: BSD-3-Clause
#include "bench/population.h"

#include <errno.h>

#include "dataplane/memory.h"
#include "dataplane/random.h"

int population_init(struct population *population, uint32_t flows_max)
{
	*population = (struct population){
		.number = memory_take("population", flows_max * sizeof(uint32_t), -1),
		.random = 1,
	};
	return population->number == NULL ? -ENOMEM : 0;
}

void population_free(struct population *population)
{
	memory_give(population->number);
}

void population_grow(struct population *population, uint32_t n, uint32_t added[])
{
	for (uint32_t i = 0; i < n; i++)
		population->number[population->count++] = added[i] = population->next++;
}

void population_shrink(struct population *population, uint32_t n, uint32_t removed[])
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *gone = &population->number[random_below(&population->random, population->count)];

		removed[i] = *gone;
		*gone = population->number[--population->count];
	}
}

// Not one that came in the same call: the caller takes the old ones out before it puts the new ones in.
void population_churn(struct population *population, uint32_t n, uint32_t removed[], uint32_t added[])
{
	population_shrink(population, n, removed);
	population_grow(population, n, added);
}
