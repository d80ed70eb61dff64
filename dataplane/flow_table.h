// SPDX-License-Identifier: BSD-3-Clause
// The cuckoo hash table of flows: two indices, both of 64-byte buckets, beside one array of flow records.
//
// IPv4 keys without a VLAN lie exactly in an index of their own, four a cache line: a lookup touches nothing else. All
// other keys have tags in a second index, and are compared in their records. One writer (the owning worker), any number
// of lock-free readers. Works with and without DPDK's EAL. No allocation after creation. Time is never asked for here.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "dataplane/flow.h"

struct flow_table;
struct rte_rcu_qsbr;

enum {
	FLOW_LOOKUP_MAX = 64, // keys of a burst
	FLOW_TABLE_CAPACITY_MAX = 1 << 26,
};

// The instructions that the indices are searched with. All forms say the same.
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

// Looks up n <= FLOW_LOOKUP_MAX keys; flow[i] becomes the flow's index or FLOW_NONE. fetch: prefetches the records that it
// finds. Owner only.
void flow_table_lookup_burst(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
			     uint32_t flow[], bool fetch);

// The same for any thread, through the version protocol.
void flow_table_lookup_burst_shared(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
				    uint32_t flow[]);

// Fetch what removing a flow touches: its records first, and once these are here what its key tells, its entry. Owner only.
void flow_table_fetch_records(const struct flow_table *table, uint32_t flow);
void flow_table_fetch_entry(const struct flow_table *table, uint32_t flow);

// One key. Owner and any other thread.
uint32_t flow_table_lookup(const struct flow_table *table, const struct flow_key *key);

// Both for packed IPv4 keys. Owner only; shared: any thread.
void flow_table_lookup4_burst(const struct flow_table *table, const struct flow_key4 key[], unsigned n, uint32_t flow[],
			      bool fetch);
void flow_table_lookup4_burst_shared(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
				     uint32_t flow[]);

// A burst's lookup under way. Whose begins it, ends it; the table may change meanwhile.
struct flow_lookup {
	uint64_t target[FLOW_LOOKUP_MAX][2];
	uint32_t first[FLOW_LOOKUP_MAX], sum[FLOW_LOOKUP_MAX];
	uint32_t found[FLOW_LOOKUP_MAX];   // by a probe
	uint8_t hint[FLOW_LOOKUP_MAX];
	uint8_t left[FLOW_LOOKUP_MAX];     // keys that are to be looked for in their second bucket
	uint16_t version[FLOW_LOOKUP_MAX]; // of first buckets; other threads only
	uint32_t count, left_count;
	uint64_t displacements; // in the table when first buckets had been looked into; owner only
	bool first_done;
} __attribute__((aligned(64)));

// flow_table_lookup4_burst in parts, for who has something to do while memory answers. begin hashes and fetches; end
// does all that is left. Between them next may begin another burst and look into the first buckets of this one, the
// two woven into each other: who has bursts to come keeps memory and processor busy at once by
//     begin(0); next(1, 0); next(2, 1), end(0); next(3, 2), end(1); ...
// flow[]: the same for next and end. A key that is in the table from next to end is found. Of one that comes or goes in
// between, the answer is as old as next: who inserts and removes meanwhile looks a miss up again before an insert, and
// compares a hit's key with its record's. fetch: also the records of what is found. Owner only.
void flow_table_lookup4_begin(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
			      struct flow_lookup *lookup);
void flow_table_lookup4_next(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
			     struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[], bool fetch);
void flow_table_lookup4_end(const struct flow_table *table, struct flow_lookup *lookup, uint32_t flow[], bool fetch);

// Bursts of wide keys (those that are not IPv4 without a VLAN) behind each other: each push does one stage of each of them, so
// that memory has the time of a whole burst to answer.
enum { FLOW_PIPE_BURSTS = 4 };
struct flow_lookup_wide {
	const struct flow_key *key;
	uint32_t *flow;
	uint32_t count, left; // left: how many are to be looked for in their second bucket
	uint64_t slow;        // keys to be looked up one by one, as bits
	uint64_t displacements; // in the index before first buckets were looked into; pipe only
	uint32_t first[FLOW_LOOKUP_MAX], second[FLOW_LOOKUP_MAX]; // buckets; the same where there is no use in the second
	uint32_t candidate[FLOW_LOOKUP_MAX]; // record whose tag matched
	uint16_t tag[FLOW_LOOKUP_MAX];
	uint8_t todo[FLOW_LOOKUP_MAX]; // those that are left
	uint32_t version[2][FLOW_LOOKUP_MAX]; // of both buckets, before they were looked into; other threads only
};
static_assert(FLOW_LOOKUP_MAX <= 64, "a bit a key");
static_assert((FLOW_PIPE_BURSTS & (FLOW_PIPE_BURSTS - 1)) == 0, "the count of pushes wraps");
struct flow_pipe {
	uint32_t pushed;
	struct flow_lookup_wide lookup[FLOW_PIPE_BURSTS];
};

void flow_pipe_init(struct flow_pipe *pipe);

// Pushes a burst of n <= FLOW_LOOKUP_MAX wide keys in; 0: none. The results of the one that was pushed FLOW_PIPE_BURSTS - 1
// before are complete, after that: till then its keys and flow[] must stay. A key that is in the table all that time is found.
// Of one that comes or goes in between, the answer is as old as it may be: who inserts and removes meanwhile looks a miss up
// again before an insert, and compares a hit's key with its record's. fetch: also the records of what is found. Owner only.
void flow_table_pipe_push(const struct flow_table *table, struct flow_pipe *pipe, const struct flow_key key[], unsigned n,
			  uint32_t flow[], bool fetch);

// Makes a flow for a key that is not in the table. Returns its index with both records zeroed but for the key, or
// FLOW_NONE if the table is full. Owner only.
uint32_t flow_table_insert(struct flow_table *table, const struct flow_key *key);

// Once more, after a failed insert of the same key and the end of another flow: only this try counts in the statistics.
uint32_t flow_table_insert_again(struct flow_table *table, const struct flow_key *key);

// Ends a flow: its index may be handed out again, at once or when the readers have been quiescent. Owner only.
void flow_table_remove(struct flow_table *table, uint32_t flow);

// Pulls entries that sit in second buckets back to their first, where those have room again; looks at so many
// buckets of each index, going on from the last call. Removing does a little of it by itself while more than one entry in sixteen
// is in its second bucket. Owner only.
void flow_table_scrub(struct flow_table *table, unsigned buckets);

// What every table begins with, laid open for the two functions below alone. A flow's two records lie apart: packets touch
// the hot ones, which so fill every cache set and half as many pages.
struct flow_table_head {
	struct flow *hot;
	struct flow_cold *cold;
};

// The records of an index that the owner holds. Owner only.
static inline struct flow *flow_table_flow(const struct flow_table *table, uint32_t flow)
{
	return &((const struct flow_table_head *)table)->hot[flow];
}

static inline struct flow_cold *flow_table_cold(const struct flow_table *table, uint32_t flow)
{
	return &((const struct flow_table_head *)table)->cold[flow];
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
