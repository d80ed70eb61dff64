// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "dataplane/rule_match.h"

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ICMPV6 = 58, SCTP = 132, NO_SOCKET = -1 };

static uint64_t random_state;

static unsigned pick(unsigned below)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)((random_state >> 33) % below);
}

static const uint8_t protocols[] = { ICMP, 2, TCP, UDP, 33, GRE, ICMPV6, SCTP, 136, 255 };

static uint8_t random_protocol(void)
{
	return pick(2) ? TCP : protocols[pick(sizeof(protocols))];
}

// Few different ones, so that rules and packets meet: the bits at the ends of the words count most.
static struct ip_address random_address(uint8_t family)
{
	static const uint8_t bytes[] = { 0, 1, 0x80, 0xff };
	struct ip_address address = { 0 };
	unsigned length = family == FAMILY_IP4 ? 4 : 16;
	for (unsigned i = 0; i < length; i++)
		address.byte[i] = pick(4) ? 0x55 : bytes[pick(4)];
	return address;
}

static struct prefix random_prefix(uint8_t family)
{
	static const uint8_t lengths[] = { 0, 1, 7, 8, 9, 24, 31, 32, 33, 63, 64, 65, 96, 127, 128 };
	struct prefix prefix = { 0 };
	if (family == FAMILY_NONE || pick(3) == 0)
		return prefix;
	prefix.family = family;
	prefix.bits = lengths[pick(family == FAMILY_IP4 ? 8 : 15)];
	struct ip_address address = random_address(family);
	for (unsigned bit = 0; bit < prefix.bits; bit++)
		prefix.address.byte[bit / 8] |= address.byte[bit / 8] & (0x80 >> bit % 8);
	return prefix;
}

static uint16_t random_port(void)
{
	static const uint16_t ports[] = { 0, 1, 8, 79, 80, 81, 255, 256, 443, 1023, 1024, 32768, 65534, 65535 };
	return pick(4) ? ports[pick(sizeof(ports) / sizeof(ports[0]))] : (uint16_t)pick(65536);
}

static struct port_range random_range(void)
{
	uint16_t a = random_port(), b = pick(2) ? a : random_port();
	if (pick(3) == 0)
		return (struct port_range){ 0, 65535 };
	return (struct port_range){ a < b ? a : b, a < b ? b : a };
}

// kind 0: by protocol and destination port alone; 1: everything; 2: a mixture of both.
static struct rule random_rule(unsigned kind)
{
	static const uint8_t families[] = { FAMILY_IP4, FAMILY_IP6, FAMILY_NONE };
	struct rule rule = {
		.protocol = pick(8) ? random_protocol() : (uint16_t)RULE_ANY_PROTOCOL,
		.destination_port = random_range(),
		.source_port = { 0, 65535 },
		.verdict = (uint8_t)pick(3),
		.answer_prohibited = pick(2),
	};
	if (kind == 1 || (kind == 2 && pick(2))) {
		uint8_t family = families[pick(3)];
		rule.source = random_prefix(family);
		rule.destination = random_prefix(pick(20) ? family : FAMILY_IP4);
		rule.source_port = random_range();
	}
	return rule;
}

static struct packet_tuple random_tuple(void)
{
	uint8_t family = pick(2) ? FAMILY_IP4 : FAMILY_IP6;
	struct packet_tuple tuple = {
		.source = random_address(family),
		.destination = random_address(family),
		.source_port = random_port(),
		.destination_port = random_port(),
		.family = family,
		.protocol = random_protocol(),
		.portless = pick(10) == 0,
	};
	if (tuple.portless)
		tuple.source_port = tuple.destination_port = 0;
	return tuple;
}

static struct rule_matcher *build(const struct rule *rules, size_t count)
{
	struct rule_matcher *matcher = NULL;
	assert_int_equal(rule_matcher_build(rules, count, VERDICT_REJECT, NO_SOCKET, &matcher), 0);
	return matcher;
}

// Returns how many packets were decided by a rule and not by the default.
static unsigned compare(const struct rule *rules, size_t count, unsigned packets)
{
	unsigned decided = 0;
	struct rule_matcher *matcher = build(rules, count);
	for (unsigned i = 0; i < packets; i++) {
		struct packet_tuple tuple = random_tuple();
		struct rule_verdict expected = rule_linear_judge(rules, count, VERDICT_REJECT, &tuple);
		struct rule_verdict got = rule_matcher_judge(matcher, &tuple);
		if (got.slot != expected.slot)
			fail_msg("rule %u instead of %u of %zu", got.slot, expected.slot, count);
		assert_int_equal(got.verdict, expected.verdict);
		assert_int_equal(got.answer_prohibited, expected.answer_prohibited);
		decided += got.slot != RULE_DEFAULT;
	}
	rule_matcher_free(matcher);
	return decided;
}

