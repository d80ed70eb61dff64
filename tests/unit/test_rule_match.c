// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "dataplane/rule_match.h"
#include "tests/unit/random_rules.h"
#include "tests/unit/seconds.h"

enum { NO_SOCKET = -1 };

static struct rule_matcher *build(const struct rule *const rules[], size_t count)
{
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(rules, count, VERDICT_REJECT, NO_SOCKET, &matcher, &trouble), 0);
	return matcher;
}

static uint32_t scan(const struct rule *const rules[], size_t count, const struct packet_tuple *tuple)
{
	uint16_t failed;
	uint32_t at = 0;
	while (at < count && !rule_matches(rules[at], tuple, &failed))
		at++;
	return at;
}

static uint32_t find(const struct rule_matcher *matcher, const struct packet_tuple *tuple)
{
	uint32_t position;
	rule_matcher_find(matcher, &tuple, 1, &position);
	return position;
}

// Cases: a list of rules, and packets with the position of the rule that they meet

static struct rule rule_any(void)
{
	return (struct rule){ .ip4 = true, .ip6 = true, .verdict = VERDICT_ACCEPT };
}

static struct rule rule_protocol(uint8_t protocol)
{
	struct rule rule = rule_any();
	rule.asks = RULE_PROTOCOL;
	byte_set_add(&rule.protocols, protocol);
	return rule;
}

// The rule keeps a pointer to the ranges.
static struct rule rule_ports(uint8_t protocol, const struct port_range *range, uint32_t count)
{
	struct rule rule = rule_protocol(protocol);
	rule.asks |= RULE_DESTINATION_PORT;
	rule.destination_ports = (struct port_set){ range, count };
	return rule;
}

static struct rule rule_from(const struct address_range *range)
{
	struct rule rule = rule_any();
	rule.ip6 = false;
	rule.asks = RULE_SOURCE;
	rule.sources = (struct address_set){ range, 1 };
	return rule;
}

static struct rule rule_icmp(uint8_t protocol, uint8_t type)
{
	struct rule rule = rule_protocol(protocol);
	rule.asks |= RULE_ICMP_TYPE;
	byte_set_add(&rule.icmp_types, type);
	return rule;
}

static struct packet_tuple packet(uint8_t protocol, uint16_t port)
{
	return (struct packet_tuple){
		.family = FAMILY_IP4,
		.protocol = protocol,
		.next_header = protocol,
		.source = { .byte = { 10, 0, 0, 1 } },
		.destination = { .byte = { 192, 0, 2, 1 } },
		.source_port = 40000,
		.destination_port = port,
		.connection = CONNECTION_NEW,
	};
}

static struct packet_tuple packet6(uint8_t protocol, uint16_t port)
{
	struct packet_tuple tuple = packet(protocol, port);
	tuple.family = FAMILY_IP6;
	return tuple;
}

static const struct address_range ten = { { .byte = { 10 } }, { .byte = { 10, 255, 255, 255 } } };
static const struct port_range port80 = { 80, 80 }, port0 = { 0, 0 }, all_ports = { 0, 65535 };
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

// Rules that let packets pass

static void rule_without_a_verdict_counts_and_passes_on(void **state)
{
	(void)state;
	struct rule rules[] = { rule_protocol(TCP), rule_ports(TCP, &port80, 1), rule_any(), rule_any() };
	const struct rule *list[] = { &rules[0], &rules[1], &rules[2], &rules[3] };
	struct traffic counters[5] = { 0 };
	for (uint32_t i = 0; i < 4; i++)
		rules[i].slot = i + 1;
	rules[0].verdict = rules[2].verdict = VERDICT_NONE;
	rules[2].log = true;
	struct rule_matcher *matcher = build(list, 4);
	struct packet_tuple http = packet(TCP, 80), other = packet(TCP, 81);
	assert_int_equal(find(matcher, &http), 0);
	assert_int_equal(rule_matcher_settle(matcher, &http, 0, 100, 0, counters).slot, 2);
	struct rule_verdict verdict = rule_matcher_settle(matcher, &other, 0, 60, 0, counters);
	assert_int_equal(verdict.slot, 4);
	assert_int_equal(verdict.position, 3);
	assert_true(verdict.log);
	assert_int_equal(verdict.log_slot, 3);
	rule_matcher_review(matcher, &other, 0);
	rule_matcher_settle(matcher, &other, 0, 60, 0, NULL);
	assert_int_equal(counters[1].packets, 2);
	assert_int_equal(counters[1].bytes, 160);
	assert_int_equal(counters[3].packets, 1);
	assert_int_equal(counters[2].packets + counters[4].packets, 0);
	rule_matcher_free(matcher);
}

