// SPDX-License-Identifier: BSD-3-Clause
// What is measured: a kind of table, by what can be done with it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/stream.h"
#include "dataplane/flow_table.h"

struct table_setup {
	enum ip_family family;
	uint32_t flows;     // that it will hold
	uint32_t slots;     // a power of two: of what has no slots of its own sort
	bool full;          // it will be filled until nothing fits any more
	enum flow_table_form form; // portier's
	size_t bucket_bytes; // portier's: how much memory the limit walks over
	int socket;         // of the heap that rte_hash takes its memory from
};

struct table_ops {
	const char *name;
	bool hidden;                    // not one of the JSON's rows
	const struct table_ops *shares; // uses the tables of another kind
	// Bytes that it takes, of the heap and of the system; both about right.
	size_t (*heap_bytes)(const struct table_setup *setup);
	size_t (*system_bytes)(const struct table_setup *setup);
	void *(*create)(const struct table_setup *setup); // NULL: no memory
	void (*destroy)(void *table);
	// Looks up n keys, a multiple of BURST, of the stream; touches their records, if so wished. Returns how many it found.
	uint64_t (*lookup)(void *table, const struct stream *stream, size_t from, size_t n, bool touch);
	// n <= BURST keys that are not there, though the table has to look. How many went in: the rest did not fit.
	unsigned (*insert)(void *table, const void *keys, unsigned n);
	// n <= BURST keys that are there. How many went.
	unsigned (*remove)(void *table, const void *keys, unsigned n);
	uint64_t (*slots)(const void *table);
	uint64_t (*proper_bytes)(const void *table); // without the records
};

extern const struct table_ops table_portier, table_portier_owner, table_portier_shared;
extern const struct table_ops table_rte_hash, table_rte_hash_lf, table_rte_hash_lf_prehashed;
extern const struct table_ops table_limit_lines, table_limit_dependent;
