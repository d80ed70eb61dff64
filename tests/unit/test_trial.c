// SPDX-License-Identifier: BSD-3-Clause
// Rules that are tried beside those in force.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ring_elem.h>

#include "dataplane/trial.h"
#include "tests/unit/fake_worker.h"

enum { LENGTH_TCP = 54, LENGTH_DNS = 52 };

static struct trial trial;
static struct rule tried[RULES_MAX];
static struct traffic by_position[RULES_MAX + 1], by_slot[RULES_MAX + 1];
static uint32_t of_flow[256];

static void try_rules(const struct rule *rules, size_t count, enum verdict by_default)
{
	const struct rule *list[RULES_MAX];
	struct rule_trouble trouble;
	struct rule_matcher *matcher;
	for (size_t i = 0; i < count; i++) {
		tried[i] = rules[i];
		tried[i].slot = (uint32_t)i + 1;
		list[i] = &tried[i];
	}
	assert_int_equal(rule_matcher_build(list, count, by_default, -1, &matcher, &trouble), 0);
	memset(by_position, 0, sizeof(by_position));
	memset(by_slot, 0, sizeof(by_slot));
	memset(of_flow, 0, sizeof(of_flow));
	trial = (struct trial){ .matcher = matcher, .of_flow = of_flow, .counters = by_position, .by_slot = by_slot };
	trial.samples = rte_ring_create_elem("samples", sizeof(struct trial_sample), TRIAL_SAMPLES, -1,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	worker()->burst->trial = &trial;
}

#define TRY(by_default, ...)                                                                                      \
	do {                                                                                                      \
		const struct rule rules_[] = { __VA_ARGS__ };                                                     \
		try_rules(rules_, sizeof(rules_) / sizeof(rules_[0]), by_default);                                \
	} while (0)

static int end_trial(void **state)
{
	rte_ring_free(trial.samples);
	rule_matcher_free((struct rule_matcher *)(uintptr_t)trial.matcher);
	trial = (struct trial){ .matcher = NULL };
	worker()->burst->trial = NULL;
	return tear_down(state);
}

static uint16_t many_syns(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { 0x0a000000 + i, WEB.destination, 1024, 80 };
	return frame_tcp(frame, ends, SYN, 1, 0);
}

static uint16_t garbage(uint8_t *frame, unsigned i)
{
	(void)i;
	memset(frame, 0, 60);
	return 60;
}

static void expect(struct trial_count got, uint64_t packets, uint64_t flows)
{
	assert_int_equal(got.packets, packets);
	assert_int_equal(got.flows, flows);
}

static bool take_sample(struct trial_sample *sample)
{
	return rte_ring_sc_dequeue_elem(trial.samples, sample, sizeof(*sample)) == 0;
}

static void same_rules_change_nothing(void **state)
{
	struct trial_sample sample;
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	TRY(VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 5, web_conversation);
	receive(worker(), LINK, 3, dns_query);
	expect(trial.judged, 8, 1);
	assert_int_equal(by_position[0].packets, 5);
	assert_int_equal(by_position[0].bytes, 5 * LENGTH_TCP);
	assert_int_equal(by_position[1].packets, 3);
	expect(trial.would_drop, 0, 0);
	expect(trial.would_pass, 0, 0);
	assert_false(take_sample(&sample));
}

static void packets_that_would_fare_otherwise_are_counted_and_fare_as_they_did(void **state)
{
	struct trial_sample sample;
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_port(UDP, 53, VERDICT_REJECT));
	TRY(VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	receive(worker(), LINK, 5, web_conversation);
	receive(worker(), LINK, 3, dns_query);
	expect(trial.would_drop, 5, 1);
	assert_int_equal(trial.would_drop.bytes, 5 * LENGTH_TCP);
	expect(trial.would_pass, 3, 0);
	assert_int_equal(worker()->counters.handed.packets, 5);
	assert_int_equal(worker()->counters.answered.packets, 3);
	assert_int_equal(worker()->counters.flows_opened, 1);
	assert_true(take_sample(&sample));
	assert_int_equal(sample.tuple.destination_port, 80);
	assert_int_equal(sample.slot, RULE_DEFAULT);
	assert_int_equal(sample.position, 0);
	assert_int_equal(sample.verdict, VERDICT_ACCEPT);
	assert_int_equal(sample.trial_verdict, VERDICT_DROP);
	assert_true(take_sample(&sample)); // of a flow no more than what was judged
	assert_int_equal(sample.tuple.destination_port, 53);
	assert_int_equal(sample.slot, 1);
	assert_int_equal(sample.position, 1);
	assert_int_equal(sample.verdict, VERDICT_REJECT);
	assert_int_equal(sample.trial_verdict, VERDICT_ACCEPT);
}

static void flow_that_lives_already_is_judged_as_its_opener(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	TRY(VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 4, web_ack);
	expect(trial.judged, 4, 1);
	assert_int_equal(by_position[0].packets, 4);
	expect(trial.would_drop, 0, 0);
}

static void flow_is_remembered_until_it_ends(void **state)
{
	(void)state;
	TRY(VERDICT_ACCEPT, rule_port(UDP, 53, VERDICT_DROP));
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_reply);
	uint32_t index = flow_of(worker(), DNS, UDP);
	assert_int_not_equal(of_flow[index], 0);
	receive(worker(), LINK, 1, dns_error); // about the flow: as the flow
	expect(trial.would_drop, 3, 1);
	bench->now += HOUR * SECOND;
	ageing_advance(worker()->ageing, bench->now, 256);
	for (unsigned i = 0; i < 64; i++)
		ageing_advance(worker()->ageing, bench->now, 256);
	assert_int_equal(of_flow[index], 0);
	receive(worker(), LINK, 1, dns_query);
	expect(trial.would_drop, 4, 2);
}

