// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "control/rule_nft.h"
#include "control/rule_print.h"
#include "tests/unit/rule_describe.h"
#include "tests/unit/seconds.h"

enum { TEXT_MAX = 8192 };

// One rule of a table of family inet, and what it means (rule_describe.h).
static const struct {
	const char *text;
	const char *means;
} rules[] = {
	{ "accept", "46 accept" },
	{ "drop", "46 drop" },
	{ "counter", "46 none" },
	{ "counter packets 5 bytes 7 drop", "46 drop" },
	{ "tcp dport 80 accept", "46 proto{6,} dport{80,} accept" },
	{ "tcp dport == 80 accept", "46 proto{6,} dport{80,} accept" },
	{ "tcp dport http accept", "46 proto{6,} dport{80,} accept" },
	{ "tcp dport \"http\" accept", "46 proto{6,} dport{80,} accept" },
	{ "tcp dport 0x50 accept", "46 proto{6,} dport{80,} accept" },
	{ "tcp dport (80) accept", "46 proto{6,} dport{80,} accept" },
	{ "udp sport domain accept", "46 proto{17,} sport{53,} accept" },
	{ "tcp dport != 80 drop", "46 proto{6,} dport{0-79,81-65535,} drop" },
	{ "tcp dport 80-90 drop", "46 proto{6,} dport{80-90,} drop" },
	{ "tcp dport http - https drop", "46 proto{6,} dport{80-443,} drop" },
	{ "tcp dport != 80-90 drop", "46 proto{6,} dport{0-79,91-65535,} drop" },
	{ "tcp dport < 80 drop", "46 proto{6,} dport{0-79,} drop" },
	{ "tcp dport < 0 drop", "46 proto{6,} dport{} drop" },
	{ "tcp dport >= 80 drop", "46 proto{6,} dport{80-65535,} drop" },
	{ "tcp dport gt 65535 drop", "46 proto{6,} dport{} drop" },
	{ "tcp dport { 443, 80, 81, 80 } drop", "46 proto{6,} dport{80-81,443,} drop" },
	{ "tcp dport { 80-90, 85-95 } drop", "46 proto{6,} dport{80-95,} drop" },
	{ "tcp dport { { 80, 90 }, 100, } drop", "46 proto{6,} dport{80,90,100,} drop" },
	{ "tcp dport != { 0-1023, 8080 } drop", "46 proto{6,} dport{1024-8079,8081-65535,} drop" },
	{ "tcp dport { 80 comment \"web\" } drop", "46 proto{6,} dport{80,} drop" },
	{ "tcp dport 80-90 tcp dport != 85 drop", "46 proto{6,} dport{80-84,86-90,} drop" },
	{ "tcp dport 80 tcp dport 90 drop", "46 proto{6,} dport{} drop" },
	{ "sctp dport 5 drop", "46 proto{132,} dport{5,} drop" },
	{ "dccp dport 5 drop", "46 proto{33,} dport{5,} drop" },
	{ "udplite dport 5 drop", "46 proto{136,} dport{5,} drop" },
	{ "th dport 53 drop", "46 dport{53,} drop" },
	{ "meta l4proto { tcp, udp } th dport 53 drop", "46 proto{6,17,} dport{53,} drop" },
	{ "meta l4proto tcp drop", "46 proto{6,} drop" },
	{ "meta l4proto != tcp drop", "46 proto{0-5,7-255,} drop" },
	{ "meta l4proto ipip drop", "46 proto{94,} drop" },
	{ "meta l4proto tcp meta l4proto udp tcp sport 5 drop", NULL },
	{ "meta l4proto tcp meta l4proto udp drop", "46 proto{} drop" },
	{ "meta l4proto != tcp tcp dport 80 drop", "46 proto{} drop" },
	{ "ip protocol tcp drop", "4 proto{6,} drop" },
	{ "ip6 nexthdr tcp drop", "6 next{6,} drop" },
	{ "ip6 nexthdr tcp tcp dport 80 drop", "6 proto{6,} next{6,} dport{80,} drop" },
	{ "meta nfproto ipv4 drop", "4 drop" },
	{ "meta nfproto != ipv4 drop", "6 drop" },
	{ "meta nfproto { ipv4, ipv6 } drop", "46 drop" },
	{ "ip saddr 10.0.0.0/8 drop", "4 src{10.0.0.0-10.255.255.255,} drop" },
	{ "ip saddr 10.1.2.3/8 drop", "4 src{10.0.0.0-10.255.255.255,} drop" },
	{ "ip daddr 10.0.0.1 drop", "4 dst{10.0.0.1-10.0.0.1,} drop" },
	{ "ip saddr 10.0.0.5-10.0.0.9 drop", "4 src{10.0.0.5-10.0.0.9,} drop" },
	{ "ip saddr != 10.0.0.1 drop", "4 src{0.0.0.0-10.0.0.0,10.0.0.2-255.255.255.255,} drop" },
	{ "ip saddr > 255.255.255.255 drop", "4 src{} drop" },
	{ "ip saddr <= 10.0.0.1 drop", "4 src{0.0.0.0-10.0.0.1,} drop" },
	{ "ip saddr < 10.0.0.0 drop", "4 src{0.0.0.0-9.255.255.255,} drop" },
	{ "ip saddr { 10.0.0.0/8, 10.1.0.0/16, 1.1.1.1 } drop", "4 src{1.1.1.1-1.1.1.1,10.0.0.0-10.255.255.255,} drop" },
	{ "ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 drop",
	  "4 src{10.0.0.0-10.0.255.255,10.2.0.0-10.255.255.255,} drop" },
	{ "ip6 saddr 2001:DB8::/32 drop", "6 src{2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,} drop" },
	{ "ip6 saddr [::1] drop", "6 src{::1-::1,} drop" },
	{ "ip6 saddr ::/0 drop", "6 src{::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,} drop" },
	{ "ip6 saddr != ::/0 drop", "6 src{} drop" },
	{ "icmp type echo-request drop", "4 proto{1,} type{8,} drop" },
	{ "icmp code port-unreachable drop", "4 proto{1,} code{3,} drop" },
	{ "icmp type 3 icmp code { 1, 3 } drop", "4 proto{1,} type{3,} code{1,3,} drop" },
	{ "icmp type redirect drop", "4 proto{1,} type{5,} drop" },
	{ "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop", "6 proto{58,} type{135-136,} drop" },
	{ "icmpv6 code no-route drop", "6 proto{58,} code{0,} drop" },
	{ "meta l4proto icmp icmp type 8 drop", "46 proto{1,} type{8,} drop" },
	{ "ip6 saddr ::1 icmp type 8 drop", "6 proto{1,} src{::1-::1,} type{8,} drop" },
	{ "tcp flags == syn drop", "46 proto{6,} flags{2,} drop" },
	{ "tcp flags == syn,ack drop", "46 proto{6,} flags{18,} drop" },
	{ "tcp flags != syn drop", "46 proto{6,} flags{0-1,3-255,} drop" },
	{ "tcp flags { syn, ack } drop", "46 proto{6,} flags{2,16,} drop" },
	{ "tcp flags == { syn } drop", "46 proto{6,} flags{2,} drop" },
	{ "tcp flags cwr drop", "46 proto{6,} flags{128-255,} drop" },
	{ "tcp flags { cwr } drop", "46 proto{6,} flags{128-255,} drop" },
	{ "tcp flags ! cwr drop", "46 proto{6,} flags{0-127,} drop" },
	{ "tcp flags not cwr drop", "46 proto{6,} flags{0-127,} drop" },
	{ "tcp flags cwr,ecn drop", "46 proto{6,} flags{64-255,} drop" },
	{ "tcp flags cwr / cwr,ecn drop", "46 proto{6,} flags{128-191,} drop" },
	{ "tcp flags != cwr / cwr,ecn drop", "46 proto{6,} flags{0-127,192-255,} drop" },
	{ "tcp flags & (cwr|ecn) == ecn drop", "46 proto{6,} flags{64-127,} drop" },
	{ "tcp flags & (cwr|ecn) { cwr, ecn } drop", "46 proto{6,} flags{64-191,} drop" },
	{ "tcp flags & cwr != 0 drop", "46 proto{6,} flags{128-255,} drop" },
	{ "tcp flags ^ cwr == cwr|ecn drop", "46 proto{6,} flags{64,} drop" },
	{ "tcp flags 0 drop", "46 proto{6,} flags{} drop" },
	{ "ct state new drop", "46 ct=0x1 drop" },
	{ "ct state established,related accept", "46 ct=0x6 accept" },
	{ "ct state { invalid, untracked } accept", "46 ct=0x18 accept" },
	{ "ct state != new accept", "46 ct=0x1e accept" },
	{ "ct state != established,related accept", "46 ct=0x1f accept" }, // equal to both at once: never
	{ "ct state & (new|related) == 0 accept", "46 ct=0x1a accept" },
	{ "vlan id 5 drop", "46 vlan{5,} drop" },
	{ "vlan id != 5 ip saddr 1.1.1.1 drop", "4 src{1.1.1.1-1.1.1.1,} vlan{0-4,6-4095,} drop" },
	{ "iifname \"eth0\" drop", "46 if=eth0 drop" },
	{ "meta iifname lo drop", "46 if=lo drop" },
	{ "iif lo drop", "46 if=lo drop" },
	{ "iifname { \"wan*\", eth1, eth0, eth1 } drop", "46 if=eth0|eth1|wan* drop" },
	{ "iifname != eth* drop", "46 if=!eth* drop" },
	{ "limit rate 10/second drop", "46 limit=10/1 burst=5 drop" },
	{ "limit rate over 3/minute burst 7 packets drop", "46 limit over=3/60 burst=7 drop" },
	{ "limit rate 10 kbytes/second drop", "46 limit=10240/1 burst=0 bytes drop" },
	{ "limit rate 10 mbytes / minute burst 2 kbytes drop", "46 limit=10485760/60 burst=2048 bytes drop" },
	{ "limit rate 1/week drop", "46 limit=1/604800 burst=5 drop" },
	{ "log", "46 log= none" },
	{ "log prefix \"a b: \" level warn drop comment \"c $d\"", "46 log=a b:  comment=c $d drop" },
	{ "reject", "46 reject 0/0" },
	{ "reject with tcp reset", "46 proto{6,} reject 2/0" },
	{ "reject with icmp host-unreachable", "4 reject 3/1" },
	{ "reject with icmp type 13", "4 reject 3/13" },
	{ "reject with icmpv6 addr-unreachable", "6 reject 3/3" },
	{ "reject with icmpx port-unreachable", "46 reject 3/129" },
	{ "reject with icmpx type admin-prohibited", "46 reject 3/131" },
	{ "ip saddr 1.1.1.1 ip6 saddr ::1 drop", NULL },
	{ "", NULL },
	{ "tcp dport 80 accept; drop", NULL },
	{ "tcp dport 80 accept\n", NULL },
	{ "tcp dport @web accept", NULL },
};

