// SPDX-License-Identifier: BSD-3-Clause
// The parser's straight line for the packets that nearly all are. All others: parse_any.
#pragma once

#include <rte_common.h>

#include "dataplane/datagram.h"
#include "dataplane/word.h"

// What the straight line asks for at the start of each: type, version and, of IPv4, a header without options; a word as it
// stands in memory. Behind it there is room for TCP's header: what is shorter is for parse_any, and nobody asks again.
static const rte_be32_t USUAL_IP4 = RTE_BE32((uint32_t)TYPE_IP4 << 16 | 0x4500), USUAL_IP4_MASK = RTE_BE32(0xffffff00);
static const rte_be32_t USUAL_IP6 = RTE_BE32((uint32_t)TYPE_IP6 << 16 | 0x6000), USUAL_IP6_MASK = RTE_BE32(0xfffff000);

// Puts the addresses into the key in the order of flow_key_canonicalise. swapped: the source is the larger. That is a coin
// toss for every packet: a compiler makes branches of conditions, not of rotations. false: they may be martians, or need a
// closer look.
static __rte_always_inline bool order_addresses4(const uint8_t *addresses, struct flow_key *key, bool *swapped)
{
	typedef uint32_t quad __attribute__((vector_size(16)));
	const uint32_t multicast = UINT32_C(0xe0000000); // and all above it
	const uint64_t both = load_raw64(addresses);
	const uint32_t source = rte_be_to_cpu_32((uint32_t)both), destination = rte_be_to_cpu_32((uint32_t)(both >> 32));

	*swapped = source > destination;
	const uint64_t ordered = rotate64(both, *swapped * 32u);
	const quad end0 = { (uint32_t)ordered }, end1 = { (uint32_t)(ordered >> 32) };

	memcpy(&key->address[0], &end0, sizeof(end0));
	memcpy(&key->address[1], &end1, sizeof(end1));
	return source < multicast && source != destination;
}

static __rte_always_inline bool order_addresses6(const uint8_t *addresses, struct flow_key *key, bool *swapped)
{
	const uint64_t source_high = rte_be_to_cpu_64(load_raw64(addresses)),
		source_low = rte_be_to_cpu_64(load_raw64(addresses + 8)),
		destination_high = rte_be_to_cpu_64(load_raw64(addresses + 16)),
		destination_low = rte_be_to_cpu_64(load_raw64(addresses + 24));
	const bool same_high = source_high == destination_high;

	*swapped = (source_high > destination_high) | (same_high & (source_low > destination_low));
	memcpy(&key->address[*swapped], addresses, 16);
	memcpy(&key->address[!*swapped], addresses + 16, 16);
	return addresses[0] != 0xff && !(same_high & (source_low == destination_low));
}

// Whether a header in order is there, in length bytes. TCP_HEADER of them may be read.
static __rte_always_inline bool header_in_order(const uint8_t *header, uint32_t length, uint8_t protocol)
{
	if (protocol == PROTO_TCP) {
		const uint32_t ports = load_raw32(header), offset = (header[12] & 0xf0u) >> 2;

		return offset >= TCP_HEADER && offset <= length && ports >> 16 && (uint16_t)ports;
	}
	const uint32_t said = load_be16(header + 4);

	return said >= UDP_HEADER && said <= length;
}

// The metadata are written in words: field by field they would be a dozen stores.
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

// Says what parse_any says of a packet of this family and protocol whose header starts after so many bytes from l3, in a
// straight line. false: of this packet it can't; what was written means nothing.
static __rte_always_inline bool parse_header(const uint8_t *ip, uint32_t l3, unsigned header_bytes, uint16_t tag,
					     enum ip_family family, uint8_t protocol, bool vlan_in_key, uint32_t l4_length,
					     struct packet_meta *meta)
{
	static_assert(DROP_NONE == 0, "a live packet's reason is part of a word");
	const uint8_t *header = ip + header_bytes, *addresses = header - 2 * address_bytes(family);
	bool swapped;

