// SPDX-License-Identifier: BSD-3-Clause
// The key of a flow: its socket pair, protocol and (where configured) VLAN, the same for both directions.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

enum ip_family {
	FAMILY_NONE = 0,
	FAMILY_IP4 = 4,
	FAMILY_IP6 = 6,
};

// Big enough for both families. IPv4: the first four bytes, the rest zero. Network byte order.
struct ip_address {
	uint8_t byte[16];
};

// Canonical: end 0 is the smaller (address bytes, then port). No padding, so that it compares and hashes as bytes.
struct flow_key {
	struct ip_address address[2];
	rte_be16_t port[2]; // ICMP queries: {identifier, type} at {asker, asked}; protocols without ports: 0
	uint16_t vlan;      // host order; 0 where VLANs are not part of the key
	uint8_t protocol;   // IANA protocol number
	uint8_t family;     // enum ip_family
};
static_assert(sizeof(struct flow_key) == 40, "five words, no padding");

// The same for IPv4 without a VLAN in the key, packed: what the flow table holds in one line a bucket. Canonical.
struct flow_key4 {
	rte_be32_t address[2];
	rte_be16_t port[2];
	uint16_t zero;
	uint8_t protocol;
	uint8_t family; // FAMILY_IP4
};
static_assert(sizeof(struct flow_key4) == 16, "two words, no padding");

static inline bool flow_key_fits_ip4(const struct flow_key *key)
{
	uint32_t vlan_to_family; // with the protocol between them, which may be any

	static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "the family stands highest");
	memcpy(&vlan_to_family, &key->vlan, sizeof(vlan_to_family));
	return (vlan_to_family & UINT32_C(0xff00ffff)) == (uint32_t)FAMILY_IP4 << 24;
}

// Only of a key that fits.
static inline struct flow_key4 flow_key_pack(const struct flow_key *key)
{
	struct flow_key4 packed;

	memcpy(&packed.address[0], key->address[0].byte, sizeof(packed.address[0]));
	memcpy(&packed.address[1], key->address[1].byte, sizeof(packed.address[1]));
	memcpy(packed.port, key->port, sizeof(uint64_t)); // ports, VLAN, protocol and family stand alike in both
	return packed;
}

static inline struct flow_key flow_key_unpack(const struct flow_key4 *packed)
{
	struct flow_key key = { 0 };

	memcpy(key.address[0].byte, &packed->address[0], sizeof(packed->address[0]));
	memcpy(key.address[1].byte, &packed->address[1], sizeof(packed->address[1]));
	memcpy(key.port, packed->port, sizeof(uint64_t));
	return key;
}

// The random secret that keys every hash of a packet's fields. Drawn once at start; never printed.
struct hash_secret {
	uint64_t word[8];
};

// Draws a secret from the kernel. 0, or -errno. Control thread.
int hash_secret_draw(struct hash_secret *secret);

// A 64-bit keyed hash of the whole key: universal over the secret, so that whoever picks tuples without knowing the
// secret can't aim at a bucket. Equal for both directions, as the key is. Any thread.
uint64_t flow_key_hash(const struct flow_key *key, const struct hash_secret *secret);

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

// Puts the two ends in canonical order, for a key that was filled with the packet's source as end 0.
// Returns which end the source is now: 0 or 1.
unsigned flow_key_canonicalise(struct flow_key *key);