static void rules_mean_what_nft_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		char means[DESCRIBE_MAX];
		struct error error = { "" };
		struct rule_entry *entry = rule_nft_parse_rule("test", rules[i].text, &error);
		if ((entry != NULL) != (rules[i].means != NULL))
			fail_msg("%s: %s", rules[i].text, entry ? "taken" : error.text);
		if (entry && strcmp(describe(entry, means), rules[i].means) != 0)
			fail_msg("%s: %s instead of %s", rules[i].text, means, rules[i].means);
		rule_entry_drop(entry);
	}
}

static void rules_know_where_they_stand(void **state)
{
	(void)state;
	static const char text[] = "table inet t {\n\tchain c {\n\ttype filter hook input priority 0; policy drop;\n\t\tudp dport 1 drop\n}\n}\n";
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_int_equal(rule_nft_parse("where.nft", text, sizeof(text) - 1, &list, &error), 0);
	assert_string_equal(list.entry[0]->place.file, "where.nft");
	assert_int_equal(list.entry[0]->place.line, 4);
	assert_int_equal(list.entry[0]->place.column, 3);
	assert_int_equal(list.default_verdict, VERDICT_DROP);
	assert_true(list.has_default);
	rule_list_free(&list);
}

// Which chain judges, where there are several: the text, and how many rules and what policy it comes to (-1: an error).
static const struct {
	const char *chains;
	int rules;
	enum verdict policy;
} choices[] = {
	{ "chain a { type filter hook input priority 0; policy drop; accept; }", 1, VERDICT_DROP },
	{ "chain a { type filter hook input priority 0; }", -1, 0 },
	{ "chain a { type filter hook input priority 0; policy accept; }\nchain b { type filter hook output priority 0; }", 0,
	  VERDICT_ACCEPT },
	{ "chain a { type filter hook output priority 0; policy accept; }\nchain b { type filter hook input priority 0; }", -1, 0 },
	{ "chain a { type filter hook output priority 0; }\nchain b { type filter hook forward priority 0; policy drop; }", 0,
	  VERDICT_DROP },
	{ "chain a { type filter hook input priority 0; }\nchain b { type filter hook forward priority 0; policy accept; drop; }", 1,
	  VERDICT_ACCEPT },
	{ "chain a { type filter hook input priority 0; policy accept; drop; }\nchain b { type filter hook forward priority 0; "
	  "policy accept; drop; }", -1, 0 },
	{ "chain a { type filter hook input priority 0; policy accept; drop; }\nchain b { type filter hook forward priority 0; "
	  "policy drop; }", -1, 0 },
	{ "chain a { type filter hook input priority 0; policy accept; }\nchain b { type filter hook output priority 0; policy drop; }",
	  -1, 0 },
	{ "chain a { type filter hook input priority 0; policy drop; drop; }\nchain b { type nat hook output priority 0; }", -1, 0 },
	{ "chain a { type filter hook input priority 0; policy drop; drop; }\nchain b { }", -1, 0 },
	{ "chain a { type filter hook input priority 0; policy drop; drop; }\nchain b { type filter hook forward priority 0; }\n"
	  "chain a { accept; }", 2, VERDICT_DROP },
};

