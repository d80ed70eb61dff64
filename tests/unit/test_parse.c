// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_common.h>

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
static const struct parse_options verify = { .truncated_drop = true, .checksum = CHECKSUM_VERIFY };

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

static void sum_ip4(struct packet *p)
{
	memset(p->byte + ETH + 10, 0, 2);
	uint16_t sum = checksum_internet(p->byte + ETH, (p->byte[ETH] & 15) * 4);
	memcpy(p->byte + ETH + 10, &sum, 2);
}

// 10.0.0.1 > 10.0.0.2, behind Ethernet.
static struct packet ip4(uint8_t protocol, const void *payload, uint32_t length)
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
static struct packet ip6(uint8_t next, const void *payload, uint32_t length)
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

static enum drop_reason parse_cut(const struct packet *p, uint32_t captured, const struct parse_options *options,
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

static enum drop_reason parse(const struct packet *p, const struct parse_options *options, struct packet_meta *meta)
{
	return parse_cut(p, p->length, options, meta);
}

static void assert_ports(const struct packet_meta *meta, uint16_t source, uint16_t destination)
{
	assert_true(meta->flags & PACKET_HAS_TUPLE);
	assert_int_equal(rte_be_to_cpu_16(meta->source_port), source);
	assert_int_equal(rte_be_to_cpu_16(meta->destination_port), destination);
}

// The ports of the key, in the packet's direction.
static void assert_key_ports(const struct packet_meta *meta, uint16_t source, uint16_t destination)
{
	unsigned end = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;

	assert_int_equal(rte_be_to_cpu_16(meta->key.port[end]), source);
	assert_int_equal(rte_be_to_cpu_16(meta->key.port[!end]), destination);
}

// One byte that makes a good packet bad, or good in an odd way.
struct poke {
	const char *what;
	uint16_t at;
	uint8_t value;
	enum drop_reason reason;
	bool tuple, ports;
};

static void try_pokes(const struct packet *good, const struct poke *pokes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct packet p = *good;
		struct packet_meta meta;

		p.byte[pokes[i].at] = pokes[i].value;
		enum drop_reason reason = parse(&p, &strict, &meta);
		if (reason != pokes[i].reason)
			fail_msg("%s: %s, expected %s", pokes[i].what, drop_name(reason), drop_name(pokes[i].reason));
		if (!!(meta.flags & PACKET_HAS_TUPLE) != pokes[i].tuple || (meta.source_port != 0) != pokes[i].ports)
			fail_msg("%s: flags %x ports %x", pokes[i].what, meta.flags, meta.source_port);
	}
}

static void ip4_tcp_faults_have_their_reasons(void **state)
{
	static const struct poke pokes[] = {
		{ "nothing", 0, 2, DROP_NONE, true, true },
		{ "llc", 12, 0, DROP_NON_IP, false, false },
		{ "arp", 13, 6, DROP_NON_IP, false, false },
		{ "version 6", 14, 0x65, DROP_IP_VERSION, false, false },
		{ "ihl 4", 14, 0x44, DROP_IP_HEADER, false, false },
		{ "ihl 15, past the end", 14, 0x4f, DROP_IP_HEADER, true, false },
		{ "ihl 6", 14, 0x46, DROP_NONE, true, true }, // data where ports were: still a header
		{ "total length 19", 17, 19, DROP_IP_LENGTH, true, false },
		{ "total length 0", 17, 0, DROP_IP_LENGTH, true, true },
		{ "total length 22: no ports", 17, 22, DROP_TCP_HEADER, true, false },
		{ "total length 24: ports", 17, 24, DROP_TCP_HEADER, true, true },
		{ "total length past the frame", 17, 45, DROP_TRUNCATED, true, true },
		{ "df", 20, 0x40, DROP_NONE, true, true },
		{ "evil bit", 20, 0x80, DROP_NONE, true, true },
		{ "ttl 0", 22, 0, DROP_NONE, true, true },
		{ "data offset 4", 46, 0x40, DROP_TCP_HEADER, true, true },
		{ "data offset 6", 46, 0x60, DROP_NONE, true, true },
		{ "data offset past the end", 46, 0x70, DROP_TCP_HEADER, true, true },
		{ "source 224.0.0.1", 26, 224, DROP_MARTIAN_SOURCE, true, true },
		{ "source 239", 26, 239, DROP_MARTIAN_SOURCE, true, true },
		{ "source 240", 26, 240, DROP_NONE, true, true },
		{ "source 0.0.0.1", 26, 0, DROP_NONE, true, true },
		{ "port 0", 37, 0, DROP_MARTIAN_TCP_PORT, true, true },
		{ "same address", 29, 2, DROP_NONE, true, true },
	};
	struct packet p = ip4(6, tcp, sizeof(tcp));

	(void)state;
	p.byte[IP4 + 16] = 0x50; // so that ihl 6 finds a header
	p.byte[IP4 + 4] = p.byte[IP4 + 6] = 1;
	try_pokes(&p, pokes, ARRAY_LEN(pokes));
}

