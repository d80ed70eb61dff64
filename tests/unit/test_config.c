// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/whole_config.h"

static void every_value_of_the_whole_shape_arrives(void **state)
{
	(void)state;
	struct config c;
	struct error error;
	if (parse(whole, &c, &error) < 0)
		fail_msg("%s", error.text);
	assert_string_equal(c.file, "etc/t.yaml");
	assert_int_equal(c.interface_count, 2);
	assert_string_equal(c.interfaces[0].name, "wan0");
	assert_string_equal(c.interfaces[0].device, "0000:3b:00.0");
	assert_int_equal(c.interfaces[0].queues, 0);
	assert_int_equal(c.interfaces[0].mtu, 9000);
	assert_false(c.interfaces[0].promiscuous);
	assert_int_equal(c.interfaces[0].checksum, CHECKSUM_VERIFY);
	assert_int_equal(c.interfaces[0].rx_descriptors, 2048);
	assert_int_equal(c.interfaces[0].tx_descriptors, 512);
	assert_int_equal(c.interfaces[0].place.line, 2);
	assert_int_equal(c.interfaces[0].place.column, 5);
	assert_int_equal(c.interfaces[1].queues, 3);
	assert_true(c.interfaces[1].promiscuous);
	assert_int_equal(c.interfaces[1].place.line, 10);

	static const uint16_t cpus[] = { 2, 3, 5, 6, 7 };
	assert_int_equal(c.worker_cpu_count, 5);
	assert_memory_equal(c.worker_cpus, cpus, sizeof(cpus));
	assert_int_equal(c.control_cpu_count, 1);
	assert_int_equal(c.control_cpus[0], 0);
	assert_true(c.share_cpus);

	assert_int_equal(c.flow_capacity, 1 << 20);
	assert_int_equal(c.embryonic_percent, 25);
	assert_int_equal(c.fragment_capacity, 8192);
	assert_int_equal(c.fragment_timeout_ms, 60000);
	assert_true(c.vlan_in_key);
	assert_string_equal(c.profile, "lab");
	assert_int_equal(c.timeout_ms[FLOW_TCP_ESTABLISHED], 300000);
	assert_int_equal(c.timeout_ms[FLOW_TCP_SYN_SENT], 5000);
	assert_int_equal(c.timeout_ms[FLOW_UDP_REPLIED], 120000);
	assert_int_equal(c.timeout_ms[FLOW_OTHER_REPLIED], 1500);

	assert_int_equal(c.handler_count, 3);
	assert_string_equal(c.handlers[1].kind, "device");
	assert_string_equal(c.handlers[1].device, "net_memif0,role=server");
	assert_string_equal(c.handlers[1].uplink, "wan0");
	assert_int_equal(c.handlers[1].mtu, 9000);
	assert_int_equal(c.handlers[1].queues, 2);
	assert_int_equal(c.handlers[1].checksum, CHECKSUM_VERIFY);
	assert_int_equal(c.handlers[2].mtu, 0);
	assert_int_equal(c.handlers[2].queues, 0);
	assert_int_equal(c.handlers[2].checksum, CHECKSUM_IGNORE);
	assert_int_equal(c.default_handler, 0);

	assert_int_equal(c.listener_count, 3);
	const struct listener *l = &c.listeners[0].listener;
	assert_int_equal(l->protocol, 6);
	assert_int_equal(l->family, FAMILY_IP4);
	assert_int_equal(l->prefix, 24);
	assert_int_equal(l->port_low, 443);
	assert_int_equal(l->port_high, 443);
	assert_int_equal(l->handler, 0);
	assert_int_equal(l->interface, LISTENER_ANY_INTERFACE);
	assert_int_equal(l->vlan, LISTENER_ANY_VLAN);
	assert_int_equal(c.listeners[0].place.line, 23);
	l = &c.listeners[1].listener;
	assert_int_equal(l->family, FAMILY_NONE);
	assert_int_equal(l->port_low, 5000);
	assert_int_equal(l->port_high, 5010);
	assert_int_equal(l->interface, 1);
	assert_int_equal(l->vlan, 7);
	assert_int_equal(l->handler, 1);
	l = &c.listeners[2].listener;
	assert_int_equal(l->protocol, 58);
	assert_int_equal(l->port_low, 0);
	assert_int_equal(l->port_high, 65535);

	assert_string_equal(c.rules_file, "etc/sub/portier.rules");
	assert_true(c.tcp_pickup_strict);
	assert_int_equal(c.unbound, VERDICT_REJECT);
	assert_true(c.fragments_steer);
	assert_int_equal(c.truncated, TRUNCATED_DROP);
	assert_false(c.martians_drop);
	assert_true(c.non_ip_pass);
	assert_true(c.state_packet);
	assert_int_equal(c.on_rule_change, RULE_CHANGE_KEEP);
	assert_int_equal(c.answers_per_second, 7);
	assert_int_equal(c.logs_per_second, 9);
	assert_int_equal(c.latency, 100);
	assert_string_equal(c.socket_path, "/tmp/p.sock");
	assert_int_equal(c.eal_count, 3);
	assert_string_equal(c.eal[2], "512");
	config_free(&c);
}

