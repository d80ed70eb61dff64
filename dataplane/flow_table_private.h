// SPDX-License-Identifier: BSD-3-Clause
// The flow table's inside, shared by the files that write it (flow_table.c) and read it (flow_lookup.c).
//
// An entry is a tag and a record's index in one of two buckets, which can be told from one another: second = first
// xor f(tag). The key stands in the record. What keeps readers on other threads right, without locks:
//  - An entry that moves is in its new place before it leaves the old one.
//  - A bucket's version changes after each entry that left it, and after each that came back to its first bucket,
//    before it leaves the second. So: a bucket whose version did not change kept its entries, and their records kept
//    their keys; and a miss is one only if the first bucket's version is still the same at its end.
//  - A bucket's overflow counts its entries in second buckets: raised before one goes, lowered after it came back.
//  - A record's sequence is odd while a flow lives there, for readers that come by index.
#pragma once

#include "dataplane/flow_bucket.h"
#include "dataplane/flow_table.h"

struct flow_table {
	// Constant after creation.
	struct flow_table_head head;
	struct flow_bucket *bucket;
	uint32_t *sequence; // by record; owner: writes, all: read
	uint32_t *spare;    // stack of records that were given back; owner only
	uint32_t bucket_mask;
	uint32_t capacity;
	struct hash_secret secret;
	// Owner: writes, all: read (but fresh and spares: owner only).
	struct {
		uint32_t spares;
		uint32_t fresh; // records from here on were never used
		uint64_t inserts, removes, insert_failures, displacements;
		uint32_t used, in_second_bucket;
	} owner __attribute__((aligned(64)));
};

static inline uint16_t flow_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return tag + (tag == 0);
}

static inline uint32_t bucket_first(const struct flow_table *table, uint64_t hash)
{
	return (uint32_t)hash & table->bucket_mask;
}

// An involution without fixed points: the offset is odd.
static inline uint32_t bucket_other(const struct flow_table *table, uint32_t bucket, uint16_t tag)
{
	return bucket ^ ((tag * 0x9e3779b1u >> 9 | 1) & table->bucket_mask);
}
