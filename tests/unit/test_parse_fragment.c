// SPDX-License-Identifier: BSD-3-Clause
// Fragments: which one, of what, and which of them no honest host makes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_fragments_are_told),
		cmocka_unit_test(ip6_fragments_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
