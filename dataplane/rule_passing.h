// SPDX-License-Identifier: BSD-3-Clause
// Which of the rules that may let a packet pass on are worth a look, where there are many: each field that is looked up has a row
// of bits, one a rule, and their product is all that remains. Immutable once made.
#pragma once

#include "dataplane/rule_match.h"

enum {
	PASSING_INDEXED_MIN = 32, // fewer are as soon looked at
	PASSING_ROWS_MAX = 16 << 20, // bytes of one field: they grow with the square of the rules
	PASSING_ROWS = 4, // of one packet
};

struct passing_index;

// Of rules in order. 0, and *index is NULL where it would not help, or be too large; -ENOMEM. Control thread.
int passing_index_make(const struct rule *const rules[], uint32_t count, struct passing_index **index);
void passing_index_free(struct passing_index *index);
size_t passing_index_bytes(const struct passing_index *index);

// What one packet is asked about. Any thread, as the next one.
struct passing_search {
	const uint64_t *row[PASSING_ROWS];
	uint32_t count;
};
struct passing_search passing_index_search(const struct passing_index *index, const struct packet_tuple *tuple);

// The first rule from at on that may match: none before it does. count: none.
static inline uint32_t passing_search_next(const struct passing_search *search, uint32_t at)
{
	uint64_t left = UINT64_MAX << (at & 63);
	for (uint32_t word = at / 64; 64 * word < search->count; word++, left = UINT64_MAX) {
		for (unsigned i = 0; i < PASSING_ROWS; i++)
			left &= search->row[i][word];
		if (left)
			return 64 * word + (uint32_t)__builtin_ctzll(left);
	}
	return search->count;
}
