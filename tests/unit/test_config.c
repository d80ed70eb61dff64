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

#include "control/config.h"
#include "dataplane/parse.h"

static const char whole[] =
	"interfaces:\n"
	"  - name: wan0\n"
	"    device: \"0000:3b:00.0\"\n"
	"    queues: auto\n"
	"    mtu: 9000\n"
	"    promiscuous: false\n"
	"    checksum: verify\n"
	"    rx_descriptors: 2048\n"
	"    tx_descriptors: 512\n"
	"  - {name: lan0, device: 'net_tap0,iface=x', queues: 3}\n"
	"workers:\n"
	"  cpus: [2, 3, 5-7]\n"
	"  control_cpus: [0]\n"
	"  share_cpus: true\n"
	"flows:\n"
	"  capacity: 1M\n"
	"  embryonic_percent: 25\n"
	"  fragments: 8K\n"
	"  fragment_timeout: 60s\n"
	"  vlan_in_key: true\n"
	"  timeouts: {tcp_established: 300s, profile: lab, udp_replied: 2m, other_replied: 1500ms}\n"
	"listeners:\n"
	"  - {handler: web, port: https, protocol: tcp, address: 203.0.113.0/24}\n"
	"  - {protocol: udp, port: 5000-5010, interface: lan0, vlan: 7, handler: app}\n"
	"  - {protocol: icmpv6, address: '2001:db8::/32', handler: web}\n"
	"handlers:\n"
	"  - name: web\n"
	"    kind: count\n"
	"  - {name: app, kind: device, device: 'net_memif0,role=server', uplink: wan0, mtu: 9000,\n"
	"     queues: 2, checksum: verify}\n"
	"  - {name: tap, kind: device, device: net_tap1}\n"
	"default_handler: web\n"
	"rules: sub/portier.rules\n"
	"policy:\n"
	"  tcp_pickup: strict\n"
	"  unbound: reject\n"
	"  fragments: steer\n"
	"  truncated: drop\n"
	"  martians: accept\n"
	"  non_ip: default_handler\n"
	"  state: packet\n"
	"  on_rule_change: keep\n"
	"  answers_per_second: 7\n"
	"  logs_per_second: 9\n"
	"latency: 100\n"
	"control:\n"
	"  socket: /tmp/p.sock\n"
	"eal: [\"--no-huge\", \"-m\", \"512\"]\n";

static int parse(const char *text, struct config *config, struct error *error)
{
	*error = (struct error){ "" };
	return config_parse("etc/t.yaml", text, strlen(text), config, error);
}

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

#define H "handlers: [{name: web, kind: count}]\n"
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
	struct listener *older = config_listeners(&a, NULL, 0);
	struct listener *newer = config_listeners(&b, older, a.listener_count);
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
		struct config running, fresh;
		struct error error = { "" };
		assert_int_equal(parse(whole, &running, &error), 0);
		parse_changed(cases[i].from, cases[i].to, &fresh);
		if (config_check_lasting(&running, &fresh, &error) != -1 || !strstr(error.text, cases[i].error))
			fail_msg("'%s' to '%s': %s", cases[i].from, cases[i].to, error.text);
		config_free(&running);
		config_free(&fresh);
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
		struct config running, fresh;
		struct error error = { "" };
		assert_int_equal(parse(whole, &running, &error), 0);
		parse_changed(changes[i][0], changes[i][1], &fresh);
		if (config_check_lasting(&running, &fresh, &error) != 0)
			fail_msg("'%s' to '%s': %s", changes[i][0], changes[i][1], error.text);
		config_free(&running);
		config_free(&fresh);
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
	struct listener *newer = config_listeners(&c, &older, 1);
	assert_int_equal(newer[0].id, FLOW_LISTENER_MAX - 1);
	assert_int_equal(newer[1].id, 0);
	free(newer);
	config_free(&c);
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
		cmocka_unit_test(listener_keeps_its_id_as_long_as_its_text),
		cmocka_unit_test(ids_go_round_at_the_end),
		cmocka_unit_test(what_lasts_until_a_restart_is_named_when_it_changes),
		cmocka_unit_test(what_a_reload_publishes_may_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
