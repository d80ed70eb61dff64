// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/flow_log.h"
#include "dataplane/policy.h"

static const char header[] =
	"proto\tvlan\torig_addr\torig_port\tresp_addr\tresp_port\tpackets_orig\tbytes_orig\tpackets_resp\tbytes_resp\t"
	"first_ns\tlast_ns\tstate\tverdict\trule\thandler\n";

static const struct handler handlers[] = {
	{ .name = "web", .id = 0 },
	{ .name = "rest", .id = 1 },
};

static struct flow_record web_flow(unsigned orig_end)
{
	struct flow_record record = {
		.hot = { .traffic = { { 3, 300 }, { 2, 2000 } }, .rule = 12, .handler = 0,
			 .state = FLOW_TCP_ESTABLISHED, .orig_end = orig_end },
		.cold = { .key = { .protocol = 6, .family = FAMILY_IP4 }, .id = 1 },
		.times = { .first = 1000, .last = 1500 },
	};
	unsigned resp_end = 1 - orig_end;
	record.cold.key.address[orig_end] = (struct ip_address){ { 192, 168, 1, 100 } };
	record.cold.key.port[orig_end] = rte_cpu_to_be_16(54321);
	record.cold.key.address[resp_end] = (struct ip_address){ { 203, 0, 113, 50 } };
	record.cold.key.port[resp_end] = rte_cpu_to_be_16(80);
	return record;
}

static void log_holds(const struct flow_record *records, unsigned count, const char *expected)
{
	char name[] = "/tmp/portier-test-flows-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	struct error error;
	struct flow_log *log = flow_log_open(name, handlers, 2, &error);
	assert_non_null(log);
	for (unsigned i = 0; i < count; i++)
		flow_log_add(log, &records[i], 1);
	assert_int_equal(flow_log_close(log, &error), 0);
	unlink(name);
	char text[8192];
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	assert_true(length >= (ssize_t)strlen(header));
	text[length] = '\0';
	assert_memory_equal(text, header, strlen(header));
	assert_string_equal(text + strlen(header), expected);
}

static void originator_comes_first_whichever_end_it_is(void **state)
{
	(void)state;
	char expected[512];
	snprintf(expected, sizeof(expected),
		"6\t-\t192.168.1.100\t54321\t203.0.113.50\t80\t3\t300\t2\t2000\t1000\t1500\t%s\taccept\t12\tweb\n",
		flow_state_name(FLOW_TCP_ESTABLISHED));
	for (unsigned orig_end = 0; orig_end <= 1; orig_end++) {
		struct flow_record record = web_flow(orig_end);
		log_holds(&record, 1, expected);
	}
}

static void vlan_default_policy_and_wide_addresses_are_printed(void **state)
{
	(void)state;
	struct flow_record record = {
		.hot = { .traffic = { { .packets = UINT64_MAX } }, .rule = RULE_DEFAULT, .handler = 1,
			 .state = FLOW_ICMP_UNREPLIED, .orig_end = 1 },
		.cold = { .key = { .protocol = 58, .family = FAMILY_IP6, .vlan = 0 }, .vlan = 4095, .id = 1 },
	};
	memset(record.cold.key.address, 0xff, sizeof(record.cold.key.address));
	char expected[512];
	snprintf(expected, sizeof(expected),
		"58\t4095\tffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\t0\tffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\t0\t"
		"18446744073709551615\t0\t0\t0\t0\t0\t%s\taccept\tdefault\trest\n",
		flow_state_name(FLOW_ICMP_UNREPLIED));
	log_holds(&record, 1, expected);
}

static void flows_are_in_the_order_in_which_they_were_opened(void **state)
{
	(void)state;
	struct flow_record records[500];
	char expected[8192] = "";
	for (unsigned i = 0; i < 50; i++) {
		records[i] = (struct flow_record){ .hot = { .rule = RULE_NONE, .handler = 200,
							    .state = FLOW_UDP_UNREPLIED },
						   .cold = { .key = { .protocol = 17, .family = FAMILY_IP4 } } };
		records[i].cold.id = 1 + i * 7 % 50;
		records[i].times.first = records[i].cold.id;
	}
	for (unsigned id = 1; id <= 50; id++)
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
			"17\t-\t0.0.0.0\t0\t0.0.0.0\t0\t0\t0\t0\t0\t%u\t0\t%s\taccept\t-\t-\n", id,
			flow_state_name(FLOW_UDP_UNREPLIED));
	log_holds(records, 50, expected);
}

static void no_flows_leave_the_header_alone(void **state)
{
	(void)state;
	log_holds(NULL, 0, "");
}

static void full_disk_is_told_at_the_end(void **state)
{
	(void)state;
	struct error error;
	struct flow_log *log = flow_log_open("/dev/full", handlers, 2, &error);
	struct flow_record record = web_flow(0);
	for (unsigned i = 0; i < 5000; i++)
		flow_log_add(log, &record, 1);
	assert_int_equal(flow_log_close(log, &error), -1);
	assert_string_equal(error.text, "/dev/full: cannot write: No space left on device");
}

static struct flow_record sized(uint64_t id, uint64_t orig, uint64_t resp)
{
	return (struct flow_record){ .hot = { .traffic = { { .bytes = orig }, { .bytes = resp } } }, .cold = { .id = id } };
}

static void largest_flows_are_kept_in_order(void **state)
{
	(void)state;
	struct flow_top top = { 0 };
	for (uint64_t id = 1; id <= 100; id++) {
		struct flow_record record = sized(id, id * 37 % 101, 1000);
		flow_top_add(&top, &record);
	}
	assert_int_equal(top.count, FLOW_TOP);
	for (unsigned i = 0; i < FLOW_TOP; i++)
		assert_int_equal(top.flow[i].hot.traffic[0].bytes, 100 - i);
}

static void equally_large_flows_are_in_the_order_of_their_ids_whatever_came_first(void **state)
{
	(void)state;
	for (unsigned step = 1; step < 13; step++) {
		struct flow_top top = { 0 };
		for (unsigned i = 0; i < 13; i++) {
			struct flow_record record = sized(1 + i * step % 13, 5, 5);
			flow_top_add(&top, &record);
		}
		for (unsigned i = 0; i < FLOW_TOP; i++)
			assert_int_equal(top.flow[i].cold.id, i + 1);
	}
}

static void fewer_flows_than_places_are_all_kept(void **state)
{
	(void)state;
	struct flow_top top = { 0 };
	struct flow_record small = sized(1, 1, 0), big = sized(2, 1, 1);
	flow_top_add(&top, &small);
	flow_top_add(&top, &big);
	assert_int_equal(top.count, 2);
	assert_int_equal(top.flow[0].cold.id, 2);
	assert_int_equal(top.flow[1].cold.id, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(originator_comes_first_whichever_end_it_is),
		cmocka_unit_test(vlan_default_policy_and_wide_addresses_are_printed),
		cmocka_unit_test(flows_are_in_the_order_in_which_they_were_opened),
		cmocka_unit_test(no_flows_leave_the_header_alone),
		cmocka_unit_test(full_disk_is_told_at_the_end),
		cmocka_unit_test(largest_flows_are_kept_in_order),
		cmocka_unit_test(equally_large_flows_are_in_the_order_of_their_ids_whatever_came_first),
		cmocka_unit_test(fewer_flows_than_places_are_all_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