static void defaults_hold_where_nothing_is_said(void **state)
{
	(void)state;
	struct config c;
	struct error error;
	assert_int_equal(parse("handlers: [{name: a, kind: drop}]\n", &c, &error), 0);
	assert_int_equal(c.default_handler, HANDLER_NONE);
	assert_string_equal(c.profile, "internet");
	assert_int_equal(c.timeout_ms[FLOW_TCP_ESTABLISHED], (2 * 60 + 4) * 60 * 1000);
	assert_int_equal(c.timeout_ms[FLOW_TCP_SYN_SENT], 4 * 60 * 1000);
	assert_int_equal(c.unbound, VERDICT_DROP);
	assert_true(c.martians_drop);
	assert_false(c.tcp_pickup_strict);
	assert_int_equal(c.truncated, TRUNCATED_AUTO);
	assert_string_equal(c.rules_file, "");
	assert_null(c.worker_cpus);
	assert_int_equal(c.worker_cpu_count, 0);
	config_free(&c);
}

static void both_profiles_give_every_state_a_timeout(void **state)
{
	(void)state;
	static const char *const texts[] = { "flows: {timeouts: lab}\n", "flows: {timeouts: internet}\n" };
	for (size_t i = 0; i < 2; i++) {
		struct config c;
		struct error error;
		assert_int_equal(parse(texts[i], &c, &error), 0);
		for (unsigned s = 0; s < FLOW_STATES; s++)
			assert_true(c.timeout_ms[s] >= 1000);
		config_free(&c);
	}
}

static void built_in_default_counts_all_flows(void **state)
{
	(void)state;
	struct config c;
	struct error error;
	assert_int_equal(config_default(&c, &error), 0);
	assert_string_equal(c.file, "");
	assert_int_equal(c.handler_count, 1);
	assert_string_equal(c.handlers[0].name, "flows");
	assert_string_equal(c.handlers[0].kind, "count");
	assert_int_equal(c.default_handler, 0);
	assert_int_equal(c.flow_capacity, 262144);
	assert_string_equal(c.profile, "internet");
	assert_string_equal(c.rules_file, "");
	config_free(&c);
}

struct bad {
	const char *text;
	const char *place;    // "line:column"
	const char *contains; // of the message
};

#define I "interfaces: [{name: wan0, device: net_null0}]\n"

