// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_nft.h"
#include "control/rule_print.h"

// What is written, and the one text of the rule.
static const struct {
	const char *text;
	const char *canonical;
} rules[] = {
	{ "accept", "counter accept" },
	{ "counter packets 3 bytes 4 accept", "counter accept" },
	{ "ip saddr 10.0.0.0/8 tcp dport { https, http } accept", "tcp dport { 80, 443 } ip saddr 10.0.0.0/8 counter accept" },
	{ "ct state new vlan id 5 iifname x udp sport 5 drop", "iifname \"x\" vlan id 5 udp sport 5 ct state new counter drop" },
	{ "tcp dport != { 1-5 } drop", "tcp dport != 1-5 counter drop" },
	{ "tcp dport { 0-79, 81-65535 } drop", "tcp dport != 80 counter drop" },
	{ "tcp dport 0-65535 drop", "tcp dport 0-65535 counter drop" },
	{ "tcp dport != 0-65535 drop", "tcp dport != 0-65535 counter drop" },
	{ "ip saddr 10.0.0.0-10.255.255.255 drop", "ip saddr 10.0.0.0/8 counter drop" },
	{ "ip saddr 10.0.0.0-10.0.0.2 drop", "ip saddr 10.0.0.0-10.0.0.2 counter drop" },
	{ "ip saddr 0.0.0.0/0 drop", "ip saddr 0.0.0.0/0 counter drop" },
	{ "ip saddr { 10.0.0.0/24, 10.0.1.0/24 } drop", "ip saddr 10.0.0.0/23 counter drop" },
	{ "ip6 daddr != { ::1, 2001:db8::/32 } drop", "ip6 daddr != { ::1, 2001:db8::/32 } counter drop" },
	{ "meta l4proto 6 drop", "meta l4proto tcp counter drop" },
	{ "meta l4proto { 200, 6, 17 } drop", "meta l4proto { tcp, udp, 200 } counter drop" },
	{ "meta nfproto ipv4 meta l4proto tcp drop", "ip protocol tcp counter drop" },
	{ "meta nfproto ipv6 meta l4proto tcp drop", "meta nfproto ipv6 meta l4proto tcp counter drop" },
	{ "ip6 saddr ::1 meta l4proto tcp drop", "meta l4proto tcp ip6 saddr ::1 counter drop" },
	{ "ip protocol tcp tcp dport 5 drop", "meta nfproto ipv4 tcp dport 5 counter drop" },
	{ "ip protocol { 6, 17 } th dport 5 drop", "ip protocol { tcp, udp } th dport 5 counter drop" },
	{ "icmp type 8 drop", "icmp type echo-request counter drop" },
	{ "meta nfproto ipv6 icmp type 8 drop", "meta nfproto ipv6 icmp type echo-request counter drop" },
	{ "meta l4proto 1 icmp type 8 drop", "meta l4proto icmp icmp type echo-request counter drop" },
	{ "tcp flags syn drop", "tcp flags & syn == syn counter drop" },
	{ "tcp flags ! syn drop", "tcp flags & syn == 0x0 counter drop" },
	{ "tcp flags syn / fin,syn,rst,ack drop", "tcp flags & (fin | syn | rst | ack) == syn counter drop" },
	{ "tcp flags fin,syn drop", "tcp flags & (fin | syn) != 0x0 counter drop" },
	{ "tcp flags { 0x1, 0x2, 0x4 } drop", "tcp flags { 0x1, 0x2, 0x4 } counter drop" },
	{ "tcp flags & 0 == 0 drop", "tcp flags & 0x0 == 0x0 counter drop" },
	{ "tcp flags 0 drop", "tcp flags & 0x0 != 0x0 counter drop" },
	{ "ct state { new, established } accept", "ct state established,new counter accept" },
	{ "ct state 0 accept", "ct state 0 counter accept" },
	{ "tcp sport != 5 tcp dport != 6 drop", "tcp sport != 5 tcp dport != 6-6 counter drop" },
	{ "iifname { \"b*\", \"a\" } drop", "iifname { \"a\", \"b*\" } counter drop" },
	{ "iifname != { \"a\" } drop", "iifname != \"a\" counter drop" },
	{ "limit rate over 1 mbytes/minute drop", "limit rate over 1048576 bytes/minute burst 0 bytes counter drop" },
	{ "tcp sport 5 ip6 nexthdr != { 6-58, 255 } reject with tcp reset",
	  "tcp sport 5 ip6 nexthdr != { 6-58, 255 } counter reject with tcp reset" },
	{ "ip saddr 1.1.1.1 reject with icmp 9", "ip saddr 1.1.1.1 counter reject with icmp net-prohibited" },
	{ "reject with icmp 77", "counter reject with icmp 77" },
	{ "log prefix \"x\" drop comment \"y\"", "counter log prefix \"x\" drop comment \"y\"" },
};

static void check(const char *text, const char *canonical)
{
	struct error error = { "" };
	struct rule_entry *entry = rule_nft_parse_rule("test", text, &error);
	if (!entry)
		fail_msg("%s: %s", text, error.text);
	assert_string_equal(entry->text, canonical);
	struct rule_entry *again = rule_nft_parse_rule("printed", entry->text, &error);
	if (!again)
		fail_msg("%s: %s", entry->text, error.text);
	assert_string_equal(again->text, canonical);
	rule_entry_drop(again);
	rule_entry_drop(entry);
}