static void one_chain_judges_and_empty_ones_that_let_all_pass_may_stand_beside_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		char text[TEXT_MAX];
		struct rule_list list = { 0 };
		struct error error = { "" };
		int length = snprintf(text, sizeof(text), "table inet t {\n%s\n}\n", choices[i].chains);
		int result = rule_nft_parse("test", text, (size_t)length, &list, &error);
		if ((result == 0) != (choices[i].rules >= 0))
			fail_msg("%s: %s", text, result ? error.text : "taken");
		if (result == 0) {
			assert_int_equal(list.count, choices[i].rules);
			assert_int_equal(list.default_verdict, choices[i].policy);
		}
		rule_list_free(&list);
	}
}

static void errors_name_file_line_column_word_and_what_was_expected(void **state)
{
	(void)state;
	static const char text[] = "table inet t {\n\tchain c {\n\ttype filter hook input priority 0; policy drop;\n\t\ttcp dport 80 jump x\n}\n}\n";
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_int_equal(rule_nft_parse("bad.nft", text, sizeof(text) - 1, &list, &error), -1);
	assert_string_equal(error.text, "bad.nft:4:16: got 'jump', expected accept, drop or reject: portier has one chain");
	rule_list_free(&list);
}

static void bytes_of_a_wrong_word_are_made_harmless(void **state)
{
	(void)state;
	struct error error = { "" };
	assert_null(rule_nft_parse_rule("x", "tcp dport \x1b[31m", &error));
	assert_string_equal(error.text, "x:1:11: got '\\x1b', expected a value");
}

