// SPDX-License-Identifier: BSD-3-Clause
// What rules decide on, and when, where they judge flows: by their first packets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/judged.h"

// As if the client's end were the one that was asked.
static uint16_t forged_syn_ack(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, WEB, SYN | ACK, 50, 60);
}

static uint16_t dns_query_in_vlan(uint8_t *frame, unsigned i)
{
	return frame_tag(frame, dns_query(frame, i), 7);
}

static uint16_t dns_query_with_priority(uint8_t *frame, unsigned i)
{
	return frame_tag(frame, dns_query(frame, i), 0);
}

// Packets of a known flow, and behind them strangers, each to a port of its own.
static uint16_t strangers_behind_a_flow(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { WEB.source + i, WEB.destination, WEB.source_port, (uint16_t)(1000 + i) };
	return i < 3 ? dns_query(frame, i) : frame_udp(frame, ends, 4);
}

static uint16_t strangers_around_a_flow(uint8_t *frame, unsigned i)
{
	return i == 5 ? dns_query(frame, i) : strangers_behind_a_flow(frame, i);
}

static void strangers_in_a_burst_each_count_under_their_own_rule(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_reply);
	PUBLISH(2, VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT), rule_port(UDP, 1003, VERDICT_DROP),
		rule_port(UDP, 1004, VERDICT_DROP), rule_port(UDP, 1005, VERDICT_DROP), rule_port(UDP, 1006, VERDICT_DROP));
	receive(worker(), LINK, 1, dns_query); // the flow is settled now
	receive(worker(), LINK, 7, strangers_behind_a_flow);
	for (uint32_t slot = 2; slot <= 5; slot++)
		assert_int_equal(matched(slot), 1);
	receive(worker(), LINK, 7, strangers_around_a_flow);
	for (uint32_t slot = 2; slot <= 5; slot++)
		assert_int_equal(matched(slot), slot == 4 ? 1 : 2);
	assert_int_equal(dropped(DROP_RULE), 7);
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, 1 + 1 + 3 + 4);
}

static void opener_is_judged_packet_by_packet_until_somebody_answers(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn);
	receive(worker(), LINK, 2, web_ack);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 2);
	assert_non_null(web_flow());
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 2);
	receive(worker(), LINK, 1, web_syn_ack);
	receive(worker(), LINK, 5, web_ack);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 2);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 7);
	assert_int_equal(matched(1), 8);
	assert_int_equal(web_flow()->generation, 2);
}

static void all_of_that_holds_within_one_burst(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 10, web_conversation);
	assert_int_equal(handed(), 10);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 0);
	assert_int_equal(web_flow()->generation, 2);
}

static void packets_of_an_unanswered_flow_count_under_the_rule_that_judged_each(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT), rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn);
	receive(worker(), LINK, 3, web_ack);
	assert_int_equal(matched(1), 1);
	assert_int_equal(matched(2), 3);
	assert_int_equal(web_flow()->rule, 1);
}

static void denied_connection_is_not_opened_by_what_answers_it(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	receive(worker(), LINK, 1, web_syn);
	receive(worker(), LINK, 1, web_syn_ack);
	assert_int_equal(handed(), 1);
	receive(worker(), LINK, 3, web_ack);
	assert_int_equal(handed(), 1);
	assert_int_equal(matched(1), 4);
}

static void first_packet_that_may_open_a_connection_is_its_opener(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT), rule_flags(SYN | ACK, SYN | ACK, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn_ack);
	assert_true(web_flow()->generation & FLOW_UNOPENED);
	assert_int_equal(web_flow()->rule, 2);
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(web_flow()->generation, 2);
	assert_int_equal(web_flow()->rule, 1);
	assert_int_equal(web_flow()->opener_end, web_flow()->orig_end);
	receive(worker(), LINK, 1, web_syn_ack);
	assert_int_equal(handed(), 3);
	assert_int_equal(matched(2), 1);
}

