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

// swapped: the source is the larger, so that it is end 1 (flow_key_canonicalise). A coin toss for every packet: nothing branches on
// it. false: they may be martians, or need a closer look.
static __rte_always_inline bool compare_addresses4(const uint8_t *addresses, bool *swapped)
{
	const uint32_t multicast = UINT32_C(0xe0000000); // and all above it
	const uint32_t source = load_be32(addresses), destination = load_be32(addresses + 4);

	*swapped = source > destination;
	return source < multicast && source != destination;
}

static __rte_always_inline bool compare_addresses6(const uint8_t *addresses, bool *swapped)
{
	const uint64_t source_high = rte_be_to_cpu_64(load_raw64(addresses)),
		source_low = rte_be_to_cpu_64(load_raw64(addresses + 8)),
		destination_high = rte_be_to_cpu_64(load_raw64(addresses + 16)),
		destination_low = rte_be_to_cpu_64(load_raw64(addresses + 24));
	const bool same_high = source_high == destination_high;

	*swapped = (source_high > destination_high) | (same_high & (source_low > destination_low));
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

// What the straight line knows of a packet, once all is in order.
struct usual_packet {
	const uint8_t *ip, *header; // in the frame
	uint32_t l3, l4_length;     // bytes, as in struct packet_meta
	uint16_t tag;               // of its VLAN
	bool vlan_in_key;
	uint8_t protocol;
	bool swapped; // its source is end 1
};

// All but the key's addresses.
static __rte_always_inline void describe(const struct usual_packet *packet, enum ip_family family, struct packet_meta *meta)
{
	static_assert(DROP_NONE == 0, "a live packet's reason is part of a word");
	const uint32_t ports = load_raw32(packet->header), tcp_flags = packet->protocol == PROTO_TCP ? packet->header[13] : 0;
	const uint32_t flags = PACKET_HAS_TUPLE | PACKET_L4_WHOLE | packet->swapped * PACKET_SOURCE_IS_END1;
	const uint32_t kind = (uint32_t)packet->protocol << 16 | (uint32_t)family << 24;
	const uint32_t l4 = (uint32_t)(packet->header - packet->ip) + packet->l3;

	put_word(meta->key.port, rotate32(ports, packet->swapped * 16u), (packet->vlan_in_key ? packet->tag : 0u) | kind);
	put_word(&meta->l4_length, packet->l4_length, packet->l3 | l4 << 16);
	put_word(&meta->source_port, ports, flags | (uint32_t)packet->tag << 16);
	put_word(&meta->protocol, packet->protocol | (uint32_t)family << 8 | tcp_flags << 16, (uint32_t)(packet->l3 != ETHERNET_HEADER) << 16);
}

// A compiler makes branches of conditions, not of rotations.
static __rte_always_inline void describe_ip4(const struct usual_packet *packet, struct packet_meta *meta, struct flow_key4 *packed)
{
	typedef uint32_t quad __attribute__((vector_size(16)));
	const uint64_t ordered = rotate64(load_raw64(packet->ip + 12), packet->swapped * 32u);
	const quad end0 = { (uint32_t)ordered }, end1 = { (uint32_t)(ordered >> 32) };

	memcpy(&meta->key.address[0], &end0, sizeof(end0));
	memcpy(&meta->key.address[1], &end1, sizeof(end1));
	describe(packet, FAMILY_IP4, meta);
	memcpy(packed->port, meta->key.port, sizeof(uint64_t));
	memcpy(packed->address, &ordered, sizeof(ordered));
}

static __rte_always_inline void describe_ip6(const struct usual_packet *packet, struct packet_meta *meta)
{
	memcpy(&meta->key.address[packet->swapped], packet->ip + 8, 16);
	memcpy(&meta->key.address[!packet->swapped], packet->ip + 24, 16);
	describe(packet, FAMILY_IP6, meta);
}

// Says what parse_any says of a packet of this family and protocol, in a straight line. false: of this packet it can't; what was
// written means nothing.
static __rte_always_inline bool parse_header(struct usual_packet packet, enum ip_family family, uint8_t protocol,
					     struct packet_meta *meta, struct flow_key4 *packed, bool *wide)
{
	packet.protocol = protocol;
	if (unlikely(!header_in_order(packet.header, packet.l4_length, protocol)))
		return false;
	if (family == FAMILY_IP4) {
		if (unlikely(!compare_addresses4(packet.ip + 12, &packet.swapped)))
			return false;
		describe_ip4(&packet, meta, packed);
		*wide |= packet.vlan_in_key && packet.tag;
	} else {
		if (unlikely(!compare_addresses6(packet.ip + 8, &packet.swapped)))
			return false;
		describe_ip6(&packet, meta);
		*wide = true;
	}
	return true;
}

// Common packets are whole, TCP or UDP right behind a plain IP header, nothing wrong with them, no checksum to be computed.
static __rte_always_inline bool parse_common(struct usual_packet packet, uint32_t captured, enum ip_family family,
					     struct packet_meta *meta, struct flow_key4 *packed, bool *wide)
{
	const unsigned header_bytes = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;
	const uint8_t *ip = packet.ip;

	packet.header = ip + header_bytes;
	if (family == FAMILY_IP4) {
		if (unlikely(load_raw16(ip + 6) & RTE_BE16(IP4_FRAGMENT_BITS)))
			return false;
		packet.l4_length = (uint32_t)load_be16(ip + 2) - IP4_HEADER; // below 0: more than there can be
	} else {
		packet.l4_length = load_be16(ip + 4);
	}
	if (unlikely(packet.l4_length > captured - packet.l3 - header_bytes))
		return false;

	const uint8_t protocol = ip[family == FAMILY_IP4 ? 9 : 6];

	if (likely(protocol == PROTO_TCP))
		return parse_header(packet, family, PROTO_TCP, meta, packed, wide);
	return protocol == PROTO_UDP && parse_header(packet, family, PROTO_UDP, meta, packed, wide);
}

static __rte_always_inline bool parse_ip(struct usual_packet packet, const uint8_t *frame, uint32_t captured,
					 struct packet_meta *meta, struct flow_key4 *packed, bool *wide)
{
	if (unlikely(captured < packet.l3 + IP4_HEADER + TCP_HEADER))
		return false;
	packet.ip = frame + packet.l3;

	const uint32_t start = load_raw32(packet.ip - 2);

	if (likely((start & USUAL_IP4_MASK) == USUAL_IP4))
		return parse_common(packet, captured, FAMILY_IP4, meta, packed, wide);
	return (start & USUAL_IP6_MASK) == USUAL_IP6 && captured >= packet.l3 + IP6_HEADER + TCP_HEADER &&
	       parse_common(packet, captured, FAMILY_IP6, meta, packed, wide);
}

// captured: bytes of the frame, all of it. Checksums are nobody's business here. The same for the caller as parse_any where it
// returns true, and the key packed; wide becomes true if it does not fit. false, and nothing said, of packets that it is not for.
// Any thread.
static __rte_always_inline bool parse_usual(const uint8_t *frame, uint32_t captured, const struct parse_options *options,
					    struct packet_meta *meta, struct flow_key4 *packed, bool *wide)
{
	if (likely(parse_ip((struct usual_packet){ .l3 = ETHERNET_HEADER }, frame, captured, meta, packed, wide)))
		return true;
	if (captured < ETHERNET_HEADER + VLAN_TAG || load_be16(frame + ETHERNET_HEADER - 2) != TYPE_VLAN)
		return false;

	const struct usual_packet trunk = { // one tag
		.l3 = ETHERNET_HEADER + VLAN_TAG,
		.tag = load_be16(frame + ETHERNET_HEADER) & 0xfff,
		.vlan_in_key = options->vlan_in_key,
	};

	return parse_ip(trunk, frame, captured, meta, packed, wide);
}
