// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_frame.h"

#include <string.h>

#include <rte_common.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/checksum.h"
#include "dataplane/random.h"
#include "dataplane/parse.h"
#include "dataplane/protocol.h"

enum {
	HOPS = 64,
	TCP_WINDOW = 65535,
	TCP_OFFSET = (sizeof(struct rte_tcp_hdr) / 4) << 4,
};
static_assert(sizeof(struct generate_stamp) == 14, "fits 64-byte frames of UDP over IPv4 with a VLAN tag");

static unsigned address_bytes(uint8_t family)
{
	return family == FAMILY_IP4 ? 4 : 16;
}

// Where the source address stands; the destination's follows.
static unsigned addresses_at(const struct generate_template *template)
{
	return template->l3 + (template->family == FAMILY_IP4 ? offsetof(struct rte_ipv4_hdr, src_addr)
							      : offsetof(struct rte_ipv6_hdr, src_addr));
}

static unsigned make_ethernet(uint8_t *header, const struct generate_link *link, uint8_t family)
{
	unsigned at = 2 * GENERATE_MAC_BYTES;
	rte_be16_t type = rte_cpu_to_be_16(family == FAMILY_IP4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	memcpy(header, link->destination, GENERATE_MAC_BYTES);
	memcpy(header + GENERATE_MAC_BYTES, link->source, GENERATE_MAC_BYTES);
	for (unsigned i = 0; i < link->vlans; i++, at += 4) {
		bool outer = i + 1 < link->vlans;
		rte_be16_t tag[2] = { rte_cpu_to_be_16(outer ? RTE_ETHER_TYPE_QINQ : RTE_ETHER_TYPE_VLAN),
			rte_cpu_to_be_16(link->vlan[i]) };
		memcpy(header + at, tag, sizeof(tag));
	}
	memcpy(header + at, &type, sizeof(type));
	return at + sizeof(type);
}

static unsigned make_ip(uint8_t *l3, uint8_t family, uint8_t protocol)
{
	struct rte_ipv4_hdr ip4 = { .version_ihl = RTE_IPV4_VHL_DEF,
		.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG), // so that it needs no id (RFC 6864 4.1)
		.time_to_live = HOPS,
		.next_proto_id = protocol };
	struct rte_ipv6_hdr ip6 = { .vtc_flow = rte_cpu_to_be_32(6u << 28), .proto = protocol, .hop_limits = HOPS };
	if (family == FAMILY_IP4)
		memcpy(l3, &ip4, sizeof(ip4));
	else
		memcpy(l3, &ip6, sizeof(ip6));
	return family == FAMILY_IP4 ? sizeof(ip4) : sizeof(ip6);
}

static uint64_t low_of(const struct ip_address *address, uint8_t family)
{
	rte_be32_t four;
	rte_be64_t eight;
	memcpy(&four, address->byte, sizeof(four));
	memcpy(&eight, address->byte + 8, sizeof(eight));
	return family == FAMILY_IP4 ? rte_be_to_cpu_32(four) : rte_be_to_cpu_64(eight);
}

void generate_template_make(struct generate_template *template, const struct generate_link *link, uint8_t family,
			    uint8_t protocol, const struct ip_address *source, const struct ip_address *destination)
{
	*template = (struct generate_template){ .family = family, .protocol = protocol };
	template->l3 = (uint8_t)make_ethernet(template->header, link, family);
	template->l4 = (uint8_t)(template->l3 + make_ip(template->header + template->l3, family, protocol));
	template->payload = (uint8_t)(template->l4 +
		(protocol == PROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr)));
	template->source = low_of(source, family);
	template->destination = low_of(destination, family);
	uint8_t *addresses = template->header + addresses_at(template);
	memcpy(addresses, source->byte, address_bytes(family));
	memcpy(addresses + address_bytes(family), destination->byte, address_bytes(family));
	if (protocol == PROTO_TCP) {
		struct rte_tcp_hdr tcp = { .data_off = TCP_OFFSET, .rx_win = rte_cpu_to_be_16(TCP_WINDOW) };
		memcpy(template->header + template->l4, &tcp, sizeof(tcp));
	}
}

uint16_t generate_frame_least(const struct generate_template *template, bool stamped)
{
	return (uint16_t)RTE_MAX(GENERATE_FRAME_MIN,
		(int)(template->payload + (stamped ? sizeof(struct generate_stamp) : 0)));
}

static void swap(uint8_t *a, uint8_t *b, unsigned bytes)
{
	uint8_t kept[16];
	memcpy(kept, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, kept, bytes);
}

static void write_address(uint8_t *address, uint8_t family, uint64_t low)
{
	rte_be32_t four = rte_cpu_to_be_32((uint32_t)low);
	rte_be64_t eight = rte_cpu_to_be_64(low);
	if (family == FAMILY_IP4)
		memcpy(address, &four, sizeof(four));
	else
		memcpy(address + 8, &eight, sizeof(eight));
}

