// SPDX-License-Identifier: BSD-3-Clause
// For both layouts of the flow table: the cuckoo search, which makes room by moving entries to their other buckets, and
// scrubbing, which moves them back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

enum {
	CUCKOO_SLOTS_MAX = 10, // of a bucket
	CUCKOO_NODES = 256, // buckets that a search looks at: finds room up to a load of about 96 %
};

struct slot {
	uint32_t bucket;
	unsigned slot;
};

// What both ask of a layout. Constant where it is called, so that all of it is inlined.
struct cuckoo_layout {
	unsigned slots; // of a bucket
	bool (*free_slot)(const void *index, uint32_t bucket, struct slot *slot);
	uint32_t (*other_bucket)(const void *index, struct slot entry);
	unsigned (*misplaced)(const void *index, uint32_t bucket); // slots with entries that are in their second bucket, as bits
	void (*fetch)(const void *index, uint32_t bucket);
	void (*move)(void *index, struct slot from, struct slot to);
};

// A node of the breadth-first search: a full bucket, and the entry whose move to it would free a slot of its parent.
struct cuckoo_node {
	uint32_t bucket;
	uint16_t parent;
	uint16_t parent_slot;
};

// Carries the path out from its free end backwards, so that no entry is ever missing. The path is a shortest one: no
// bucket is on it twice, so nothing on it has changed when its turn comes.
static __rte_always_inline struct slot cuckoo_carry_out(void *index, const struct cuckoo_layout *layout,
							const struct cuckoo_node *node, unsigned last,
							unsigned last_slot, struct slot room)
{
	struct slot from = { node[last].bucket, last_slot };

	layout->move(index, from, room);
	while (node[last].parent != last) {
		room = from;
		from = (struct slot){ node[node[last].parent].bucket, node[last].parent_slot };
		layout->move(index, from, room);
		last = node[last].parent;
	}
	return from;
}

// Frees a slot in one of two full buckets. false: the search came to its end.
static __rte_always_inline bool cuckoo_make_room(void *index, const struct cuckoo_layout *layout, uint32_t first,
						 uint32_t second, struct slot *slot)
{
	struct cuckoo_node node[CUCKOO_NODES]; // 2 KB: not cleared, most searches take a few
	uint32_t other[CUCKOO_SLOTS_MAX];
	unsigned nodes = 2;
	struct slot room;

	node[0] = (struct cuckoo_node){ first, 0, 0 };
	node[1] = (struct cuckoo_node){ second, 1, 0 };
	for (unsigned n = 0; n < nodes; n++) {
		for (unsigned s = 0; s < layout->slots; s++) {
			other[s] = layout->other_bucket(index, (struct slot){ node[n].bucket, s });
			layout->fetch(index, other[s]);
		}
		for (unsigned s = 0; s < layout->slots; s++) {
			if (layout->free_slot(index, other[s], &room)) {
				*slot = cuckoo_carry_out(index, layout, node, n, s, room);
				return true;
			}
			if (nodes < CUCKOO_NODES)
				node[nodes++] = (struct cuckoo_node){ other[s], (uint16_t)n, (uint16_t)s };
		}
	}
	return false;
}

// A slot for a new entry: in its first bucket, else in its second, else where room can be made.
static __rte_always_inline bool cuckoo_find_room(void *index, const struct cuckoo_layout *layout, uint32_t first,
						 uint32_t second, struct slot *slot)
{
	return layout->free_slot(index, first, slot) || layout->free_slot(index, second, slot) ||
	       cuckoo_make_room(index, layout, first, second, slot);
}

static __rte_always_inline void cuckoo_scrub_bucket(void *index, const struct cuckoo_layout *layout, uint32_t number)
{
	for (unsigned left = layout->misplaced(index, number); left != 0; left &= left - 1) {
		struct slot entry = { number, (unsigned)__builtin_ctz(left) }, room;

		if (layout->free_slot(index, layout->other_bucket(index, entry), &room))
			layout->move(index, entry, room);
	}
}

// Fetches the first buckets of the entries here that are in their second.
static __rte_always_inline void cuckoo_scrub_fetch(const void *index, const struct cuckoo_layout *layout, uint32_t number)
{
	for (unsigned left = layout->misplaced(index, number); left != 0; left &= left - 1)
		layout->fetch(index, layout->other_bucket(index, (struct slot){ number, (unsigned)__builtin_ctz(left) }));
}

// Pulls entries of so many buckets from next on back to their first, where that has room; returns the next of then. What the
// next call will look at is fetched now, and the buckets themselves some calls before, where one call follows another.
static __rte_always_inline uint32_t cuckoo_scrub(void *index, const struct cuckoo_layout *layout, uint32_t next,
						 uint32_t bucket_mask, unsigned buckets)
{
	for (unsigned i = 0; i < buckets; i++)
		cuckoo_scrub_bucket(index, layout, next++ & bucket_mask);
	for (unsigned i = 0; i < buckets; i++)
		cuckoo_scrub_fetch(index, layout, (next + i) & bucket_mask);
	for (unsigned i = 0; i < buckets; i++)
		layout->fetch(index, (next + 4 * buckets + i) & bucket_mask);
	return next;
}

// Whether lookups would feel it. A table with room has few entries in their second buckets, and these may stay there: below one
// in sixteen, a second line for each of them is less than what looking for them costs.
static inline bool cuckoo_asks_for_scrub(uint32_t used, uint32_t in_second)
{
	return in_second > used / 16;
}

// Counters with one writer, read by any thread: no locked instruction is needed.
static inline void add_relaxed32(uint32_t *counter, uint32_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void add_relaxed64(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}