static const struct bad bads[] = {
	{ "", "1:1", "empty" },
	{ "# nothing\n", "1:1", "empty" },
	{ "---\n", "2:1", "expected the configuration: a mapping" },
	{ "hello\n", "1:1", "'hello' stands here, expected the configuration: a mapping" },
	{ "- a\n", "1:1", "a list stands here" },
	{ "listners: []\n", "1:1", "unknown key 'listners' in the configuration, did you mean 'listeners'?" },
	{ "zzz: 1\n", "1:1", "expected one of: interfaces, workers" },
	{ "? [a]\n: 1\n", "1:3", "unknown key a list" },
	{ "rules: a\nrules: b\n", "2:1", "'rules' stands in the configuration a second time, expected it once (the "
		"first is on line 1)" },
	{ "\"rules\\0x\": a\n", "1:1", "unknown key" },
	{ "flows:\n\tcapacity: 1\n", "2:1", "a tab stands here" },
	{ "flows: [\n", "2:1", "this is not YAML" },
	{ "flows: {capacity: 1\nrules: x\n", "2:", "this is not YAML" },
	{ "rules: \"a\xff\"\n", "1:10", "UTF-8" },
	{ "rules: a\x01\n", "1:9", "expected YAML" },
	{ "rules: \"a\\u0001\"\n", "1:8", "control character" },
	{ "rules: \"a\\0b\"\n", "1:8", "control character" },
	{ "rules:\n", "1:7", "nothing stands here" },
	{ "rules: a\n---\nrules: b\n", "2:1", "a second document" },
	{ "rules: &a x\n", "1:8", "an anchor (&)" },
	{ "eal: [&a x, *a]\n", "1:7", "an anchor (&)" },
	{ "eal: [*a]\n", "1:7", "an alias (*)" },
	{ "rules: !!str x\n", "1:8", "a tag (!)" },
	{ "eal: [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]\n", "1:21", "nested too deep" },
	{ "interfaces: {}\n", "1:13", "a mapping stands here, expected a list of interfaces" },
	{ "interfaces: [{name: a}]\n", "1:14", "'device' is missing in an interface" },
	{ "interfaces: [{device: a}]\n", "1:14", "'name' is missing" },
	{ "interfaces: [{name: 'a b', device: d}]\n", "1:21", "expected a name" },
	{ "interfaces: [{name: -a, device: d}]\n", "1:21", "expected a name" },
	{ "interfaces: [{name: abcdefghijklmnopqrstuvwxyzabcdef, device: d}]\n", "1:21", "at most 31" },
	{ "interfaces: [{name: a, device: d}, {name: a, device: e}]\n", "1:36", "a second interface is called 'a'" },
	{ "interfaces: [{name: a, device: 'd,x=1'}, {name: b, device: 'd,x=2'}]\n", "1:60", "device of interface 'a'" },
	{ "interfaces: [{name: a, device: d, queues: 0}]\n", "1:43", "auto or a whole number from 1 to 64" },
	{ "interfaces: [{name: a, device: d, queues: many}]\n", "1:43", "'many' stands for 'queues'" },
	{ "interfaces: [{name: a, device: d, mtu: -1}]\n", "1:40", "whole number" },
	{ "interfaces: [{name: a, device: d, mtu: 99999999999999999999999}]\n", "1:40", "whole number" },
	{ "interfaces: [{name: a, device: d, mtu: '1500'}]\n", "1:40", "text in quotes" },
	{ "interfaces: [{name: a, device: d, mtu: 01500}]\n", "1:40", "whole number" },
	{ "interfaces: [{name: a, device: d, mtu: [1]}]\n", "1:40", "a list stands here" },
	{ "interfaces: [{name: a, device: d, promiscuous: yes}]\n", "1:48", "expected true or false" },
	{ "interfaces: [{name: a, device: d, checksum: verfy}]\n", "1:45",
		"expected trust | verify | ignore (did you mean 'verify'?)" },
	{ "workers: {cpus: 0}\n", "1:17", "from 1 to 64" },
	{ "workers: {cpus: 1-3}\n", "1:17", "expected auto, a number of workers, or a list" },
	{ "workers: {cpus: []}\n", "1:17", "the list is empty" },
	{ "workers: {cpus: [1, 1]}\n", "1:21", "each once" },
	{ "workers: {cpus: [3-1]}\n", "1:18", "a range such as 5-7" },
	{ "workers: {cpus: [99999]}\n", "1:18", "below 1024" },
	{ "workers: {cpus: [0-99]}\n", "1:17", "at most 64 workers" },
	{ "workers: {control_cpus: 1}\n", "1:25", "expected a list of CPUs" },
	{ "workers: {share_cpu: true}\n", "1:11", "did you mean 'share_cpus'?" },
	{ "flows: {capacity: 0}\n", "1:19", "from 1 to" },
	{ "flows: {capacity: 1G}\n", "1:19", "64K or 1M" },
	{ "flows: {capacity: 18446744073709551615M}\n", "1:19", "64K or 1M" },
	{ "flows: {embryonic_percent: 101}\n", "1:28", "from 1 to 100" },
	{ "flows: {fragment_timeout: 30}\n", "1:27", "a duration with its unit" },
	{ "flows: {timeouts: wan}\n", "1:19", "expected lab | internet" },
	{ "flows: {timeouts: {tcp_synsent: 1s}}\n", "1:20", "did you mean 'tcp_syn_sent'?" },
	{ "flows: {timeouts: {udp_replied: 0s}}\n", "1:33", "a duration" },
	{ "handlers: [{name: a, kind: cuont}]\n", "1:28", "did you mean 'count'?" },
	{ "handlers: [{name: a, kind: device}]\n", "1:12", "'device' is missing in handler 'a'" },
	{ "handlers: [{name: a, kind: count, device: x}]\n", "1:12", "expected none" },
	{ "handlers: [{name: a, kind: count, mtu: 1500}]\n", "1:12", "expected none" },
	{ "handlers: [{name: a, kind: count, queues: 1}]\n", "1:12", "expected none" },
	{ "handlers: [{name: a, kind: drop, checksum: ignore}]\n", "1:12", "expected none" },
	{ "handlers: [{name: a, kind: device, device: x, mtu: 65001}]\n", "1:52", "to 65000" },
	{ "handlers: [{name: a, kind: device, device: x, uplink: w}]\n", "1:55", "there is no interface 'w'" },
	{ "handlers: [{name: none, kind: count}]\n", "1:12", "another name" },
	{ "handlers:\n  - {name: a, kind: count}\n  - {name: a, kind: drop}\n", "3:5", "a second handler is called 'a'" },
	{ I "handlers: [{name: a, kind: device, device: net_null0}]\n", "2:44", "device of interface 'wan0'" },
	{ H "default_handler: wbe\n", "2:18", "no handler 'wbe', expected" },
	{ H "default_handler: webb\n", "2:18", "no handler 'webb', did you mean 'web'?" },
	{ H "listeners: [{protocol: tcp, port: 70000, handler: web}]\n", "2:35", "70000" },
	{ H "listeners: [{protocol: tcp, port: htps, handler: web}]\n", "2:35", "htps" },
	{ H "listeners: [{protocol: tcp, port: 9-8, handler: web}]\n", "2:35", "9-8" },
	{ H "listeners: [{protocol: tpc, handler: web}]\n", "2:24", "'tpc' stands for 'protocol'" },
	{ H "listeners: [{protocol: 256, handler: web}]\n", "2:24", "up to 255" },
	{ H "listeners: [{port: 80, handler: web}]\n", "2:13", "'protocol' is missing" },
	{ H "listeners: [{protocol: tcp, port: 80}]\n", "2:13", "'handler' is missing" },
	{ H "listeners: [{protocol: tcp, handler: wbx}]\n", "2:38", "no handler 'wbx'" },
	{ H "listeners: [{protocol: tcp, interface: wan0, handler: web}]\n", "2:40", "no interface 'wan0'" },
	{ H "listeners: [{protocol: tcp, vlan: 4095, handler: web}]\n", "2:35", "from 0 to 4094" },
	{ H "listeners: [{protocol: tcp, address: 1.2.3, handler: web}]\n", "2:38", "expected an address or prefix" },
	{ H "listeners: [{protocol: tcp, address: 1.2.3.4/24, handler: web}]\n", "2:38", "bits behind the prefix" },
	{ H "listeners: [{protocol: tcp, address: 1.2.3.4/33, handler: web}]\n", "2:38", "prefix length" },
	{ H "listeners: [{protocol: gre, port: 80, handler: web}]\n", "2:", "'" },
	{ H "listeners: [{protocol: 47, port: 80, handler: web}]\n", "2:34", "protocol without ports" },
	{ H "listeners:\n  - {protocol: tcp, port: 80, handler: web}\n  - {protocol: udp, port: 80, handler: web}\n"
	  "  - {protocol: tcp, port: http, handler: web}\n", "5:5", "listener tcp any port 80 (http) ties with tcp any port 80 (http) at etc/t.yaml:3:5" },
	{ "policy: {unbound: accept}\n", "1:19", "expected drop | reject" },
	{ H "policy: {non_ip: default_handler}\n", "2:18", "there is no default handler" },
	{ H "policy: {non_ip: default_handler}\ndefault_handler: none\n", "2:18", "there is no default handler" },
	{ "policy: {answers_per_second: lots}\n", "1:30", "expected a number" },
	{ "policy: {state: stateless}\n", "1:17", "expected flow | packet" },
	{ "policy: {on_rule_change: end}\n", "1:26", "expected recheck | keep | kill" },
	{ "control: {socket: /0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
	  "1234567890123456789}\n", "1:19", "at most 107 bytes" },
	{ "eal: --no-huge\n", "1:6", "a list of EAL arguments" },
	{ "eal: [[x]]\n", "1:7", "a list stands here" },
};

