// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/policy_rules.h"
#include "control/rule_lint.h"
#include "dataplane/random.h"
#include "tests/unit/seconds.h"

enum { TEXT_MAX = 8192 };

struct looked {
	struct rule_list list;
	struct config config;
	bool has_config;
	struct lint lint;
};

static void look(struct looked *looked, const char *text, const char *yaml, size_t focus)
{
	struct error error = { "" };
	memset(looked, 0, sizeof(*looked));
	if (rule_list_parse("f", text, strlen(text), &looked->list, &error))
		fail_msg("%s\n%s", error.text, text);
	if (yaml) {
		looked->has_config = true;
		if (config_parse("c", yaml, strlen(yaml), &looked->config, &error))
			fail_msg("%s", error.text);
		for (size_t i = 0; i < looked->list.count; i++)
			policy_rules_resolve(looked->list.entry[i], &looked->config);
	}
	const struct lint_input input = { .entry = looked->list.entry, .count = looked->list.count,
		.default_verdict = looked->list.has_default ? looked->list.default_verdict : VERDICT_ACCEPT,
		.config = looked->has_config ? &looked->config : NULL, .focus = focus };
	assert_int_equal(rule_lint(&input, &looked->lint), 0);
}

static void let_go(struct looked *looked)
{
	rule_lint_free(&looked->lint);
	rule_list_free(&looked->list);
	if (looked->has_config)
		config_free(&looked->config);
}

// Rules of nft, one a line, in a table.
static const char *table_of(const char *policy, const char *rules)
{
	static char text[TEXT_MAX];
	snprintf(text, sizeof(text), "table inet t {\nchain c {\ntype filter hook input priority 0; policy %s;\n%s\n}\n}\n",
		policy, rules);
	return text;
}

// "shadowed 3 2, wide 4": kinds, and places of rules from 1.
static const char *summary(const struct lint *lint)
{
	static char text[TEXT_MAX];
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *finding = &lint->finding[i];
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "", lint_kind_name(finding->kind));
		if (finding->rule != LINT_NOWHERE)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %u", finding->rule + 1);
		if (finding->other != LINT_NOWHERE)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %u", finding->other + 1);
	}
	return text;
}

static void expect(const char *text, const char *yaml, const char *expected)
{
	struct looked looked;
	look(&looked, text, yaml, SIZE_MAX);
	const char *got = summary(&looked.lint);
	if (strcmp(got, expected) != 0)
		fail_msg("expected '%s', got '%s' of\n%s", expected, got, text);
	let_go(&looked);
}

static void what_stands_behind_drop_all_can_never_match(void **state)
{
	(void)state;
	struct looked looked;
	look(&looked, "iptables -A INPUT -j DROP\niptables -A INPUT -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT\n", NULL,
		SIZE_MAX);
	assert_string_equal(summary(&looked.lint), "shadowed 2 1");
	const char *text = looked.lint.finding[0].text;
	const char *const parts[] = { "f:2: ", "can never match", "dropped by f:1: ", "192.168.1.0/24", "22" };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strstr(text, parts[i]))
			fail_msg("'%s' is not in: %s", parts[i], text);
	let_go(&looked);
}

