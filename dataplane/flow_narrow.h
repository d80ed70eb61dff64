// SPDX-License-Identifier: BSD-3-Clause
// The flow table's index of IPv4 keys: exact, four entries a cache line, no other memory touched. Private to the flow table.
//
// An entry does not store the whole key. Its bucket number is a keyed hash of most of the key, xored with the rest of it,
// the low bits of the port word, shuffled (quotienting): so number and stored bits together are the key, and
//  - two keys that differ only in those port bits never share a first bucket,
//  - any two others do with a probability of at most two in the number of buckets, over the secret: NH (UMAC,
//    CRYPTO '99) brings the stored bits to 64, multiply-shift (Dietzfelbinger et al., J. Algorithms 25, 1997)
//    those to the number.
// The numbers of its two buckets add up to another hash of the stored bits: an entry moves without a look at its record.
// A sum, not a xor: ports that come in blocks fill half of the buckets, and what is xored with their numbers may well leave
// both buckets of all of them in that half.
//
// What keeps readers on other threads right, without locks:
//  - An entry is stored at once: 16 aligned bytes, which x86 processors with AVX don't tear; elsewhere in two
//    words. There, and where a bucket is compared in two loads, readers check its version after a hit.
//  - An entry that moves is in its new place before it leaves the old one.
//  - A bucket's version changes after each entry that left it, and after each that came back to it as its first bucket,
//    before it leaves the second. So a miss is one only if the first bucket's version is still the same at its end.
//  - A bucket's hint has a bit set for each entry of it that sits in a second bucket, from before it goes there
//    until after it came back.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_prefetch.h>

#include "dataplane/flow.h"
#include "dataplane/flow_cuckoo.h"
#include "dataplane/flow_key.h"
#include "dataplane/flow_table.h"

enum {
	NARROW_SLOTS = 4,
	NARROW_BITS_MIN = 4,
	NARROW_BITS_MAX = 25, // 2 * 25 bits of the hash choose the buckets
	NARROW_VALID_BIT = 38, // of an entry's high word
	NARROW_SECOND_BIT = 39,
	NARROW_SPARE_SHIFT = 48,
};

// low:  address[0] : 32 | low 32 bits of (port bits << index bits | index + 1)
// high: spare : 16 | protocol : 8 | in second bucket : 1 | valid : 1 | upper 6 of those bits | address[1] : 32
// Owner: writes, all: read.
struct narrow_entry {
	uint64_t low, high;
} __attribute__((aligned(16)));

#define NARROW_SECOND (UINT64_C(1) << NARROW_SECOND_BIT)
#define NARROW_VALID (UINT64_C(1) << NARROW_VALID_BIT)
#define NARROW_HIGH_MASK ((UINT64_C(1) << NARROW_SPARE_SHIFT) - 1)

// The spare bits of the four entries belong to the bucket.
enum narrow_spare {
	SPARE_VERSION = 0,
	SPARE_HINT = 1, // and 2: 32 bits
	SPARE_OVERFLOW = 3, // entries of this bucket that sit in second buckets; owner only
};

struct narrow_bucket {
	struct narrow_entry entry[NARROW_SLOTS];
} __attribute__((aligned(64)));
static_assert(sizeof(struct narrow_bucket) == 64, "one cache line");

struct flow_narrow {
	// Constant after creation.
	struct narrow_bucket *bucket;
	uint32_t mask;       // buckets - 1
	uint8_t bits;        // log2(buckets)
	uint8_t half_bits;   // half of bits, rounded up
	uint8_t index_bits;  // of index + 1
	uint32_t shuffle[2]; // secret, odd
	uint32_t add[4];     // secret
	uint64_t multiplier; // secret, odd
	uint64_t compare_low; // the bits of low that are key
	// Owner: writes, all: read.
	uint32_t used, in_second;
	uint64_t displacements;
	uint32_t scrub_next; // owner only
};

// What a key becomes: the entry that holds it, but for index and spare bits, and where it may be.
struct narrow_target {
	uint64_t low, high;
	uint32_t first, sum; // of the two bucket numbers: see narrow_other
	uint8_t hint;         // bit of the first bucket's hint
};

// A hash of all that an entry stores. Its top bits choose the first bucket, the next the second, low ones the hint.
static inline uint64_t narrow_hash(const struct flow_narrow *narrow, uint32_t address0, uint32_t address1, uint32_t ports,
				   uint32_t protocol)
{
	uint64_t sum = (uint64_t)(uint32_t)(address0 + narrow->add[0]) * (uint32_t)(address1 + narrow->add[1]) +
		       (uint64_t)(uint32_t)(ports + narrow->add[2]) * (uint32_t)(protocol + narrow->add[3]);

	return (sum ^ sum >> 32) * narrow->multiplier;
}

