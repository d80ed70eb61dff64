// SPDX-License-Identifier: BSD-3-Clause
// New rules and the flows that live: ended at once, at their next packet, or left alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/sweep.h"
#include "tests/unit/fake_worker.h"

static uint16_t many_syns(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { 0x0a000000 + i, WEB.destination, 1024, i % 2 ? 80 : 81 };
	return frame_tcp(frame, ends, SYN, 1, 0);
}

static uint16_t many_answers(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { 0x0a000000 + i, WEB.destination, 1024, i % 2 ? 80 : 81 };
	return frame_tcp(frame, frame_reverse(ends), SYN | ACK, 9, 2);
}

static int set_up_kill(void **state)
{
	(void)state;
	return set_up_workers(1, "policy: {on_rule_change: kill}\n");
}

static int set_up_keep(void **state)
{
	(void)state;
	return set_up_workers(1, "policy: {on_rule_change: keep}\n");
}

static unsigned sweep_all(void)
{
	unsigned steps = 0;
	for (; worker()->swept != worker()->burst->policy->generation; steps++)
		sweep(worker());
	return steps;
}

static void kill_ends_denied_flows_without_a_packet(void **state)
{
	(void)state;
	receive(worker(), LINK, 60, many_syns);
	receive(worker(), DEVICE, 2, random_udp);
	sweep_all();
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 81, VERDICT_ACCEPT));
	sweep_all();
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_DENIED], 30);
	assert_int_equal(live_flows(), 32);
	struct frame_ends spared = { 0x0a000000, WEB.destination, 1024, 81 };
	assert_int_equal(flow_at(spared, TCP)->generation, 2);
	assert_int_equal(flow_at(spared, TCP)->rule, 1);
	assert_int_equal(worker()->counters.drops[DROP_DEFAULT_POLICY].packets, 0);
}

static void sweep_looks_at_few_flows_at_a_time_and_begins_anew_for_newer_rules(void **state)
{
	(void)state;
	receive(worker(), LINK, 64, many_syns);
	receive(worker(), LINK, 64, many_answers);
	receive(worker(), LINK, 64, random_udp);
	assert_int_equal(live_flows(), 128);
	sweep_all();
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 81, VERDICT_DROP));
	assert_int_equal(sweep(worker()), SWEEP_FLOWS);
	assert_int_not_equal(worker()->swept, 2);
	PUBLISH(3, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	assert_true(sweep_all() >= 2);
	assert_int_equal(sweep(worker()), 0);
	struct frame_ends ends = { 0x0a000001, WEB.destination, 1024, 80 };
	assert_null(flow_at(ends, TCP));
	assert_int_equal(live_flows(), 64); // by the first rules those to port 81 had ended already
}

static void packet_that_comes_before_the_sweep_ends_its_flow_too(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	receive(worker(), LINK, 1, web_ack);
	assert_null(flow_at(WEB, TCP));
	sweep_all();
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_DENIED], 1);
}

static void recheck_and_keep_sweep_nothing(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	assert_int_equal(sweep(worker()), 0);
	assert_int_equal(worker()->swept, 2);
	assert_non_null(flow_at(WEB, TCP));
}

static void keep_asks_new_rules_of_new_flows_only(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 81, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, web_ack);
	assert_int_equal(flow_at(WEB, TCP)->traffic[FLOW_ORIG].packets, 4);
	receive(worker(), LINK, 1, dns_query);
	assert_null(flow_at(DNS, UDP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(kill_ends_denied_flows_without_a_packet, set_up_kill),
		WITH(sweep_looks_at_few_flows_at_a_time_and_begins_anew_for_newer_rules, set_up_kill),
		WITH(packet_that_comes_before_the_sweep_ends_its_flow_too, set_up_kill),
		WITH(recheck_and_keep_sweep_nothing, set_up),
		WITH(recheck_and_keep_sweep_nothing, set_up_keep),
		WITH(keep_asks_new_rules_of_new_flows_only, set_up_keep),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