static void packet_over_the_limit_meets_the_next_rule(void **state)
{
	(void)state;
	struct rule_limit_state limits[2] = { 0 };
	struct rule rules[] = { rule_protocol(TCP), rule_any() };
	const struct rule *list[] = { &rules[0], &rules[1] };
	rules[0].limit = (struct rule_limit){ .rate = 1, .burst = 2, .period_sec = 1 };
	rules[0].limit_state = &limits[0];
	struct rule_matcher *matcher = build(list, 2);
	struct packet_tuple tuple = packet(TCP, 80);
	static const struct {
		uint64_t at_ms;
		uint32_t position;
	} cases[] = { { 5000, 0 }, { 5000, 0 }, { 5000, 1 }, { 5999, 1 }, { 6000, 0 }, { 6001, 1 }, { 9000, 0 }, { 9000, 0 },
		{ 9000, 1 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_verdict verdict = rule_matcher_settle(matcher, &tuple, find(matcher, &tuple), 1,
			cases[i].at_ms * 1000000, NULL);
		assert_int_equal(verdict.position, cases[i].position);
		assert_int_equal(rule_matcher_review(matcher, &tuple, 0).position, 0);
	}
	rule_matcher_free(matcher);
}

static void verdict_varies_where_an_earlier_rule_asks_for_what_may(void **state)
{
	(void)state;
	struct rule rules[] = { rule_ports(TCP, &port80, 1), rule_from(&ten), rule_any(), rule_any() };
	const struct rule *list[] = { &rules[0], &rules[1], &rules[2], &rules[3] };
	rules[1].asks |= RULE_TCP_FLAGS;
	byte_set_add(&rules[1].tcp_flags, 2);
	struct rule_matcher *matcher = build(list, 4);
	struct packet_tuple http = packet(TCP, 80), ssh = packet(TCP, 22), dns = packet(UDP, 53);
	assert_false(rule_matcher_varies(matcher, &http, 0));
	assert_true(rule_matcher_varies(matcher, &ssh, 2));
	assert_true(rule_matcher_varies(matcher, &ssh, 4));
	assert_true(rule_matcher_varies(matcher, &http, 1));
	assert_false(rule_matcher_varies(matcher, &dns, 4));
	ssh.source.byte[0] = 11;
	assert_false(rule_matcher_varies(matcher, &ssh, 4));
	rule_matcher_free(matcher);
}

// What is refused

static void impossible_rules_are_refused(void **state)
{
	(void)state;
	struct port_range backwards = { 2, 1 }, crossing[] = { { 1, 5 }, { 5, 6 } };
	struct address_range swapped = { ten.high, ten.low };
	struct rule_limit_state limit = { 0 };
	struct rule rules[] = { rule_ports(TCP, &backwards, 1), rule_ports(TCP, crossing, 2), rule_from(&swapped),
		rule_from(&ten), rule_any(), rule_any(), rule_any() };
	rules[3].ip6 = true; // an address of both families
	rules[4].verdict = VERDICT_NONE + 1;
	rules[5].limit_state = &limit; // of no rate
	rules[6].asks = 1 << RULE_FIELDS;
	struct rule good = rule_any();
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *list[] = { &good, &rules[i] };
		struct rule_matcher *matcher = NULL;
		struct rule_trouble trouble;
		assert_int_equal(rule_matcher_build(list, 2, VERDICT_DROP, NO_SOCKET, &matcher, &trouble), -EINVAL);
		assert_null(matcher);
		assert_int_equal(trouble.rule, 1);
	}
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(NULL, 0, VERDICT_NONE, NO_SOCKET, &matcher, &trouble), -EINVAL);
}

static void too_many_entries_are_refused_before_they_are_made(void **state)
{
	(void)state;
	enum { RANGES = 4096 };
	static struct port_range range[RANGES];
	for (unsigned i = 0; i < RANGES; i++)
		range[i] = (struct port_range){ (uint16_t)(i * 16), (uint16_t)(i * 16 + 3) };
	struct rule rules[] = { rule_any(), rule_ports(TCP, range, RANGES) };
	rules[1].asks |= RULE_SOURCE_PORT;
	rules[1].source_ports = rules[1].destination_ports;
	const struct rule *list[] = { &rules[0], &rules[1] };
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(list, 2, VERDICT_DROP, NO_SOCKET, &matcher, &trouble), -E2BIG);
	assert_int_equal(trouble.rule, 1);
	assert_int_equal(trouble.entries, 2ull * RANGES * RANGES); // in each of the families
}

