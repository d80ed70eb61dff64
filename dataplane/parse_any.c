// SPDX-License-Identifier: BSD-3-Clause
// The whole parser: any packet, as far as it goes.
#include <rte_common.h>

#include "dataplane/datagram.h"

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

static bool is_vlan_type(uint16_t type)
{
	return type == TYPE_VLAN || type == 0x88a8 || type == 0x9100;
}

// Steps over the tags, all of them: too many drop the packet, but its tuple is told all the same.
// Returns the type behind them, 0 where the frame ends first.
static uint16_t vlan_tags(struct datagram *d, uint16_t type)
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
	d->vlan_tags = RTE_MIN(tags, (uint32_t)UINT16_MAX);
	if (tags > PARSE_VLAN_MAX)
		datagram_fail(d, DROP_VLAN_DEPTH);
	return d->l3 > UINT16_MAX ? 0 : type;
}

// Finds the IP header and its family, by the EtherType.
static void find_ip(struct datagram *d)
{
	uint16_t type;

	if (d->captured < ETHERNET_HEADER) {
		datagram_fail(d, DROP_RUNT);
		return;
	}
	type = load_be16(d->frame + ETHERNET_HEADER - 2);
	d->l3 = ETHERNET_HEADER;
	if (is_vlan_type(type))
		type = vlan_tags(d, type);
	if (type == TYPE_IP4)
		d->family = FAMILY_IP4;
	else if (type == TYPE_IP6)
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

// Whether the error went to whom it is about (RFC 792, RFC 4443 2.4). One that did not would carry what it likes to any
// host, on the word of the flow that it quotes; Linux's conntrack calls it invalid.
static bool went_to_source(const struct datagram *error, const struct datagram *quote)
{
	unsigned bytes = address_bytes(error->family);

	return memcmp(datagram_addresses(error) + bytes, datagram_addresses(quote), bytes) == 0;
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
	if ((!quote.ports_known && !(quote.flags & PACKET_FRAGMENT_LATER)) || !went_to_source(d, &quote)) {
		datagram_fail(d, DROP_ICMP_UNRELATED);
		return;
	}
	d->flags &= ~PACKET_SOURCE_IS_END1;
	d->flags |= write_key(&quote, key->vlan, key) ? 0 : PACKET_SOURCE_IS_END1;
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

enum drop_reason parse_any(const struct parse_input *input, const struct parse_options *options,
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
