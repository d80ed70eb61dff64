// SPDX-License-Identifier: BSD-3-Clause
// The parser's straight line for the packets that nearly all are. All others: parse_any.
#pragma once

#include <rte_common.h>

#include "dataplane/datagram.h"

struct usual_address {
	uint64_t high, low;
};

static inline struct usual_address load_address(const uint8_t *bytes)
{
	uint64_t half[2];

	memcpy(half, bytes, sizeof(half));
	return (struct usual_address){ rte_be_to_cpu_64(half[0]), rte_be_to_cpu_64(half[1]) };
}

// A TCP or UDP packet's ends, and which comes first in the key.
struct usual_ends {
	uint32_t ports; // both, as in the header
	bool swapped;   // the source is end 1
};

// Orders the ends as flow_key_canonicalise does. false: they may be martians, or need a closer look.
static __rte_always_inline bool usual_ends(const uint8_t *addresses, const uint8_t *ports, enum ip_family family,
					   struct usual_ends *ends)
{
	memcpy(&ends->ports, ports, sizeof(ends->ports));
	if (family == FAMILY_IP4) {
		const uint32_t multicast = UINT32_C(0xe0000000); // and all above it
		uint32_t source = load_be32(addresses), destination = load_be32(addresses + 4);

		ends->swapped = source > destination;
		return source < multicast && source != destination;
	}
	// Free of branches: which end is smaller is a coin toss for every packet.
	const struct usual_address source = load_address(addresses), destination = load_address(addresses + 16);
	const bool same_high = source.high == destination.high;

	ends->swapped = (source.high > destination.high) | (same_high & (source.low > destination.low));
	return addresses[0] != 0xff && !(same_high & (source.low == destination.low));
}

// Whether a TCP or UDP header in order is there, in length bytes.
static __rte_always_inline bool common_transport(const uint8_t *header, uint32_t length, uint8_t protocol)
{
	if (likely(protocol == PROTO_TCP)) {
		uint32_t offset = length < TCP_HEADER ? 0 : (header[12] & 0xf0u) >> 2;

		return offset >= TCP_HEADER && offset <= length && (header[0] | header[1]) && (header[2] | header[3]);
	}
	uint32_t said = protocol != PROTO_UDP || length < UDP_HEADER ? 0 : load_be16(header + 4);

	return said >= UDP_HEADER && said <= length;
}

// The metadata are written in words of eight bytes, as they stand in memory: field by field they would be a dozen stores.
static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "the lowest byte stands first");
static_assert(offsetof(struct flow_key, vlan) == offsetof(struct flow_key, port) + 4 &&
		offsetof(struct flow_key, protocol) == offsetof(struct flow_key, port) + 6 &&
		offsetof(struct flow_key, family) == offsetof(struct flow_key, port) + 7, "a word");
static_assert(offsetof(struct packet_meta, l3_offset) == offsetof(struct packet_meta, l4_length) + 4 &&
		offsetof(struct packet_meta, l4_offset) == offsetof(struct packet_meta, l4_length) + 6, "a word");
static_assert(offsetof(struct packet_meta, flags) == offsetof(struct packet_meta, source_port) + 4 &&
		offsetof(struct packet_meta, vlan) == offsetof(struct packet_meta, source_port) + 6, "a word");
static_assert(offsetof(struct packet_meta, family) == offsetof(struct packet_meta, protocol) + 1 &&
		offsetof(struct packet_meta, tcp_flags) == offsetof(struct packet_meta, protocol) + 2 &&
		offsetof(struct packet_meta, reason) == offsetof(struct packet_meta, protocol) + 4 &&
		offsetof(struct packet_meta, vlan_tags) == offsetof(struct packet_meta, protocol) + 6, "a word");

static __rte_always_inline void put_word(void *to, uint64_t low, uint64_t high)
{
	const uint64_t word = low | high << 32;

	memcpy(to, &word, sizeof(word));
}

static __rte_always_inline void write_address4(struct ip_address *to, const uint8_t *bytes)
{
	typedef uint32_t quad __attribute__((vector_size(16)));
	uint32_t address;

	memcpy(&address, bytes, sizeof(address));
	const quad padded = { address, 0, 0, 0 };
	memcpy(to, &padded, sizeof(padded));
}

static __rte_always_inline void write_addresses(const uint8_t *addresses, bool swapped, enum ip_family family,
						struct packet_meta *meta)
{
	if (family == FAMILY_IP6) {
		memcpy(&meta->key.address[swapped], addresses, 16);
		memcpy(&meta->key.address[!swapped], addresses + 16, 16);
	} else {
		write_address4(&meta->key.address[swapped], addresses);
		write_address4(&meta->key.address[!swapped], addresses + 4);
	}
}

