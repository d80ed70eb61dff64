// SPDX-License-Identifier: BSD-3-Clause
// The parser's straight line for the packets that nearly all are. All others: parse_any.
#include "dataplane/parse.h"

#include <rte_common.h>

#include "dataplane/datagram.h"

static inline unsigned __int128 load_be128(const uint8_t *bytes)
{
	uint64_t half[2];

	memcpy(half, bytes, sizeof(half));
	return (unsigned __int128)rte_be_to_cpu_64(half[0]) << 64 | rte_be_to_cpu_64(half[1]);
}

enum end_order {
	END_ORDER_KEPT,    // the source is end 0
	END_ORDER_SWAPPED, // the source is end 1
	END_ORDER_MARTIAN, // a source that no host has, or both ends the same
};

// Orders the ends as flow_key_canonicalise does, and looks for martians by the way.
static __rte_always_inline enum end_order order_ends(const uint8_t *addresses, const uint8_t *ports,
						     enum ip_family family)
{
	uint64_t port = load_be16(ports), other = load_be16(ports + 2);

	if (family == FAMILY_IP4) {
		uint32_t address = load_be32(addresses);
		uint64_t source = (uint64_t)address << 16 | port;
		uint64_t destination = (uint64_t)load_be32(addresses + 4) << 16 | other;

		if (unlikely(source == destination || address >> 28 == 0xe || address == UINT32_MAX))
			return END_ORDER_MARTIAN;
		return source > destination;
	}
	unsigned __int128 source = load_be128(addresses), destination = load_be128(addresses + 16);

	if (unlikely(addresses[0] == 0xff || (source == destination && port == other)))
		return END_ORDER_MARTIAN;
	return source > destination || (source == destination && port > other);
}

// Whether a TCP or UDP header in order is there, in length bytes.
static __rte_always_inline bool common_transport(const uint8_t *header, uint32_t length, uint8_t protocol)
{
	if (likely(protocol == PROTO_TCP)) {
		uint32_t offset = length < TCP_HEADER ? 0 : (header[12] & 0xf0u) >> 2;

		return offset >= TCP_HEADER && offset <= length && load_be16(header) && load_be16(header + 2);
	}
	uint32_t said = protocol != PROTO_UDP || length < UDP_HEADER ? 0 : load_be16(header + 4);

	return said >= UDP_HEADER && said <= length;
}

static __rte_always_inline void write_common(const uint8_t *ip, unsigned header_bytes, uint32_t l3, uint16_t tag,
					     bool swapped, enum ip_family family, bool vlan_in_key,
					     struct packet_meta *meta)
{
	const unsigned bytes = address_bytes(family);
	const uint8_t *header = ip + header_bytes, *addresses = header - 2 * bytes;
	const uint8_t protocol = ip[family == FAMILY_IP4 ? 9 : 6];
	uint32_t ports;

	if (family == FAMILY_IP4)
		memset(meta->key.address, 0, sizeof(meta->key.address));
	memcpy(meta->key.address[0].byte, addresses + swapped * bytes, bytes);
	memcpy(meta->key.address[1].byte, addresses + bytes - swapped * bytes, bytes);
	memcpy(&ports, header, sizeof(ports));
	memcpy(&meta->source_port, &ports, sizeof(ports)); // and destination_port
	ports = swapped ? ports << 16 | ports >> 16 : ports;
	memcpy(meta->key.port, &ports, sizeof(ports));
	meta->key.vlan = vlan_in_key ? tag : 0;
	meta->key.protocol = protocol;
	meta->key.family = family;
	meta->l3_offset = l3;
	meta->l4_offset = l3 + header_bytes;
	meta->flags = PACKET_HAS_TUPLE | PACKET_L4_WHOLE | swapped * PACKET_SOURCE_IS_END1;
	meta->vlan = tag;
	meta->vlan_tags = l3 != ETHERNET_HEADER;
	meta->protocol = protocol;
	meta->family = family;
	meta->tcp_flags = protocol == PROTO_TCP ? header[13] : 0;
	meta->icmp_type = 0;
	meta->reason = DROP_NONE;
	meta->unused = 0;
}

