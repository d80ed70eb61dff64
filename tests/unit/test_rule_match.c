// SPDX-License-Identifier: BSD-3-Clause
// Cases: a list of rules, and packets with the position of the rule that they meet.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/match.h"

static struct rule rule_icmp(uint8_t protocol, uint8_t type)
{
	struct rule rule = rule_protocol(protocol);
	rule.asks |= RULE_ICMP_TYPE;
	byte_set_add(&rule.icmp_types, type);
	return rule;
}

static struct packet_tuple packet6(uint8_t protocol, uint16_t port)
{
	struct packet_tuple tuple = packet(protocol, port);
	tuple.family = FAMILY_IP6;
	return tuple;
}

static const struct port_range port0 = { 0, 0 }, all_ports = { 0, 65535 };
static const struct port_range web[] = { { 80, 80 }, { 443, 443 }, { 8000, 8100 } };

static void expect(const struct rule *rules, size_t count, struct packet_tuple tuple, uint32_t position)
{
	const struct rule *list[16] = { 0 };
	for (size_t i = 0; i < count; i++)
		list[i] = &rules[i];
	struct rule_matcher *matcher = build(list, count);
	assert_int_equal(scan(list, count, &tuple), position);
	assert_int_equal(find(matcher, &tuple), position);
	assert_int_equal(rule_matcher_count(matcher), count);
	rule_matcher_free(matcher);
}

static void first_match_wins_between_table_and_acl(void **state)
{
	(void)state;
	struct rule rules[] = { rule_ports(TCP, &port80, 1), rule_from(&ten), rule_protocol(TCP) };
	expect(rules, 3, packet(TCP, 80), 0);
	expect(rules, 3, packet(TCP, 81), 1);
	struct packet_tuple other = packet(TCP, 81);
	other.source.byte[0] = 11;
	expect(rules, 3, other, 2);
	expect(rules, 3, packet6(TCP, 81), 2);
	expect(rules, 3, packet6(UDP, 80), 3);
}

