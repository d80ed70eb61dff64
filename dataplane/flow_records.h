// SPDX-License-Identifier: BSD-3-Clause
// The flow table's records, by index: which are free, and since when. Private to the flow table.
//
// A record's sequence is odd while a flow lives there, for readers that come by index.
#pragma once

#include "dataplane/flow_table.h"

struct flow_records {
	// Constant after creation.
	struct flow *hot; // by record, as the next two
	struct flow_cold *cold; // one more, at the end: its key is nobody's
	uint32_t *sequence; // owner: writes, all: read
	uint32_t *spare;    // ring of records that were given back; owner only
	uint32_t capacity;
	struct rte_rcu_qsbr *readers;
	// Owner only. Of the ring's places, counted since creation: taken from, given back to, and up to where readers
	// are known to be done, or will be once they have passed the token.
	uint64_t taken, given, done, asked;
	uint64_t token;
	uint32_t fresh; // records from here on were never used
};

// Takes zeroed memory, records_bytes() of it, that starts at a cache line.
size_t records_bytes(uint32_t capacity);
void records_init(struct flow_records *records, void *memory, uint32_t capacity, struct rte_rcu_qsbr *readers);

// Fetches all of a record, to be written. Owner.
void record_fetch(const struct flow_records *records, uint32_t flow);

// A free record, or FLOW_NONE. Owner.
uint32_t records_take(struct flow_records *records);
void records_give(struct flow_records *records, uint32_t flow);

// A flow begins to live in the record, or ends to. Owner.
void record_begin(struct flow_records *records, uint32_t flow, const struct flow_key *key);
void record_end(struct flow_records *records, uint32_t flow);

// Records that wait for readers. Owner.
uint32_t records_waiting(const struct flow_records *records);

// See flow_table_snapshot. Any thread.
bool record_snapshot(const struct flow_records *records, uint32_t flow, struct flow *hot, struct flow_cold *cold);