static void syn_behind_a_forged_answer_goes_where_its_own_destination_listens(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT);
	receive(worker(), LINK, 1, forged_syn_ack);
	assert_int_equal(web_flow()->opener_end, !web_flow()->orig_end);
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(web_flow()->opener_end, web_flow()->orig_end);
	assert_int_equal(web_flow()->state, FLOW_TCP_SYN_SENT);
	assert_int_equal(web_flow()->generation, 2);
	assert_int_equal(handed(), 2);
}

static void verdict_that_can_not_vary_is_asked_for_once(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT), rule_flags(SYN, SYN, VERDICT_DROP));
	receive(worker(), LINK, 1, dns_query);
	assert_int_equal(dns_flow()->generation, 2);
	PUBLISH(3, VERDICT_DROP, rule_flags(SYN, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(web_flow()->generation, 3 | FLOW_VARIES);
}

static void limit_is_asked_at_each_packet_until_somebody_answers(void **state)
{
	struct rule_limit_state limit = { 0 };
	(void)state;
	PUBLISH(2, VERDICT_DROP, limited(53, &limit));
	receive(worker(), LINK, 32, dns_query);
	uint64_t passed = dns_flow()->traffic[FLOW_ORIG].packets;
	assert_in_range(passed, 2, 3);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 32 - passed);
	receive(worker(), LINK, 1, dns_reply);
	receive(worker(), LINK, 32, dns_query);
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, passed + 32);
}

static void flow_that_was_opened_by_a_syn_is_judged_again_as_a_syn(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, web_ack);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 4);
	assert_int_equal(web_flow()->rule, 1);
	assert_int_equal(web_flow()->generation, 2);
	PUBLISH(3, VERDICT_DROP, rule_flags(SYN, 0, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_ack);
	assert_null(web_flow());
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_DENIED], 1);
}

static void flow_that_was_met_in_the_middle_is_judged_again_as_an_ack(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, web_ack);
	receive(worker(), LINK, 1, web_syn_ack);
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, ACK, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(web_flow()->rule, 1);
}

static void unanswered_flow_whose_rules_change_is_judged_by_its_packets_own_headers(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(web_flow()->generation, 1);
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, web_ack); // the flow may live on, these may not pass
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 2);
	assert_non_null(web_flow());
	PUBLISH(3, VERDICT_DROP, rule_flags(SYN | ACK, ACK, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_ack); // is itself what rules see of a new connection
	assert_int_equal(web_flow()->generation, 3 | FLOW_VARIES);
	receive(worker(), LINK, 1, web_syn_ack);
	assert_int_equal(web_flow()->generation, 3);
}

static void answer_to_a_flow_that_new_rules_deny_does_not_save_it(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn);
	publish(NULL, 0, VERDICT_DROP, 3);
	receive(worker(), LINK, 1, web_syn_ack);
	assert_null(web_flow());
}

static void judging_again_takes_nothing_from_limits(void **state)
{
	struct rule_limit_state limit = { 0 };
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_reply);
	for (uint32_t generation = 2; generation < 10; generation++) {
		PUBLISH(generation, VERDICT_DROP, limited(53, &limit));
		receive(worker(), LINK, 1, dns_query);
	}
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, 9);
	assert_int_equal(limit.next, 0);
}

static void rules_that_only_count_see_what_is_judged(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_any(VERDICT_NONE), rule_port(UDP, 53, VERDICT_ACCEPT));
	receive(worker(), LINK, 8, dns_query);
	assert_int_equal(matched(1), 1);
	assert_int_equal(matched(2), 8);
}

static void error_about_a_flow_is_related_and_about_none_invalid(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_connection(CONNECTION_INVALID, VERDICT_DROP), rule_icmp(3, VERDICT_DROP));
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(dropped(DROP_RULE), 1);
	assert_int_equal(matched(1), 1);
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(dns_flow()->traffic[FLOW_RESP].packets, 1);
	PUBLISH(3, VERDICT_DROP, rule_port(UDP, 53, VERDICT_DROP), rule_icmp(3, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, dns_error); // of a flow that ends here
	assert_null(dns_flow());
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(dropped(DROP_ICMP_UNRELATED), 1);
	assert_int_equal(matched(2), 1);
}

