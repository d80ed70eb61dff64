// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/policy.h"
#include "tests/unit/rules.h"

// Rules by protocol and port alone: no EAL is needed.
enum { ICMP = 1, TCP = 6, UDP = 17, CLIENT = 1, SERVER = 2, WEB = 5, ECHO = 6, DEFAULT_HANDLER = 9 };

static struct rule rule_for(uint8_t protocol, uint16_t port, enum verdict verdict, uint32_t slot)
{
	struct rule rule = rule_port(protocol, port, verdict);
	rule.slot = slot;
	return rule;
}

static const struct listener listeners[] = {
	{ .family = FAMILY_IP4, .prefix = 32, .address = { { 10, 0, 0, SERVER } }, .protocol = TCP, .interface = 0xff,
	  .vlan = 0xffff, .port_low = 80, .port_high = 80, .handler = WEB, .id = 77 },
	{ .family = FAMILY_IP4, .prefix = 32, .address = { { 10, 0, 0, SERVER } }, .protocol = ICMP, .interface = 0xff,
	  .vlan = 0xffff, .port_low = 8, .port_high = 8, .handler = ECHO, .id = 78 },
};

static int make_policy(void **state)
{
	static struct rule rules[5]; // live as long as what is built of them
	static struct rule_limit_state spent = { .next = UINT64_MAX / 2 };
	const struct rule *list[] = { &rules[0], &rules[1], &rules[2], &rules[3], &rules[4] };
	struct rule_trouble trouble;
	rules[0] = rule_for(TCP, 22, VERDICT_DROP, 3);
	rules[1] = rule_for(TCP, 23, VERDICT_REJECT, 4);
	rules[2] = rule_for(TCP, 24, VERDICT_REJECT, 5);
	rules[3] = rule_for(TCP, 80, VERDICT_ACCEPT, 6);
	rules[4] = rule_for(UDP, 99, VERDICT_DROP, 7);
	rules[2].answer = ANSWER_ICMP_CODE;
	rules[2].answer_code = 13;
	rules[4].limit = (struct rule_limit){ .rate = 1, .burst = 1, .period_sec = 1 };
	rules[4].limit_state = &spent;
	struct policy *policy = calloc(1, sizeof(*policy));
	size_t tie[2];
	policy->default_handler = DEFAULT_HANDLER;
	policy->unbound = VERDICT_REJECT;
	*state = policy;
	return rule_matcher_build(list, 5, VERDICT_ACCEPT, -1, &policy->rules, &trouble) ||
	       listener_index_build(listeners, 2, &policy->listeners, tie);
}

static int free_policy(void **state)
{
	struct policy *policy = *state;
	rule_matcher_free(policy->rules);
	listener_index_free(policy->listeners);
	free(policy);
	return 0;
}

static struct packet_tuple packet(uint8_t protocol, uint8_t from, uint16_t source, uint8_t to, uint16_t destination)
{
	return (struct packet_tuple){
		.family = FAMILY_IP4,
		.protocol = protocol,
		.source = { { 10, 0, 0, from } },
		.destination = { { 10, 0, 0, to } },
		.source_port = source,
		.destination_port = destination,
	};
}

static struct decision classify(const struct policy *policy, struct packet_tuple tuple, enum opener opener)
{
	const struct packet_tuple *asked = &tuple;
	uint32_t position;
	rule_matcher_find(policy->rules, &asked, 1, &position);
	struct rule_verdict judged = rule_matcher_review(policy->rules, &tuple, position);
	struct decision decision = policy_decision(&judged);
	if (judged.verdict == VERDICT_ACCEPT)
		policy_bind(policy, &tuple, opener, &decision);
	return decision;
}

static void expect(struct decision got, struct decision expected)
{
	assert_int_equal(got.rule, expected.rule);
	assert_int_equal(got.listener, expected.listener);
	assert_int_equal(got.handler, expected.handler);
	assert_int_equal(got.verdict, expected.verdict);
	assert_int_equal(got.reason, expected.reason);
	assert_int_equal(got.local_is_source, expected.local_is_source);
	assert_int_equal(got.answer, expected.answer);
	assert_int_equal(got.answer_code, expected.answer_code);
}

static void denied_packet_asks_no_listener(void **state)
{
	struct decision denied = {
		.rule = 3, .listener = LISTENER_NONE, .handler = HANDLER_NONE, .verdict = VERDICT_DROP, .reason = DROP_RULE,
	};
	expect(classify(*state, packet(TCP, CLIENT, 40000, SERVER, 22), OPENER_ORIGINATOR), denied);
	denied.rule = 4;
	denied.verdict = VERDICT_REJECT;
	denied.reason = DROP_REJECT_UNANSWERED;
	expect(classify(*state, packet(TCP, CLIENT, 40000, SERVER, 23), OPENER_ORIGINATOR), denied);
	denied.rule = 5;
	denied.answer = ANSWER_ICMP_CODE;
	denied.answer_code = 13;
	expect(classify(*state, packet(TCP, CLIENT, 40000, SERVER, 24), OPENER_ORIGINATOR), denied);
}

static void destination_listener_takes_the_flow(void **state)
{
	struct decision accepted = { .rule = 6, .listener = 77, .handler = WEB };
	expect(classify(*state, packet(TCP, CLIENT, 40000, SERVER, 80), OPENER_ORIGINATOR), accepted);
	expect(classify(*state, packet(TCP, CLIENT, 40000, SERVER, 80), OPENER_UNKNOWN), accepted);
}

