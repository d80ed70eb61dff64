// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_index.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/random.h"
#include "dataplane/generate_stream.h"
#include "dataplane/memory.h"

static size_t bytes_of(const struct generate_index *index)
{
	return ((size_t)index->mask + 1) * sizeof(*index->slot);
}

int generate_index_init(struct generate_index *index, uint32_t flows, uint64_t secret)
{
	*index = (struct generate_index){ .mask = rte_align32pow2(flows * 2) - 1, .secret = secret };
	index->slot = memory_take("generate index", bytes_of(index), -1);
	if (!index->slot)
		return -ENOMEM;
	memset(index->slot, 0xff, bytes_of(index));
	return 0;
}

void generate_index_free(struct generate_index *index)
{
	memory_give(index->slot);
	index->slot = NULL;
}

static uint32_t home_of(const struct generate_index *index, const struct generate_tuple *tuple)
{
	uint64_t addresses = (uint64_t)tuple->source << 32 | tuple->destination;
	uint64_t ports = (uint64_t)tuple->source_port << 16 | tuple->destination_port;
	return (uint32_t)random_mix(random_mix(addresses ^ index->secret) + ports) & index->mask;
}

static bool equal(const struct generate_tuple *a, const struct generate_tuple *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint32_t generate_index_find(const struct generate_index *index, const struct generate_flow *flows,
			     const struct generate_tuple *tuple)
{
	uint32_t at = home_of(index, tuple);
	while (index->slot[at] != GENERATE_SLOT_NONE && !equal(&flows[index->slot[at]].tuple, tuple))
		at = (at + 1) & index->mask;
	return index->slot[at];
}

void generate_index_add(struct generate_index *index, const struct generate_flow *flows, uint32_t slot)
{
	uint32_t at = home_of(index, &flows[slot].tuple);
	while (index->slot[at] != GENERATE_SLOT_NONE)
		at = (at + 1) & index->mask;
	index->slot[at] = slot;
}

// Those behind the gap move up, so that no search ends at it too early.
void generate_index_remove(struct generate_index *index, const struct generate_flow *flows, uint32_t slot)
{
	uint32_t gap = home_of(index, &flows[slot].tuple);
	while (index->slot[gap] != slot)
		gap = (gap + 1) & index->mask;
	for (uint32_t at = (gap + 1) & index->mask; index->slot[at] != GENERATE_SLOT_NONE; at = (at + 1) & index->mask) {
		uint32_t home = home_of(index, &flows[index->slot[at]].tuple);
		if (((at - home) & index->mask) < ((at - gap) & index->mask))
			continue; // its home lies behind the gap
		index->slot[gap] = index->slot[at];
		gap = at;
	}
	index->slot[gap] = GENERATE_SLOT_NONE;
}