static void flow_whose_time_is_over_within_the_burst_is_judged_anew(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_reply);
	bench->now += HOUR * SECOND;
	PUBLISH(2, VERDICT_ACCEPT, rule_port(UDP, 53, VERDICT_REJECT));
	receive(worker(), LINK, 3, dns_query);
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_TIMEOUT], 1);
	assert_int_equal(worker()->counters.answered.packets, 3);
	assert_null(dns_flow());
}

static void later_fragment_has_the_ports_of_its_first(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, dns_fragment);
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, 2);
}

static void vlan_is_asked_of_tagged_frames_alone(void **state)
{
	static const struct {
		frame_fn *frame;
		uint16_t low, high;
		bool matches;
	} cases[] = {
		{ dns_query, 0, 4095, false },
		{ dns_query_in_vlan, 7, 7, true },
		{ dns_query_in_vlan, 8, 4095, false },
		{ dns_query_with_priority, 0, 0, true },
		{ dns_query_with_priority, 1, 4095, false },
	};
	uint32_t generation = 2;
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		PUBLISH(generation++, VERDICT_DROP, rule_vlan(cases[i].low, cases[i].high, VERDICT_ACCEPT));
		receive(worker(), LINK, 1, cases[i].frame);
		assert_int_equal(dns_flow() != NULL, cases[i].matches);
		PUBLISH(generation++, VERDICT_DROP, rule_vlan(cases[i].low, cases[i].high, VERDICT_ACCEPT));
		receive(worker(), LINK, 1, cases[i].frame); // judged again: just the same
		assert_int_equal(dns_flow() != NULL, cases[i].matches);
		publish(NULL, 0, VERDICT_DROP, generation++);
		receive(worker(), LINK, 1, cases[i].frame);
		assert_null(dns_flow());
	}
}

static void interface_is_where_the_packet_came_in(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_interface(LINK, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, dns_query);
	assert_non_null(dns_flow());
	PUBLISH(3, VERDICT_DROP, rule_interface(DEVICE, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, dns_query);
	assert_null(dns_flow());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(strangers_in_a_burst_each_count_under_their_own_rule, set_up),
		WITH(opener_is_judged_packet_by_packet_until_somebody_answers, set_up),
		WITH(all_of_that_holds_within_one_burst, set_up),
		WITH(packets_of_an_unanswered_flow_count_under_the_rule_that_judged_each, set_up),
		WITH(verdict_that_can_not_vary_is_asked_for_once, set_up),
		WITH(denied_connection_is_not_opened_by_what_answers_it, set_up),
		WITH(first_packet_that_may_open_a_connection_is_its_opener, set_up),
		WITH(syn_behind_a_forged_answer_goes_where_its_own_destination_listens, set_up),
		WITH(limit_is_asked_at_each_packet_until_somebody_answers, set_up),
		WITH(flow_that_was_opened_by_a_syn_is_judged_again_as_a_syn, set_up),
		WITH(flow_that_was_met_in_the_middle_is_judged_again_as_an_ack, set_up),
		WITH(unanswered_flow_whose_rules_change_is_judged_by_its_packets_own_headers, set_up),
		WITH(answer_to_a_flow_that_new_rules_deny_does_not_save_it, set_up),
		WITH(judging_again_takes_nothing_from_limits, set_up),
		WITH(rules_that_only_count_see_what_is_judged, set_up),
		WITH(error_about_a_flow_is_related_and_about_none_invalid, set_up),
		WITH(flow_whose_time_is_over_within_the_burst_is_judged_anew, set_up),
		WITH(later_fragment_has_the_ports_of_its_first, set_up),
		WITH(vlan_is_asked_of_tagged_frames_alone, set_up),
		WITH(interface_is_where_the_packet_came_in, set_up),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
