// SPDX-License-Identifier: BSD-3-Clause
// What Ethernet puts around a packet: padding behind it, VLAN tags before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_not_payload),
		cmocka_unit_test(cut_padding_is_not_truncation),
		cmocka_unit_test(vlan_stacks_are_stepped_over),
		cmocka_unit_test(tag_without_type_is_a_runt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
