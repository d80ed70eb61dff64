// SPDX-License-Identifier: BSD-3-Clause
// The key of a packet's flow: one for both directions, with ports as the packet or its first fragment has them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

static const struct parse_options verify = { .truncated_drop = true, .checksum = CHECKSUM_VERIFY };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(same_address_is_ordered_by_port),
		cmocka_unit_test(flow_ports_are_set_in_the_packets_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