// Common packets are whole, TCP or UDP right behind a plain IP header, nothing wrong with them, no
// checksum to be computed. Says the same of them as parse_any, in a straight line; false, and nothing done, of others.
static __rte_always_inline bool parse_common(const struct parse_input *input, uint32_t l3, uint16_t tag,
					     enum ip_family family, bool vlan_in_key, struct packet_meta *meta)
{
	const unsigned header_bytes = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;
	const uint8_t *ip = input->frame + l3, *header = ip + header_bytes;
	uint32_t l4 = l3 + header_bytes, length;
	uint8_t protocol;

	if (unlikely(input->captured < l4))
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
	if (unlikely(length > input->captured - l4 || !common_transport(header, length, protocol)))
		return false;

	const enum end_order order = order_ends(header - 2 * address_bytes(family), header, family);

	if (unlikely(order == END_ORDER_MARTIAN))
		return false;
	write_common(ip, header_bytes, l3, tag, order == END_ORDER_SWAPPED, family, vlan_in_key, meta);
	meta->l4_length = length;
	return true;
}

// One tag: a trunk.
static __rte_noinline bool parse_tagged(const struct parse_input *input, bool vlan_in_key, struct packet_meta *meta)
{
	const uint32_t l3 = ETHERNET_HEADER + VLAN_TAG;
	uint16_t tag = load_be16(input->frame + ETHERNET_HEADER) & 0xfff;
	uint16_t type = load_be16(input->frame + l3 - 2);

	if (type == TYPE_IP4)
		return parse_common(input, l3, tag, FAMILY_IP4, vlan_in_key, meta);
	return type == TYPE_IP6 && parse_common(input, l3, tag, FAMILY_IP6, vlan_in_key, meta);
}

static __rte_always_inline bool parse_usual(const struct parse_input *input, const struct parse_options *options,
					       struct packet_meta *meta)
{
	uint16_t type;

	if (unlikely(input->captured < ETHERNET_HEADER + VLAN_TAG))
		return false;
	type = load_be16(input->frame + ETHERNET_HEADER - 2);
	if (likely(type == TYPE_IP4))
		return parse_common(input, ETHERNET_HEADER, 0, FAMILY_IP4, false, meta);
	if (likely(type == TYPE_IP6))
		return parse_common(input, ETHERNET_HEADER, 0, FAMILY_IP6, false, meta);
	return type == 0x8100 && parse_tagged(input, options->vlan_in_key, meta);
}

enum drop_reason parse_frame(const struct parse_input *input, const struct parse_options *options,
			     struct packet_meta *meta, struct fragment_info *fragment)
{
	bool checksums = options->checksum == CHECKSUM_VERIFY || input->ip_checksum == CHECKSUM_BAD ||
			 input->l4_checksum == CHECKSUM_BAD;

	if (likely(!checksums && parse_usual(input, options, meta)))
		return DROP_NONE;
	return parse_any(input, options, meta, fragment);
}

void packet_addresses(const uint8_t *frame, const struct packet_meta *meta, struct ip_address *source,
		      struct ip_address *destination)
{
	unsigned bytes = address_bytes(meta->family);
	const uint8_t *addresses = frame + meta->l3_offset + (meta->family == FAMILY_IP4 ? 12 : 8);

	*source = (struct ip_address){ 0 };
	*destination = (struct ip_address){ 0 };
	memcpy(source->byte, addresses, bytes);
	memcpy(destination->byte, addresses + bytes, bytes);
}

void packet_set_flow_ports(struct packet_meta *meta, rte_be16_t source, rte_be16_t destination)
{
	unsigned end = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;
	struct flow_key key = meta->key;

	key.address[0] = meta->key.address[end];
	key.address[1] = meta->key.address[!end];
	key.port[0] = source;
	key.port[1] = destination;
	meta->flags &= ~PACKET_SOURCE_IS_END1;
	meta->flags |= flow_key_canonicalise(&key) ? PACKET_SOURCE_IS_END1 : 0;
	meta->key = key;
}