static void ip4_udp_faults_have_their_reasons(void **state)
{
	static const struct poke pokes[] = {
		{ "nothing", 0, 2, DROP_NONE, true, true },
		{ "udp length 7", 39, 7, DROP_UDP_LENGTH, true, true },
		{ "udp length 8", 39, 8, DROP_NONE, true, true },
		{ "udp length 0", 39, 0, DROP_UDP_LENGTH, true, true },
		{ "udp length past the end", 39, 13, DROP_UDP_LENGTH, true, true },
		{ "header cut by total length", 17, 27, DROP_UDP_LENGTH, true, true },
		{ "destination port 0", 37, 0, DROP_NONE, true, true },
		{ "sctp", 23, 132, DROP_NONE, true, true },
		{ "dccp", 23, 33, DROP_NONE, true, true },
		{ "udplite", 23, 136, DROP_NONE, true, true },
		{ "gre", 23, 47, DROP_NONE, true, false },
		{ "esp", 23, 50, DROP_NONE, true, false },
		{ "ah is no extension of ip4", 23, 51, DROP_NONE, true, false },
		{ "icmpv6 in ip4", 23, 58, DROP_NONE, true, false },
	};
	struct packet p = ip4(17, udp, sizeof(udp));

	(void)state;
	try_pokes(&p, pokes, ARRAY_LEN(pokes));
}

static void ip6_faults_have_their_reasons(void **state)
{
	static const struct poke pokes[] = {
		{ "nothing", 0, 2, DROP_NONE, true, true },
		{ "version 4", 14, 0x45, DROP_IP_VERSION, false, false },
		{ "no next header", 20, 59, DROP_NONE, true, false },
		{ "esp", 20, 50, DROP_NONE, true, false },
		{ "mobility ends the walk", 20, 135, DROP_NONE, true, false },
		{ "payload past the frame", 19, 13, DROP_TRUNCATED, true, true },
		{ "payload length 0", 19, 0, DROP_IP_LENGTH, true, true },
		{ "extension that is none", 20, 60, DROP_IP6_EXTENSION, true, false },
		{ "source ff00::/8", 22, 0xff, DROP_MARTIAN_SOURCE, true, true },
		{ "hop limit 0", 21, 0, DROP_NONE, true, true },
	};
	struct packet p = ip6(17, udp, sizeof(udp));

	(void)state;
	try_pokes(&p, pokes, ARRAY_LEN(pokes));
}

static void every_cut_is_survived_and_says_why(void **state)
{
	const struct packet packets[] = { ip4(6, tcp, sizeof(tcp)), ip6(17, udp, sizeof(udp)), ip4(1, echo, 12) };
	struct packet_meta meta;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		uint32_t header = i == 1 ? IP6 : IP4;

		for (uint32_t cut = 0; cut < packets[i].length; cut++) {
			enum drop_reason reason = parse_cut(&packets[i], cut, &strict, &meta);

			assert_int_equal(reason, cut < ETH ? DROP_RUNT : cut < header ? DROP_IP_HEADER : DROP_TRUNCATED);
			assert_int_equal(!!(meta.flags & PACKET_HAS_TUPLE), cut >= header);
			if (cut < header)
				continue;
			assert_int_equal(parse_cut(&packets[i], cut, &loose, &meta), DROP_NONE);
			assert_true(meta.flags & PACKET_TRUNCATED);
			assert_int_equal(meta.source_port != 0, i < 2 && cut >= header + 4);
			assert_int_equal(!!(meta.flags & PACKET_L4_WHOLE), cut >= header + (i ? 8 : 20));
		}
	}
}

static void padding_is_not_payload(void **state)
{
	struct packet p = ip4(17, udp, 8);
	struct packet_meta meta;

	(void)state;
	p.byte[39] = 8;
	p.length = 60;
	assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
	assert_int_equal(meta.l4_length, 8);
	assert_int_equal(meta.l4_offset, IP4);
	p.byte[39] = 9;
	assert_int_equal(parse(&p, &strict, &meta), DROP_UDP_LENGTH);
}

static void cut_padding_is_not_truncation(void **state)
{
	struct packet p = ip4(17, udp, 12);
	struct packet_meta meta;

	(void)state;
	p.length = 60;
	assert_int_equal(parse_cut(&p, IP4 + 12, &strict, &meta), DROP_NONE);
	assert_false(meta.flags & PACKET_TRUNCATED);
}

static struct packet tagged(const struct packet *inner, unsigned tags)
{
	struct packet p = *inner;
	static const uint16_t types[] = { 0x8100, 0x88a8, 0x9100 };

	for (unsigned i = 0; i < tags; i++) {
		put16(p.byte + 12 + 4 * i, types[i % 3]);
		put16(p.byte + 14 + 4 * i, 0xe000 | (100 + i));
	}
	memcpy(p.byte + 12 + 4 * tags, inner->byte + 12, inner->length - 12);
	p.length = inner->length + 4 * tags;
	return p;
}

static void vlan_stacks_are_stepped_over(void **state)
{
	struct parse_options options = strict;
	struct packet plain = ip4(6, tcp, sizeof(tcp));
	struct packet_meta meta, untagged;

	(void)state;
	parse(&plain, &strict, &untagged);
	for (unsigned tags = 1; tags <= PARSE_VLAN_MAX + 2; tags++) {
		struct packet p = tagged(&plain, tags);

		options.vlan_in_key = tags % 2;
		assert_int_equal(parse(&p, &options, &meta), tags > PARSE_VLAN_MAX ? DROP_VLAN_DEPTH : DROP_NONE);
		assert_ports(&meta, 12345, 80);
		assert_int_equal(meta.vlan, 100);
		assert_int_equal(meta.vlan_tags, tags);
		assert_int_equal(meta.l3_offset, ETH + 4 * tags);
		assert_int_equal(meta.key.vlan, tags % 2 ? 100 : 0);
		meta.key.vlan = 0;
		assert_true(flow_key_equal(&meta.key, &untagged.key));
	}
}

