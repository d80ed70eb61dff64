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
	[PROTO_TCP] = { 20, true, DROP_TCP_HEADER },
	[PROTO_UDP] = { UDP_HEADER, true, DROP_UDP_LENGTH },
	[PROTO_DCCP] = { 12, true, DROP_L4_HEADER },
	[PROTO_ICMP6] = { 4, false, DROP_L4_HEADER },
	[PROTO_SCTP] = { 12, true, DROP_L4_HEADER },
	[PROTO_UDPLITE] = { 8, true, DROP_L4_HEADER },
};

static bool is_vlan_type(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

// Steps over the tags, all of them: too many drop the packet, but its tuple is told all the same.
// Returns the type behind them, 0 where the frame ends first.
static __rte_noinline uint16_t vlan_tags(struct datagram *d, uint16_t type, struct packet_meta *meta)
{
	uint32_t tags = 0;

	meta->vlan = d->captured >= d->l3 + 2 ? load_be16(d->frame + d->l3) & 0xfff : 0;
	for (; is_vlan_type(type); tags++) {
		if (d->captured < d->l3 + VLAN_TAG) {
			packet_fail(meta, DROP_RUNT);
			type = 0;
			break;
		}
		type = load_be16(d->frame + d->l3 + 2);
		d->l3 += VLAN_TAG;
	}
	meta->vlan_tags = RTE_MIN(tags, (uint32_t)UINT8_MAX);
	if (tags > PARSE_VLAN_MAX)
		packet_fail(meta, DROP_VLAN_DEPTH);
	return d->l3 > UINT16_MAX ? 0 : type;
}

static __rte_noinline bool ip_header_fails(const struct datagram *d, unsigned version, struct packet_meta *meta)
{
	bool differs = d->captured > d->l3 && d->frame[d->l3] >> 4 != version;

	packet_fail(meta, differs ? DROP_IP_VERSION : DROP_IP_HEADER);
	return false;
}

static __rte_noinline void ip4_fragment(const struct datagram *d, struct packet_meta *meta,
					struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;
	uint16_t field = load_be16(header + 6);

	fragment->id = load_be16(header + 4);
	fragment->offset = (field & 0x1fff) * 8;
	fragment->more = field & 0x2000;
	datagram_fragment(d, d->l4, d->l4 - d->l3, meta, fragment);
}

// Reads the IPv4 header. true if the transport header follows.
static inline bool parse_ip4(struct datagram *d, struct packet_meta *meta, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;
	uint32_t available = d->captured - d->l3;

	if (unlikely(available < IP4_HEADER || header[0] < 0x45 || header[0] > 0x4f))
		return ip_header_fails(d, 4, meta);

	uint32_t length = (header[0] & 0xf) * 4;
	uint32_t total = load_be16(header + 2);

	meta->flags = PACKET_HAS_TUPLE;
	meta->protocol = header[9];
	d->l4 = d->l3 + length;
	d->end = d->l3 + total;
	if (unlikely(length > available || total < length)) {
		if (length > available || total != 0) {
			packet_fail(meta, length > available ? DROP_IP_HEADER : DROP_IP_LENGTH);
			return false;
		}
		d->end = d->frame_end;
		d->lengthless = true;
	}
	if (unlikely(load_be16(header + 6) & IP4_FRAGMENT_BITS)) {
		ip4_fragment(d, meta, fragment);
		return meta->flags & PACKET_FRAGMENT_FIRST;
	}
	return true;
}

// Reads the IPv6 header and what extends it. true if the transport header follows.
static inline bool parse_ip6(struct datagram *d, struct packet_meta *meta, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + d->l3;

	if (unlikely(d->captured - d->l3 < IP6_HEADER || header[0] >> 4 != 6))
		return ip_header_fails(d, 6, meta);

	uint32_t length = load_be16(header + 4);
	uint8_t next = header[6];

	meta->flags = PACKET_HAS_TUPLE;
	d->l4 = d->l3 + IP6_HEADER;
	d->end = d->l4 + length;
	if (unlikely(length == 0))
		datagram_ip6_lengthless(d, next);
	if (unlikely(ip6_is_extension(next)))
		return datagram_ip6_extensions(d, next, meta, fragment);
	meta->protocol = next;
	return true;
}

// A first fragment must hold the transport header: RFC 1858 and 3128, RFC 7112.
static enum drop_reason short_reason(const struct transport *transport, const struct packet_meta *meta)
{
	if (!(meta->flags & PACKET_FRAGMENT_FIRST))
		return transport->reason;
	return meta->family == FAMILY_IP4 ? DROP_FRAGMENT_TINY : DROP_FRAGMENT_HEADER_CHAIN;
}

// The options of a first fragment's TCP header, and a UDP datagram's rest, may be in later fragments.
static inline void check_tcp(const uint8_t *header, uint32_t length, struct packet_meta *meta)
{
	uint32_t offset = (header[12] >> 4) * 4;

	meta->tcp_flags = header[13];
	if (unlikely(offset < 20 || (offset > length && !(meta->flags & PACKET_FRAGMENT_FIRST))))
		packet_fail(meta, DROP_TCP_HEADER);
}

static inline void check_udp(const struct datagram *d, const uint8_t *header, uint32_t length,
			     struct packet_meta *meta)
{
	uint32_t said = load_be16(header + 4);

	if (likely(said >= UDP_HEADER && said <= length))
		return;
	if (said >= UDP_HEADER && meta->flags & PACKET_FRAGMENT_FIRST)
		return;
	// RFC 2675 4: a datagram too long for the field has 0 there.
	if (said == 0 && meta->family == FAMILY_IP6 && load_be16(d->frame + d->l3 + 4) == 0)
		return;
	packet_fail(meta, DROP_UDP_LENGTH);
}

static inline bool is_icmp(const struct packet_meta *meta)
{
	return meta->protocol == (meta->family == FAMILY_IP4 ? PROTO_ICMP : PROTO_ICMP6);
}

// Reads ports and transport header. Lengths are judged by what the datagram says, not by what was captured of it.
static inline void parse_transport(struct datagram *d, struct packet_meta *meta)
{
	const struct transport *transport = &transports[meta->protocol];
	const uint8_t *header = d->frame + d->l4;
	uint32_t length = d->end - d->l4;
	uint32_t available = d->limit - d->l4;

	meta->l4_length = available;
	meta->l4_offset = d->l4;
	if (unlikely(d->l4 > UINT16_MAX)) {
		meta->l4_offset = 0;
		packet_fail(meta, DROP_IP6_EXTENSION);
	}
	if (likely(transport->ports && available >= 4)) {
		memcpy(d->flow_port, header, sizeof(d->flow_port));
		meta->source_port = d->flow_port[0];
		meta->destination_port = d->flow_port[1];
	}
	if (unlikely(available < transport->minimal)) {
		d->ports_known = transport->ports && available >= 4;
		if (length < transport->minimal)
			packet_fail(meta, short_reason(transport, meta));
		return;
	}
	meta->flags |= PACKET_L4_WHOLE;
	d->ports_known = true;
	if (meta->protocol == PROTO_TCP)
		check_tcp(header, length, meta);
	else if (meta->protocol == PROTO_UDP)
		check_udp(d, header, length, meta);
	else if (is_icmp(meta))
		datagram_icmp(d, meta);
}

// Writes the canonical key: the end with the smaller (address, port) first. The same order as
// flow_key_canonicalise's, on values that are in registers already.
static inline void write_key4(const struct datagram *d, struct packet_meta *meta)
{
	const uint8_t *addresses = datagram_addresses(d, FAMILY_IP4);
	uint64_t source = (uint64_t)load_be32(addresses) << 16 | rte_be_to_cpu_16(d->flow_port[0]);
	uint64_t destination = (uint64_t)load_be32(addresses + 4) << 16 | rte_be_to_cpu_16(d->flow_port[1]);
	unsigned end = source > destination;

	memcpy(meta->key.address[end].byte, addresses, 4);
	memcpy(meta->key.address[!end].byte, addresses + 4, 4);
	meta->key.port[end] = d->flow_port[0];
	meta->key.port[!end] = d->flow_port[1];
	meta->flags |= end ? PACKET_SOURCE_IS_END1 : 0;
}

static inline unsigned __int128 load_be128(const uint8_t *bytes)
{
	uint64_t half[2];

	memcpy(half, bytes, sizeof(half));
	return (unsigned __int128)rte_be_to_cpu_64(half[0]) << 64 | rte_be_to_cpu_64(half[1]);
}

static inline void write_key6(const struct datagram *d, struct packet_meta *meta)
{
	const uint8_t *addresses = datagram_addresses(d, FAMILY_IP6);
	unsigned __int128 source = load_be128(addresses), destination = load_be128(addresses + 16);
	bool port_order = rte_be_to_cpu_16(d->flow_port[0]) > rte_be_to_cpu_16(d->flow_port[1]);
	unsigned end = source > destination || (source == destination && port_order);

	memcpy(meta->key.address[end].byte, addresses, 16);
	memcpy(meta->key.address[!end].byte, addresses + 16, 16);
	meta->key.port[end] = d->flow_port[0];
	meta->key.port[!end] = d->flow_port[1];
	meta->flags |= end ? PACKET_SOURCE_IS_END1 : 0;
}

// Parses the datagram at d->l3 of family meta->family. false if it has no tuple.
static __rte_always_inline bool parse_datagram(struct datagram *d, bool truncated_drop, struct packet_meta *meta,
					       struct fragment_info *fragment)
{
	bool ip4 = meta->family == FAMILY_IP4;
	bool transport = ip4 ? parse_ip4(d, meta, fragment) : parse_ip6(d, meta, fragment);

	if (unlikely(!(meta->flags & PACKET_HAS_TUPLE)))
		return false;
	d->limit = RTE_MIN(d->end, d->captured);
	if (unlikely(d->end > d->captured || d->lengthless)) {
		meta->flags |= PACKET_TRUNCATED;
		if (truncated_drop)
			packet_fail(meta, d->lengthless ? DROP_IP_LENGTH : DROP_TRUNCATED);
	}
	if (likely(transport))
		parse_transport(d, meta);
	meta->key.protocol = meta->protocol;
	meta->key.family = meta->family;
	if (ip4)
		write_key4(d, meta);
	else
		write_key6(d, meta);
	return true;
}

// An ICMP error belongs to the flow of the packet that it quotes, and goes to that packet's source. Much of that packet
// may be missing (RFC 792: 8 bytes of it are sure), and it may be bad in all else but its tuple.
static __rte_noinline void follow_quote(const struct datagram *d, struct packet_meta *meta)
{
	struct datagram quote = { .frame = d->frame, .captured = d->limit, .frame_end = d->limit,
				  .l3 = d->l4 + ICMP_HEADER, .quoted = true };
	struct packet_meta quoted = { .family = meta->family };
	struct fragment_info fragment;

	if (quote.l3 > quote.captured || !parse_datagram(&quote, false, &quoted, &fragment) ||
	    (!quote.ports_known && !(quoted.flags & PACKET_FRAGMENT_LATER))) {
		packet_fail(meta, DROP_ICMP_UNRELATED);
		return;
	}
	quoted.key.vlan = meta->key.vlan;
	meta->key = quoted.key;
	meta->flags &= ~PACKET_SOURCE_IS_END1;
	meta->flags |= quoted.flags & PACKET_SOURCE_IS_END1 ? 0 : PACKET_SOURCE_IS_END1;
	meta->flags |= quoted.flags & PACKET_FRAGMENT_LATER ? PACKET_QUOTES_LATER : 0;
}

static inline bool source_is_martian(const uint8_t *source, uint8_t family)
{
	if (family == FAMILY_IP6)
		return source[0] == 0xff;
	return source[0] >> 4 == 0xe || load_be32(source) == UINT32_MAX;
}

// A packet from an address and port to the same address and port.
static __rte_noinline bool is_land(const struct packet_meta *meta)
{
	return transports[meta->protocol].ports && !(meta->flags & PACKET_FRAGMENT_LATER) &&
	       meta->source_port == meta->destination_port &&
	       (meta->flags & PACKET_L4_WHOLE || meta->source_port != 0);
}

static inline void check_martians(const struct datagram *d, struct packet_meta *meta)
{
	unsigned bytes = meta->family == FAMILY_IP4 ? 4 : 16;
	const uint8_t *source = datagram_addresses(d, meta->family);
	bool tcp = meta->protocol == PROTO_TCP && meta->flags & PACKET_L4_WHOLE;

	if (unlikely(source_is_martian(source, meta->family)))
		packet_fail(meta, DROP_MARTIAN_SOURCE);
	else if (unlikely(memcmp(source, source + bytes, bytes) == 0) && is_land(meta))
		packet_fail(meta, DROP_MARTIAN_LAND);
	else if (unlikely(tcp && (meta->source_port == 0 || meta->destination_port == 0)))
		packet_fail(meta, DROP_MARTIAN_TCP_PORT);
}

// Finds the IP header. FAMILY_NONE if there is none.
static inline enum ip_family find_ip(struct datagram *d, struct packet_meta *meta)
{
	if (unlikely(d->captured < ETHERNET_HEADER)) {
		packet_fail(meta, DROP_RUNT);
		return FAMILY_NONE;
	}

	uint16_t type = load_be16(d->frame + ETHERNET_HEADER - 2);

	d->l3 = ETHERNET_HEADER;
	if (unlikely(is_vlan_type(type)))
		type = vlan_tags(d, type, meta);
	if (likely(type == TYPE_IP4))
		return FAMILY_IP4;
	if (likely(type == TYPE_IP6))
		return FAMILY_IP6;
	packet_fail(meta, DROP_NON_IP);
	return FAMILY_NONE;
}

enum drop_reason parse_frame(const struct parse_input *input, const struct parse_options *options,
			     struct packet_meta *meta, struct fragment_info *fragment)
{
	struct datagram d = { .frame = input->frame, .captured = input->captured,
			      .frame_end = RTE_MAX(input->on_wire, input->captured) };

	*meta = (struct packet_meta){ 0 };
	meta->family = find_ip(&d, meta);
	if (unlikely(meta->family == FAMILY_NONE))
		return meta->reason;
	meta->l3_offset = d.l3;
	meta->key.vlan = options->vlan_in_key ? meta->vlan : 0;
	if (unlikely(!parse_datagram(&d, options->truncated_drop, meta, fragment)))
		return meta->reason;
	if (unlikely(meta->flags & PACKET_ICMP_ERROR))
		follow_quote(&d, meta);
	if (unlikely(meta->reason != DROP_NONE))
		return meta->reason;
	if (unlikely(options->checksum == CHECKSUM_VERIFY || input->ip_checksum == CHECKSUM_BAD ||
		     input->l4_checksum == CHECKSUM_BAD))
		datagram_checksums(&d, input, options->checksum, meta);
	if (options->martians_drop)
		check_martians(&d, meta);
	return meta->reason;
}

void packet_addresses(const uint8_t *frame, const struct packet_meta *meta, struct ip_address *source,
		      struct ip_address *destination)
{
	unsigned bytes = meta->family == FAMILY_IP4 ? 4 : 16;
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