// Random lists against looking at each rule in turn

static void compare(const struct rule *const list[], size_t count, unsigned bursts, uint64_t *decided)
{
	struct rule_matcher *matcher = build(list, count);
	for (unsigned i = 0; i < bursts; i++) {
		struct packet_tuple tuple[RULE_BURST_MAX];
		const struct packet_tuple *burst[RULE_BURST_MAX];
		uint32_t position[RULE_BURST_MAX];
		unsigned n = 1 + pick(RULE_BURST_MAX);
		for (unsigned k = 0; k < n; k++) {
			tuple[k] = random_tuple();
			burst[k] = &tuple[k];
		}
		rule_matcher_find(matcher, burst, n, position);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(position[k], scan(list, count, &tuple[k]));
			*decided += position[k] < count;
		}
	}
	rule_matcher_free(matcher);
}

static void compiled_rules_agree_with_linear_scan(void **state)
{
	(void)state;
	enum { SETS = 10, MOST = 40, BURSTS = 100 }; // rule_match_model draws others at every run
	static struct random_rule rules[MOST];
	const struct rule *list[MOST];
	uint64_t decided = 0;
	for (unsigned set = 0; set < SETS; set++) {
		random_state = set;
		size_t count = pick(MOST);
		for (size_t i = 0; i < count; i++) {
			random_rule(&rules[i], set % 3 == 0);
			list[i] = &rules[i].rule;
		}
		compare(list, count, BURSTS, &decided);
	}
	assert_true(decided > 8000);
}

// So many within each other that addresses have no shorter numbers (see rule_classes.h).
static void prefixes_deep_within_each_other_are_told_apart(void **state)
{
	(void)state;
	enum { DEEP = 64 };
	struct address_range range[DEEP];
	struct rule rules[DEEP];
	const struct rule *list[DEEP];
	for (unsigned i = 0; i < DEEP; i++) { // of 128 - 2i bits, all zero
		range[i] = (struct address_range){ 0 };
		for (unsigned bit = 128 - 2 * i; bit < 128; bit++)
			range[i].high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		rules[i] = (struct rule){ .ip6 = true, .asks = RULE_SOURCE, .sources = { &range[i], 1 }, .verdict = VERDICT_DROP };
		list[i] = &rules[i];
	}
	struct rule_matcher *matcher = build(list, DEEP);
	for (unsigned bit = 0; bit < 128; bit++) {
		struct packet_tuple tuple = { .family = FAMILY_IP6, .protocol = TCP, .next_header = TCP };
		tuple.source.byte[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		assert_int_equal(find(matcher, &tuple), (129 - bit) / 2);
		assert_int_equal(find(matcher, &tuple), scan(list, DEEP, &tuple));
	}
	rule_matcher_free(matcher);
}

static void hundreds_of_rules_that_pass_on_count_what_each_of_them_matches(void **state)
{
	(void)state;
	enum { PASSING = 300, COUNT = PASSING + 1, PACKETS = 1000 };
	static struct random_rule rules[COUNT];
	static struct traffic counters[COUNT + 1], expected[COUNT + 1];
	const struct rule *list[COUNT];
	uint64_t counted = 0;
	random_state = 11;
	for (uint32_t i = 0; i < COUNT; i++) {
		random_rule(&rules[i], false);
		rules[i].rule.slot = i + 1;
		rules[i].rule.verdict = i == PASSING / 2 ? VERDICT_DROP : VERDICT_NONE;
		list[i] = &rules[i].rule;
	}
	struct rule_matcher *matcher = build(list, COUNT);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct packet_tuple tuple = random_tuple();
		uint16_t failed;
		uint32_t at = 0;
		rule_matcher_settle(matcher, &tuple, find(matcher, &tuple), 60, 0, counters);
		for (; at < COUNT && !(rule_matches(list[at], &tuple, &failed) && list[at]->verdict != VERDICT_NONE); at++) {
			if (!rule_matches(list[at], &tuple, &failed))
				continue;
			traffic_add(&expected[list[at]->slot], 60);
			counted++;
		}
	}
	rule_matcher_free(matcher);
	assert_true(counted > PACKETS);
	assert_memory_equal(counters, expected, sizeof(counters));
}

// Life

