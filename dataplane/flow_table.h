// SPDX-License-Identifier: BSD-3-Clause
// The cuckoo hash table of flows: 64-byte buckets of tags and indices beside arrays of flow records.
//
// One writer (the owning worker), any number of lock-free readers. Works with and without DPDK's EAL. No allocation
// after creation. Time is never asked for here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/flow.h"

struct flow_table;

struct flow_table_params {
	uint32_t capacity; // flows; 1 to 1 << 26
	int socket;        // NUMA node, or -1 for any
	struct hash_secret secret;
};

struct flow_table_stats {
	uint32_t capacity;
	uint32_t used;
	uint64_t inserts;
	uint64_t removes;
	uint64_t insert_failures; // no path to a free slot, or no record left
	uint64_t displacements;   // entries moved by the cuckoo search
	uint32_t in_second_bucket; // entries there now
};

// Bytes that a table of this capacity takes, records included.
size_t flow_table_bytes(uint32_t capacity);

// NULL with errno set (EINVAL, ENOMEM). Memory: hugepages through DPDK where an EAL runs, else anonymous mmap.
struct flow_table *flow_table_create(const struct flow_table_params *params);
void flow_table_destroy(struct flow_table *table);

// Looks up n <= 64 keys; flow[i] becomes the flow's index or FLOW_NONE. Prefetches the records that it finds.
// Owner only.
void flow_table_lookup_burst(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
			     uint32_t flow[]);

// The same for any thread, through the version protocol.
void flow_table_lookup_burst_shared(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
				    uint32_t flow[]);

// One key. Owner and any other thread.
uint32_t flow_table_lookup(const struct flow_table *table, const struct flow_key *key);

// Makes a flow for a key that is not in the table. Returns its index with both records zeroed but for the key, or
// FLOW_NONE if the table is full. Owner only.
uint32_t flow_table_insert(struct flow_table *table, const struct flow_key *key);

// Ends a flow: its index may be handed out again at once. Owner only.
void flow_table_remove(struct flow_table *table, uint32_t flow);

// Both records of a flow, next to each other.
struct flow_slot {
	struct flow hot;
	struct flow_cold cold;
} __attribute__((aligned(128)));
static_assert(sizeof(struct flow_slot) == 128, "two lines of one page: one TLB miss");

// What every table begins with, laid open for the two functions below alone.
struct flow_table_head {
	struct flow_slot *record;
};

// The records of an index that the owner holds. Owner only.
static inline struct flow *flow_table_flow(const struct flow_table *table, uint32_t flow)
{
	return &((const struct flow_table_head *)table)->record[flow].hot;
}

static inline struct flow_cold *flow_table_cold(const struct flow_table *table, uint32_t flow)
{
	return &((const struct flow_table_head *)table)->record[flow].cold;
}

// Copies the records of index flow if a flow lives there and did not change hands meanwhile. Any thread.
// false: no flow there. Iterate with flow from 0 to capacity - 1.
bool flow_table_snapshot(const struct flow_table *table, uint32_t flow, struct flow *hot, struct flow_cold *cold);

// Any thread; single words, racily read.
void flow_table_stats(const struct flow_table *table, struct flow_table_stats *stats);