static void tag_without_type_is_a_runt(void **state)
{
	struct packet plain = ip4(6, tcp, sizeof(tcp)), p = tagged(&plain, 2);
	struct packet_meta meta;

	(void)state;
	for (uint32_t cut = 14; cut < 22; cut++)
		assert_int_equal(parse_cut(&p, cut, &strict, &meta), DROP_RUNT);
	assert_int_equal(parse_cut(&p, 22, &strict, &meta), DROP_IP_HEADER);
}

static void both_directions_have_one_key(void **state)
{
	struct packet there[] = { ip4(6, tcp, sizeof(tcp)), ip6(17, udp, sizeof(udp)), ip4(17, udp, sizeof(udp)) };
	struct packet_meta meta[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		struct packet back = there[i];
		unsigned bytes = i == 1 ? 16 : 4, l4 = i == 1 ? IP6 : IP4;

		memcpy(back.byte + l4 - 2 * bytes, there[i].byte + l4 - bytes, bytes);
		memcpy(back.byte + l4 - bytes, there[i].byte + l4 - 2 * bytes, bytes);
		memcpy(back.byte + l4, there[i].byte + l4 + 2, 2);
		memcpy(back.byte + l4 + 2, there[i].byte + l4, 2);
		assert_int_equal(parse(&there[i], &strict, &meta[0]), DROP_NONE);
		assert_int_equal(parse(&back, &strict, &meta[1]), DROP_NONE);
		assert_true(flow_key_equal(&meta[0].key, &meta[1].key));
		assert_int_equal(meta[0].flags & PACKET_SOURCE_IS_END1, 0);
		assert_int_equal(meta[1].flags & PACKET_SOURCE_IS_END1, PACKET_SOURCE_IS_END1);
	}
}

static void same_address_is_ordered_by_port(void **state)
{
	struct packet p = ip4(6, tcp, sizeof(tcp)), six = ip6(17, udp, sizeof(udp));
	struct packet_meta meta;

	(void)state;
	p.byte[29] = 2;
	assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
	assert_true(meta.flags & PACKET_SOURCE_IS_END1);
	assert_int_equal(meta.key.port[0], rte_cpu_to_be_16(80));
	six.byte[37] = 2;
	assert_int_equal(parse(&six, &strict, &meta), DROP_NONE);
	assert_true(meta.flags & PACKET_SOURCE_IS_END1);
	put16(p.byte + IP4, 80);
	assert_int_equal(parse(&p, &strict, &meta), DROP_MARTIAN_LAND);
	put16(six.byte + IP6, 53);
	assert_int_equal(parse(&six, &strict, &meta), DROP_MARTIAN_LAND);
	assert_int_equal(parse(&six, &verify, &meta), DROP_L4_CHECKSUM); // the policy allows martians; sum 0 it is
}

// Plain, straight-line parsing and the full parser must say the same.
static void common_path_equals_full_parser(void **state)
{
	struct packet bases[] = { ip4(6, tcp, sizeof(tcp)), ip6(17, udp, sizeof(udp)), ip4(17, udp, sizeof(udp)),
				  ip6(6, tcp, sizeof(tcp)) };
	static const struct parse_options full = { .martians_drop = true, .truncated_drop = true,
						   .checksum = CHECKSUM_VERIFY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		for (uint32_t at = 12; at < bases[i].length; at++) {
			for (unsigned value = 0; value < 256; value++) {
				struct packet p = bases[i];
				struct parse_input input = { .frame = p.byte, .captured = p.length, .on_wire = p.length };
				struct packet_meta meta[2];
				struct fragment_info fragment[2];

				p.byte[at] = value;
				memset(meta, 0xa5, sizeof(meta));
				parse_frame(&input, &strict, &meta[0], &fragment[0]);
				input.ip_checksum = input.l4_checksum = CHECKSUM_GOOD;
				parse_frame(&input, &full, &meta[1], &fragment[1]);
				if (memcmp(&meta[0], &meta[1], sizeof(meta[0])) != 0)
					fail_msg("packet %zu, byte %u = %u: %s, %s", i, at, value,
						 drop_name(meta[0].reason), drop_name(meta[1].reason));
			}
		}
	}
}