static void rules_have_one_text_that_is_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check(rules[i].text, rules[i].canonical);
}

static struct rule_entry *make(uint8_t verdict, uint8_t answer, uint8_t code, const char *comment, const char *prefix)
{
	const struct rule_place place = { 0 };
	struct error error = { "" };
	struct rule_draft *draft = rule_draft_create();
	assert_non_null(draft);
	struct rule *rule = rule_draft_rule(draft);
	rule->verdict = verdict;
	rule->answer = answer;
	rule->answer_code = code;
	assert_int_equal(rule_draft_comment(draft, comment), 0);
	if (prefix)
		assert_int_equal(rule_draft_log(draft, prefix), 0);
	struct rule_entry *entry = rule_draft_finish(draft, &place, &error);
	assert_non_null(entry);
	rule_draft_free(draft);
	return entry;
}

static void strings_hold_nothing_that_nft_could_not_read(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{ "say \"hello\"", "counter drop comment \"say 'hello'\"" },
		{ "a\nb\x1b", "counter drop comment \"a?b?\"" },
		{ "5 $ and gr\xc3\xbc\xc3\x9f", "counter drop comment \"5 $ and gr\xc3\xbc\xc3\x9f\"" },
		{ "\xff\xc3", "counter drop comment \"??\"" },
		{ "\xed\xa0\x80", "counter drop comment \"???\"" },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct rule_entry *entry = make(VERDICT_DROP, 0, 0, texts[i][0], NULL);
		assert_string_equal(entry->text, texts[i][1]);
		rule_entry_drop(entry);
	}
}

static void strings_are_cut_to_what_nft_takes(void **state)
{
	(void)state;
	char comment[301] = { 0 };
	struct error error;
	memset(comment, 'c', 300);
	struct rule_entry *entry = make(VERDICT_DROP, 0, 0, comment, comment);
	struct rule_entry *read = rule_nft_parse_rule("printed", entry->text, &error);
	assert_non_null(read);
	assert_int_equal(strlen(read->comment), RULE_COMMENT_MAX);
	assert_int_equal(strlen(read->log_prefix), 127);
	rule_entry_drop(read);
	rule_entry_drop(entry);
}

static void dollars_of_a_log_prefix_are_no_definitions(void **state)
{
	(void)state;
	struct rule_entry *entry = make(VERDICT_NONE, 0, 0, NULL, "5$: ");
	assert_string_equal(entry->text, "counter log prefix \"5_: \"");
	rule_entry_drop(entry);
}

static void answers_are_printed(void **state)
{
	(void)state;
	static const struct {
		uint8_t answer, code;
		const char *text;
	} answers[] = {
		{ ANSWER_BY_PROTOCOL, 0, "counter reject" },
		{ ANSWER_PROHIBITED, 0, "counter reject with icmpx admin-prohibited" },
		{ ANSWER_TCP_RESET, 0, "counter reject with tcp reset" },
		{ ANSWER_ICMP_CODE, 0x80, "counter reject with icmpx no-route" },
		{ ANSWER_ICMP_CODE, 0x82, "counter reject with icmpx host-unreachable" },
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct rule_entry *entry = make(VERDICT_REJECT, answers[i].answer, answers[i].code, NULL, NULL);
		assert_string_equal(entry->text, answers[i].text);
		rule_entry_drop(entry);
	}
}

static void lists_load_again(void **state)
{
	(void)state;
	struct rule_entry *entry[2] = { make(VERDICT_ACCEPT, 0, 0, "one", NULL), make(VERDICT_DROP, 0, 0, NULL, NULL) };
	char *text = rule_list_print(entry, NULL, 2, VERDICT_ACCEPT);
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_non_null(text);
	assert_string_equal(text, "table inet portier {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n"
				  "\t\tcounter accept comment \"one\"\n\t\tcounter drop\n\t}\n}\n");
	assert_int_equal(rule_nft_parse("printed", text, strlen(text), &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.default_verdict, VERDICT_ACCEPT);
	assert_string_equal(list.entry[0]->text, entry[0]->text);
	rule_list_free(&list);
	free(text);
	rule_entry_drop(entry[0]);
	rule_entry_drop(entry[1]);
}

static void counted_lists_load_again_too(void **state)
{
	(void)state;
	static const struct rule_print_count counted[] = { { 7, 5, 300 }, { 0, 1, 60 } };
	struct rule_entry *entry = make(VERDICT_DROP, 0, 0, NULL, NULL);
	char *text = rule_list_print(&entry, counted, 1, VERDICT_REJECT);
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_non_null(text);
	assert_non_null(strstr(text, "policy drop; # packets 1 bytes 60\n"));
	assert_non_null(strstr(text, "\t\tcounter packets 5 bytes 300 drop # handle 7\n\t\tcounter reject"));
	assert_int_equal(rule_nft_parse("printed", text, strlen(text), &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.entry[0]->text, "counter drop");
	rule_list_free(&list);
	free(text);
	rule_entry_drop(entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_have_one_text_that_is_read_back),
		cmocka_unit_test(strings_hold_nothing_that_nft_could_not_read),
		cmocka_unit_test(strings_are_cut_to_what_nft_takes),
		cmocka_unit_test(dollars_of_a_log_prefix_are_no_definitions),
		cmocka_unit_test(answers_are_printed),
		cmocka_unit_test(lists_load_again),
		cmocka_unit_test(counted_lists_load_again_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
