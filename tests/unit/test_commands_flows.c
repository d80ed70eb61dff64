// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/address.h"
#include "control/stats.h"
#include "tests/unit/ask_commands.h"

// A flow of the worker's table from a to b.
static void add_flow(struct fake_runtime *fake, unsigned worker, uint8_t protocol, const char *a, uint16_t a_port,
		     const char *b, uint16_t b_port, enum flow_state flow_state)
{
	struct flow_table_params params = { .capacity = 64, .socket = -1, .secret = { { 1, 2, 3, 4, 5, 6, 7, 8 } } };
	struct flow_table **table = &fake->workers[worker].flows;
	if (!*table)
		*table = flow_table_create(&params);
	struct prefix from, to;
	assert_int_equal(prefix_parse(a, &from), 0);
	assert_int_equal(prefix_parse(b, &to), 0);
	struct flow_key key = { .address = { from.address, to.address }, .protocol = protocol, .family = from.family,
				.port = { rte_cpu_to_be_16(a_port), rte_cpu_to_be_16(b_port) } };
	unsigned source = flow_key_canonicalise(&key);
	uint32_t index = flow_table_insert(*table, &key);
	assert_int_not_equal(index, FLOW_NONE);
	struct flow *flow = flow_table_flow(*table, index);
	flow->orig_end = source & 1;
	flow->state = flow_state;
	flow->handler = worker;
	flow->traffic[FLOW_ORIG].packets = 3;
	flow->rule = worker ? RULE_NONE : RULE_DEFAULT;
	flow->listener = LISTENER_NONE;
	counter_add(&fake->runtime.workers[worker]->counters.flows_by_state[flow_state], 1);
}

static void fill_flows(struct fake_runtime *fake)
{
	add_flow(fake, 0, 6, "192.168.1.100", 54321, "203.0.113.50", 443, FLOW_TCP_ESTABLISHED);
	add_flow(fake, 0, 6, "203.0.113.99", 40000, "192.168.1.1", 22, FLOW_TCP_SYN_SENT);
	add_flow(fake, 0, 17, "10.1.2.3", 5000, "10.9.9.9", 53, FLOW_UDP_REPLIED);
	add_flow(fake, 1, 6, "2001:db8::1", 50000, "2001:db8:1::2", 80, FLOW_TCP_ESTABLISHED);
	add_flow(fake, 1, 17, "2001:db8::1", 50000, "2001:db8:1::2", 443, FLOW_UDP_UNREPLIED);
}

static void flows_show_who_opened_them(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	json_t *result = result_of(fake, "flows", "{\"filter\":\"port ssh\"}");
	const json_t *flow = json_array_get(json_object_get(result, "flows"), 0);
	assert_string_equal(text_at(flow, "proto"), "tcp");
	assert_string_equal(text_at(flow, "orig_addr"), "203.0.113.99");
	assert_int_equal(number_at(flow, "orig_port"), 40000);
	assert_string_equal(text_at(flow, "resp_addr"), "192.168.1.1");
	assert_int_equal(number_at(flow, "resp_port"), 22);
	assert_string_equal(text_at(flow, "service"), "ssh");
	assert_string_equal(text_at(flow, "state"), "SYN_SENT");
	assert_string_equal(text_at(flow, "handler"), "web");
	assert_string_equal(text_at(flow, "rule"), "default");
	assert_int_equal(number_at(flow, "packets_orig"), 3);
	assert_true(json_is_null(json_object_get(flow, "listener")));
	json_decref(result);
}

static void flow_filters_choose(void **state)
{
	static const struct {
		const char *filter;
		size_t count;
		bool more;
	} cases[] = {
		{ "", 5, false },
		{ "tcp", 3, false },
		{ "UDP", 2, false },
		{ "proto 17", 2, false },
		{ "icmp", 0, false },
		{ "443", 2, false },
		{ "tcp 443", 1, false },
		{ "tcp https", 1, false },
		{ "https", 2, false },
		{ "port 50000-54321", 3, false },
		{ "10.0.0.0/8", 1, false },
		{ "addr 192.168.0.0/16", 2, false },
		{ "192.168.1.1", 1, false },
		{ "203.0.113.48/29", 1, false },
		{ "2001:db8:1::/48", 2, false },
		{ "2001:db8:2::/48", 0, false },
		{ "any", 5, false },
		{ "state established", 2, false },
		{ "state UNREPLIED", 1, false },
		{ "handler rest", 2, false },
		{ "limit 4", 4, true },
		{ "limit 5", 5, false },
		{ "  tcp\t2001:db8::/32   port 80 ", 1, false },
	};
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *arguments = json_pack("{s:s}", "filter", cases[i].filter);
		char *text = json_dumps(arguments, 0);
		json_t *result = result_of(fake, "flows", text);
		if (json_array_size(json_object_get(result, "flows")) != cases[i].count)
			fail_msg("'%s': %zu flows", cases[i].filter,
				 json_array_size(json_object_get(result, "flows")));
		assert_int_equal(json_is_true(json_object_get(result, "more")), cases[i].more);
		json_decref(result);
		json_decref(arguments);
		free(text);
	}
}

static void flow_filters_that_make_no_sense_are_refused(void **state)
{
	static const char *const filters[] = { "port", "port 70000", "port nosuchservice", "10.0.0.1/8", "10.0.0.0/40",
		"1.2.3", "state SLEEPING", "handler nobody", "limit 0", "limit -1", "limit 1x", "proto nosuch", "limit",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char request[512];
		snprintf(request, sizeof(request), "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filter\":\"%s\"}}",
			 filters[i]);
		assert_refused(fake_of(state), request, "");
	}
}

static void flow_counts_tell_states_apart(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	json_t *flows = stats_flows(&fake->runtime);
	const json_t *by_state = json_object_get(flows, "by_state");
	assert_int_equal(number_at(flows, "live"), 5);
	assert_int_equal(number_at(json_object_get(by_state, "tcp"), "ESTABLISHED"), 2);
	assert_int_equal(number_at(json_object_get(by_state, "udp"), "UNREPLIED"), 1);
	assert_null(json_object_get(json_object_get(by_state, "icmp"), "UNREPLIED"));
	json_decref(flows);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_show_who_opened_them),
		cmocka_unit_test(flow_filters_choose),
		cmocka_unit_test(flow_filters_that_make_no_sense_are_refused),
		cmocka_unit_test(flow_counts_tell_states_apart),
	};
	give_each_a_runtime(tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
