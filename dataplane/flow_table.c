// SPDX-License-Identifier: BSD-3-Clause
// The writing half of the flow table. See flow_table_private.h for what readers rely on.
#include "dataplane/flow_table.h"

#include <errno.h>

#include <rte_prefetch.h>

#include "dataplane/flow_key_hash.h"
#include "dataplane/flow_table_private.h"
#include "dataplane/memory.h"

enum {
	CAPACITY_MAX = 1 << 26,
	SEARCH_NODES = 256,
};

struct slot {
	uint32_t bucket;
	unsigned slot;
};

static void add_relaxed(uint32_t *counter, uint32_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED); // one writer: no locked instruction is needed
}

static void count_relaxed(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

// A power of two of them, so that at most 31 of 32 slots get full: from there on inserts get slow. Some to spare: in a
// small table chance fills a few buckets long before all are full. At least two: a key needs two.
static size_t buckets_for(uint32_t capacity)
{
	size_t buckets = 2;

	while (buckets * BUCKET_SLOTS * 31 / 32 < capacity + 64)
		buckets *= 2;
	return buckets;
}

size_t flow_table_bytes(uint32_t capacity)
{
	return sizeof(struct flow_table) + buckets_for(capacity) * sizeof(struct flow_bucket) +
	       (size_t)capacity * (sizeof(struct flow_slot) + 2 * sizeof(uint32_t));
}

// A secret of zeroes would multiply everything by 0: fixed words (digits of pi) make it harmless, and no other weaker.
static struct hash_secret away_from_zero(const struct hash_secret *secret)
{
	static const uint64_t pi[8] = {
		0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
		0x452821e638d01377, 0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
	};
	struct hash_secret other;

	for (unsigned i = 0; i < 8; i++)
		other.word[i] = secret->word[i] ^ pi[i];
	return other;
}

struct flow_table *flow_table_create(const struct flow_table_params *params)
{
	struct flow_table *table;
	size_t buckets;

	if (params->capacity < 1 || params->capacity > CAPACITY_MAX) {
		errno = EINVAL;
		return NULL;
	}
	table = memory_take("flow table", flow_table_bytes(params->capacity), params->socket);
	if (table == NULL)
		return NULL;
	buckets = buckets_for(params->capacity);
	table->bucket = (struct flow_bucket *)(table + 1);
	table->head.record = (struct flow_slot *)(table->bucket + buckets);
	table->sequence = (uint32_t *)(table->head.record + params->capacity);
	table->spare = table->sequence + params->capacity;
	table->bucket_mask = (uint32_t)buckets - 1;
	table->capacity = params->capacity;
	table->secret = away_from_zero(&params->secret);
	return table;
}

void flow_table_destroy(struct flow_table *table)
{
	if (table != NULL)
		memory_give(table, flow_table_bytes(table->capacity));
}

// Adds to a bucket's overflow and to its version in one store. Release: what was stored before (an entry's new place, a
// cleared slot) is seen by whoever sees the new version. A hint that is full stays full: its entries are not counted.
static void meta_change(struct flow_bucket *bucket, int overflow)
{
	uint32_t meta = bucket->meta;

	if (bucket_overflow(meta) < BUCKET_FULL_HINT)
		meta += (uint32_t)overflow;
	__atomic_store_n(&bucket->meta, meta + (BUCKET_FULL_HINT + 1), __ATOMIC_RELEASE);
}

// Release, both: a reader that sees this index or tag in place of an older one also sees what made the older one go
// (its copy in the other bucket), and one that matches the tag sees its index and its record.
static void slot_fill(struct flow_table *table, struct slot to, uint16_t tag, uint32_t flow)
{
	struct flow_bucket *bucket = &table->bucket[to.bucket];

	__atomic_store_n(&bucket->index[to.slot], flow, __ATOMIC_RELEASE);
	__atomic_store_n(&bucket->tag[to.slot], tag, __ATOMIC_RELEASE);
}

// Cleared first, then the version: a reader that starts with the new version doesn't see the entry any more. Release:
// the entry's copy is in place, if it moves.
static void slot_clear(struct flow_table *table, struct slot from)
{
	struct flow_bucket *bucket = &table->bucket[from.bucket];

	__atomic_store_n(&bucket->tag[from.slot], 0, __ATOMIC_RELEASE);
	meta_change(bucket, 0);
}

static void enter_second(struct flow_table *table, uint32_t first)
{
	meta_change(&table->bucket[first], +1);
	add_relaxed(&table->owner.in_second_bucket, 1);
}

static void leave_second(struct flow_table *table, uint32_t first)
{
	meta_change(&table->bucket[first], -1);
	add_relaxed(&table->owner.in_second_bucket, -1u);
}

static uint64_t record_hash(const struct flow_table *table, uint32_t flow)
{
	return flow_key_hash_inline(&table->head.record[flow].cold.key, &table->secret);
}

// Moves an entry to a free slot of its other bucket.
static void slot_move(struct flow_table *table, struct slot from, struct slot to)
{
	uint16_t tag = table->bucket[from.bucket].tag[from.slot];
	uint32_t flow = table->bucket[from.bucket].index[from.slot];
	uint32_t first = bucket_first(table, record_hash(table, flow));

	if (from.bucket == first)
		enter_second(table, first);
	slot_fill(table, to, tag, flow);
	if (to.bucket == first)
		leave_second(table, first);
	slot_clear(table, from);
	count_relaxed(&table->owner.displacements);
}

static bool free_slot(const struct flow_table *table, uint32_t bucket, struct slot *slot)
{
	unsigned mask = bucket_match(&table->bucket[bucket], 0);

	if (mask == 0)
		return false;
	*slot = (struct slot){ bucket, (unsigned)__builtin_ctz(mask) };
	return true;
}

// A node of the breadth-first search: a full bucket, and the entry whose move to it would free a slot of its parent.
struct node {
	uint32_t bucket;
	uint16_t parent;
	uint16_t parent_slot;
};

// Carries the path out from its free end backwards, so that no entry is ever missing. The path is a shortest one: no
// bucket is on it twice, so nothing on it has changed when its turn comes.
static struct slot carry_out(struct flow_table *table, const struct node *node, unsigned last, unsigned last_slot,
			     struct slot room)
{
	struct slot from = { node[last].bucket, last_slot };

	slot_move(table, from, room);
	while (node[last].parent != last) {
		room = from;
		from = (struct slot){ node[node[last].parent].bucket, node[last].parent_slot };
		slot_move(table, from, room);
		last = node[last].parent;
	}
	return from;
}

static void fetch_others(const struct flow_table *table, uint32_t bucket)
{
	for (unsigned s = 0; s < BUCKET_SLOTS; s++)
		rte_prefetch0(&table->bucket[bucket_other(table, bucket, table->bucket[bucket].tag[s])]);
}

// Frees a slot in one of two full buckets by moving entries to their other buckets.
static bool make_room(struct flow_table *table, uint32_t first, uint32_t second, struct slot *slot)
{
	struct node node[SEARCH_NODES] = { { first, 0, 0 }, { second, 1, 0 } };
	unsigned nodes = 2;
	struct slot room;

	for (unsigned n = 0; n < nodes; n++) {
		const struct flow_bucket *bucket = &table->bucket[node[n].bucket];

		fetch_others(table, node[n].bucket);
		for (unsigned s = 0; s < BUCKET_SLOTS; s++) {
			uint32_t other = bucket_other(table, node[n].bucket, bucket->tag[s]);

			if (free_slot(table, other, &room)) {
				*slot = carry_out(table, node, n, s, room);
				return true;
			}
			if (nodes < SEARCH_NODES)
				node[nodes++] = (struct node){ other, (uint16_t)n, (uint16_t)s };
		}
	}
	return false;
}

// Words of a record that readers may be looking at. Release: they are written after the version and the sequence that
// tell that the record is no longer what it was; seen before those, a reader would take the mixture for a flow.
static void record_write(struct flow_slot *record, const struct flow_key *key)
{
	struct flow_slot fresh = { .cold.key = *key };
	uint64_t *to = (uint64_t *)record;
	uint64_t word[sizeof(fresh) / sizeof(uint64_t)];

	memcpy(word, &fresh, sizeof(word));
	for (unsigned i = 0; i < sizeof(fresh) / sizeof(uint64_t); i++)
		__atomic_store_n(&to[i], word[i], __ATOMIC_RELEASE);
}

// Odd: lives. Release: the record's words come first.
static void sequence_step(struct flow_table *table, uint32_t flow)
{
	__atomic_store_n(&table->sequence[flow], table->sequence[flow] + 1, __ATOMIC_RELEASE);
}

static uint32_t record_take(struct flow_table *table)
{
	if (table->owner.spares > 0)
		return table->spare[--table->owner.spares];
	return table->owner.fresh < table->capacity ? table->owner.fresh++ : FLOW_NONE;
}

static bool find_room(struct flow_table *table, uint32_t first, uint32_t second, struct slot *slot)
{
	return free_slot(table, first, slot) || free_slot(table, second, slot) ||
	       make_room(table, first, second, slot);
}

uint32_t flow_table_insert(struct flow_table *table, const struct flow_key *key)
{
	uint64_t hash = flow_key_hash_inline(key, &table->secret);
	uint32_t first = bucket_first(table, hash);
	struct slot slot;
	uint32_t flow;

	if ((table->owner.spares == 0 && table->owner.fresh == table->capacity) ||
	    !find_room(table, first, bucket_other(table, first, flow_tag(hash)), &slot)) {
		count_relaxed(&table->owner.insert_failures);
		return FLOW_NONE;
	}
	flow = record_take(table);
	record_write(&table->head.record[flow], key);
	sequence_step(table, flow);
	if (slot.bucket != first)
		enter_second(table, first);
	slot_fill(table, slot, flow_tag(hash), flow);
	count_relaxed(&table->owner.inserts);
	add_relaxed(&table->owner.used, 1);
	return flow;
}

static bool slot_of(const struct flow_table *table, uint32_t number, uint16_t tag, uint32_t flow, struct slot *slot)
{
	const struct flow_bucket *bucket = &table->bucket[number];

	for (unsigned mask = bucket_match(bucket, tag); mask != 0; mask &= mask - 1) {
		unsigned s = (unsigned)__builtin_ctz(mask);

		if (bucket->index[s] == flow) {
			*slot = (struct slot){ number, s };
			return true;
		}
	}
	return false;
}

void flow_table_remove(struct flow_table *table, uint32_t flow)
{
	uint64_t hash = record_hash(table, flow);
	uint32_t first = bucket_first(table, hash);
	uint16_t tag = flow_tag(hash);
	struct slot slot;

	if (!slot_of(table, first, tag, flow, &slot) &&
	    !slot_of(table, bucket_other(table, first, tag), tag, flow, &slot))
		return; // ended before
	slot_clear(table, slot);
	if (slot.bucket != first)
		leave_second(table, first);
	sequence_step(table, flow);
	table->spare[table->owner.spares++] = flow;
	count_relaxed(&table->owner.removes);
	add_relaxed(&table->owner.used, -1u);
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

bool flow_table_snapshot(const struct flow_table *table, uint32_t flow, struct flow *hot, struct flow_cold *cold)
{
	const struct flow_slot *record = &table->head.record[flow];
	uint32_t before;

	if (flow >= table->capacity)
		return false;
	// Acquire: words of the record from before its sequence became odd must not be taken for the flow's.
	before = __atomic_load_n(&table->sequence[flow], __ATOMIC_ACQUIRE);
	if ((before & 1) == 0)
		return false;
	copy_shared(hot, &record->hot, sizeof(*hot));
	copy_shared(cold, &record->cold, sizeof(*cold));
	return __atomic_load_n(&table->sequence[flow], __ATOMIC_RELAXED) == before;
}

void flow_table_stats(const struct flow_table *table, struct flow_table_stats *stats)
{
	stats->capacity = table->capacity;
	stats->used = __atomic_load_n(&table->owner.used, __ATOMIC_RELAXED);
	stats->inserts = __atomic_load_n(&table->owner.inserts, __ATOMIC_RELAXED);
	stats->removes = __atomic_load_n(&table->owner.removes, __ATOMIC_RELAXED);
	stats->insert_failures = __atomic_load_n(&table->owner.insert_failures, __ATOMIC_RELAXED);
	stats->displacements = __atomic_load_n(&table->owner.displacements, __ATOMIC_RELAXED);
	stats->in_second_bucket = __atomic_load_n(&table->owner.in_second_bucket, __ATOMIC_RELAXED);
}