static void mistakes_are_named_with_their_place(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		struct config c;
		struct error error;
		char start[64];
		snprintf(start, sizeof(start), "etc/t.yaml:%s", bads[i].place);
		int result = parse(bads[i].text, &c, &error);
		if (result == -1 && strncmp(error.text, start, strlen(start)) == 0 &&
			strstr(error.text, bads[i].contains))
			continue;
		print_error("%s\n  said: %s\n  expected at %s: %s\n", bads[i].text, error.text, bads[i].place,
			bads[i].contains);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void every_cut_of_a_good_file_is_read_or_refused_without_harm(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		struct config c;
		struct error error = { "" };
		char *cut = malloc(length + 1); // exact, so that the sanitizer sees reads behind it
		memcpy(cut, whole, length);
		if (config_parse("cut", cut, length, &c, &error) == 0)
			config_free(&c);
		else
			assert_true(strncmp(error.text, "cut:", 4) == 0);
		free(cut);
	}
}

static void error_may_be_null(void **state)
{
	(void)state;
	struct config c;
	assert_int_equal(config_parse("f", "x", 1, &c, NULL), -1);
	assert_int_equal(config_load("/nonexistent", &c, NULL), -1);
}

static void missing_and_unreadable_files_say_so(void **state)
{
	(void)state;
	struct config c;
	struct error error;
	assert_int_equal(config_load("/nonexistent/p.yaml", &c, &error), -1);
	assert_non_null(strstr(error.text, "/nonexistent/p.yaml: can't be opened: No such file"));
	assert_int_equal(config_load("/", &c, &error), -1);
	assert_non_null(strstr(error.text, "can't be read: Is a directory"));
}

static void rules_path_starts_at_the_files_folder(void **state)
{
	(void)state;
	static const struct {
		const char *file, *text, *path;
	} cases[] = {
		{ "p.yaml", "rules: a.rules\n", "a.rules" },
		{ "/etc/portier/p.yaml", "rules: a.rules\n", "/etc/portier/a.rules" },
		{ "/p.yaml", "rules: a.rules\n", "/a.rules" },
		{ "/etc/p.yaml", "rules: /srv/a.rules\n", "/srv/a.rules" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c;
		struct error error;
		assert_int_equal(config_parse(cases[i].file, cases[i].text, strlen(cases[i].text), &c, &error), 0);
		assert_string_equal(c.rules_file, cases[i].path);
		config_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_the_whole_shape_arrives),
		cmocka_unit_test(defaults_hold_where_nothing_is_said),
		cmocka_unit_test(both_profiles_give_every_state_a_timeout),
		cmocka_unit_test(built_in_default_counts_all_flows),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(every_cut_of_a_good_file_is_read_or_refused_without_harm),
		cmocka_unit_test(error_may_be_null),
		cmocka_unit_test(missing_and_unreadable_files_say_so),
		cmocka_unit_test(rules_path_starts_at_the_files_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
