// SPDX-License-Identifier: BSD-3-Clause
// DPDK's rte_hash as its users have it: CRC32, one writer, bulk lookup, records beside it by position.
#include "bench/table_ops.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>

#include "bench/burst_records.h"
#include "bench/keys.h"
#include "dataplane/memory.h"

struct peer {
	struct rte_hash *hash;
	char *records; // of 64 bytes, by position
	uint32_t key_bytes;
	uint32_t slots;
	bool lock_free;
	uint64_t proper_bytes;
};

enum {
	RECORD = 64,
	HASH_BUCKET_SLOTS = 8,
	HASH_BUCKET = 64,
	HASH_ENTRY_HEAD = 8, // before each stored key
	HASH_ENTRY_ALIGN = 16,
	HEAP_SLACK = 8 << 20,
};

// Buckets, stored keys, and the ring of their free places: a power of two above their number.
static size_t hash_bytes(const struct table_setup *setup)
{
	const size_t entry = RTE_ALIGN_CEIL(key_bytes(setup->family) + HASH_ENTRY_HEAD, HASH_ENTRY_ALIGN);

	return (size_t)setup->slots * (HASH_BUCKET / HASH_BUCKET_SLOTS + entry + 2 * sizeof(uint32_t)) + HEAP_SLACK;
}

static size_t record_bytes(const struct table_setup *setup)
{
	return setup->full ? RECORD : ((size_t)setup->slots + 1) * RECORD;
}

static uint64_t heap_used(int socket)
{
	struct rte_malloc_socket_stats stats = { 0 };

	rte_malloc_get_socket_stats(socket, &stats);
	return stats.heap_allocsz_bytes;
}

static void peer_destroy(void *table)
{
	struct peer *peer = table;

	rte_hash_free(peer->hash);
	memory_give(peer->records);
	free(peer);
}

static void *peer_create(const struct table_setup *setup, bool lock_free)
{
	const uint64_t before = heap_used(setup->socket);
	struct peer *peer = calloc(1, sizeof(*peer));
	char name[RTE_HASH_NAMESIZE];

	if (peer == NULL)
		return NULL;
	snprintf(name, sizeof(name), "bench_%p", (void *)peer);
	peer->lock_free = lock_free;
	peer->key_bytes = (uint32_t)key_bytes(setup->family);
	peer->slots = setup->slots;
	peer->records = memory_take("records", record_bytes(setup), -1);
	peer->hash = rte_hash_create(&(struct rte_hash_parameters){
		.name = name,
		.entries = setup->slots,
		.key_len = peer->key_bytes,
		.hash_func = rte_hash_crc,
		.socket_id = setup->socket,
		.extra_flag = lock_free ? RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF : 0,
	});
	if (peer->records == NULL || peer->hash == NULL) {
		peer_destroy(peer);
		return NULL;
	}
	peer->proper_bytes = heap_used(setup->socket) - before;
	return peer;
}

static void *create(const struct table_setup *setup)
{
	return peer_create(setup, false);
}

static void *create_lock_free(const struct table_setup *setup)
{
	return peer_create(setup, true);
}

// Records are fetched when they are known, and touched a burst later, as portier's are.
static __rte_always_inline uint64_t lookup(const struct peer *peer, const char *keys, size_t step, hash_sig_t *signature,
					   size_t bursts, const bool touch)
{
	const void *key[BURST];
	int32_t flow[2][BURST];
	uint64_t hits = 0;

	for (size_t b = 0; b < bursts; b++) {
		int32_t *now = flow[b & 1];

		for (unsigned i = 0; i < BURST; i++)
			key[i] = keys + (b * BURST + i) * step;
		if (signature != NULL)
			rte_hash_lookup_with_hash_bulk(peer->hash, key, &signature[b * BURST], BURST, now);
		else
			rte_hash_lookup_bulk(peer->hash, key, BURST, now);
		hits += burst_hits(now);
		if (touch)
			burst_fetch(peer->records, RECORD, now);
		if (touch && b > 0)
			burst_touch(peer->records, RECORD, flow[(b - 1) & 1]);
	}
	if (touch)
		burst_touch(peer->records, RECORD, flow[(bursts - 1) & 1]);
	return hits;
}

static __rte_always_inline uint64_t peer_lookup(const struct peer *peer, const struct stream *stream, size_t from,
						size_t n, bool touch, hash_sig_t *signature)
{
	const size_t step = peer->key_bytes;
	const char *keys = (const char *)stream->key + from * step;

	if (step == sizeof(struct flow_key4))
		return touch ? lookup(peer, keys, sizeof(struct flow_key4), signature, n / BURST, true) :
			       lookup(peer, keys, sizeof(struct flow_key4), signature, n / BURST, false);
	return touch ? lookup(peer, keys, sizeof(struct flow_key), signature, n / BURST, true) :
		       lookup(peer, keys, sizeof(struct flow_key), signature, n / BURST, false);
}

static uint64_t lookup_plain(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	return peer_lookup(table, stream, from, n, touch, NULL);
}

static uint64_t lookup_prehashed(void *table, const struct stream *stream, size_t from, size_t n, bool touch)
{
	return peer_lookup(table, stream, from, n, touch, stream->signature + from);
}

static unsigned peer_insert(void *table, const void *keys, unsigned n)
{
	const struct peer *peer = table;

	for (unsigned i = 0; i < n; i++)
		if (rte_hash_add_key(peer->hash, (const char *)keys + i * peer->key_bytes) < 0)
			return i;
	return n;
}

// With the lock-free flag a key's place is free only when it is given back: at once here, there are no readers.
static unsigned peer_remove(void *table, const void *keys, unsigned n)
{
	const struct peer *peer = table;
	unsigned removed = 0;

	for (unsigned i = 0; i < n; i++) {
		int32_t position = rte_hash_del_key(peer->hash, (const char *)keys + i * peer->key_bytes);

		removed += position >= 0;
		if (peer->lock_free && position >= 0)
			rte_hash_free_key_with_position(peer->hash, position);
	}
	return removed;
}

static uint64_t peer_slots(const void *table)
{
	return ((const struct peer *)table)->slots;
}

static uint64_t peer_proper_bytes(const void *table)
{
	return ((const struct peer *)table)->proper_bytes;
}

const struct table_ops table_rte_hash = {
	.name = "rte_hash", .heap_bytes = hash_bytes, .system_bytes = record_bytes, .create = create,
	.destroy = peer_destroy, .lookup = lookup_plain, .insert = peer_insert, .remove = peer_remove,
	.slots = peer_slots, .proper_bytes = peer_proper_bytes,
};
const struct table_ops table_rte_hash_lf = {
	.name = "rte_hash_lf", .heap_bytes = hash_bytes, .system_bytes = record_bytes, .create = create_lock_free,
	.destroy = peer_destroy, .lookup = lookup_plain, .insert = peer_insert, .remove = peer_remove,
	.slots = peer_slots, .proper_bytes = peer_proper_bytes,
};
const struct table_ops table_rte_hash_lf_prehashed = {
	.name = "rte_hash_lf_prehashed", .shares = &table_rte_hash_lf, .lookup = lookup_prehashed,
};
