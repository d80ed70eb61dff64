// SPDX-License-Identifier: BSD-3-Clause
// Packets for the tests of the parser, byte by byte so that a test can break any one of them, and checks of what the parser
// says.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/checksum.h"
#include "dataplane/parse.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

enum {
	ETH = 14,
	IP4 = 34, // where the transport header starts, behind 20 bytes of IPv4
	IP6 = 54,
};

struct packet {
	uint8_t byte[4096];
	uint32_t length;
};

static const struct parse_options strict = { .martians_drop = true, .truncated_drop = true };
static const struct parse_options loose = { .martians_drop = true };

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static inline void sum_ip4(struct packet *p)
{
	memset(p->byte + ETH + 10, 0, 2);
	uint16_t sum = checksum_internet(p->byte + ETH, (p->byte[ETH] & 15) * 4);
	memcpy(p->byte + ETH + 10, &sum, 2);
}

// 10.0.0.1 > 10.0.0.2, behind Ethernet.
static inline struct packet ip4(uint8_t protocol, const void *payload, uint32_t length)
{
	static const uint8_t head[IP4] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 7, 0x40, 0,
					   64, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
	struct packet p = { .length = IP4 + length };

	memcpy(p.byte, head, IP4);
	put16(p.byte + 16, 20 + length);
	p.byte[23] = protocol;
	memcpy(p.byte + IP4, payload, length);
	sum_ip4(&p);
	return p;
}

// fd00::1 > fd00::2, behind Ethernet.
static inline struct packet ip6(uint8_t next, const void *payload, uint32_t length)
{
	struct packet p = { .byte = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60 }, .length = IP6 + length };

	put16(p.byte + 18, length);
	p.byte[20] = next;
	p.byte[21] = 64;
	p.byte[22] = p.byte[38] = 0xfd;
	p.byte[37] = 1;
	p.byte[53] = 2;
	memcpy(p.byte + IP6, payload, length);
	return p;
}

static const uint8_t tcp[24] = { 0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0, 'd', 'a' };
static const uint8_t udp[12] = { 0x30, 0x39, 0, 53, 0, 12, 0, 0, 'd', 'a', 't', 'a' };
static const uint8_t echo[12] = { 8, 0, 0, 0, 0xab, 0xcd, 0, 1, 'p', 'i', 'n', 'g' };

static inline enum drop_reason parse_cut(const struct packet *p, uint32_t captured, const struct parse_options *options,
					 struct packet_meta *meta)
{
	uint8_t *copy = malloc(captured ? captured : 1); // ends where the sanitizer sees it
	struct parse_input input = { .frame = copy, .captured = captured, .on_wire = p->length };
	struct fragment_info fragment;
	enum drop_reason reason;

	memcpy(copy, p->byte, captured);
	memset(meta, 0xa5, sizeof(*meta));
	reason = parse_frame(&input, options, meta, &fragment);
	assert_int_equal(reason, meta->reason);
	assert_int_equal(meta->unused, 0);
	free(copy);
	return reason;
}

static inline enum drop_reason parse(const struct packet *p, const struct parse_options *options, struct packet_meta *meta)
{
	return parse_cut(p, p->length, options, meta);
}

static inline void assert_ports(const struct packet_meta *meta, uint16_t source, uint16_t destination)
{
	assert_true(meta->flags & PACKET_HAS_TUPLE);
	assert_int_equal(rte_be_to_cpu_16(meta->source_port), source);
	assert_int_equal(rte_be_to_cpu_16(meta->destination_port), destination);
}

// The ports of the key, in the packet's direction.
static inline void assert_key_ports(const struct packet_meta *meta, uint16_t source, uint16_t destination)
{
	unsigned end = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;

	assert_int_equal(rte_be_to_cpu_16(meta->key.port[end]), source);
	assert_int_equal(rte_be_to_cpu_16(meta->key.port[!end]), destination);
}