// Rules that can never match, over lists of nft with policy drop.
static void rules_that_can_never_match_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *expected;
	} cases[] = {
		{ "tcp dport 80 accept\ntcp dport 80 accept", "duplicate 2 1" },
		{ "tcp dport 80 accept\ntcp dport 80 counter accept", "duplicate 2 1" },
		{ "tcp dport 80 accept\ntcp dport 80 drop", "shadowed 2 1" },
		{ "tcp dport 80 drop\ntcp dport 80 reject", "shadowed 2 1" },
		{ "tcp dport { 80, 443 } accept\nip saddr 10.0.0.0/8 tcp dport 443 accept", "redundant 2 1" },
		{ "tcp dport 1-1023 drop\ntcp dport 22 accept", "shadowed 2 1" },
		{ "ip saddr 10.0.0.0/8 drop\nip saddr 10.1.2.0/24 accept", "shadowed 2 1" },
		{ "ip6 saddr 2001:db8::/32 drop\nip6 saddr 2001:db8:1::/48 tcp dport 22 accept", "shadowed 2 1" },
		// Covered by several, none of which would do alone.
		{ "tcp dport 1-100 drop\ntcp dport 101-200 drop\ntcp dport 50-150 accept", "shadowed 3 1" },
		{ "tcp dport 1-100 accept\ntcp dport 101-200 accept\ntcp dport 50-150 accept", "redundant 3 1" },
		{ "ip saddr 10.0.0.0/9 drop\nip saddr 10.128.0.0/9 drop\nip saddr 10.0.0.0/8 tcp dport 22 accept",
		  "shadowed 3 1" },
		{ "meta nfproto ipv4 drop\nmeta nfproto ipv6 drop\ntcp dport 22 accept", "shadowed 3 1" },
		{ "ct state established,related accept\nct state new drop\ntcp dport 22 accept", "shadowed 3 1" },
		{ "vlan id 0-2000 drop\nvlan id 2001-4095 drop\nvlan id 7 tcp dport 22 accept", "shadowed 3 1" },
		// A complement: all but one source, then that one.
		{ "ip saddr != 10.0.0.1 drop\nip saddr 10.0.0.1 drop\nip saddr 10.0.0.0/8 tcp dport 22 accept", "shadowed 3 1" },
		// The one rule that does it is named, not those that only help.
		{ "tcp dport 50-60 drop\ntcp dport 1-100 drop\ntcp dport 40-70 accept", "shadowed 3 2" },
		// Also rules that only count.
		{ "tcp dport 80 accept\ntcp dport 80 counter", "shadowed 2 1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct looked looked;
		look(&looked, table_of("drop", cases[i].rules), NULL, SIZE_MAX);
		const char *got = summary(&looked.lint);
		if (!strstr(got, cases[i].expected))
			fail_msg("expected '%s', got '%s' of\n%s", cases[i].expected, got, cases[i].rules);
		let_go(&looked);
	}
}

