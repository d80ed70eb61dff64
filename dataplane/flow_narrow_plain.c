// SPDX-License-Identifier: BSD-3-Clause
// The IPv4 index's lookup in plain C, for every processor: also the oracle of the others.
#include "dataplane/flow_narrow_lookup.h"

// Acquire, both words: low is read before high, which a filled slot gets first; and the version only after both.
static __rte_always_inline uint32_t probe(const struct flow_narrow *narrow, const struct narrow_bucket *bucket,
					  const uint64_t target[2])
{
	uint32_t found = 0;

	for (unsigned s = 0; s < NARROW_SLOTS; s++) {
		uint64_t low = __atomic_load_n(&bucket->entry[s].low, __ATOMIC_ACQUIRE);
		uint64_t high = __atomic_load_n(&bucket->entry[s].high, __ATOMIC_ACQUIRE);
		uint64_t differs = ((low ^ target[0]) & narrow->compare_low) | ((high ^ target[1]) & NARROW_HIGH_MASK);

		found |= (uint32_t)low & -(uint32_t)(differs == 0);
	}
	return found;
}

static __rte_always_inline uint32_t settle(const uint32_t found[NARROW_GROUP], uint32_t index_mask,
					   uint32_t flow[NARROW_GROUP])
{
	uint32_t misses = 0;

	for (unsigned i = 0; i < NARROW_GROUP; i++) {
		flow[i] = (found[i] & index_mask) - 1;
		misses |= (uint32_t)(flow[i] == FLOW_NONE) << i;
	}
	return misses;
}

static const struct narrow_probe form = { probe, settle, .hits_need_version = true };

static __rte_always_inline void prepare(const struct flow_narrow *narrow, const struct flow_key4 *key, unsigned at,
					struct flow_lookup *lookup)
{
	const struct narrow_target target = narrow_target(narrow, key);

	lookup->target[at][0] = target.low;
	lookup->target[at][1] = target.high;
	lookup->first[at] = target.first;
	lookup->sum[at] = target.sum;
	lookup->hint[at] = target.hint;
}

NARROW_FORM(narrow_plain, form, prepare, 1);

// A hit is one if no entry left the bucket under the two loads.
static uint32_t find_in(const struct flow_narrow *narrow, uint32_t number, uint64_t low, uint64_t high)
{
	const struct narrow_bucket *bucket = &narrow->bucket[number];
	const uint64_t target[2] = { low, high };
	uint16_t version;
	uint32_t flow;

	do {
		version = narrow_spare(bucket, SPARE_VERSION);
		flow = (probe(narrow, bucket, target) & narrow_index_mask(narrow)) - 1;
	} while (unlikely(version_changed(bucket, version)));
	return flow;
}

uint32_t narrow_find(const struct flow_narrow *narrow, const struct narrow_target *target)
{
	const struct narrow_bucket *first = &narrow->bucket[target->first];
	uint16_t version;
	uint32_t flow;

	do {
		version = narrow_spare(first, SPARE_VERSION);
		flow = find_in(narrow, target->first, target->low, target->high);
		if (flow == FLOW_NONE && narrow_hinted(first, target->hint))
			flow = find_in(narrow, narrow_other(narrow, target->first, target->sum), target->low,
				       target->high | NARROW_SECOND);
	} while (flow == FLOW_NONE && unlikely(version_changed(first, version))); // it may have come back
	return flow;
}
