// SPDX-License-Identifier: BSD-3-Clause
// Frames for tests: small, right in every length, without transport checksums.
#pragma once

#include <string.h>

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

struct frame_ends {
	uint32_t source, destination; // host order
	uint16_t source_port, destination_port;
};

static inline struct frame_ends frame_reverse(struct frame_ends ends)
{
	return (struct frame_ends){ ends.destination, ends.source, ends.destination_port, ends.source_port };
}

static inline uint8_t *frame_ip4(uint8_t *frame, const struct frame_ends *ends, uint8_t protocol, uint16_t payload)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ethernet + 1);

	memset(frame, 0, sizeof(*ethernet) + sizeof(*ip) + payload);
	memcpy(&ethernet->dst_addr, "\x02\0\0\0\0\x02", 6);
	memcpy(&ethernet->src_addr, "\x02\0\0\0\0\x01", 6);
	ethernet->ether_type = htons(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = htons((uint16_t)(sizeof(*ip) + payload));
	ip->time_to_live = 64;
	ip->next_proto_id = protocol;
	ip->src_addr = htonl(ends->source);
	ip->dst_addr = htonl(ends->destination);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return (uint8_t *)(ip + 1);
}

// Puts a VLAN tag into a frame of so many bytes. Returns its new length.
static inline uint16_t frame_tag(uint8_t *frame, uint16_t length, uint16_t id)
{
	memmove(frame + 16, frame + 12, length - 12u);
	memcpy(frame + 12, (uint8_t[]){ 0x81, 0, (uint8_t)(id >> 8), (uint8_t)id }, 4);
	return length + 4;
}

enum { FRAME_IP4 = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) };

// Returns the frame's length.
static inline uint16_t frame_udp(uint8_t *frame, struct frame_ends ends, uint16_t payload)
{
	uint16_t length = (uint16_t)(sizeof(struct rte_udp_hdr) + payload);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)frame_ip4(frame, &ends, IPPROTO_UDP, length);

	udp->src_port = htons(ends.source_port);
	udp->dst_port = htons(ends.destination_port);
	udp->dgram_len = htons(length);
	return (uint16_t)(FRAME_IP4 + length);
}

static inline uint16_t frame_tcp(uint8_t *frame, struct frame_ends ends, uint8_t flags, uint32_t sequence, uint32_t ack)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)frame_ip4(frame, &ends, IPPROTO_TCP, sizeof(*tcp));

	tcp->src_port = htons(ends.source_port);
	tcp->dst_port = htons(ends.destination_port);
	tcp->sent_seq = htonl(sequence);
	tcp->recv_ack = htonl(ack);
	tcp->data_off = 5 << 4;
	tcp->tcp_flags = flags;
	tcp->rx_win = htons(8192);
	return (uint16_t)(FRAME_IP4 + sizeof(*tcp));
}

// An ICMP "port unreachable" from the destination about a UDP packet between these ends.
static inline uint16_t frame_unreachable(uint8_t *frame, struct frame_ends about)
{
	uint8_t quoted[128];
	frame_udp(quoted, about, 0);
	struct frame_ends ends = { about.destination, about.source, 0, 0 };
	uint16_t length = sizeof(struct rte_icmp_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr);
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)frame_ip4(frame, &ends, IPPROTO_ICMP, length);

	icmp->icmp_type = 3;
	icmp->icmp_code = 3;
	memcpy(icmp + 1, quoted + sizeof(struct rte_ether_hdr), length - sizeof(*icmp));
	return (uint16_t)(FRAME_IP4 + length);
}