static void ordinary_lists_raise_no_alarm(void **state)
{
	(void)state;
	static const char *const lists[] = {
		// A web server's.
		("ct state established,related accept\nct state invalid drop\ntcp dport { 80, 443 } accept\n"
		 "ip saddr 192.168.1.0/24 tcp dport 22 accept\nicmp type echo-request limit rate 10/second accept\n"
		 "icmp type echo-request drop"),
		// Specific before general.
		("ip saddr 10.1.2.3 tcp dport 22 drop\nip saddr 10.1.2.0/24 tcp dport 22 accept\n"
		 "ip saddr 10.0.0.0/8 tcp dport 22 drop\ntcp dport 22 accept"),
		// A block list in front.
		"ip saddr { 198.51.100.0/24, 203.0.113.7 } drop\ntcp dport 80 accept\nudp dport 53 accept",
		// Neighbours.
		"tcp dport 1-79 drop\ntcp dport 80 accept\ntcp dport 81-100 drop\nudp dport 80 drop",
		// A limit lets the rest go on; a rule without a verdict takes nothing.
		"tcp dport 80 limit rate 10/second accept\ntcp dport 80 drop",
		"tcp dport 80 counter\ntcp dport 80 accept",
		// A last word for one family.
		"tcp dport 80 accept\nudp dport 53 accept\nmeta nfproto ipv4 drop",
		// Packets without ports get past rules for ports.
		"tcp dport 0-65535 drop\nmeta l4proto tcp ip saddr 10.0.0.0/8 counter accept",
		"ip saddr 10.0.0.0/8 tcp dport 80 accept\nip6 saddr 2001:db8::/32 tcp dport 80 drop",
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		expect(table_of("drop", lists[i]), NULL, "");
}

static void opposite_verdicts_on_shared_packets_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *expected;
	} cases[] = {
		{ "tcp dport 1000-2000 accept\ntcp dport 1500-2500 drop", "overlap 2 1" },
		{ "tcp dport 1000-2000 drop\ntcp dport 1500-2500 accept", "overlap 2 1" },
		{ "tcp dport { 80, 443 } accept\ntcp dport { 443, 8443 } reject", "overlap 2 1" },
		{ "ip saddr 10.0.0.0-10.0.1.7 drop\nip saddr 10.0.1.0-10.0.2.0 tcp dport 22 accept", "overlap 2 1" },
		// What is let in first is not dropped behind.
		{ "tcp dport 80 accept\nip saddr 10.0.0.0/8 drop", "overlap 2 1" },
		{ "tcp dport 80 accept\ntcp dport 22 accept\nip saddr 10.0.0.0/8 drop", "overlap 3 1" },
		// Both drop: nobody can tell the difference.
		{ "tcp dport 1000-2000 drop\ntcp dport 1500-2500 reject", "" },
		{ "tcp dport 1000-2000 accept\nudp dport 1500-2500 drop", "" },
		{ "ip saddr 10.0.0.0/8 tcp dport 1000-2000 accept\nip saddr 11.0.0.0/8 tcp dport 1500-2500 drop", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(table_of("drop", cases[i].rules), NULL, cases[i].expected);
}

static void ports_that_are_opened_widely_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *expected;
	} cases[] = {
		{ "tcp dport 32768-60999 accept", "wide 1" },
		{ "tcp dport 1024-65535 accept", "wide 1" },
		{ "meta l4proto tcp accept", "wide 1" },
		{ "accept", "wide 1" },
		{ "udp sport 53 accept", "wide 1" },
		{ "meta l4proto udp ip saddr 10.0.0.0/8 accept", "" },
		{ "tcp dport 40000-50000 accept", "" },
		{ "meta l4proto icmp accept", "" },
		{ "ct state established,related accept", "" },
		{ "tcp dport 1024-65535 drop", "" },
		// Closed before.
		{ "tcp dport 30000-65535 drop\nmeta l4proto tcp ip saddr 0.0.0.0/0 accept", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(table_of("drop", cases[i].rules), NULL, cases[i].expected);
}

static const char *const listening =
	"interfaces: [{name: wan0, device: net_null0}, {name: lan0, device: net_null1}]\n"
	"handlers: [{name: web, kind: count}]\nlisteners:\n"
	"- {protocol: tcp, address: 203.0.113.0/24, port: 80, handler: web}\n"
	"- {protocol: udp, port: 53, interface: lan0, handler: web}\n";

static void rules_are_held_against_listeners(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *rules, *expected;
	} cases[] = {
		{ "drop", "tcp dport 80 accept\nudp dport 53 accept", "" },
		{ "drop", "tcp dport 80 accept", "unreached" },
		{ "drop", "", "unreached, unreached" },
		{ "accept", "", "" },
		{ "accept", "udp dport 53 drop", "unreached" },
		{ "accept", "udp dport 53 iifname \"wan0\" drop", "" },
		{ "drop", "tcp dport 80 accept\nudp dport 53 iifname \"wan0\" accept", "unreached" },
		{ "drop", "ip daddr 203.0.113.7 tcp dport 80 accept\nudp dport 53 accept", "" },
		{ "drop", "ip daddr 203.0.114.7 tcp dport 80 accept\nudp dport 53 accept", "unreached" },
		{ "drop", "ct state established,related accept\nudp dport 53 accept", "unreached" },
		{ "drop", "ip saddr 10.0.0.0/8 tcp dport 80 accept\nudp dport 53 accept", "" },
		// Nobody listens.
		{ "drop", "tcp dport { 80, 443 } accept\nudp dport 53 accept", "no_listener 1" },
		{ "drop", "tcp dport 1-1023 accept\nudp dport 53 accept", "" },
		{ "drop", "tcp dport 80 accept\nudp dport 53 accept\ntcp dport 53 accept", "no_listener 3" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct looked looked;
		look(&looked, table_of(cases[i].policy, cases[i].rules), listening, SIZE_MAX);
		char got[TEXT_MAX] = "";
		for (size_t j = 0; j < looked.lint.count; j++) { // by rule: those without one are last
			const struct lint_finding *finding = &looked.lint.finding[j];
			if (finding->kind != LINT_UNREACHED && finding->kind != LINT_NO_LISTENER)
				continue;
			size_t used = strlen(got);
			snprintf(got + used, sizeof(got) - used, "%s%s", used ? ", " : "", lint_kind_name(finding->kind));
			used = strlen(got);
			if (finding->rule != LINT_NOWHERE)
				snprintf(got + used, sizeof(got) - used, " %u", finding->rule + 1);
		}
		if (strcmp(got, cases[i].expected) != 0)
			fail_msg("case %zu: expected '%s', got '%s' of\n%s", i, cases[i].expected, got, cases[i].rules);
		let_go(&looked);
	}
}

static void a_default_handler_takes_every_port(void **state)
{
	(void)state;
	expect(table_of("drop", "tcp dport 8080 accept"),
		"handlers: [{name: all, kind: count}]\ndefault_handler: all\n", "");
}

static void one_rule_of_many_is_looked_at_alone(void **state)
{
	(void)state;
	const char *text = table_of("drop", "tcp dport 80 accept\ntcp dport 80 drop\ntcp dport 443 accept\ntcp dport 443 drop");
	struct looked looked;
	look(&looked, text, NULL, 3);
	assert_string_equal(summary(&looked.lint), "shadowed 4 3");
	let_go(&looked);
	// What it does to others is its business too.
	look(&looked, text, NULL, 0);
	assert_string_equal(summary(&looked.lint), "shadowed 2 1");
	let_go(&looked);
}

static void findings_are_bounded_and_counted(void **state)
{
	(void)state;
	enum { RULES = 1000 };
	char *text = malloc(RULES * 64), *to = text;
	to += sprintf(to, "iptables -A INPUT -j DROP\n");
	for (unsigned i = 1; i < RULES; i++)
		to += sprintf(to, "iptables -A INPUT -p tcp --dport %u -j ACCEPT\n", i);
	struct looked looked;
	look(&looked, text, NULL, SIZE_MAX);
	assert_int_equal(looked.lint.found[LINT_SHADOWED], RULES - 1);
	assert_int_equal(looked.lint.count, LINT_KIND_MAX);
	assert_int_equal(looked.lint.left_out, RULES - 1 - LINT_KIND_MAX);
	let_go(&looked);
	free(text);
}

// Sources, destinations and ports mixed as in lists that have grown.
static double time_of(unsigned rules)
{
	char *text = malloc((size_t)rules * 128), *to = text;
	uint64_t state = 1;
	for (unsigned i = 0; i < rules; i++) {
		uint64_t random = random_next(&state);
		unsigned a = (unsigned)(random >> 40), b = (unsigned)(random >> 20), c = (unsigned)(random >> 52);
		to += sprintf(to, "-A INPUT -p %s", c % 3 ? "tcp" : "udp");
		if (c % 5)
			to += sprintf(to, " -s 10.%u.%u.0/%u", a >> 8 & 0xff, a & 0xff & ~3u, c % 7 ? 24 : 22);
		if (c % 4 || c % 5 == 0)
			to += sprintf(to, " -d 192.%u.%u.%u", b >> 16 & 0xff, b >> 8 & 0xff, b & 0xff);
		if (c % 11)
			to += sprintf(to, " --dport %u", (a ^ b) % 2000 + 1);
		to += sprintf(to, " -j %s\n", c % 2 ? "ACCEPT" : "DROP");
	}
	struct looked looked;
	struct error error = { "" };
	memset(&looked, 0, sizeof(looked));
	if (rule_list_parse("f", text, strlen(text), &looked.list, &error))
		fail_msg("%s", error.text);
	const struct lint_input input = { .entry = looked.list.entry, .count = looked.list.count,
		.default_verdict = VERDICT_DROP, .focus = SIZE_MAX };
	double started = seconds();
	assert_int_equal(rule_lint(&input, &looked.lint), 0);
	double took = seconds() - started;
	print_message("%u rules: %.0f ms, %zu findings\n", rules, took * 1e3, looked.lint.count + looked.lint.left_out);
	let_go(&looked);
	free(text);
	return took;
}

static void many_rules_are_looked_over_in_time(void **state)
{
	(void)state;
	assert_true(time_of(10000) < 2);
	assert_true(time_of(100000) < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_behind_drop_all_can_never_match),
		cmocka_unit_test(rules_that_can_never_match_are_found),
		cmocka_unit_test(ordinary_lists_raise_no_alarm),
		cmocka_unit_test(opposite_verdicts_on_shared_packets_are_told),
		cmocka_unit_test(ports_that_are_opened_widely_are_told),
		cmocka_unit_test(rules_are_held_against_listeners),
		cmocka_unit_test(a_default_handler_takes_every_port),
		cmocka_unit_test(one_rule_of_many_is_looked_at_alone),
		cmocka_unit_test(findings_are_bounded_and_counted),
		cmocka_unit_test(many_rules_are_looked_over_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
