// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow_records.h"

#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>

size_t records_bytes(uint32_t capacity)
{
	return (size_t)capacity * (sizeof(struct flow) + sizeof(struct flow_cold) + 2 * sizeof(uint32_t)) +
	       sizeof(struct flow_cold);
}

void records_init(struct flow_records *records, void *memory, uint32_t capacity, struct rte_rcu_qsbr *readers)
{
	*records = (struct flow_records){ .hot = memory, .capacity = capacity, .readers = readers };
	records->cold = (struct flow_cold *)(records->hot + capacity);
	records->cold[capacity].key.family = UINT8_MAX; // nobody's
	records->sequence = (uint32_t *)(records->cold + capacity + 1);
	records->spare = records->sequence + capacity;
}

uint32_t records_waiting(const struct flow_records *records)
{
	return (uint32_t)(records->given - records->done);
}

// One token at a time is under way: it stands for all that was given back before it was asked for.
static void ask_readers(struct flow_records *records)
{
	if (records->done == records->given)
		return;
	if (records->asked > records->done) {
		if (rte_rcu_qsbr_check(records->readers, records->token, false) != 1)
			return;
		records->done = records->asked;
	}
	records->asked = records->given;
	records->token = rte_rcu_qsbr_start(records->readers);
}

void record_fetch(const struct flow_records *records, uint32_t flow)
{
	rte_prefetch0_write(&records->hot[flow]);
	rte_prefetch0_write(&records->cold[flow]);
	rte_prefetch0_write(&records->sequence[flow]);
}

// Fetches the record that is taken some flows from now. Those that were given back had nothing to do with each other; those that
// were never used lie side by side, but whoever just writes them waits for every line.
static void fetch_later(const struct flow_records *records)
{
	enum { AHEAD = 8 };
	const uint64_t spares = records->done - records->taken, fresh = records->fresh + AHEAD - spares;

	if (spares > AHEAD) {
		const uint64_t place = records->readers ? records->taken + AHEAD : records->given - 1 - AHEAD;
		record_fetch(records, records->spare[place % records->capacity]);
	} else if (fresh < records->capacity) {
		record_fetch(records, (uint32_t)fresh);
	}
}

// The record that was given back last is the one that is still in the cache. With readers it is the one that was given
// back first.
uint32_t records_take(struct flow_records *records)
{
	if (records->readers != NULL && records->taken == records->done)
		ask_readers(records);
	fetch_later(records);
	if (records->taken == records->done)
		return records->fresh < records->capacity ? records->fresh++ : FLOW_NONE;
	if (records->readers != NULL)
		return records->spare[records->taken++ % records->capacity];
	records->done--;
	return records->spare[--records->given]; // a stack: its places never wrap
}

void records_give(struct flow_records *records, uint32_t flow)
{
	if (records->readers == NULL) {
		records->spare[records->given++] = flow;
		records->done = records->given;
	} else {
		records->spare[records->given++ % records->capacity] = flow;
		ask_readers(records);
	}
}

// Words of a record that readers may be looking at. Release: they are written after the version and the sequence that
// tell that the record is no longer what it was; seen before those, a reader would take the mixture for a flow.
static void write_shared(void *to, const void *from, size_t bytes)
{
	uint64_t *word = to, value;

#pragma GCC unroll 8
	for (size_t i = 0; i < bytes / sizeof(value); i++) {
		memcpy(&value, (const char *)from + i * sizeof(value), sizeof(value));
		__atomic_store_n(&word[i], value, __ATOMIC_RELEASE);
	}
}

// Odd: lives. Release: the record's words come first.
static void sequence_step(struct flow_records *records, uint32_t flow)
{
	__atomic_store_n(&records->sequence[flow], records->sequence[flow] + 1, __ATOMIC_RELEASE);
}

void record_begin(struct flow_records *records, uint32_t flow, const struct flow_key *key)
{
	const struct flow hot = { 0 };
	const struct flow_cold cold = { .key = *key };

	write_shared(&records->hot[flow], &hot, sizeof(hot));
	write_shared(&records->cold[flow], &cold, sizeof(cold));
	sequence_step(records, flow);
}

void record_end(struct flow_records *records, uint32_t flow)
{
	sequence_step(records, flow);
}

// Acquire, each word: the sequence is read again only after all of them; read before, it would vouch for words of the
// record's next flow.
static void copy_shared(void *to, const void *from, size_t bytes)
{
	const uint64_t *word = from;
	uint64_t copy;

	for (size_t i = 0; i < bytes / sizeof(copy); i++) {
		copy = __atomic_load_n(&word[i], __ATOMIC_ACQUIRE);
		memcpy((char *)to + i * sizeof(copy), &copy, sizeof(copy));
	}
}

bool record_snapshot(const struct flow_records *records, uint32_t flow, struct flow *hot, struct flow_cold *cold)
{
	uint32_t before;

	if (flow >= records->capacity)
		return false;
	// Acquire: words of the record from before its sequence became odd must not be taken for the flow's.
	before = __atomic_load_n(&records->sequence[flow], __ATOMIC_ACQUIRE);
	if ((before & 1) == 0)
		return false;
	copy_shared(hot, &records->hot[flow], sizeof(*hot));
	copy_shared(cold, &records->cold[flow], sizeof(*cold));
	return __atomic_load_n(&records->sequence[flow], __ATOMIC_RELAXED) == before;
}