static void two_compiled_lists_live_side_by_side(void **state)
{
	(void)state;
	struct rule rule = rule_from(&ten), none = rule_from(&ten);
	const struct rule *one[] = { &rule }, *two[] = { &none, &rule };
	none.asks |= RULE_DESTINATION;
	struct packet_tuple tuple = packet(TCP, 80);
	struct rule_matcher *older = build(one, 1), *newer = build(two, 2);
	assert_int_equal(find(older, &tuple), 0);
	assert_int_equal(find(newer, &tuple), 1);
	rule_matcher_free(older);
	assert_int_equal(find(newer, &tuple), 1);
	rule_matcher_free(newer);
}

static size_t heap_blocks(void)
{
	struct rte_malloc_socket_stats stats;
	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.alloc_count;
}

static void compiling_again_and_again_leaks_nothing(void **state)
{
	(void)state;
	enum { RULES = 40, RELOADS = 30 };
	static struct random_rule rules[RULES];
	const struct rule *list[RULES];
	random_state = 7;
	for (unsigned i = 0; i < RULES; i++) {
		random_rule(&rules[i], false);
		if (i % 4 == 0)
			random_passing(&rules[i]);
		list[i] = &rules[i].rule;
	}
	size_t before = heap_blocks();
	for (unsigned i = 0; i < RELOADS; i++)
		rule_matcher_free(build(list, RULES));
	assert_int_equal(heap_blocks(), before);
}

static void size_grows_with_what_is_compiled(void **state)
{
	(void)state;
	struct rule tabled = rule_ports(TCP, &port80, 1), searched = rule_from(&ten);
	const struct rule *list[] = { &tabled, &searched };
	struct rule_matcher *none = build(NULL, 0), *one = build(list, 1), *both = build(list, 2);
	assert_in_range(rule_matcher_bytes(one) - rule_matcher_bytes(none), 4 * 65536, 4 * 65536 + 1000); // shared by both families
	assert_true(rule_matcher_bytes(both) > rule_matcher_bytes(one));
	rule_matcher_free(none);
	rule_matcher_free(one);
	rule_matcher_free(both);
}

// rte_acl would take the same memory for many overlapping wildcards; the tables take none.
static void wide_port_rules_compile_in_time(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	static const uint8_t protocols[] = { TCP, UDP, SCTP };
	struct rule *rules = calloc(COUNT, sizeof(*rules));
	struct port_range *range = calloc(COUNT, sizeof(*range));
	const struct rule **list = calloc(COUNT, sizeof(*list));
	for (unsigned i = 0; i < COUNT; i++) {
		range[i] = (struct port_range){ (uint16_t)(60000 - i % 50000), (uint16_t)(60000 + i % 5000) };
		rules[i] = rule_ports(protocols[i % 3], &range[i], 1);
		list[i] = &rules[i];
	}
	double start = seconds();
	struct rule_matcher *matcher = build(list, COUNT);
	double took = seconds() - start;
	rule_matcher_free(matcher);
	print_message("%u wide ranges: %.2f s\n", COUNT, took);
	assert_true(took < 20); // under sanitizers, on a busy machine: a twentieth of it otherwise
	uint64_t decided = 0;
	compare(list, COUNT, 20, &decided);
	free(rules);
	free(range);
	free(list);
}

static int start_eal(void **state)
{
	(void)state;
	char *arguments[] = { "test_rule_match", "--no-huge", "-m", "512", "--no-pci", "--no-shconf", "--no-telemetry",
			      "--file-prefix=test_rule_match", "-l", "0", "--log-level=error" };
	return rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) < 0;
}

static int stop_eal(void **state)
{
	(void)state;
	return rte_eal_cleanup();
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
		cmocka_unit_test(rule_without_a_verdict_counts_and_passes_on),
		cmocka_unit_test(packet_over_the_limit_meets_the_next_rule),
		cmocka_unit_test(verdict_varies_where_an_earlier_rule_asks_for_what_may),
		cmocka_unit_test(impossible_rules_are_refused),
		cmocka_unit_test(too_many_entries_are_refused_before_they_are_made),
		cmocka_unit_test(compiled_rules_agree_with_linear_scan),
		cmocka_unit_test(prefixes_deep_within_each_other_are_told_apart),
		cmocka_unit_test(hundreds_of_rules_that_pass_on_count_what_each_of_them_matches),
		cmocka_unit_test(two_compiled_lists_live_side_by_side),
		cmocka_unit_test(compiling_again_and_again_leaks_nothing),
		cmocka_unit_test(size_grows_with_what_is_compiled),
		cmocka_unit_test(wide_port_rules_compile_in_time),
	};
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