// Texts

static char *text_of(const char *head, const char *each, size_t count, const char *tail)
{
	size_t room = strlen(head) + count * (strlen(each) + 40) + strlen(tail) + 1;
	char *text = malloc(room), *at;
	assert_non_null(text);
	at = stpcpy(text, head);
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, each, (unsigned)(i >> 16 & 255), (unsigned)(i >> 8 & 255), (unsigned)(i & 255));
	strcpy(at, tail);
	return text;
}

static const char chain_head[] = "table inet t {\nchain c {\ntype filter hook input priority 0; policy drop;\n";

static int parse(const char *text, struct rule_list *list, struct error *error)
{
	*list = (struct rule_list){ 0 };
	return rule_nft_parse("test", text, strlen(text), list, error);
}

static void hundred_thousand_rules_take_a_moment(void **state)
{
	(void)state;
	struct rule_list list;
	struct error error = { "" };
	char *text = text_of(chain_head, "ip saddr 10.%u.%u.%u tcp dport { 80, 443, 8000-8100 } counter accept\n", 100000, "}\n}\n");
	double before = seconds();
	assert_int_equal(parse(text, &list, &error), 0);
	assert_true(seconds() - before < 10); // under sanitizers, on a busy machine: a tenth of it otherwise
	assert_int_equal(list.count, 100000);
	rule_list_free(&list);
	free(text);
}