static void unanswered_flow_is_judged_by_each_packet_where_it_may_vary(void **state)
{
	(void)state;
	TRY(VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_conversation);
	receive(worker(), LINK, 2, web_ack);
	expect(trial.would_drop, 2, 1);
	receive(worker(), LINK, 3, web_conversation); // answered: judged as it was opened
	receive(worker(), LINK, 2, web_ack);
	expect(trial.would_drop, 2, 1);
	assert_int_equal(by_position[0].packets, 6);
}

static void limits_and_counting_rules_of_the_trial_are_its_own(void **state)
{
	struct rule_limit_state limit = { 0 };
	struct rule limited = rule_port(TCP, 80, VERDICT_ACCEPT);
	(void)state;
	limited.limit = (struct rule_limit){ .rate = 1, .burst = 2, .period_sec = 1 };
	limited.limit_state = &limit;
	TRY(VERDICT_DROP, rule_any(VERDICT_NONE), limited);
	receive(worker(), LINK, 32, many_syns);
	assert_in_range(by_position[1].packets, 2, 3);
	assert_int_equal(by_position[2].packets, 32 - by_position[1].packets);
	expect(trial.would_drop, by_position[2].packets, by_position[2].packets);
	assert_int_equal(by_slot[1].packets, 32);
	assert_int_equal(worker()->rule_counters[1].packets, 0);
	assert_int_equal(worker()->counters.handed.packets, 32);
}

static void what_rules_do_not_decide_is_not_judged(void **state)
{
	(void)state;
	TRY(VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 4, garbage);
	receive(worker(), DEVICE, 2, dns_query);
	receive(worker(), LINK, 2, dns_reply); // to a flow from behind a device
	expect(trial.judged, 0, 0);
}

static void packets_that_would_open_flows_are_counted_as_such(void **state)
{
	(void)state;
	publish(NULL, 0, VERDICT_DROP, 2);
	TRY(VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 10, many_syns);
	receive(worker(), LINK, 5, web_ack);
	expect(trial.would_pass, 15, 10);
}

static int set_up_packet(void **state)
{
	(void)state;
	return set_up_workers(1, "policy: {state: packet}\n");
}

static void packets_are_judged_by_themselves_where_rules_do_so(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_protocol(TCP, VERDICT_ACCEPT));
	TRY(VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 6, web_conversation);
	expect(trial.judged, 6, 1);
	expect(trial.would_drop, 1, 1);
	receive(worker(), LINK, 6, web_conversation);
	expect(trial.would_drop, 2, 1);
}

static void full_ring_of_samples_changes_nothing(void **state)
{
	(void)state;
	TRY(VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT));
	for (unsigned i = 0; i < 4; i++) {
		receive(worker(), LINK, 64, many_syns);
		bench->now += HOUR * SECOND;
	}
	expect(trial.would_drop, 4 * 64, 4 * 64);
	assert_int_equal(rte_ring_count(trial.samples), TRIAL_SAMPLES - 1);
}

#define TRIED(name, set_up_fn) cmocka_unit_test_setup_teardown(name, set_up_fn, end_trial)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRIED(same_rules_change_nothing, set_up),
		TRIED(packets_that_would_fare_otherwise_are_counted_and_fare_as_they_did, set_up),
		TRIED(flow_that_lives_already_is_judged_as_its_opener, set_up),
		TRIED(flow_is_remembered_until_it_ends, set_up),
		TRIED(unanswered_flow_is_judged_by_each_packet_where_it_may_vary, set_up),
		TRIED(limits_and_counting_rules_of_the_trial_are_its_own, set_up),
		TRIED(what_rules_do_not_decide_is_not_judged, set_up),
		TRIED(packets_that_would_open_flows_are_counted_as_such, set_up),
		TRIED(packets_are_judged_by_themselves_where_rules_do_so, set_up_packet),
		TRIED(full_ring_of_samples_changes_nothing, set_up),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
