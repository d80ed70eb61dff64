// SPDX-License-Identifier: BSD-3-Clause
// Each fault of a packet has its own reason, whichever byte is wrong and wherever the frame is cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_tcp_faults_have_their_reasons),
		cmocka_unit_test(ip4_udp_faults_have_their_reasons),
		cmocka_unit_test(ip6_faults_have_their_reasons),
		cmocka_unit_test(every_cut_is_survived_and_says_why),
		cmocka_unit_test(common_path_equals_full_parser),
		cmocka_unit_test(structure_comes_before_checksum_before_martians),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