static void source_listener_takes_a_flow_met_in_the_middle(void **state)
{
	struct decision swapped = { .rule = RULE_DEFAULT, .listener = 77, .handler = WEB, .local_is_source = true };
	expect(classify(*state, packet(TCP, SERVER, 80, CLIENT, 40000), OPENER_UNKNOWN), swapped);
}

static void bare_syn_from_a_listening_port_is_not_its_answer(void **state)
{
	struct decision accepted = { .rule = RULE_DEFAULT, .listener = LISTENER_NONE, .handler = DEFAULT_HANDLER };
	expect(classify(*state, packet(TCP, SERVER, 80, CLIENT, 40000), OPENER_ORIGINATOR), accepted);
}

static void destination_wins_where_both_ends_listen(void **state)
{
	struct packet_tuple tuple = packet(TCP, SERVER, 80, SERVER, 80);
	struct decision accepted = { .rule = 6, .listener = 77, .handler = WEB };
	expect(classify(*state, tuple, OPENER_UNKNOWN), accepted);
}

static void icmp_query_and_its_answer_meet_one_listener(void **state)
{
	struct decision query = { .rule = RULE_DEFAULT, .listener = 78, .handler = ECHO };
	struct decision answer = { .rule = RULE_DEFAULT, .listener = 78, .handler = ECHO, .local_is_source = true };
	struct packet_tuple request = packet(ICMP, CLIENT, 4711, SERVER, 8), reply = packet(ICMP, SERVER, 4711, CLIENT, 0);
	request.icmp_type = 8;
	request.asked_type = reply.asked_type = 8;
	expect(classify(*state, request, OPENER_ORIGINATOR), query);
	expect(classify(*state, reply, OPENER_RESPONDER), answer);
}

static void responder_is_local_though_its_peer_listens_too(void **state)
{
	struct decision from_server = classify(*state, packet(TCP, SERVER, 80, SERVER, 81), OPENER_RESPONDER);
	struct decision to_server = classify(*state, packet(TCP, CLIENT, 40000, SERVER, 80), OPENER_ORIGINATOR);
	assert_int_equal(from_server.listener, to_server.listener);
	assert_true(from_server.local_is_source);
}

static void nothing_listens_and_nobody_takes_the_rest(void **state)
{
	struct policy policy = *(struct policy *)*state;
	policy.default_handler = HANDLER_NONE;
	struct decision unbound = {
		.rule = RULE_DEFAULT, .listener = LISTENER_NONE, .handler = HANDLER_NONE, .verdict = VERDICT_REJECT,
		.reason = DROP_NO_LISTENER,
	};
	expect(classify(&policy, packet(UDP, CLIENT, 40000, SERVER, 80), OPENER_UNKNOWN), unbound);
	policy.unbound = VERDICT_DROP;
	unbound.verdict = VERDICT_DROP;
	expect(classify(&policy, packet(UDP, CLIENT, 40000, SERVER, 80), OPENER_UNKNOWN), unbound);
}

static void fragment_without_ports_is_not_on_a_port(void **state)
{
	struct packet_tuple tuple = packet(TCP, CLIENT, 0, SERVER, 80);
	tuple.portless = true;
	struct decision accepted = { .rule = RULE_DEFAULT, .listener = LISTENER_NONE, .handler = DEFAULT_HANDLER };
	expect(classify(*state, tuple, OPENER_UNKNOWN), accepted);
}

static void limits_are_neither_asked_nor_taken_from(void **state)
{
	struct decision denied = {
		.rule = 7, .listener = LISTENER_NONE, .handler = HANDLER_NONE, .verdict = VERDICT_DROP, .reason = DROP_RULE,
	};
	expect(classify(*state, packet(UDP, CLIENT, 40000, SERVER, 99), OPENER_UNKNOWN), denied);
}

static void default_policy_has_its_own_reason(void **state)
{
	struct policy policy = *(struct policy *)*state;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(NULL, 0, VERDICT_DROP, -1, &policy.rules, &trouble), 0);
	struct decision denied = {
		.rule = RULE_DEFAULT, .listener = LISTENER_NONE, .handler = HANDLER_NONE, .verdict = VERDICT_DROP,
		.reason = DROP_DEFAULT_POLICY,
	};
	expect(classify(&policy, packet(TCP, CLIENT, 40000, SERVER, 80), OPENER_ORIGINATOR), denied);
	rule_matcher_free(policy.rules);

	assert_int_equal(rule_matcher_build(NULL, 0, VERDICT_REJECT, -1, &policy.rules, &trouble), 0);
	denied.verdict = VERDICT_REJECT;
	denied.reason = DROP_REJECT_UNANSWERED;
	expect(classify(&policy, packet(TCP, CLIENT, 40000, SERVER, 80), OPENER_ORIGINATOR), denied);
	rule_matcher_free(policy.rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denied_packet_asks_no_listener),
		cmocka_unit_test(destination_listener_takes_the_flow),
		cmocka_unit_test(source_listener_takes_a_flow_met_in_the_middle),
		cmocka_unit_test(bare_syn_from_a_listening_port_is_not_its_answer),
		cmocka_unit_test(destination_wins_where_both_ends_listen),
		cmocka_unit_test(icmp_query_and_its_answer_meet_one_listener),
		cmocka_unit_test(responder_is_local_though_its_peer_listens_too),
		cmocka_unit_test(nothing_listens_and_nobody_takes_the_rest),
		cmocka_unit_test(fragment_without_ports_is_not_on_a_port),
		cmocka_unit_test(limits_are_neither_asked_nor_taken_from),
		cmocka_unit_test(default_policy_has_its_own_reason),
	};
	return cmocka_run_group_tests(tests, make_policy, free_policy);
}