// What the numbers of an entry's two buckets add up to. Odd: they are never the same.
static inline uint32_t narrow_sum(const struct flow_narrow *narrow, uint64_t hash)
{
	return ((uint32_t)(hash >> (64 - 2 * narrow->bits)) & narrow->mask) | 1;
}

// The other bucket of an entry.
static inline uint32_t narrow_other(const struct flow_narrow *narrow, uint32_t bucket, uint32_t sum)
{
	return (sum - bucket) & narrow->mask;
}

static inline uint8_t narrow_hint(uint64_t hash)
{
	return hash >> 8 & 31;
}

// Shuffles the port bits that are not stored, one to one. Ports come in blocks and steps, which would stay such in the
// bucket numbers: the few sources that have them would lie on each other, in first and in second buckets. One product
// keeps low bits among themselves and a fold is linear; two products with a fold between them scatter any such set.
static inline uint32_t narrow_shuffle(const struct flow_narrow *narrow, uint32_t port_word)
{
	uint32_t ports = (port_word & narrow->mask) * narrow->shuffle[0] & narrow->mask;

	return (ports ^ ports >> narrow->half_bits) * narrow->shuffle[1] & narrow->mask;
}

static inline struct narrow_target narrow_target(const struct flow_narrow *narrow, const struct flow_key4 *key)
{
	uint32_t address[2], port_word;
	uint64_t hash, rest;

	memcpy(address, key->address, sizeof(address));
	memcpy(&port_word, key->port, sizeof(port_word));
	rest = port_word >> narrow->bits;
	hash = narrow_hash(narrow, address[0], address[1], (uint32_t)rest, key->protocol);
	rest <<= narrow->index_bits;
	return (struct narrow_target){
		.low = (uint64_t)address[0] << 32 | (uint32_t)rest,
		.high = (uint64_t)key->protocol << 40 | NARROW_VALID | rest >> 32 << 32 | address[1],
		.first = narrow_shuffle(narrow, port_word) ^ (uint32_t)(hash >> (64 - narrow->bits)),
		.sum = narrow_sum(narrow, hash),
		.hint = narrow_hint(hash),
	};
}

// Fetches the key's first bucket.
static inline void narrow_fetch(const struct flow_narrow *narrow, const struct flow_key4 *key)
{
	rte_prefetch0(&narrow->bucket[narrow_target(narrow, key).first]);
}

// The spare bits of one entry. Acquire: a version that is loaded before the entries must not be from after them, nor a hint
// from before.
static inline uint16_t narrow_spare(const struct narrow_bucket *bucket, enum narrow_spare which)
{
	return (uint16_t)(__atomic_load_n(&bucket->entry[which].high, __ATOMIC_ACQUIRE) >> NARROW_SPARE_SHIFT);
}

static inline bool narrow_hinted(const struct narrow_bucket *bucket, uint8_t hint)
{
	uint32_t hints = (uint32_t)narrow_spare(bucket, SPARE_HINT + 1) << 16 | narrow_spare(bucket, SPARE_HINT);

	return hints >> hint & 1;
}

// Takes zeroed memory for the buckets, narrow_bytes() of it. index_max: greatest flow index.
void narrow_init(struct flow_narrow *narrow, void *buckets, uint32_t capacity, uint32_t index_max,
		 const struct hash_secret *secret);
size_t narrow_bytes(uint32_t capacity, uint32_t index_max);

// A key that is not there. false: no room. Owner.
bool narrow_insert(struct flow_narrow *narrow, const struct flow_key4 *key, uint32_t flow);

// false: not there, or another flow's. Owner.
bool narrow_remove(struct flow_narrow *narrow, const struct flow_key4 *key, uint32_t flow);

// Looks at so many buckets more, and pulls entries that sit in their second bucket back to their first where it has
// room now. Owner.
void narrow_scrub(struct flow_narrow *narrow, unsigned buckets);

// One key, any thread.
uint32_t narrow_find(const struct flow_narrow *narrow, const struct narrow_target *target);

// The forms of the burst lookup. All say the same. record: of all flows, by index; that of a flow that is found is fetched,
// unless it is NULL.
struct narrow_form {
	void (*begin)(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned n,
		      struct flow_lookup *lookup);
	void (*next)(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned n,
		     struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[], const struct flow *record);
	void (*end)(const struct flow_narrow *narrow, struct flow_lookup *lookup, uint32_t flow[],
		    const struct flow *record);
	void (*end_shared)(const struct flow_narrow *narrow, struct flow_lookup *lookup, uint32_t flow[]);
};
extern const struct narrow_form narrow_plain, narrow_avx2, narrow_avx512;
