// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a configuration that takes the place of another.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/whole_config.h"

static void listener_keeps_its_id_as_long_as_its_text(void **state)
{
	(void)state;
	static const char before[] = H "listeners: [{protocol: tcp, port: 80, handler: web}, "
		"{protocol: tcp, port: 81, handler: web}, {protocol: tcp, port: 82, handler: web}]\n";
	static const char after[] = H "listeners: [{protocol: tcp, port: 82, handler: web}, "
		"{protocol: udp, port: 81, handler: web}, {protocol: tcp, port: http, handler: web}]\n";
	struct config a, b;
	struct error error;
	assert_int_equal(parse(before, &a, &error), 0);
	assert_int_equal(parse(after, &b, &error), 0);
	uint32_t next = 0;
	struct listener *older = config_listeners(&a, NULL, 0, &next);
	struct listener *newer = config_listeners(&b, older, a.listener_count, &next);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(older[i].id, i);
	assert_int_equal(newer[0].id, 2);
	assert_int_equal(newer[1].id, 3); // not 1: its counters were another's
	assert_int_equal(newer[2].id, 0);
	free(older);
	free(newer);
	config_free(&a);
	config_free(&b);
}

// The whole configuration with one text in place of another.
static void parse_changed(const char *from, const char *to, struct config *config)
{
	char text[2 * sizeof(whole)];
	struct error error;
	const char *at = strstr(whole, from);
	if (!at)
		fail_msg("'%s' is not there", from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
	if (parse(text, config, &error) < 0)
		fail_msg("'%s': %s", to, error.text);
}

// What config_check_lasting says of a running whole configuration in which that has changed.
static int check_change(const char *from, const char *to, struct error *error)
{
	struct config running, fresh;
	assert_int_equal(parse(whole, &running, error), 0);
	parse_changed(from, to, &fresh);
	int result = config_check_lasting(&running, &fresh, error);
	config_free(&running);
	config_free(&fresh);
	return result;
}

static void what_lasts_until_a_restart_is_named_when_it_changes(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *error;
	} cases[] = {
		{ "queues: 3}", "queues: 4}", "etc/t.yaml:10:5: queues of interface 2 ('lan0') has changed: restart" },
		{ "name: wan0\n    device: \"0000:3b:00.0\"", "name: wan0\n    device: \"0000:3b:00.1\"",
			"etc/t.yaml:2:5: device of interface 1 ('wan0')" },
		{ "queues: auto", "queues: 1", "queues of interface 1" },
		{ "mtu: 9000", "mtu: 1500", "mtu of interface 1" },
		{ "promiscuous: false", "promiscuous: true", "promiscuous of interface 1" },
		{ "checksum: verify", "checksum: trust", "checksum of interface 1" },
		{ "rx_descriptors: 2048", "rx_descriptors: 1024", "rx_descriptors of interface 1" },
		{ "tx_descriptors: 512", "tx_descriptors: 1024", "tx_descriptors of interface 1" },
		{ "queues: 3}\n", "queues: 3}\n  - {name: c, device: d}\n", "number of interfaces has changed from 2 to 3" },
		{ "[2, 3, 5-7]", "[2, 3, 5-8]", "workers.cpus" },
		{ "[2, 3, 5-7]", "[2, 3, 5, 6, 8]", "workers.cpus" },
		{ "[2, 3, 5-7]", "5", "workers.cpus" },
		{ "control_cpus: [0]", "control_cpus: [1]", "workers.control_cpus" },
		{ "share_cpus: true", "spare_buffers: 7\n  share_cpus: true", "workers.spare_buffers" },
		{ "share_cpus: true", "share_cpus: false", "workers.share_cpus" },
		{ "share_cpus: true", "steering: device\n  share_cpus: true", "workers.steering" },
		{ "capacity: 1M", "capacity: 2M", "etc/t.yaml: flows.capacity has changed: restart portier for that" },
		{ "embryonic_percent: 25", "embryonic_percent: 26", "flows.embryonic_percent" },
		{ "fragments: 8K", "fragments: 4K", "flows.fragments" },
		{ "fragment_timeout: 60s", "fragment_timeout: 59s", "flows.fragment_timeout" },
		{ "vlan_in_key: true", "vlan_in_key: false", "flows.vlan_in_key" },
		{ "other_replied: 1500ms", "other_replied: 1501ms", "flows.timeouts" },
		{ "profile: lab", "profile: internet", "flows.timeouts" },
		{ "kind: count", "kind: reflect", "kind of handler 1 ('web')" },
		{ "uplink: wan0", "uplink: lan0", "uplink of handler 2 ('app')" },
		{ "mtu: 9000,\n", "mtu: 9001,\n", "mtu of handler 2" },
		{ "queues: 2,", "queues: 1,", "queues of handler 2" },
		{ "checksum: verify}", "checksum: ignore}", "checksum of handler 2" },
		{ "name: tap,", "name: tip,", "name of handler 3 ('tap')" },
		{ "device: net_tap1}", "device: net_tap2}", "device of handler 3 ('tap')" },
		{ "  - {name: tap, kind: device, device: net_tap1}\n", "", "number of handlers has changed from 3 to 2" },
		{ "truncated: drop", "truncated: steer", "policy.truncated" },
		{ "martians: accept", "martians: drop", "policy.martians" },
		{ "answers_per_second: 7", "answers_per_second: 8", "policy.answers_per_second" },
		{ "logs_per_second: 9", "logs_per_second: 8", "policy.logs_per_second" },
		{ "latency: 100", "latency: 101", "latency has changed" },
		{ "/tmp/p.sock", "/tmp/p.soc", "control.socket" },
		{ "\"512\"", "\"513\"", "eal" },
		{ "\"-m\", \"512\"", "\"-m\"", "eal" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct error error;
		if (check_change(cases[i].from, cases[i].to, &error) != -1 || !strstr(error.text, cases[i].error))
			fail_msg("'%s' to '%s': %s", cases[i].from, cases[i].to, error.text);
	}
}

static void what_a_reload_publishes_may_change(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{ "eal", "eal" },
		{ "port: https", "port: 444" },
		{ "  - {protocol: icmpv6, address: '2001:db8::/32', handler: web}\n", "" },
		{ "default_handler: web", "default_handler: app" },
		{ "rules: sub/portier.rules\n", "" },
		{ "tcp_pickup: strict", "tcp_pickup: loose" },
		{ "unbound: reject", "unbound: drop" },
		{ "fragments: steer", "fragments: drop" },
		{ "non_ip: default_handler", "non_ip: drop" },
		{ "state: packet", "state: flow" },
		{ "on_rule_change: keep", "on_rule_change: recheck" },
		{ "on_rule_change: keep", "on_rule_change: kill" },
		{ "workers:\n", "\n\nworkers:\n" }, // places are no values
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct error error;
		if (check_change(changes[i][0], changes[i][1], &error) != 0)
			fail_msg("'%s' to '%s': %s", changes[i][0], changes[i][1], error.text);
	}
}