static void large_sets_are_one_rule(void **state)
{
	(void)state;
	struct rule_list list;
	struct error error = { "" };
	char *text = text_of("table inet t {\nset s { type ipv4_addr; elements = {\n", "10.%u.%u.%u,\n", 100000,
			     "}\n}\nchain c {\ntype filter hook input priority 0; policy drop;\nip saddr @s accept\nip daddr != @s drop\n}\n}\n");
	assert_int_equal(parse(text, &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.entry[0]->rule.sources.count, 1);
	rule_list_free(&list);
	free(text);
}

// Doubled twenty-three times.
static void definitions_of_definitions_are_bounded(void **state)
{
	(void)state;
	char text[TEXT_MAX], *at = stpcpy(text, "define a0 = { 1, 2 }\n");
	struct rule_list list;
	struct error error = { "" };
	for (int i = 1; i < 24; i++)
		at += sprintf(at, "define a%d = { $a%d, $a%d }\n", i, i - 1, i - 1);
	sprintf(at, "%stcp dport $a23 drop\n}\n}\n", chain_head);
	assert_int_equal(parse(text, &list, &error), -1);
	assert_non_null(strstr(error.text, "more than 4194304"));
	rule_list_free(&list);
}

static void bits_of_bits_are_bounded(void **state)
{
	(void)state;
	char text[TEXT_MAX], *at = stpcpy(text, "define a0 = syn|ack\n");
	struct rule_list list;
	struct error error = { "" };
	for (int i = 1; i < 60; i++)
		at += sprintf(at, "define a%d = $a%d|$a%d\n", i, i - 1, i - 1);
	sprintf(at, "%stcp flags $a59 drop\n}\n}\n", chain_head);
	assert_int_equal(parse(text, &list, &error), -1);
	rule_list_free(&list);
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	static const char *const deep[] = { "{", "(", "syn|(" };
	for (size_t i = 0; i < 3; i++) {
		char *text = malloc(600000), *at = text + sprintf(text, "%s%s ", chain_head, i ? "tcp flags" : "tcp dport");
		struct rule_list list;
		struct error error = { "" };
		for (int j = 0; j < 100000; j++)
			at = stpcpy(at, deep[i]);
		assert_int_equal(parse(text, &list, &error), -1);
		rule_list_free(&list);
		free(text);
	}
}

// Many rules that name a large set: what they come to is bounded.
static void expansion_is_bounded(void **state)
{
	(void)state;
	struct rule_list list;
	struct error error = { "" };
	char *sets = text_of("table inet t {\nset s { type ipv4_addr; elements = {\n", "10.%u.%u.%u,\n", 60000,
			     "}\n}\nchain c {\ntype filter hook input priority 0; policy drop;\n");
	char *text = text_of(sets, "ip saddr @s ip daddr 10.%u.%u.%u drop\n", 1000, "}\n}\n");
	assert_int_equal(parse(text, &list, &error), -1);
	assert_non_null(strstr(error.text, "more than 4194304"));
	rule_list_free(&list);
	free(text);
	free(sets);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void includes_too_deep_are_an_error(void **state)
{
	(void)state;
	char folder[] = "/tmp/test_rule_nft_XXXXXX", name[64], text[64], path[256];
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 20; i++) {
		sprintf(name, "%d.nft", i);
		sprintf(text, "include \"%d.nft\"\n", i + 1);
		write_file(folder, name, text);
	}
	struct rule_list list;
	struct error error = { "" };
	snprintf(path, sizeof(path), "%s/0.nft", folder);
	assert_int_equal(rule_list_load(path, &list, &error), -1);
	assert_non_null(strstr(error.text, "more than 16 deep"));
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "%s/%d.nft", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_mean_what_nft_means),
		cmocka_unit_test(rules_know_where_they_stand),
		cmocka_unit_test(one_chain_judges_and_empty_ones_that_let_all_pass_may_stand_beside_it),
		cmocka_unit_test(errors_name_file_line_column_word_and_what_was_expected),
		cmocka_unit_test(bytes_of_a_wrong_word_are_made_harmless),
		cmocka_unit_test(hundred_thousand_rules_take_a_moment),
		cmocka_unit_test(large_sets_are_one_rule),
		cmocka_unit_test(definitions_of_definitions_are_bounded),
		cmocka_unit_test(bits_of_bits_are_bounded),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(includes_too_deep_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