static void icmp_queries_are_keyed_by_identifier(void **state)
{
	static const struct {
		uint8_t family, type, request; // request 0: no query
	} cases[] = { { 4, 8, 8 }, { 4, 0, 8 }, { 4, 13, 13 }, { 4, 14, 13 }, { 4, 15, 15 }, { 4, 16, 15 }, { 4, 17, 17 },
		      { 4, 18, 17 }, { 6, 128, 128 }, { 6, 129, 128 }, { 4, 9, 0 }, { 6, 135, 0 }, { 6, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool reply = cases[i].type != cases[i].request;
		struct packet p = cases[i].family == 4 ? ip4(1, echo, 12) : ip6(58, echo, 12);
		struct packet_meta meta;

		p.byte[cases[i].family == 4 ? IP4 : IP6] = cases[i].type;
		assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
		assert_ports(&meta, 0, 0);
		assert_int_equal(meta.icmp_type, cases[i].type);
		if (cases[i].request == 0)
			assert_key_ports(&meta, 0, cases[i].type);
		else
			assert_key_ports(&meta, reply ? cases[i].request : 0xabcd, reply ? 0xabcd : cases[i].request);
	}
}

static void icmp_query_replies_are_told_from_all_else(void **state)
{
	static const uint8_t replies4[] = { 0, 14, 16, 18 }, replies6[] = { 129 };
	uint8_t message[12] = { 0, 0, 0, 0, 0xab, 0xcd, 0, 1 };

	(void)state;
	for (unsigned i = 0; i < 512; i++) {
		uint8_t type = i & 0xff;
		bool four = i < 256;
		bool reply = four ? memchr(replies4, type, sizeof(replies4)) : memchr(replies6, type, sizeof(replies6));
		struct packet p;
		struct packet_meta meta;

		message[0] = type;
		p = four ? ip4(1, message, 12) : ip6(58, message, 12);
		parse(&p, &loose, &meta);
		if (!(meta.flags & PACKET_ICMP_REPLY) == reply)
			fail_msg("IPv%u type %u: flags %x", four ? 4 : 6, type, meta.flags);
	}
}

static void icmp_header_cut_off_has_no_key_ports(void **state)
{
	struct packet p = ip4(1, echo, 12);
	struct packet_meta meta;

	(void)state;
	assert_int_equal(parse_cut(&p, IP4 + 7, &loose, &meta), DROP_NONE);
	assert_key_ports(&meta, 0, 0);
	assert_int_equal(meta.icmp_type, 0);
	p = ip4(1, echo, 7);
	assert_int_equal(parse(&p, &loose, &meta), DROP_L4_HEADER);
}

// An ICMP error of the given type that quotes bytes of another packet and goes to that one's source.
static struct packet error4(uint8_t type, const struct packet *quoted, uint32_t bytes)
{
	uint8_t message[2048] = { type };

	memcpy(message + 8, quoted->byte + ETH, bytes);
	struct packet p = ip4(1, message, 8 + bytes);
	p.byte[ETH + 15] = 9;
	memcpy(p.byte + ETH + 16, quoted->byte + ETH + 12, 4);
	sum_ip4(&p);
	return p;
}

static struct packet error6(uint8_t type, const struct packet *quoted, uint32_t bytes)
{
	uint8_t message[2048] = { type };

	memcpy(message + 8, quoted->byte + ETH, bytes);
	struct packet p = ip6(58, message, 8 + bytes);
	p.byte[ETH + 23] = 9;
	memcpy(p.byte + ETH + 24, quoted->byte + ETH + 8, 16);
	return p;
}

static void icmp_reply_of_the_other_family_or_cut_or_quoted_is_none(void **state)
{
	struct packet reply = ip4(1, echo, 12), p;
	struct packet_meta meta;

	(void)state;
	reply.byte[IP4] = 0;
	assert_int_equal(parse(&reply, &loose, &meta), DROP_NONE);
	assert_true(meta.flags & PACKET_ICMP_REPLY);
	parse_cut(&reply, IP4 + 7, &loose, &meta);
	assert_false(meta.flags & PACKET_ICMP_REPLY);
	p = error4(3, &reply, 32);
	assert_int_equal(parse(&p, &loose, &meta), DROP_NONE);
	assert_int_equal(meta.flags & (PACKET_ICMP_ERROR | PACKET_ICMP_REPLY), PACKET_ICMP_ERROR);
	p = ip4(58, echo, 12); // ICMPv6 on IPv4: no ICMP
	p.byte[IP4] = 129;
	parse(&p, &loose, &meta);
	assert_false(meta.flags & PACKET_ICMP_REPLY);
}

static void assert_quotes(const struct packet *error, const struct packet *quoted)
{
	struct packet_meta meta, inner;

	assert_int_equal(parse(quoted, &strict, &inner), DROP_NONE);
	assert_int_equal(parse(error, &strict, &meta), DROP_NONE);
	assert_ports(&meta, 0, 0);
	assert_true(meta.flags & PACKET_ICMP_ERROR);
	assert_true(flow_key_equal(&meta.key, &inner.key));
	assert_int_not_equal(meta.flags & PACKET_SOURCE_IS_END1, inner.flags & PACKET_SOURCE_IS_END1);
}

static void icmp_errors_have_the_reversed_key_of_the_quoted_packet(void **state)
{
	static const uint8_t types4[] = { 3, 4, 5, 11, 12 }, types6[] = { 1, 2, 3, 4, 100, 127 };
	static const uint8_t options[] = { 17, 0, 1, 4, 0, 0, 0, 0 };
	uint8_t chain[20];
	struct packet quoted4[] = { ip4(6, tcp, sizeof(tcp)), ip4(17, udp, 12), ip4(1, echo, 12), ip4(47, udp, 12) };
	struct packet quoted6[] = { ip6(6, tcp, sizeof(tcp)), ip6(17, udp, 12), ip6(59, udp, 0) };

	(void)state;
	for (size_t type = 0; type < ARRAY_LEN(types4); type++) {
		for (size_t i = 0; i < ARRAY_LEN(quoted4); i++) {
			struct packet error = error4(types4[type], &quoted4[i], 28); // RFC 792: 64 bits of data

			assert_quotes(&error, &quoted4[i]);
		}
	}
	for (size_t type = 0; type < ARRAY_LEN(types6); type++) {
		for (size_t i = 0; i < ARRAY_LEN(quoted6); i++) {
			struct packet error = error6(types6[type], &quoted6[i], RTE_MIN(quoted6[i].length - ETH, 48u));

			assert_quotes(&error, &quoted6[i]);
		}
	}
	memcpy(chain, options, 8);
	memcpy(chain + 8, udp, 12);
	struct packet extended = ip6(60, chain, 20), error = error6(1, &extended, 60);
	assert_quotes(&error, &extended);
}

static void unusable_quotes_are_unrelated(void **state)
{
	struct packet quoted = ip4(17, udp, 12), echo_error = ip4(1, echo, 12), six = ip6(17, udp, 12), p;
	struct packet_meta meta;

	(void)state;
	for (uint32_t bytes = 0; bytes < 24; bytes++) {
		p = error4(3, &quoted, bytes);
		assert_int_equal(parse(&p, &strict, &meta), DROP_ICMP_UNRELATED);
		assert_ports(&meta, 0, 0);
		assert_int_equal(meta.protocol, 1);
	}
	p = error4(3, &six, 48);
	assert_int_equal(parse(&p, &strict, &meta), DROP_ICMP_UNRELATED);
	echo_error.byte[IP4] = 3; // an error about an error
	p = error4(3, &echo_error, 28);
	assert_int_equal(parse(&p, &strict, &meta), DROP_ICMP_UNRELATED);
	put16(quoted.byte + ETH + 2, 19);
	p = error4(3, &quoted, 28);
	assert_int_equal(parse(&p, &strict, &meta), DROP_ICMP_UNRELATED);
}

// Else whoever knows of an open flow could send what he likes to anybody, past the rules.
static void icmp_error_that_goes_to_another_than_the_quoted_source_is_unrelated(void **state)
{
	struct packet quoted4 = ip4(17, udp, 12), quoted6 = ip6(17, udp, 12), error;
	struct packet_meta meta;

	(void)state;
	error = error4(3, &quoted4, 28);
	error.byte[ETH + 19]++;
	sum_ip4(&error);
	assert_int_equal(parse(&error, &strict, &meta), DROP_ICMP_UNRELATED);
	assert_int_equal(meta.protocol, 1);
	assert_int_equal(meta.key.protocol, 1);
	error = error4(3, &quoted4, 28);
	memcpy(error.byte + ETH + 16, quoted4.byte + ETH + 16, 4); // to the quoted packet's destination
	sum_ip4(&error);
	assert_int_equal(parse(&error, &strict, &meta), DROP_ICMP_UNRELATED);
	error = error6(1, &quoted6, 48);
	error.byte[ETH + 39]++;
	assert_int_equal(parse(&error, &strict, &meta), DROP_ICMP_UNRELATED);
	quoted4.byte[21] = 100; // a later fragment's quote has no ports, but addresses
	error = error4(11, &quoted4, 28);
	error.byte[ETH + 19]++;
	sum_ip4(&error);
	assert_int_equal(parse(&error, &strict, &meta), DROP_ICMP_UNRELATED);
}

static void quoted_later_fragment_has_a_key_without_ports(void **state)
{
	struct packet quoted = ip4(17, udp, 12), p;
	struct packet_meta meta;

	(void)state;
	quoted.byte[21] = 100;
	p = error4(11, &quoted, 28);
	assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
	assert_true(meta.flags & PACKET_ICMP_ERROR);
	assert_false(meta.flags & PACKET_FRAGMENT);
	assert_int_equal(meta.key.protocol, 17);
	assert_key_ports(&meta, 0, 0);
}

struct fragment_case {
	const char *what;
	uint16_t field; // flags and offset
	uint8_t protocol;
	uint16_t length; // of the payload
	enum drop_reason reason;
	uint16_t flags;
	bool ports;
};

static void ip4_fragments_are_told(void **state)
{
	static const struct fragment_case cases[] = {
		{ "first", 0x2000, 17, 16, DROP_NONE, PACKET_FRAGMENT_FIRST, true },
		{ "first with df", 0x6000, 17, 16, DROP_NONE, PACKET_FRAGMENT_FIRST, true },
		{ "middle", 0x2002, 17, 16, DROP_NONE, PACKET_FRAGMENT_LATER, false },
		{ "last", 0x0002, 17, 5, DROP_NONE, PACKET_FRAGMENT_LATER, false },
		{ "df and evil bit only", 0xc000, 17, 16, DROP_NONE, 0, true },
		{ "uneven", 0x2000, 17, 17, DROP_IP_LENGTH, PACKET_FRAGMENT_FIRST, true },
		{ "empty", 0x2002, 17, 0, DROP_IP_LENGTH, PACKET_FRAGMENT_LATER, false },
		{ "ping of death", 0x1fff, 1, 8, DROP_IP_LENGTH, PACKET_FRAGMENT_LATER, false },
		{ "just fits", 0x1ffc, 17, 3, DROP_NONE, PACKET_FRAGMENT_LATER, false },
		{ "tiny tcp", 0x2000, 6, 16, DROP_FRAGMENT_TINY, PACKET_FRAGMENT_FIRST, true },
		{ "tcp with its header", 0x2000, 6, 24, DROP_NONE, PACKET_FRAGMENT_FIRST, true },
		{ "tiny udp", 0x2000, 17, 8, DROP_NONE, PACKET_FRAGMENT_FIRST, true },
		{ "tiny sctp", 0x2000, 132, 8, DROP_FRAGMENT_TINY, PACKET_FRAGMENT_FIRST, true },
		{ "tcp at offset 8", 0x2001, 6, 24, DROP_FRAGMENT_TINY, PACKET_FRAGMENT_LATER, false },
		{ "udp at offset 8", 0x2001, 17, 24, DROP_NONE, PACKET_FRAGMENT_LATER, false },
	};
	uint8_t payload[24];

	(void)state;
	memcpy(payload, tcp, 24);
	payload[4] = 0;
	payload[5] = 200; // UDP length beyond the fragment
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct packet p = ip4(cases[i].protocol, payload, cases[i].length);
		struct parse_input input = { .frame = p.byte, .captured = p.length, .on_wire = p.length };
		struct fragment_info fragment = { 0 };
		struct packet_meta meta;

		put16(p.byte + 20, cases[i].field);
		if (cases[i].flags == 0)
			p.byte[IP4 + 5] = 16;
		enum drop_reason reason = parse_frame(&input, &strict, &meta, &fragment);
		if (reason != cases[i].reason || (meta.flags & PACKET_FRAGMENT) != cases[i].flags ||
		    (meta.source_port != 0) != cases[i].ports)
			fail_msg("%s: %s flags %x", cases[i].what, drop_name(reason), meta.flags);
		if (cases[i].flags == 0)
			continue;
		assert_int_equal(fragment.id, 7);
		assert_int_equal(fragment.offset, (cases[i].field & 0x1fff) * 8);
		assert_int_equal(fragment.length, cases[i].length);
		assert_int_equal(fragment.more, !!(cases[i].field & 0x2000));
	}
}