static void set_of_ports_matches_each_of_them(void **state)
{
	(void)state;
	struct rule rule = rule_ports(TCP, web, 3);
	static const struct {
		uint16_t port;
		bool in;
	} cases[] = { { 80, true }, { 81, false }, { 443, true }, { 7999, false }, { 8000, true }, { 8100, true },
		{ 8101, false }, { 65535, false }, { 0, false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&rule, 1, packet(TCP, cases[i].port), !cases[i].in);
}

static void rule_of_one_family_leaves_the_other_alone(void **state)
{
	(void)state;
	struct rule rules[] = { rule_ports(TCP, &port80, 1), rule_ports(TCP, &port80, 1) };
	rules[0].ip4 = false;
	expect(rules, 2, packet6(TCP, 80), 0);
	expect(rules, 2, packet(TCP, 80), 1);
	rules[1].ip6 = false;
	rules[0].ip6 = false; // speaks of nothing at all
	expect(rules, 2, packet(TCP, 80), 1);
	expect(rules, 2, packet6(TCP, 80), 2);
}

static void packet_without_ports_matches_no_port(void **state)
{
	(void)state;
	struct rule rules[] = { rule_ports(UDP, &all_ports, 1), rule_any(), rule_any() };
	rules[1].asks = RULE_SOURCE_PORT;
	rules[1].source_ports = (struct port_set){ &port0, 1 };
	struct packet_tuple fragment = packet(UDP, 0);
	expect(rules, 3, fragment, 0);
	fragment.source_port = 0;
	expect(rules + 1, 2, fragment, 0);
	fragment.portless = true;
	expect(rules, 3, fragment, 2);
	expect(rules, 2, fragment, 2);
	fragment.protocol = fragment.next_header = TCP;
	rules[0] = rule_any();
	rules[0].asks = RULE_TCP_FLAGS;
	rules[0].tcp_flags = complement((struct byte_set){ 0 });
	expect(rules, 3, fragment, 2);
	fragment.portless = false;
	expect(rules, 3, fragment, 0);
}

static void protocol_without_ports_matches_no_port(void **state)
{
	(void)state;
	struct rule rules[] = { rule_ports(GRE, &all_ports, 1), rule_any(), rule_protocol(GRE) };
	rules[1].asks = RULE_DESTINATION_PORT;
	rules[1].destination_ports = (struct port_set){ &port0, 1 };
	expect(rules, 3, packet(GRE, 0), 2);
	expect(rules, 2, packet(GRE, 0), 2);
	expect(rules, 3, packet(SCTP, 0), 1);
	expect(rules, 3, packet(ICMP, 0), 3);
}

static void icmp_type_belongs_to_the_icmp_of_the_family(void **state)
{
	(void)state;
	struct rule rules[] = { rule_icmp(ICMP, 8), rule_icmp(ICMPV6, 128), rule_any() };
	rules[2].asks = RULE_ICMP_CODE;
	byte_set_add(&rules[2].icmp_codes, 4);
	struct packet_tuple echo = packet(ICMP, 1234);
	echo.icmp_type = 8;
	expect(rules, 3, echo, 0);
	echo.icmp_type = 128;
	expect(rules, 3, echo, 3);
	echo.icmp_code = 4;
	expect(rules, 3, echo, 2);
	echo.protocol = echo.next_header = ICMPV6;
	expect(rules, 3, echo, 3);
	echo.family = FAMILY_IP6;
	expect(rules, 3, echo, 1);
}

static void untagged_frame_is_in_no_vlan(void **state)
{
	(void)state;
	struct port_range all = { 0, 65535 }, five = { 5, 5 };
	struct rule rules[] = { rule_any(), rule_any() };
	rules[0].asks = rules[1].asks = RULE_VLAN;
	rules[0].vlans = (struct port_set){ &five, 1 };
	rules[1].vlans = (struct port_set){ &all, 1 };
	struct packet_tuple tuple = packet(TCP, 80);
	expect(rules, 2, tuple, 2);
	tuple.tagged = true;
	expect(rules, 2, tuple, 1);
	tuple.vlan = 4095;
	expect(rules, 2, tuple, 1);
	tuple.vlan = 5;
	expect(rules, 2, tuple, 0);
}

static void field_of_the_packet_is_compared(void **state)
{
	(void)state;
	struct rule rules[] = { rule_any(), rule_any(), rule_any(), rule_any() };
	rules[0].asks = RULE_TCP_FLAGS;
	byte_set_add(&rules[0].tcp_flags, 2);
	rules[1].asks = RULE_INTERFACE;
	rules[1].interfaces = UINT64_C(1) << 63 | 1 << 3;
	rules[2].asks = RULE_CONNECTION;
	rules[2].connection = CONNECTION_ESTABLISHED | CONNECTION_RELATED;
	rules[3].asks = RULE_NEXT_HEADER;
	byte_set_add(&rules[3].next_headers, 44);
	struct packet_tuple tuple = packet6(TCP, 80);
	expect(rules, 4, tuple, 4);
	tuple.next_header = 44;
	expect(rules, 4, tuple, 3);
	tuple.connection = CONNECTION_RELATED;
	expect(rules, 4, tuple, 2);
	tuple.interface = 63;
	expect(rules, 4, tuple, 1);
	tuple.interface = 64;
	expect(rules, 4, tuple, 2);
	tuple.tcp_flags = 2;
	expect(rules, 4, tuple, 0);
}

static void explanation_names_the_first_field_that_failed(void **state)
{
	(void)state;
	struct rule rule = rule_ports(TCP, &port80, 1);
	struct packet_tuple tuple = packet(TCP, 80);
	uint16_t failed = 1;
	assert_true(rule_matches(&rule, &tuple, &failed));
	assert_int_equal(failed, 0);
	tuple.destination_port = 81;
	assert_false(rule_matches(&rule, &tuple, &failed));
	assert_int_equal(failed, RULE_DESTINATION_PORT);
	tuple.protocol = UDP;
	assert_false(rule_matches(&rule, &tuple, &failed));
	assert_int_equal(failed, RULE_PROTOCOL);
	rule.ip4 = false;
	assert_false(rule_matches(&rule, &tuple, &failed));
	assert_int_equal(failed, 0);
}

static void empty_list_is_the_default_policy(void **state)
{
	(void)state;
	struct packet_tuple tuple = packet(TCP, 80);
	struct rule_matcher *matcher = build(NULL, 0);
	assert_int_equal(find(matcher, &tuple), 0);
	struct rule_verdict verdict = rule_matcher_settle(matcher, &tuple, 0, 1, 0, NULL);
	assert_int_equal(verdict.slot, RULE_DEFAULT);
	assert_int_equal(verdict.verdict, VERDICT_REJECT);
	assert_false(rule_matcher_varies(matcher, &tuple, 0));
	rule_matcher_free(matcher);
	rule_matcher_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_match_wins_between_table_and_acl),
		cmocka_unit_test(set_of_ports_matches_each_of_them),
		cmocka_unit_test(rule_of_one_family_leaves_the_other_alone),
		cmocka_unit_test(packet_without_ports_matches_no_port),
		cmocka_unit_test(protocol_without_ports_matches_no_port),
		cmocka_unit_test(icmp_type_belongs_to_the_icmp_of_the_family),
		cmocka_unit_test(untagged_frame_is_in_no_vlan),
		cmocka_unit_test(field_of_the_packet_is_compared),
		cmocka_unit_test(explanation_names_the_first_field_that_failed),
		cmocka_unit_test(empty_list_is_the_default_policy),
	};
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
