// SPDX-License-Identifier: BSD-3-Clause
// What rules decide on where they judge each packet by itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/judged.h"

static int set_up_packet(void **state)
{
	(void)state;
	return set_up_workers(1, "policy: {state: packet}\n");
}

static void each_packet_is_judged_by_its_own_headers(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 5, web_conversation);
	assert_int_equal(matched(1), 4);
	assert_int_equal(matched(RULE_DEFAULT), 1); // the answer goes to port 54321
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 1);
	assert_int_equal(web_flow()->traffic[FLOW_RESP].packets, 0);
	assert_int_equal(web_flow()->embryonic, 1);
}

static void each_packet_counts_under_its_rule_and_the_flow_keeps_its_openers(void **state)
{
	(void)state;
	worker()->trace = (struct rte_ring *)1; // notes are taken; no packet of a capture is here to be told
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT), rule_port(TCP, 54321, VERDICT_ACCEPT));
	receive(worker(), LINK, 5, web_conversation);
	assert_int_equal(matched(1), 4);
	assert_int_equal(matched(2), 1);
	assert_int_equal(web_flow()->rule, 1);
	assert_int_equal(worker()->burst->note[0].rule, 1);
	assert_int_equal(worker()->burst->note[1].rule, 2);
	PUBLISH(3, VERDICT_DROP, rule_port(TCP, 54321, VERDICT_ACCEPT), rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_syn_ack);
	assert_int_equal(worker()->burst->note[0].rule, 1);
	assert_int_equal(web_flow()->rule, 1);
	worker()->trace = NULL;
}

static void denied_packet_of_a_live_flow_is_answered_and_the_flow_lives_on(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_ACCEPT, rule_flags(SYN, 0, VERDICT_REJECT));
	receive(worker(), LINK, 2, web_ack);
	assert_int_equal(worker()->counters.answered.packets, 2);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 2);
	publish(NULL, 0, VERDICT_ACCEPT, 3);
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 3);
	assert_int_equal(worker()->counters.flows_opened, 1);
}

static void connection_is_what_it_is_at_each_packet_of_a_burst(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_connection(CONNECTION_NEW, VERDICT_ACCEPT),
		rule_connection(CONNECTION_ESTABLISHED, VERDICT_ACCEPT),
		rule_connection(CONNECTION_RELATED, VERDICT_ACCEPT),
		rule_connection(CONNECTION_INVALID, VERDICT_ACCEPT));
	receive(worker(), LINK, 6, web_conversation);
	assert_int_equal(matched(1), 1);
	assert_int_equal(matched(2), 5);
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(matched(4), 1);
	assert_int_equal(handed(), 7); // of no flow, and opens none
	assert_int_equal(worker()->counters.flows_opened, 1);
	assert_int_equal(dropped(DROP_ICMP_UNRELATED), 0);
	receive(worker(), LINK, 2, dns_query);
	assert_int_equal(matched(1), 3);
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(matched(3), 1);
	assert_int_equal(dns_flow()->traffic[FLOW_RESP].packets, 1);
}

static void later_fragment_has_no_ports(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, dns_fragment);
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, 1);
	assert_int_equal(matched(RULE_DEFAULT), 1);
	PUBLISH(3, VERDICT_DROP, rule_protocol(UDP, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, dns_fragment);
	assert_int_equal(dns_flow()->traffic[FLOW_ORIG].packets, 3); // it belongs to its flow all the same
}

static void error_about_no_flow_passes_if_rules_let_it(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_icmp(3, VERDICT_ACCEPT));
	receive(worker(), LINK, 2, dns_error);
	assert_int_equal(handed(), 2);
	assert_int_equal(matched(1), 2);
	assert_int_equal(live_flows(), 0);
	publish(NULL, 0, VERDICT_DROP, 3);
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 1);
}

static void error_is_judged_by_its_outer_header(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_icmp(3, VERDICT_DROP));
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(dropped(DROP_RULE), 1);
	assert_int_equal(dns_flow()->traffic[FLOW_RESP].packets, 0);
}

static void what_comes_from_a_device_is_judged_by_no_rule(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_port(UDP, 53, VERDICT_ACCEPT));
	receive(worker(), DEVICE, 3, random_udp);
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), DEVICE, 2, dns_reply);
	assert_int_equal(worker()->counters.forwarded.packets, 5);
	assert_int_equal(matched(1), 1);
	assert_int_equal(matched(RULE_DEFAULT), 0);
}

static void limit_is_asked_at_every_packet(void **state)
{
	struct rule_limit_state limit = { 0 };
	(void)state;
	PUBLISH(2, VERDICT_DROP, limited(53, &limit), rule_port(UDP, 40000, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, dns_reply);
	receive(worker(), LINK, 32, dns_query);
	assert_in_range(dns_flow()->traffic[FLOW_ORIG].packets, 2, 3);
	assert_int_equal(dropped(DROP_DEFAULT_POLICY), 33 - dns_flow()->traffic[FLOW_ORIG].packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(each_packet_is_judged_by_its_own_headers, set_up_packet),
		WITH(each_packet_counts_under_its_rule_and_the_flow_keeps_its_openers, set_up_packet),
		WITH(denied_packet_of_a_live_flow_is_answered_and_the_flow_lives_on, set_up_packet),
		WITH(connection_is_what_it_is_at_each_packet_of_a_burst, set_up_packet),
		WITH(later_fragment_has_no_ports, set_up_packet),
		WITH(error_about_no_flow_passes_if_rules_let_it, set_up_packet),
		WITH(error_is_judged_by_its_outer_header, set_up_packet),
		WITH(what_comes_from_a_device_is_judged_by_no_rule, set_up_packet),
		WITH(limit_is_asked_at_every_packet, set_up_packet),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