static void ip6_fragments_are_told(void **state)
{
	static const struct {
		const char *what;
		uint8_t next;
		uint16_t field, length;
		enum drop_reason reason;
		uint16_t flags;
		uint8_t protocol;
	} cases[] = {
		{ "atomic", 17, 0, 12, DROP_NONE, 0, 17 },
		{ "first", 17, 1, 16, DROP_NONE, PACKET_FRAGMENT_FIRST, 17 },
		{ "last", 17, 16, 9, DROP_NONE, PACKET_FRAGMENT_LATER, 17 },
		{ "later names an extension header", 60, 16, 9, DROP_NONE, PACKET_FRAGMENT_LATER, 60 },
		{ "first without its chain", 60, 1, 8, DROP_FRAGMENT_HEADER_CHAIN, PACKET_FRAGMENT_FIRST, 60 },
		{ "first without its tcp header", 6, 1, 16, DROP_FRAGMENT_HEADER_CHAIN, PACKET_FRAGMENT_FIRST, 6 },
		{ "tcp at offset 8", 6, 8, 24, DROP_FRAGMENT_TINY, PACKET_FRAGMENT_LATER, 6 },
		{ "uneven", 17, 1, 15, DROP_IP_LENGTH, PACKET_FRAGMENT_FIRST, 17 },
		{ "too long", 17, 0xfff8, 16, DROP_IP_LENGTH, PACKET_FRAGMENT_LATER, 17 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t payload[64] = { cases[i].next, 0, cases[i].field >> 8, cases[i].field & 0xff, 1, 2, 3, 4 };
		struct fragment_info fragment = { 0 };
		struct packet_meta meta;

		memcpy(payload + 8, udp, 12);
		payload[8] = cases[i].next == 60 ? 17 : payload[8];
		struct packet p = ip6(44, payload, 8 + cases[i].length);
		struct parse_input input = { .frame = p.byte, .captured = p.length, .on_wire = p.length };
		enum drop_reason reason = parse_frame(&input, &strict, &meta, &fragment);
		if (reason != cases[i].reason || (meta.flags & PACKET_FRAGMENT) != cases[i].flags ||
		    meta.protocol != cases[i].protocol)
			fail_msg("%s: %s flags %x protocol %u", cases[i].what, drop_name(reason), meta.flags,
				 meta.protocol);
		if (cases[i].flags == 0)
			continue;
		assert_int_equal(fragment.id, 0x01020304);
		assert_int_equal(fragment.offset, cases[i].field & 0xfff8);
		assert_int_equal(fragment.length, cases[i].length);
	}
}

static void extension_headers_are_walked(void **state)
{
	static const uint8_t headers[] = { 43, 0, 1, 4, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 0,
					   60, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 0, 1, 4, 0, 0, 0, 0 };
	uint8_t chain[64];
	struct packet_meta meta;

	(void)state;
	memcpy(chain, headers, sizeof(headers));
	memcpy(chain + sizeof(headers), udp, 12);
	struct packet p = ip6(0, chain, sizeof(headers) + 12);
	assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
	assert_ports(&meta, 12345, 53);
	assert_int_equal(meta.protocol, 17);
	assert_int_equal(meta.l4_offset, IP6 + sizeof(headers));
	for (uint32_t cut = 0; cut < sizeof(headers); cut++) {
		p = ip6(0, chain, cut);
		assert_int_equal(parse(&p, &loose, &meta), DROP_IP6_EXTENSION);
		assert_ports(&meta, 0, 0);
		assert_int_equal(meta.protocol, cut < 8 ? 0 : cut < 16 ? 43 : cut < 28 ? 51 : 60);
	}
}

static void too_many_extension_headers_drop_but_keep_the_tuple(void **state)
{
	uint8_t chain[8 * (PARSE_EXTENSION_MAX + 1) + 12] = { 0 };
	struct packet_meta meta;

	(void)state;
	for (unsigned count = PARSE_EXTENSION_MAX; count <= PARSE_EXTENSION_MAX + 1; count++) {
		memset(chain, 0, sizeof(chain));
		for (unsigned i = 0; i < count; i++)
			chain[8 * i] = i + 1 < count ? 60 : 17;
		memcpy(chain + 8 * count, udp, 12);
		struct packet p = ip6(60, chain, 8 * count + 12);
		assert_int_equal(parse(&p, &strict, &meta),
				 count > PARSE_EXTENSION_MAX ? DROP_IP6_EXTENSION : DROP_NONE);
		assert_ports(&meta, 12345, 53);
	}
}

static void jumbo_payload_option_gives_the_length(void **state)
{
	uint32_t length = 70000;
	uint8_t *frame = calloc(1, IP6 + length);
	struct parse_input input = { .frame = frame, .captured = IP6 + length, .on_wire = IP6 + length };
	static const uint8_t option[8] = { 17, 0, 0xc2, 4, 0, 1, 0x11, 0x70 }; // 70000
	struct packet p = ip6(0, option, sizeof(option));
	struct packet_meta meta;
	struct fragment_info fragment;

	(void)state;
	memcpy(frame, p.byte, p.length);
	put16(frame + 18, 0);
	memcpy(frame + IP6 + 8, udp, 8);
	put16(frame + IP6 + 12, 0);
	assert_int_equal(parse_frame(&input, &strict, &meta, &fragment), DROP_NONE);
	assert_ports(&meta, 12345, 53);
	assert_int_equal(meta.l4_length, length - 8);
	frame[IP6 + 5] = 0; // 4464: an error to carry that in a jumbo option
	assert_int_equal(parse_frame(&input, &strict, &meta, &fragment), DROP_IP_LENGTH);
	assert_int_equal(parse_frame(&input, &loose, &meta, &fragment), DROP_NONE);
	assert_true(meta.flags & PACKET_TRUNCATED);
	assert_ports(&meta, 12345, 53);
	free(frame);
}

static void extension_chain_beyond_64_kib_keeps_the_tuple(void **state)
{
	enum { HEADERS = 8300 };
	uint32_t length = IP6 + 8 * HEADERS + 12;
	uint8_t *frame = calloc(1, length);
	struct parse_input input = { .frame = frame, .captured = length, .on_wire = length };
	struct packet p = ip6(60, udp, 0);
	struct packet_meta meta;
	struct fragment_info fragment;

	(void)state;
	memcpy(frame, p.byte, IP6); // payload length 0: to the end of the frame
	for (unsigned i = 0; i < HEADERS; i++)
		frame[IP6 + 8 * i] = i + 1 < HEADERS ? 60 : 17;
	memcpy(frame + length - 12, udp, 12);
	assert_int_equal(parse_frame(&input, &loose, &meta, &fragment), DROP_IP6_EXTENSION);
	assert_ports(&meta, 12345, 53);
	assert_int_equal(meta.protocol, 17);
	assert_int_equal(meta.l4_offset, 0);
	free(frame);
}

static enum drop_reason parse_said(const struct packet *p, uint8_t policy, uint8_t ip, uint8_t l4)
{
	struct parse_options options = { .checksum = policy };
	struct parse_input input = { .frame = p->byte, .captured = p->length, .on_wire = p->length,
				     .ip_checksum = ip, .l4_checksum = l4 };
	struct packet_meta meta;
	struct fragment_info fragment;

	return parse_frame(&input, &options, &meta, &fragment);
}

static void checksum_policy_heeds_what_the_nic_says(void **state)
{
	enum { U = CHECKSUM_UNKNOWN, B = CHECKSUM_BAD, G = CHECKSUM_GOOD, N = CHECKSUM_NONE };
	static const struct {
		uint8_t policy, ip, l4;
		enum drop_reason reason; // of a packet with both sums wrong
	} cases[] = {
		{ CHECKSUM_TRUST, U, U, DROP_NONE },          { CHECKSUM_TRUST, B, U, DROP_IP_CHECKSUM },
		{ CHECKSUM_TRUST, U, B, DROP_L4_CHECKSUM },   { CHECKSUM_TRUST, G, N, DROP_NONE },
		{ CHECKSUM_VERIFY, U, U, DROP_IP_CHECKSUM },  { CHECKSUM_VERIFY, G, U, DROP_L4_CHECKSUM },
		{ CHECKSUM_VERIFY, N, B, DROP_L4_CHECKSUM },  { CHECKSUM_VERIFY, G, G, DROP_NONE },
		{ CHECKSUM_VERIFY, G, N, DROP_NONE },         { CHECKSUM_IGNORE, B, B, DROP_NONE },
	};
	struct packet p = ip4(6, tcp, sizeof(tcp));

	(void)state;
	p.byte[24] ^= 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(parse_said(&p, cases[i].policy, cases[i].ip, cases[i].l4), cases[i].reason);
}

static void udp_checksum_of_zero_is_legal_on_ip4_only(void **state)
{
	struct packet four = ip4(17, udp, 12), six = ip6(17, udp, 12);

	(void)state;
	assert_int_equal(parse_said(&four, CHECKSUM_TRUST, 0, CHECKSUM_BAD), DROP_NONE);
	assert_int_equal(parse_said(&four, CHECKSUM_VERIFY, 0, CHECKSUM_BAD), DROP_NONE);
	assert_int_equal(parse_said(&six, CHECKSUM_TRUST, 0, 0), DROP_NONE);
	assert_int_equal(parse_said(&six, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

// The sum of 16-bit words, the slow way.
static uint16_t plain_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void transport_checksums_are_verified(void **state)
{
	static const struct {
		uint8_t family, protocol, at; // where the checksum stands
	} cases[] = { { 4, 6, 16 }, { 6, 6, 16 }, { 4, 17, 6 }, { 6, 17, 6 }, { 4, 1, 2 }, { 6, 58, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const void *payload = cases[i].protocol == 6 ? tcp : cases[i].protocol == 17 ? udp : echo;
		uint32_t length = cases[i].protocol == 6 ? 23 : 12; // an odd one too
		bool four = cases[i].family == 4;
		struct packet p = four ? ip4(cases[i].protocol, payload, length) : ip6(cases[i].protocol, payload, length);
		uint8_t *l4 = p.byte + (four ? IP4 : IP6);
		uint32_t pseudo = cases[i].protocol == 1 ? 0 : cases[i].protocol + length;

		if (cases[i].protocol == 58)
			l4[0] = 128;
		if (pseudo)
			pseudo += (uint16_t)~plain_sum(l4 - (four ? 8 : 32), four ? 8 : 32, 0);
		put16(l4 + cases[i].at, plain_sum(l4, length, pseudo));
		assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
		l4[length - 1] ^= 0x40;
		assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
		assert_int_equal(parse_said(&p, CHECKSUM_TRUST, 0, 0), DROP_NONE);
	}
}

static void hidden_destination_passes_unverified(void **state)
{
	uint8_t chain[24 + 12] = { 17, 2, 2, 1 };
	struct packet p;

	(void)state;
	memcpy(chain + 24, udp, 12);
	chain[24 + 7] = 1; // a wrong sum
	p = ip6(43, chain, sizeof(chain));
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
	p.byte[IP6 + 3] = 0; // no segments left
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

static void structure_comes_before_checksum_before_martians(void **state)
{
	struct packet p = ip4(6, tcp, sizeof(tcp));
	struct packet_meta meta;
	struct parse_options options = { .martians_drop = true, .checksum = CHECKSUM_VERIFY };

	(void)state;
	p.byte[26] = 224;
	p.byte[46] = 0x40;
	assert_int_equal(parse(&p, &options, &meta), DROP_TCP_HEADER);
	p.byte[46] = 0x50;
	assert_int_equal(parse(&p, &options, &meta), DROP_IP_CHECKSUM);
	sum_ip4(&p);
	assert_int_equal(parse(&p, &options, &meta), DROP_L4_CHECKSUM);
	options.checksum = CHECKSUM_IGNORE;
	assert_int_equal(parse(&p, &options, &meta), DROP_MARTIAN_SOURCE);
	options.martians_drop = false;
	assert_int_equal(parse(&p, &options, &meta), DROP_NONE);
}

static void flow_ports_are_set_in_the_packets_direction(void **state)
{
	struct packet p = ip4(17, udp, 12);
	struct packet_meta meta;
	struct ip_address source, destination;

	(void)state;
	p.byte[21] = 1;
	for (unsigned last = 1; last <= 3; last += 2) { // from 10.0.0.1, then from 10.0.0.3 to 10.0.0.2
		p.byte[29] = last;
		assert_int_equal(parse(&p, &strict, &meta), DROP_NONE);
		packet_set_flow_ports(&meta, rte_cpu_to_be_16(7), rte_cpu_to_be_16(9));
		assert_key_ports(&meta, 7, 9);
		assert_ports(&meta, 0, 0);
		packet_addresses(p.byte, &meta, &source, &destination);
		assert_memory_equal(&meta.key.address[last == 3], &source, sizeof(source));
		assert_memory_equal(&meta.key.address[last != 3], &destination, sizeof(source));
		assert_int_equal(!!(meta.flags & PACKET_SOURCE_IS_END1), last == 3);
	}
}

static void sctp_checksum_is_verified(void **state)
{
	// CRC32c of "123456789" is 0xe3069283: here over a header whose field is 0, computed bit by bit.
	uint8_t sctp[17] = { 0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 'd', 'a', 't', 'a', '!' };
	uint32_t crc = UINT32_MAX;
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(sctp); i++) {
		crc ^= sctp[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		sctp[8 + i] = crc >> 8 * i & 0xff;
	p = ip4(132, sctp, sizeof(sctp));
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
	p.byte[IP4 + 13] ^= 1;
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_tcp_faults_have_their_reasons),
		cmocka_unit_test(ip4_udp_faults_have_their_reasons),
		cmocka_unit_test(ip6_faults_have_their_reasons),
		cmocka_unit_test(every_cut_is_survived_and_says_why),
		cmocka_unit_test(padding_is_not_payload),
		cmocka_unit_test(cut_padding_is_not_truncation),
		cmocka_unit_test(vlan_stacks_are_stepped_over),
		cmocka_unit_test(tag_without_type_is_a_runt),
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(same_address_is_ordered_by_port),
		cmocka_unit_test(common_path_equals_full_parser),
		cmocka_unit_test(icmp_queries_are_keyed_by_identifier),
		cmocka_unit_test(icmp_query_replies_are_told_from_all_else),
		cmocka_unit_test(icmp_reply_of_the_other_family_or_cut_or_quoted_is_none),
		cmocka_unit_test(icmp_header_cut_off_has_no_key_ports),
		cmocka_unit_test(icmp_errors_have_the_reversed_key_of_the_quoted_packet),
		cmocka_unit_test(icmp_error_that_goes_to_another_than_the_quoted_source_is_unrelated),
		cmocka_unit_test(unusable_quotes_are_unrelated),
		cmocka_unit_test(quoted_later_fragment_has_a_key_without_ports),
		cmocka_unit_test(ip4_fragments_are_told),
		cmocka_unit_test(ip6_fragments_are_told),
		cmocka_unit_test(extension_headers_are_walked),
		cmocka_unit_test(too_many_extension_headers_drop_but_keep_the_tuple),
		cmocka_unit_test(jumbo_payload_option_gives_the_length),
		cmocka_unit_test(extension_chain_beyond_64_kib_keeps_the_tuple),
		cmocka_unit_test(checksum_policy_heeds_what_the_nic_says),
		cmocka_unit_test(udp_checksum_of_zero_is_legal_on_ip4_only),
		cmocka_unit_test(transport_checksums_are_verified),
		cmocka_unit_test(sctp_checksum_is_verified),
		cmocka_unit_test(hidden_destination_passes_unverified),
		cmocka_unit_test(structure_comes_before_checksum_before_martians),
		cmocka_unit_test(flow_ports_are_set_in_the_packets_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