static void compiled_rules_agree_with_linear_scan(void **state)
{
	(void)state;
	enum { SETS = 300, MOST = 80, PACKETS = 10000 };
	struct rule rules[MOST];
	uint64_t decided = 0;
	for (unsigned set = 0; set < SETS; set++) {
		random_state = set;
		size_t count = pick(MOST);
		for (size_t i = 0; i < count; i++) {
			rules[i] = random_rule(set % 3);
			rules[i].slot = (uint32_t)(1000 - i);
		}
		decided += compare(rules, count, PACKETS);
	}
	assert_true(decided > (uint64_t)SETS * PACKETS / 10 && decided < (uint64_t)SETS * PACKETS);
}

// Named cases

static struct rule rule_for(uint16_t protocol, uint16_t low, uint16_t high, uint32_t slot)
{
	return (struct rule){
		.protocol = protocol,
		.source_port = { 0, 65535 },
		.destination_port = { low, high },
		.verdict = VERDICT_ACCEPT,
		.slot = slot,
	};
}

static struct packet_tuple packet(uint8_t protocol, uint16_t port)
{
	return (struct packet_tuple){
		.family = FAMILY_IP4,
		.protocol = protocol,
		.source = { .byte = { 10, 0, 0, 1 } },
		.destination = { .byte = { 192, 0, 2, 1 } },
		.source_port = 40000,
		.destination_port = port,
	};
}

static void expect(const struct rule *rules, size_t count, struct packet_tuple tuple, uint32_t slot)
{
	struct rule_matcher *matcher = build(rules, count);
	assert_int_equal(rule_matcher_judge(matcher, &tuple).slot, slot);
	assert_int_equal(rule_linear_judge(rules, count, VERDICT_DROP, &tuple).slot, slot);
	rule_matcher_free(matcher);
}

static void first_match_wins_between_table_and_acl(void **state)
{
	(void)state;
	struct rule rules[] = {
		rule_for(TCP, 80, 80, 1), rule_for(TCP, 0, 65535, 2), rule_for(TCP, 0, 65535, 3),
	};
	rules[1].source = (struct prefix){ .address = { .byte = { 10 } }, .family = FAMILY_IP4, .bits = 8 };
	expect(rules, 3, packet(TCP, 80), 1);
	expect(rules, 3, packet(TCP, 81), 2);
	struct packet_tuple other = packet(TCP, 81);
	other.source.byte[0] = 11;
	expect(rules, 3, other, 3);
	other.family = FAMILY_IP6;
	expect(rules, 3, other, 3);
	expect(rules, 3, packet(UDP, 80), RULE_DEFAULT);
}

static void fragment_without_ports_matches_no_port(void **state)
{
	(void)state;
	struct rule rules[] = { rule_for(UDP, 0, 100, 1), rule_for(UDP, 0, 65535, 2), rule_for(UDP, 0, 65535, 3) };
	rules[1].source_port.high = 65534;
	struct packet_tuple fragment = packet(UDP, 0);
	fragment.source_port = 0;
	expect(rules, 3, fragment, 1);
	fragment.portless = true;
	expect(rules, 3, fragment, 3);
	expect(rules, 2, fragment, RULE_DEFAULT);
	rules[0].protocol = RULE_ANY_PROTOCOL;
	expect(rules, 3, fragment, 3);
}

static void protocol_without_ports_matches_no_port(void **state)
{
	(void)state;
	struct rule rules[] = { rule_for(GRE, 0, 0, 1), rule_for(RULE_ANY_PROTOCOL, 0, 100, 2), rule_for(GRE, 0, 65535, 3) };
	expect(rules, 3, packet(GRE, 0), 3);
	expect(rules, 2, packet(GRE, 0), RULE_DEFAULT);
	expect(rules, 3, packet(SCTP, 0), 2);
	rules[0].source_port.high = 1; // matches nothing, and is all that rte_acl would get
	expect(rules, 1, packet(GRE, 0), RULE_DEFAULT);
	rules[1].source_port.low = 1; // the same through rte_acl
	expect(rules, 3, packet(GRE, 0), 3);
	expect(rules, 3, packet(SCTP, 0), 2);
}

static void icmp_type_is_matched_as_destination_port(void **state)
{
	(void)state;
	struct rule rules[] = { rule_for(ICMP, 8, 8, 1), rule_for(ICMPV6, 128, 129, 2) };
	expect(rules, 2, packet(ICMP, 8), 1);
	expect(rules, 2, packet(ICMP, 0), RULE_DEFAULT);
	expect(rules, 2, packet(ICMPV6, 129), 2);
	rules[0].destination = (struct prefix){ .address = { .byte = { 192 } }, .family = FAMILY_IP4, .bits = 8 };
	expect(rules, 2, packet(ICMP, 8), 1);
	expect(rules, 2, packet(ICMP, 9), RULE_DEFAULT);
}

static void empty_list_is_the_default_policy(void **state)
{
	(void)state;
	struct packet_tuple tuple = packet(TCP, 80);
	struct rule_matcher *matcher = NULL;
	assert_int_equal(rule_matcher_build(NULL, 0, VERDICT_DROP, NO_SOCKET, &matcher), 0);
	struct rule_verdict judged = rule_matcher_judge(matcher, &tuple);
	assert_int_equal(judged.slot, RULE_DEFAULT);
	assert_int_equal(judged.verdict, VERDICT_DROP);
	rule_matcher_free(matcher);
	rule_matcher_free(NULL);
}