static __rte_always_inline void write_common(const uint8_t *ip, unsigned header_bytes, uint32_t l3, uint16_t tag,
					     const struct usual_ends *ends, enum ip_family family, bool vlan_in_key,
					     uint32_t l4_length, struct packet_meta *meta)
{
	static_assert(DROP_NONE == 0, "a live packet's reason is part of a word");
	const uint8_t *header = ip + header_bytes;
	const uint32_t protocol = ip[family == FAMILY_IP4 ? 9 : 6];
	const uint32_t tcp_flags = protocol == PROTO_TCP ? header[13] : 0;
	const uint32_t flags = PACKET_HAS_TUPLE | PACKET_L4_WHOLE | ends->swapped * PACKET_SOURCE_IS_END1;
	const uint32_t ports = ends->ports, swapped = ports << 16 | ports >> 16;

	write_addresses(header - 2 * address_bytes(family), ends->swapped, family, meta);
	put_word(meta->key.port, ends->swapped ? swapped : ports, (vlan_in_key ? tag : 0u) | protocol << 16 | (uint32_t)family << 24);
	put_word(&meta->l4_length, l4_length, l3 | (l3 + header_bytes) << 16);
	put_word(&meta->source_port, ports, flags | (uint32_t)tag << 16);
	put_word(&meta->protocol, protocol | (uint32_t)family << 8 | tcp_flags << 16, (uint32_t)(l3 != ETHERNET_HEADER) << 16);
}

// Common packets are whole, TCP or UDP right behind a plain IP header, nothing wrong with them, no
// checksum to be computed. Says the same of them as parse_any, in a straight line; false, and nothing done, of others.
static __rte_always_inline bool parse_common(const uint8_t *frame, uint32_t captured, uint32_t l3, uint16_t tag,
					     enum ip_family family, bool vlan_in_key, struct packet_meta *meta)
{
	const unsigned header_bytes = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;
	const uint8_t *ip = frame + l3, *header = ip + header_bytes;
	uint32_t l4 = l3 + header_bytes, length;
	uint8_t protocol;

	if (unlikely(captured < l4))
		return false;
	if (family == FAMILY_IP4) {
		if (unlikely(ip[0] != 0x45 || load_be16(ip + 6) & IP4_FRAGMENT_BITS))
			return false;
		length = (uint32_t)load_be16(ip + 2) - IP4_HEADER; // below 0: more than there can be
		protocol = ip[9];
	} else {
		if (unlikely(ip[0] >> 4 != 6))
			return false;
		length = load_be16(ip + 4);
		protocol = ip[6];
	}
	if (unlikely(length > captured - l4 || !common_transport(header, length, protocol)))
		return false;

	struct usual_ends ends;

	if (unlikely(!usual_ends(header - 2 * address_bytes(family), header, family, &ends)))
		return false;
	write_common(ip, header_bytes, l3, tag, &ends, family, vlan_in_key, length, meta);
	return true;
}

// One tag: a trunk.
static inline bool parse_tagged(const uint8_t *frame, uint32_t captured, bool vlan_in_key, struct packet_meta *meta)
{
	const uint32_t l3 = ETHERNET_HEADER + VLAN_TAG;
	uint16_t tag = load_be16(frame + ETHERNET_HEADER) & 0xfff;
	uint16_t type = load_be16(frame + l3 - 2);

	if (type == TYPE_IP4)
		return parse_common(frame, captured, l3, tag, FAMILY_IP4, vlan_in_key, meta);
	return type == TYPE_IP6 && parse_common(frame, captured, l3, tag, FAMILY_IP6, vlan_in_key, meta);
}

// captured: bytes of the frame, all of it. Checksums are nobody's business here. The same for the caller as parse_any where it
// returns true; false, and nothing said, of packets that it is not for. Any thread.
static __rte_always_inline bool parse_usual(const uint8_t *frame, uint32_t captured, const struct parse_options *options,
					    struct packet_meta *meta)
{
	uint16_t type;

	if (unlikely(captured < ETHERNET_HEADER + VLAN_TAG))
		return false;
	type = load_be16(frame + ETHERNET_HEADER - 2);
	if (likely(type == TYPE_IP4))
		return parse_common(frame, captured, ETHERNET_HEADER, 0, FAMILY_IP4, false, meta);
	if (likely(type == TYPE_IP6))
		return parse_common(frame, captured, ETHERNET_HEADER, 0, FAMILY_IP6, false, meta);
	return type == 0x8100 && parse_tagged(frame, captured, options->vlan_in_key, meta);
}
