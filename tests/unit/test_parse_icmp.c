// SPDX-License-Identifier: BSD-3-Clause
// ICMP: queries by identifier, errors by the packet that they quote.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_common.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(icmp_queries_are_keyed_by_identifier),
		cmocka_unit_test(icmp_query_replies_are_told_from_all_else),
		cmocka_unit_test(icmp_reply_of_the_other_family_or_cut_or_quoted_is_none),
		cmocka_unit_test(icmp_header_cut_off_has_no_key_ports),
		cmocka_unit_test(icmp_errors_have_the_reversed_key_of_the_quoted_packet),
		cmocka_unit_test(icmp_error_that_goes_to_another_than_the_quoted_source_is_unrelated),
		cmocka_unit_test(unusable_quotes_are_unrelated),
		cmocka_unit_test(quoted_later_fragment_has_a_key_without_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