	if (unlikely(!header_in_order(header, l4_length, protocol)))
		return false;
	if (unlikely(!(family == FAMILY_IP4 ? order_addresses4(addresses, &meta->key, &swapped) :
					      order_addresses6(addresses, &meta->key, &swapped))))
		return false;

	const uint32_t ports = load_raw32(header), tcp_flags = protocol == PROTO_TCP ? header[13] : 0;
	const uint32_t flags = PACKET_HAS_TUPLE | PACKET_L4_WHOLE | swapped * PACKET_SOURCE_IS_END1;
	const uint32_t kind = (uint32_t)protocol << 16 | (uint32_t)family << 24;

	put_word(meta->key.port, rotate32(ports, swapped * 16u), (vlan_in_key ? tag : 0u) | kind);
	put_word(&meta->l4_length, l4_length, l3 | (l3 + header_bytes) << 16);
	put_word(&meta->source_port, ports, flags | (uint32_t)tag << 16);
	put_word(&meta->protocol, protocol | (uint32_t)family << 8 | tcp_flags << 16, (uint32_t)(l3 != ETHERNET_HEADER) << 16);
	return true;
}

// Common packets are whole, TCP or UDP right behind a plain IP header, nothing wrong with them, no checksum to be computed.
static __rte_always_inline bool parse_common(const uint8_t *frame, uint32_t captured, uint32_t l3, uint16_t tag,
					     enum ip_family family, bool vlan_in_key, struct packet_meta *meta)
{
	const unsigned header_bytes = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;
	const uint8_t *ip = frame + l3;
	uint32_t length;

	if (family == FAMILY_IP4) {
		if (unlikely(load_raw16(ip + 6) & RTE_BE16(IP4_FRAGMENT_BITS)))
			return false;
		length = (uint32_t)load_be16(ip + 2) - IP4_HEADER; // below 0: more than there can be
	} else {
		length = load_be16(ip + 4);
	}
	if (unlikely(length > captured - l3 - header_bytes))
		return false;

	const uint8_t protocol = ip[family == FAMILY_IP4 ? 9 : 6];

	if (likely(protocol == PROTO_TCP))
		return parse_header(ip, l3, header_bytes, tag, family, PROTO_TCP, vlan_in_key, length, meta);
	return protocol == PROTO_UDP &&
	       parse_header(ip, l3, header_bytes, tag, family, PROTO_UDP, vlan_in_key, length, meta);
}

static __rte_always_inline bool parse_ip(const uint8_t *frame, uint32_t captured, uint32_t l3, uint16_t tag, bool vlan_in_key,
					 struct packet_meta *meta)
{
	if (unlikely(captured < l3 + IP4_HEADER + TCP_HEADER))
		return false;

	const uint32_t start = load_raw32(frame + l3 - 2);

	if (likely((start & USUAL_IP4_MASK) == USUAL_IP4))
		return parse_common(frame, captured, l3, tag, FAMILY_IP4, vlan_in_key, meta);
	return (start & USUAL_IP6_MASK) == USUAL_IP6 && captured >= l3 + IP6_HEADER + TCP_HEADER &&
	       parse_common(frame, captured, l3, tag, FAMILY_IP6, vlan_in_key, meta);
}

// captured: bytes of the frame, all of it. Checksums are nobody's business here. The same for the caller as parse_any where it
// returns true; false, and nothing said, of packets that it is not for. Any thread.
static __rte_always_inline bool parse_usual(const uint8_t *frame, uint32_t captured, const struct parse_options *options,
					    struct packet_meta *meta)
{
	if (likely(parse_ip(frame, captured, ETHERNET_HEADER, 0, false, meta)))
		return true;
	// One tag: a trunk.
	return captured >= ETHERNET_HEADER + VLAN_TAG && load_be16(frame + ETHERNET_HEADER - 2) == TYPE_VLAN &&
	       parse_ip(frame, captured, ETHERNET_HEADER + VLAN_TAG, load_be16(frame + ETHERNET_HEADER) & 0xfff,
		       options->vlan_in_key, meta);
}
