// SPDX-License-Identifier: BSD-3-Clause
// Frames of many kinds, drawn. Include it in one file of a program only.
#pragma once

#include <arpa/inet.h>

#include "dataplane/random.h"
#include "tests/unit/frames.h"

static uint64_t draws; // the state that they are drawn from

// A TCP segment behind a plain IPv6 header, or behind hop-by-hop options.
static uint16_t frame_ip6(uint8_t *frame, bool options)
{
	uint8_t *ip = frame + 14, *at = ip + 40;
	const uint16_t payload = (options ? 8 : 0) + 40;

	memset(frame, 0, 14u + 40 + payload);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip[0] = 0x60;
	ip[5] = (uint8_t)payload;
	ip[6] = options ? 0 : IPPROTO_TCP;
	ip[8] = ip[24] = 0x20;
	for (unsigned i = 0; i < 4; i++) {
		ip[20 + i] = (uint8_t)random_next(&draws);
		ip[36 + i] = (uint8_t)random_next(&draws);
	}
	if (options) {
		at[0] = IPPROTO_TCP;
		at[2] = 1; // PadN
		at[3] = 4;
		at += 8;
	}
	at[1] = 1 + (uint8_t)random_below(&draws, 200);
	at[3] = 80;
	at[12] = 10 << 4;
	at[13] = (uint8_t)random_below(&draws, 64);
	return (uint16_t)(14 + 40 + payload);
}

static const struct frame_ends CUT_UP = { 0x0a010101, 0xc0a80101, 1234, 53 };

// In turn the first of a datagram and its last.
static uint16_t frame_fragment(uint8_t *frame)
{
	static unsigned made;
	const bool later = made % 2;
	uint16_t length = frame_udp(frame, CUT_UP, 32);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + 14);

	ip->fragment_offset = htons(later ? 100 : RTE_IPV4_HDR_MF_FLAG);
	ip->packet_id = htons((uint16_t)(made++ / 2));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return length;
}

static uint16_t frame_other(uint8_t *frame, struct frame_ends ends)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE, IPPROTO_SCTP };
	uint8_t *header = frame_ip4(frame, &ends, protocols[random_below(&draws, 4)], 32);

	memset(header, 0, 32);
	header[0] = 8; // an echo request, if it is one
	header[1] = (uint8_t)random_below(&draws, 4);
	header[2] = 1;
	return FRAME_IP4 + 32;
}

// Of up to 256 bytes: TCP and UDP mostly, of both families, tagged or not, fragments, ICMP and its errors, others.
static uint16_t random_frame(uint8_t *frame)
{
	struct frame_ends ends = { 0x0a000000 | random_below(&draws, 1 << 24), 0xc0a80000 | random_below(&draws, 1 << 16),
		(uint16_t)(1 + random_below(&draws, 65535)), (uint16_t)(1 + random_below(&draws, 65535)) };
	const uint32_t kind = random_below(&draws, 16);
	uint16_t length;

	if (random_below(&draws, 2))
		ends = frame_reverse(ends);
	if (kind == 0)
		length = frame_unreachable(frame, ends), frame[14 + 20 + 1] = (uint8_t)random_below(&draws, 12);
	else if (kind == 2)
		return frame_fragment(frame);
	else if (kind == 3)
		length = frame_other(frame, ends);
	else if (kind == 1)
		length = frame_ip6(frame, random_below(&draws, 2));
	else if (kind < 8)
		length = frame_udp(frame, ends, (uint16_t)random_below(&draws, 40));
	else
		length = frame_tcp(frame, ends, (uint8_t)random_below(&draws, 64), random_below(&draws, 1 << 20), 1);
	return random_below(&draws, 6) == 0 ? frame_tag(frame, length, (uint16_t)random_below(&draws, 4096)) : length;
}