static void impossible_rules_are_refused(void **state)
{
	(void)state;
	struct rule rules[] = {
		rule_for(256, 0, 65535, 1), rule_for(TCP, 2, 1, 1), rule_for(TCP, 1, 1, 1), rule_for(TCP, 1, 1, 1),
		rule_for(TCP, 1, 1, 1),
	};
	rules[2].source_port = (struct port_range){ 9, 8 };
	rules[3].source = (struct prefix){ .family = FAMILY_IP4, .bits = 33 };
	rules[4].destination = (struct prefix){ .family = 5, .bits = 8 };
	for (size_t i = 0; i < 5; i++) {
		struct rule_matcher *matcher = NULL;
		assert_int_equal(rule_matcher_build(&rules[i], 1, VERDICT_DROP, NO_SOCKET, &matcher), -EINVAL);
		assert_null(matcher);
	}
}

static void two_compiled_lists_live_side_by_side(void **state)
{
	(void)state;
	struct rule rules[] = { rule_for(TCP, 80, 80, 1), rule_for(TCP, 80, 80, 2) };
	for (size_t i = 0; i < 2; i++)
		rules[i].source = (struct prefix){ .family = FAMILY_IP4 };
	struct packet_tuple tuple = packet(TCP, 80);
	struct rule_matcher *older = build(&rules[0], 1), *newer = build(&rules[1], 1);
	assert_int_equal(rule_matcher_judge(older, &tuple).slot, 1);
	assert_int_equal(rule_matcher_judge(newer, &tuple).slot, 2);
	rule_matcher_free(older);
	assert_int_equal(rule_matcher_judge(newer, &tuple).slot, 2);
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
	enum { RULES = 100, RELOADS = 100 };
	struct rule rules[RULES];
	random_state = 7;
	for (unsigned i = 0; i < RULES; i++)
		rules[i] = random_rule(1);
	size_t before = heap_blocks();
	for (unsigned i = 0; i < RELOADS; i++)
		rule_matcher_free(build(rules, RULES));
	assert_int_equal(heap_blocks(), before);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Rules as people write them: from a customer's prefix to a service.
static struct rule plausible_rule(unsigned i)
{
	struct rule rule = rule_for(i % 3 ? TCP : UDP, (uint16_t)(1 + i % 5000), (uint16_t)(1 + i % 5000 + i % 7), i + 1);
	unsigned net = i * 7919;
	rule.source = (struct prefix){
		.address = { .byte = { 10, (uint8_t)(net >> 8), (uint8_t)net } }, .family = FAMILY_IP4, .bits = 24,
	};
	if (i % 4 == 0)
		rule.source = (struct prefix){ 0 };
	return rule;
}

static void compile_time(unsigned count, double limit)
{
	struct rule *rules = calloc(count, sizeof(*rules));
	for (unsigned i = 0; i < count; i++)
		rules[i] = plausible_rule(i);
	double start = seconds();
	struct rule_matcher *matcher = build(rules, count);
	double took = seconds() - start;
	print_message("%u rules: %.1f ms\n", count, took * 1e3);
	rule_matcher_free(matcher);
	assert_true(took < limit);
	random_state = count;
	compare(rules, count, 20000);
	free(rules);
}

static void thousands_of_rules_compile_in_time(void **state)
{
	(void)state;
	compile_time(1000, 0.5);
	compile_time(10000, 5);
}

// Judging by rte_acl would take the same memory for many overlapping wildcards; the tables take none.
static void wide_port_rules_compile_in_time(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	struct rule *rules = calloc(COUNT, sizeof(*rules));
	for (unsigned i = 0; i < COUNT; i++)
		rules[i] = rule_for(protocols[i % 10], (uint16_t)(60000 - i % 50000), (uint16_t)(60000 + i % 5000), i + 1);
	double start = seconds();
	struct rule_matcher *matcher = build(rules, COUNT);
	assert_true(seconds() - start < 2);
	rule_matcher_free(matcher);
	compare(rules, COUNT, 2000);
	free(rules);
}

static int start_eal(void **state)
{
	(void)state;
	char *arguments[] = { "test_rule_match", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry",
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
		cmocka_unit_test(compiled_rules_agree_with_linear_scan),
		cmocka_unit_test(first_match_wins_between_table_and_acl),
		cmocka_unit_test(fragment_without_ports_matches_no_port),
		cmocka_unit_test(protocol_without_ports_matches_no_port),
		cmocka_unit_test(icmp_type_is_matched_as_destination_port),
		cmocka_unit_test(empty_list_is_the_default_policy),
		cmocka_unit_test(impossible_rules_are_refused),
		cmocka_unit_test(two_compiled_lists_live_side_by_side),
		cmocka_unit_test(compiling_again_and_again_leaks_nothing),
		cmocka_unit_test(thousands_of_rules_compile_in_time),
		cmocka_unit_test(wide_port_rules_compile_in_time),
	};
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
