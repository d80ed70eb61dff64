// SPDX-License-Identifier: BSD-3-Clause
// What is shown of packets whose rule says "log".
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_ring_elem.h>

#include "dataplane/rule_log.h"
#include "tests/unit/judged.h"

static struct rule logging(struct rule rule)
{
	rule.log = true;
	return rule;
}

static unsigned take_shown(struct rule_log_record records[], unsigned room)
{
	return rte_ring_sc_dequeue_burst_elem(worker()->shown, records, sizeof(records[0]), room, NULL);
}

static void logged_packet_tells_its_tuple_rule_and_verdict(void **state)
{
	struct rule_log_record record[4];
	(void)state;
	PUBLISH(2, VERDICT_DROP, logging(rule_port(UDP, 53, VERDICT_NONE)), rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(take_shown(record, 4), 1);
	assert_int_equal(record[0].slot, 1);
	assert_int_equal(record[0].verdict, VERDICT_DROP);
	assert_int_equal(record[0].time, bench->now);
	assert_int_equal(record[0].tuple.destination_port, 53);
	assert_int_equal(record[0].length, 52);
}

static void no_more_is_logged_than_the_budget_and_the_rest_is_counted(void **state)
{
	static struct rule_log_record records[RULE_LOG_RECORDS];
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, logging(rule_port(UDP, 53, VERDICT_DROP)));
	for (unsigned i = 0; i < 20; i++)
		receive(worker(), LINK, 64, dns_query);
	unsigned shown = take_shown(records, RULE_LOG_RECORDS);
	assert_in_range(shown, 100, 101); // logs_per_second
	assert_int_equal(worker()->counters.logs_limited, 20 * 64 - shown);
	bench->now += SECOND;
	receive(worker(), LINK, 64, dns_query);
	assert_int_equal(take_shown(records, RULE_LOG_RECORDS), 64);
	assert_int_equal(dropped(DROP_RULE), 21 * 64);
}

static void full_ring_loses_records_and_no_packets(void **state)
{
	(void)state;
	worker()->shows = (struct answer_limit){ .interval = 1, .burst = SECOND };
	PUBLISH(2, VERDICT_ACCEPT, logging(rule_port(UDP, 53, VERDICT_DROP)));
	for (unsigned i = 0; i < 20; i++)
		receive(worker(), LINK, 64, dns_query);
	assert_int_equal(worker()->counters.logs_lost, 20 * 64 - (RULE_LOG_RECORDS - 1));
	assert_int_equal(dropped(DROP_RULE), 20 * 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(logged_packet_tells_its_tuple_rule_and_verdict, set_up),
		WITH(no_more_is_logged_than_the_budget_and_the_rest_is_counted, set_up),
		WITH(full_ring_loses_records_and_no_packets, set_up),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