static void ids_go_round_at_the_end(void **state)
{
	(void)state;
	static const char text[] = H "listeners: [{protocol: tcp, port: 80, handler: web}, "
		"{protocol: tcp, port: 81, handler: web}]\n";
	struct config c;
	struct error error;
	assert_int_equal(parse(text, &c, &error), 0);
	struct listener older = c.listeners[0].listener;
	older.id = FLOW_LISTENER_MAX - 1;
	uint32_t next = FLOW_LISTENER_MAX;
	struct listener *newer = config_listeners(&c, &older, 1, &next);
	assert_int_equal(newer[0].id, FLOW_LISTENER_MAX - 1);
	assert_int_equal(newer[1].id, 0);
	free(newer);
	config_free(&c);
}

// Else it would begin with another one's packets.
static void new_listener_gets_no_id_that_was_given_up_before(void **state)
{
	(void)state;
	static const char *const texts[] = {
		H "listeners: [{protocol: tcp, port: 80, handler: web}, {protocol: tcp, port: 81, handler: web}]\n",
		H "listeners: [{protocol: tcp, port: 80, handler: web}]\n",
		H "listeners: [{protocol: tcp, port: 80, handler: web}, {protocol: tcp, port: 82, handler: web}]\n",
	};
	struct listener *older = NULL;
	size_t older_count = 0;
	uint32_t next = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct config c;
		struct error error;
		assert_int_equal(parse(texts[i], &c, &error), 0);
		struct listener *newer = config_listeners(&c, older, older_count, &next);
		assert_int_equal(newer[0].id, 0);
		if (i != 1)
			assert_int_equal(newer[1].id, i == 0 ? 1 : 2);
		free(older);
		older = newer;
		older_count = c.listener_count;
		config_free(&c);
	}
	free(older);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_keeps_its_id_as_long_as_its_text),
		cmocka_unit_test(ids_go_round_at_the_end),
		cmocka_unit_test(new_listener_gets_no_id_that_was_given_up_before),
		cmocka_unit_test(what_lasts_until_a_restart_is_named_when_it_changes),
		cmocka_unit_test(what_a_reload_publishes_may_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
