// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/parse.h"

#include <rte_common.h>

#include "dataplane/datagram.h"

enum {
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	IP4_FRAGMENT_BITS = 0x3fff, // offset and MF, without DF
	TCP_HEADER = 20, // without options
	UDP_HEADER = 8,
};

// What the parser knows of each transport protocol.
struct transport {
	uint8_t minimal; // bytes of its shortest header
	bool ports;
	uint8_t reason; // enum drop_reason if the header is cut off
};

static const struct transport transports[256] = {
	[PROTO_ICMP] = { 8, false, DROP_L4_HEADER },
	[PROTO_TCP] = { TCP_HEADER, true, DROP_TCP_HEADER },
	[PROTO_UDP] = { UDP_HEADER, true, DROP_UDP_LENGTH },
	[PROTO_DCCP] = { 12, true, DROP_L4_HEADER },
	[PROTO_ICMP6] = { 4, false, DROP_L4_HEADER },
	[PROTO_SCTP] = { 12, true, DROP_L4_HEADER },
	[PROTO_UDPLITE] = { 8, true, DROP_L4_HEADER },
};

static unsigned address_bytes(enum ip_family family)
{
	return family == FAMILY_IP4 ? 4 : 16;
}

static bool is_vlan_type(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

// Steps over the tags, all of them: too many drop the packet, but its tuple is told all the same.
// Returns the type behind them, 0 where the frame ends first.
static __rte_noinline uint16_t vlan_tags(struct datagram *d, uint16_t type)
{
	uint32_t tags = 0;

	d->vlan = d->captured >= d->l3 + 2 ? load_be16(d->frame + d->l3) & 0xfff : 0;
	for (; is_vlan_type(type); tags++) {
		if (d->captured < d->l3 + VLAN_TAG) {
			datagram_fail(d, DROP_RUNT);
			type = 0;
			break;
		}
		type = load_be16(d->frame + d->l3 + 2);
		d->l3 += VLAN_TAG;
	}
	d->vlan_tags = RTE_MIN(tags, (uint32_t)UINT8_MAX);
	if (tags > PARSE_VLAN_MAX)
		datagram_fail(d, DROP_VLAN_DEPTH);
	return d->l3 > UINT16_MAX ? 0 : type;
}

// Finds the IP header and its family, by the EtherType.
static inline void find_ip(struct datagram *d)
{
	uint16_t type;

	if (unlikely(d->captured < ETHERNET_HEADER)) {
		datagram_fail(d, DROP_RUNT);
		return;
	}
	type = load_be16(d->frame + ETHERNET_HEADER - 2);
	d->l3 = ETHERNET_HEADER;
	if (unlikely(type != TYPE_IP4 && type != TYPE_IP6 && is_vlan_type(type)))
		type = vlan_tags(d, type);
	if (likely(type == TYPE_IP4))
		d->family = FAMILY_IP4;
	else if (likely(type == TYPE_IP6))
		d->family = FAMILY_IP6;
	else
		datagram_fail(d, DROP_NON_IP);
}

static void ip_header_fails(struct datagram *d, unsigned version)
{
	bool differs = d->captured > d->l3 && d->frame[d->l3] >> 4 != version;

	datagram_fail(d, differs ? DROP_IP_VERSION : DROP_IP_HEADER);
}

static void ip4_fragment(struct datagram *d, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;
	uint16_t field = load_be16(header + 6);

	fragment->id = load_be16(header + 4);
	fragment->offset = (field & 0x1fff) * 8;
	fragment->more = field & 0x2000;
	datagram_fragment(d, d->l4, d->l4 - d->l3, fragment);
	d->transport = fragment->offset == 0;
}

static void parse_ip4(struct datagram *d, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;
	uint32_t available = d->captured - d->l3, length, total;

	if (available < IP4_HEADER || header[0] < 0x45 || header[0] > 0x4f) {
		ip_header_fails(d, 4);
		return;
	}
	length = (header[0] & 0xf) * 4;
	total = load_be16(header + 2);
	d->flags = PACKET_HAS_TUPLE;
	d->protocol = header[9];
	d->l4 = d->l3 + length;
	d->lengthless = total == 0;
	d->end = d->lengthless ? d->frame_end : d->l3 + total;
	if (length > available)
		datagram_fail(d, DROP_IP_HEADER);
	else if (d->end < d->l4)
		datagram_fail(d, DROP_IP_LENGTH);
	else if (load_be16(header + 6) & IP4_FRAGMENT_BITS)
		ip4_fragment(d, fragment);
	else
		d->transport = true;
}

static void parse_ip6(struct datagram *d, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;
	uint32_t length;

	if (d->captured - d->l3 < IP6_HEADER || header[0] >> 4 != 6) {
		ip_header_fails(d, 6);
		return;
	}
	length = load_be16(header + 4);
	d->flags = PACKET_HAS_TUPLE;
	d->protocol = header[6];
	d->l4 = d->l3 + IP6_HEADER;
	d->end = d->l4 + length;
	if (length == 0)
		datagram_ip6_lengthless(d, header[6]);
	datagram_ip6_extensions(d, header[6], fragment);
}

// The options of a first fragment's TCP header, and a UDP datagram's rest, may be in later fragments.
static void check_tcp(struct datagram *d, uint32_t length)
{
	const uint8_t *header = d->frame + d->l4;
	uint32_t offset = (header[12] >> 4) * 4;

	d->tcp_flags = header[13];
	if (offset < TCP_HEADER || (offset > length && !(d->flags & PACKET_FRAGMENT_FIRST)))
		datagram_fail(d, DROP_TCP_HEADER);
}

static void check_udp(struct datagram *d, uint32_t length)
{
	uint32_t said = load_be16(d->frame + d->l4 + 4);
	bool jumbo = d->family == FAMILY_IP6 && load_be16(d->frame + d->l3 + 4) == 0;

	if (said == 0 && jumbo)
		return; // RFC 2675 4: too long for the field
	if (said < UDP_HEADER || (said > length && !(d->flags & PACKET_FRAGMENT_FIRST)))
		datagram_fail(d, DROP_UDP_LENGTH);
}

// The datagram itself is too short for its transport header.
static void transport_short(struct datagram *d, enum drop_reason reason)
{
	if (!(d->flags & PACKET_FRAGMENT_FIRST))
		datagram_fail(d, reason);
	else // RFC 1858 and 3128, RFC 7112
		datagram_fail(d, d->family == FAMILY_IP4 ? DROP_FRAGMENT_TINY : DROP_FRAGMENT_HEADER_CHAIN);
}

// Reads ports and transport header. Lengths are judged by what the datagram says, not by what was captured of it.
static void parse_transport(struct datagram *d)
{
	const struct transport *transport = &transports[d->protocol];
	uint32_t length = d->end - d->l4;

	d->l4_length = d->limit - d->l4;
	if (transport->ports && d->l4_length >= 4) {
		memcpy(d->port, d->frame + d->l4, sizeof(d->port));
		memcpy(d->flow_port, d->port, sizeof(d->port));
	}
	d->ports_known = d->l4_length >= (transport->ports ? 4 : transport->minimal);
	if (length < transport->minimal)
		transport_short(d, transport->reason);
	if (d->l4_length < transport->minimal)
		return;
	d->flags |= PACKET_L4_WHOLE;
	if (d->protocol == PROTO_TCP)
		check_tcp(d, length);
	else if (d->protocol == PROTO_UDP)
		check_udp(d, length);
	else if (d->protocol == (d->family == FAMILY_IP4 ? PROTO_ICMP : PROTO_ICMP6))
		datagram_icmp(d);
}

// Reads the datagram at d->l3.
static void parse_datagram(struct datagram *d, bool truncated_drop, struct fragment_info *fragment)
{
	if (d->family == FAMILY_IP4)
		parse_ip4(d, fragment);
	else
		parse_ip6(d, fragment);
	if (!(d->flags & PACKET_HAS_TUPLE))
		return;
	d->limit = RTE_MIN(d->end, d->captured);
	if (d->end > d->captured || d->lengthless) {
		d->flags |= PACKET_TRUNCATED;
		if (truncated_drop)
			datagram_fail(d, d->lengthless ? DROP_IP_LENGTH : DROP_TRUNCATED);
	}
	if (d->transport)
		parse_transport(d);
}

// Writes the canonical key. Returns whether the source is its end 1.
static bool write_key(const struct datagram *d, uint16_t vlan, struct flow_key *key)
{
	const uint8_t *addresses = datagram_addresses(d);
	unsigned bytes = address_bytes(d->family);

	*key = (struct flow_key){ .port = { d->flow_port[0], d->flow_port[1] }, .vlan = vlan,
				  .protocol = d->protocol, .family = d->family };
	memcpy(key->address[0].byte, addresses, bytes);
	memcpy(key->address[1].byte, addresses + bytes, bytes);
	return flow_key_canonicalise(key);
}

// An ICMP error belongs to the flow of the packet that it quotes, and goes to that packet's source. Much of that packet
// may be missing (RFC 792: 8 bytes of it are sure), and it may be bad in all else but its tuple.
static void follow_quote(struct datagram *d, struct flow_key *key)
{
	struct datagram quote = { .frame = d->frame, .captured = d->limit, .frame_end = d->limit,
				  .l3 = d->l4 + ICMP_HEADER, .family = d->family };
	struct fragment_info fragment;

	if (quote.l3 <= quote.captured)
		parse_datagram(&quote, false, &fragment);
	if (!quote.ports_known && !(quote.flags & PACKET_FRAGMENT_LATER)) {
		datagram_fail(d, DROP_ICMP_UNRELATED);
		return;
	}
	d->flags &= ~PACKET_SOURCE_IS_END1;
	d->flags |= write_key(&quote, key->vlan, key) ? 0 : PACKET_SOURCE_IS_END1;
	d->flags |= quote.flags & PACKET_FRAGMENT_LATER ? PACKET_QUOTES_LATER : 0;
}

static bool source_is_martian(const uint8_t *source, enum ip_family family)
{
	if (family == FAMILY_IP6)
		return source[0] == 0xff;
	return source[0] >> 4 == 0xe || load_be32(source) == UINT32_MAX;
}

static void check_martians(struct datagram *d)
{
	const uint8_t *source = datagram_addresses(d);
	unsigned bytes = address_bytes(d->family);

	if (source_is_martian(source, d->family))
		datagram_fail(d, DROP_MARTIAN_SOURCE);
	if (!(d->flags & PACKET_L4_WHOLE) || !transports[d->protocol].ports)
		return;
	if (d->port[0] == d->port[1] && memcmp(source, source + bytes, bytes) == 0)
		datagram_fail(d, DROP_MARTIAN_LAND);
	if (d->protocol == PROTO_TCP && (d->port[0] == 0 || d->port[1] == 0))
		datagram_fail(d, DROP_MARTIAN_TCP_PORT);
}

// Everything but the key.
static void write_meta(const struct datagram *d, struct packet_meta *meta)
{
	meta->l4_length = d->l4_length;
	meta->l3_offset = d->family ? d->l3 : 0;
	meta->l4_offset = d->transport && d->l4 <= UINT16_MAX ? d->l4 : 0;
	meta->source_port = d->port[0];
	meta->destination_port = d->port[1];
	meta->flags = d->flags;
	meta->vlan = d->vlan;
	meta->vlan_tags = d->vlan_tags;
	meta->protocol = d->protocol;
	meta->family = d->family;
	meta->tcp_flags = d->tcp_flags;
	meta->icmp_type = d->icmp_type;
	meta->reason = d->reason;
	meta->unused = 0;
}

// Any packet, as far as it goes.
static __rte_noinline enum drop_reason parse_any(const struct parse_input *input, const struct parse_options *options,
						 struct packet_meta *meta, struct fragment_info *fragment)
{
	struct datagram d = { .frame = input->frame, .captured = input->captured,
			      .frame_end = RTE_MAX(input->on_wire, input->captured) };

	find_ip(&d);
	if (d.family != FAMILY_NONE)
		parse_datagram(&d, options->truncated_drop, fragment);
	if (d.flags & PACKET_HAS_TUPLE) {
		if (write_key(&d, options->vlan_in_key ? d.vlan : 0, &meta->key))
			d.flags |= PACKET_SOURCE_IS_END1;
		if (d.flags & PACKET_ICMP_ERROR)
			follow_quote(&d, &meta->key);
		if (d.reason == DROP_NONE)
			datagram_checksums(&d, input, options->checksum);
		if (options->martians_drop)
			check_martians(&d);
	} else {
		memset(&meta->key, 0, sizeof(meta->key));
	}
	write_meta(&d, meta);
	return d.reason;
}

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

// The packets that nearly all are: whole, TCP or UDP right behind a plain IP header, nothing wrong with them, no
// checksum to be computed. Says the same of them as parse_any, in a straight line; false, and nothing done, of others.
static __rte_always_inline bool parse_common(const struct parse_input *input, uint32_t l3, uint16_t tag,
					     enum ip_family family, bool vlan_in_key, struct packet_meta *meta)
{
	const unsigned header_bytes = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;
	const unsigned bytes = family == FAMILY_IP4 ? 4 : 16;
	const uint8_t *ip = input->frame + l3, *header = ip + header_bytes, *addresses = header - 2 * bytes;
	uint32_t l4 = l3 + header_bytes, length, ports;
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

	const enum end_order swapped = order_ends(addresses, header, family);

	if (unlikely(swapped == END_ORDER_MARTIAN))
		return false;
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
	meta->l4_length = length;
	meta->l3_offset = l3;
	meta->l4_offset = l4;
	meta->flags = PACKET_HAS_TUPLE | PACKET_L4_WHOLE | swapped * PACKET_SOURCE_IS_END1;
	meta->vlan = tag;
	meta->vlan_tags = l3 != ETHERNET_HEADER;
	meta->protocol = protocol;
	meta->family = family;
	meta->tcp_flags = protocol == PROTO_TCP ? header[13] : 0;
	meta->icmp_type = 0;
	meta->reason = DROP_NONE;
	meta->unused = 0;
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