static void write_ends(const struct generate_template *template, const struct generate_packet *packet, uint8_t *frame)
{
	unsigned bytes = address_bytes(template->family);
	uint8_t *addresses = frame + addresses_at(template);
	bool back = packet->side == GENERATE_SERVER;
	rte_be16_t ports[2] = { rte_cpu_to_be_16(packet->source_port), rte_cpu_to_be_16(packet->destination_port) };

	write_address(addresses, template->family, template->source + packet->source);
	write_address(addresses + bytes, template->family, template->destination + packet->destination);
	memcpy(frame + template->l4, &ports[back], sizeof(ports[0]));
	memcpy(frame + template->l4 + 2, &ports[!back], sizeof(ports[0]));
	if (!back)
		return;
	swap(frame, frame + GENERATE_MAC_BYTES, GENERATE_MAC_BYTES);
	swap(addresses, addresses + bytes, bytes);
}

rte_be16_t generate_stamp_tag(uint64_t key, const struct generate_stamp *stamp)
{
	uint64_t flow = (uint64_t)stamp->slot << 32 | stamp->sequence;
	return (rte_be16_t)random_mix((key ^ flow) + stamp->time);
}

static void write_stamp(const struct generate_packet *packet, uint64_t key, uint32_t time, uint8_t *payload)
{
	struct generate_stamp stamp = { .slot = rte_cpu_to_be_32(packet->slot),
		.sequence = rte_cpu_to_be_32(packet->sequence), .time = rte_cpu_to_be_32(time) };
	stamp.tag = generate_stamp_tag(key, &stamp);
	memcpy(payload, &stamp, sizeof(stamp));
}

static void write_ip_length(const struct generate_template *template, uint16_t length, uint8_t *frame)
{
	uint8_t *l3 = frame + template->l3;
	if (template->family == FAMILY_IP6) {
		((struct rte_ipv6_hdr *)l3)->payload_len = rte_cpu_to_be_16((uint16_t)(length - template->l4));
		return;
	}
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;
	ip->total_length = rte_cpu_to_be_16((uint16_t)(length - template->l3));
	ip->hdr_checksum = checksum_internet(l3, sizeof(*ip));
}

// The payload is zeros behind the stamp, which no sum needs to read: their number alone counts (RFC 1071, RFC 1624).
static uint16_t transport_checksum(const struct generate_template *template, uint16_t length, const uint8_t *frame)
{
	uint16_t whole = (uint16_t)(length - template->l4);
	uint16_t part = (uint16_t)RTE_MIN((size_t)whole,
		template->payload - template->l4 + sizeof(struct generate_stamp));
	uint16_t checksum = checksum_transport(frame + addresses_at(template), address_bytes(template->family),
		template->protocol, frame + template->l4, part);
	uint32_t sum = (uint16_t)~checksum + (uint32_t)rte_cpu_to_be_16(whole) + (uint16_t)~rte_cpu_to_be_16(part);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void write_udp(const struct generate_template *template, uint16_t length, uint8_t *frame)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame + template->l4);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(length - template->l4));
	udp->dgram_cksum = transport_checksum(template, length, frame);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = UINT16_MAX; // 0 means none (RFC 768)
}

static void write_tcp(const struct generate_template *template, const struct generate_packet *packet, uint16_t length,
		      uint8_t *frame)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(frame + template->l4);
	tcp->sent_seq = rte_cpu_to_be_32(packet->tcp_sequence);
	tcp->recv_ack = rte_cpu_to_be_32(packet->tcp_acknowledgment);
	tcp->tcp_flags = packet->tcp_flags;
	tcp->cksum = transport_checksum(template, length, frame);
}

// A segment without data has none in its padding either: the datagram ends before it.
static uint16_t datagram_end(const struct generate_template *template, const struct generate_packet *packet)
{
	bool bare = template->protocol == PROTO_TCP && !(packet->tcp_flags & TCP_PSH);
	return bare ? template->payload : packet->length;
}

void generate_frame_write(const struct generate_template *template, const struct generate_packet *packet, uint64_t key,
			  uint32_t time, uint8_t *frame)
{
	uint16_t end = datagram_end(template, packet);
	memcpy(frame, template->header, sizeof(template->header));
	if (packet->length > sizeof(template->header))
		memset(frame + sizeof(template->header), 0, packet->length - sizeof(template->header));
	write_ends(template, packet, frame);
	if (packet->stamped)
		write_stamp(packet, key, time, frame + template->payload);
	write_ip_length(template, end, frame);
	if (template->protocol == PROTO_TCP)
		write_tcp(template, packet, end, frame);
	else
		write_udp(template, end, frame);
}
