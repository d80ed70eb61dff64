// SPDX-License-Identifier: BSD-3-Clause
// IPv6 extension headers, the jumbo payload option and chains too long to follow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extension_headers_are_walked),
		cmocka_unit_test(too_many_extension_headers_drop_but_keep_the_tuple),
		cmocka_unit_test(jumbo_payload_option_gives_the_length),
		cmocka_unit_test(extension_chain_beyond_64_kib_keeps_the_tuple),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
