// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/address.h"
#include "control/explain_words.h"
#include "dataplane/parse.h"

// The frame of the words is parsed to what the words say.
static void words_become_a_frame_that_says_the_same(void **state)
{
	(void)state;
	static const struct {
		const char *words, *source, *destination;
		uint16_t source_port, destination_port, vlan;
		uint8_t family, protocol, flags, type, tags;
	} cases[] = {
		{ "tcp 192.0.2.1:1234 198.51.100.2:80", "192.0.2.1", "198.51.100.2", 1234, 80, 0, FAMILY_IP4, 6, TCP_SYN, 0, 0 },
		{ "tcp 192.0.2.1:1234 198.51.100.2:https syn-ack", "192.0.2.1", "198.51.100.2", 1234, 443, 0, FAMILY_IP4, 6,
		  TCP_SYN | TCP_ACK, 0, 0 },
		{ "TCP [2001:db8::1]:1 [2001:db8::2]:65535 FIN,ACK vlan 7", "2001:db8::1", "2001:db8::2", 1, 65535, 7, FAMILY_IP6,
		  6, TCP_FIN | TCP_ACK, 0, 1 },
		{ "tcp 192.0.2.1:1 192.0.2.2:2 none", "192.0.2.1", "192.0.2.2", 1, 2, 0, FAMILY_IP4, 6, 0, 0, 0 },
		{ "udp 192.0.2.1:5353 192.0.2.2:domain vlan 0", "192.0.2.1", "192.0.2.2", 5353, 53, 0, FAMILY_IP4, 17, 0, 0, 1 },
		{ "sctp 192.0.2.1:1 192.0.2.2:5060", "192.0.2.1", "192.0.2.2", 1, 5060, 0, FAMILY_IP4, 132, 0, 0, 0 },
		{ "dccp 192.0.2.1:1 192.0.2.2:5", "192.0.2.1", "192.0.2.2", 1, 5, 0, FAMILY_IP4, 33, 0, 0, 0 },
		{ "icmp 192.0.2.1 192.0.2.2", "192.0.2.1", "192.0.2.2", 0, 0, 0, FAMILY_IP4, 1, 0, 8, 0 },
		{ "icmp 192.0.2.1 192.0.2.2 echo-reply", "192.0.2.1", "192.0.2.2", 0, 0, 0, FAMILY_IP4, 1, 0, 0, 0 },
		{ "icmpv6 2001:db8::1 2001:db8::2 135/0", "2001:db8::1", "2001:db8::2", 0, 0, 0, FAMILY_IP6, 58, 0, 135, 0 },
		{ "gre 192.0.2.1 192.0.2.2 in wan0", "192.0.2.1", "192.0.2.2", 0, 0, 0, FAMILY_IP4, 47, 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct explain_words words;
		struct error error = { "" };
		if (explain_words_parse(cases[i].words, &words, &error))
			fail_msg("%s: %s", cases[i].words, error.text);
		uint8_t frame[EXPLAIN_FRAME_MAX];
		uint32_t length = explain_words_frame(&words, frame);
		const struct parse_input input = { .frame = frame, .captured = length, .on_wire = length,
			.ip_checksum = CHECKSUM_GOOD, .l4_checksum = CHECKSUM_GOOD };
		const struct parse_options options = { .martians_drop = true, .truncated_drop = true };
		struct packet_meta meta;
		struct fragment_info fragment;
		enum drop_reason reason = parse_frame(&input, &options, &meta, &fragment);
		if (reason != DROP_NONE)
			fail_msg("%s: %s", cases[i].words, drop_name(reason));
		struct ip_address source, destination;
		char text[ADDRESS_TEXT_MAX];
		packet_addresses(frame, &meta, &source, &destination);
		assert_string_equal(address_format(&source, meta.family, text), cases[i].source);
		assert_string_equal(address_format(&destination, meta.family, text), cases[i].destination);
		assert_int_equal(rte_be_to_cpu_16(meta.source_port), cases[i].source_port);
		assert_int_equal(rte_be_to_cpu_16(meta.destination_port), cases[i].destination_port);
		assert_int_equal(meta.vlan, cases[i].vlan);
		assert_int_equal(meta.vlan_tags, cases[i].tags);
		assert_int_equal(meta.family, cases[i].family);
		assert_int_equal(meta.protocol, cases[i].protocol);
		assert_int_equal(meta.tcp_flags, cases[i].flags);
		assert_int_equal(meta.icmp_type, cases[i].type);
	}
}

static void what_is_no_packet_is_refused_by_its_word(void **state)
{
	(void)state;
	static const struct {
		const char *words, *said;
	} cases[] = {
		{ "", "protocol" },
		{ "tcp", "address" },
		{ "tpc 192.0.2.1:1 192.0.2.2:2", "'tpc'" },
		{ "tcp 192.0.2.1:1", "address" },
		{ "tcp 192.0.2.1 192.0.2.2:2", "port" },
		{ "tcp 192.0.2.1:1-2 192.0.2.2:2", "'1-2'" },
		{ "tcp 192.0.2.1:70000 192.0.2.2:2", "'70000'" },
		{ "tcp 192.0.2.0/24:1 192.0.2.2:2", "192.0.2.0/24" },
		{ "tcp any:1 192.0.2.2:2", "any" },
		{ "tcp [2001:db8::1:1 [2001:db8::2]:2", "2001:db8::1:1" },
		{ "tcp 192.0.2.1:1 [2001:db8::2]:2", "family" },
		{ "tcp 192.0.2.1:1 192.0.2.2:2 sin", "'sin'" },
		{ "udp 192.0.2.1:1 192.0.2.2:2 syn", "'syn'" },
		{ "udp 192.0.2.1:1 192.0.2.2:2 vlan 4095", "4094" },
		{ "udp 192.0.2.1:1 192.0.2.2:2 vlan", "VLAN id" },
		{ "udp 192.0.2.1:1 192.0.2.2:2 in", "interface" },
		{ "icmp 192.0.2.1:1 192.0.2.2", "'1'" },
		{ "icmp 192.0.2.1 192.0.2.2 300", "'300'" },
		{ "icmp 192.0.2.1 192.0.2.2 8/256", "255" },
		{ "icmp 2001:db8::1 2001:db8::2", "icmpv6" },
		{ "icmpv6 192.0.2.1 192.0.2.2", "icmp" },
		{ "tcp 192.0.2.111111111111111111111111111111111111111111111111111111111111111111111111111111:1 192.0.2.2:2", "192.0.2.1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct explain_words words;
		struct error error = { "" };
		if (explain_words_parse(cases[i].words, &words, &error) == 0)
			fail_msg("'%s' was taken", cases[i].words);
		if (!strstr(error.text, cases[i].said))
			fail_msg("'%s': '%s' does not say %s", cases[i].words, error.text, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_a_frame_that_says_the_same),
		cmocka_unit_test(what_is_no_packet_is_refused_by_its_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
