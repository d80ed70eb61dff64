// SPDX-License-Identifier: BSD-3-Clause
// Rules that let packets pass: those without a verdict, and those with a limit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/match.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_without_a_verdict_counts_and_passes_on),
		cmocka_unit_test(packet_over_the_limit_meets_the_next_rule),
		cmocka_unit_test(verdict_varies_where_an_earlier_rule_asks_for_what_may),
		cmocka_unit_test(hundreds_of_rules_that_pass_on_count_what_each_of_them_matches),
	};
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
