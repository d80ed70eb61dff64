// SPDX-License-Identifier: BSD-3-Clause
// The cuckoo hash table of flows: two indices, both of 64-byte buckets, beside one array of flow records.
//
// IPv4 keys without a VLAN lie exactly in an index of their own, four a cache line: a lookup touches nothing else. All
// other keys have tags in a second index, and are compared in their records. One writer (the owning worker), any number
// of lock-free readers. Works with and without DPDK's EAL. No allocation after creation. Time is never asked for here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dataplane/flow.h"

struct flow_table;
struct rte_rcu_qsbr;

enum {
	FLOW_LOOKUP_MAX = 64, // keys of a burst
	FLOW_TABLE_CAPACITY_MAX = 1 << 26,
};

// The instructions that the IPv4 index is searched with. All forms say the same.
enum flow_table_form {
	FLOW_TABLE_FORM_BEST, // of those that the processor has
	FLOW_TABLE_FORM_PLAIN,
	FLOW_TABLE_FORM_AVX2,
	FLOW_TABLE_FORM_AVX512,
	FLOW_TABLE_FORMS
};

// Whether this build and this processor have it. Any thread.
bool flow_table_form_supported(enum flow_table_form form);

// "avx512"... Any thread.
const char *flow_table_form_name(enum flow_table_form form);

struct flow_table_params {
	uint32_t capacity;      // flows; 1 to FLOW_TABLE_CAPACITY_MAX
	uint32_t ip4_capacity;  // how many of them may be IPv4 without a VLAN; 0: all
	uint32_t wide_capacity; // how many of them may be others; 0: all
	int socket;             // NUMA node, or -1 for any
	enum flow_table_form form;
	struct hash_secret secret;
	// Threads that use indices which they looked up: an index is handed out again only when all of them have been
	// quiescent after its flow was removed. NULL: there are none, or they copy with flow_table_snapshot.
	struct rte_rcu_qsbr *readers;
};

struct flow_table_stats {
	uint32_t capacity;
	uint32_t used;
	uint32_t ip4_used, wide_used; // the same by index
	uint32_t ip4_slots, wide_slots;
	uint64_t ip4_bytes, wide_bytes; // of the indices
	uint64_t inserts;
	uint64_t removes;
	uint64_t insert_failures; // no path to a free slot, or no record left
	uint64_t displacements;   // entries moved, by the cuckoo search or back by scrubbing
	uint32_t in_second_bucket; // entries there now
	uint32_t waiting;          // removed flows whose index waits for readers
};

// Bytes that such a table takes, records included. Needs neither readers nor secret.
size_t flow_table_bytes(const struct flow_table_params *params);

// NULL with errno set (EINVAL; ENOTSUP: the form; ENOMEM). Memory: hugepages through DPDK where an EAL runs, else
// anonymous mmap.
struct flow_table *flow_table_create(const struct flow_table_params *params);
void flow_table_destroy(struct flow_table *table);

// Looks up n <= FLOW_LOOKUP_MAX keys; flow[i] becomes the flow's index or FLOW_NONE. Prefetches the records that it finds.
// Owner only.
void flow_table_lookup_burst(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
			     uint32_t flow[]);

// The same for any thread, through the version protocol.
void flow_table_lookup_burst_shared(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
				    uint32_t flow[]);

// One key. Owner and any other thread.
uint32_t flow_table_lookup(const struct flow_table *table, const struct flow_key *key);

// The same for packed IPv4 keys. Does not prefetch records. Owner only; shared: any thread.
void flow_table_lookup4_burst(const struct flow_table *table, const struct flow_key4 key[], unsigned n, uint32_t flow[]);
void flow_table_lookup4_burst_shared(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
				     uint32_t flow[]);

// A lookup under way, between its two halves. Whose begins it, ends it; the table may change meanwhile.
struct flow_lookup {
	uint64_t target[FLOW_LOOKUP_MAX][2];
	uint32_t first[FLOW_LOOKUP_MAX], sum[FLOW_LOOKUP_MAX];
	uint8_t hint[FLOW_LOOKUP_MAX];
	uint32_t count;
} __attribute__((aligned(64)));

// The two halves of flow_table_lookup4_burst, for who has something to do while memory answers, such as the other half
// of the burst before: hash and fetch; compare. Owner only.
void flow_table_lookup4_begin(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
			      struct flow_lookup *lookup);
void flow_table_lookup4_end(const struct flow_table *table, struct flow_lookup *lookup, uint32_t flow[]);

// Makes a flow for a key that is not in the table. Returns its index with both records zeroed but for the key, or
// FLOW_NONE if the table is full. Owner only.
uint32_t flow_table_insert(struct flow_table *table, const struct flow_key *key);

// Once more, after a failed insert of the same key and the end of another flow: only this try counts in the statistics.
uint32_t flow_table_insert_again(struct flow_table *table, const struct flow_key *key);

// Ends a flow: its index may be handed out again, at once or when the readers have been quiescent. Owner only.
void flow_table_remove(struct flow_table *table, uint32_t flow);

// Pulls IPv4 entries that sit in second buckets back to their first, where those have room again; looks at so many
// buckets, going on from the last call. Inserting and removing do a little of it by themselves. Owner only.
void flow_table_scrub(struct flow_table *table, unsigned buckets);

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

// Indices from here on have never been used. Owner only.
uint32_t flow_table_bound(const struct flow_table *table);

// Whether a flow lives in an index below that bound. Owner only.
bool flow_table_lives(const struct flow_table *table, uint32_t flow);

// Any thread; single words, racily read.
void flow_table_stats(const struct flow_table *table, struct flow_table_stats *stats);
