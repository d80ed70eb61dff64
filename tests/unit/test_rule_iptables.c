// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_iptables.h"
#include "tests/unit/rule_describe.h"

// One rule, and what it means (rule_describe.h). "-6" in front: as ip6tables has it.
static const struct {
	const char *text;
	const char *means;
} rules[] = {
	{ "-j ACCEPT", "4 accept" },
	{ "-j DROP", "4 drop" },
	{ "-p tcp", "4 proto{6,} none" },
	{ "-p TCP -j DROP", "4 proto{6,} drop" },
	{ "-p 17 -j DROP", "4 proto{17,} drop" },
	{ "-p all -j DROP", "4 drop" },
	{ "-p 0 -j DROP", "4 drop" },
	{ "-p ipip -j DROP", "4 proto{94,} drop" },
	{ "-p ipencap -j DROP", "4 proto{4,} drop" },
	{ "! -p tcp -j DROP", "4 proto{0-5,7-255,} drop" },
	{ "-p ! tcp -j DROP", "4 proto{0-5,7-255,} drop" },
	{ "-s 10.1.2.3/8 -j DROP", "4 src{10.0.0.0-10.255.255.255,} drop" },
	{ "-s 192.168/16 -j DROP", "4 src{192.168.0.0-192.168.255.255,} drop" },
	{ "-s 192.0.2.77/255.255.255.0 -j DROP", "4 src{192.0.2.0-192.0.2.255,} drop" },
	{ "-s 0.0.0.0/0 -d 0/0 -j DROP", "4 drop" },
	{ "! -s 192.0.2.1 -j DROP", "4 src{0.0.0.0-192.0.2.0,192.0.2.2-255.255.255.255,} drop" },
	{ "-s ! 192.0.2.1 -j DROP", "4 src{0.0.0.0-192.0.2.0,192.0.2.2-255.255.255.255,} drop" },
	{ "! -s 0.0.0.0/0 -j DROP", "4 src{} drop" },
	{ "-d 192.0.2.1/32 -j DROP", "4 dst{192.0.2.1-192.0.2.1,} drop" },
	{ "--source 192.0.2.1 --destination 192.0.2.2 --protocol tcp --jump ACCEPT",
	  "4 proto{6,} src{192.0.2.1-192.0.2.1,} dst{192.0.2.2-192.0.2.2,} accept" },
	{ "--src 192.0.2.1 --dst 192.0.2.2", "4 src{192.0.2.1-192.0.2.1,} dst{192.0.2.2-192.0.2.2,} none" },
	{ "-6 -s 2001:db8::/32 -j DROP", "6 src{2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,} drop" },
	{ "-6 -d 2001:db8::1/ffff:ffff:: -j DROP", "6 dst{2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,} drop" },
	{ "-6 ! -s fe80::/10 -j DROP",
	  "6 src{::-fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff,fec0::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,} drop" },
	{ "-m iprange --src-range 10.0.0.5-10.0.0.9 -j DROP", "4 src{10.0.0.5-10.0.0.9,} drop" },
	{ "-m iprange ! --dst-range 10.0.0.5 -j DROP", "4 dst{0.0.0.0-10.0.0.4,10.0.0.6-255.255.255.255,} drop" },
	{ "-s 10.0.0.0/8 -m iprange ! --src-range 10.0.0.5-10.0.0.9 -j DROP",
	  "4 src{10.0.0.0-10.0.0.4,10.0.0.10-10.255.255.255,} drop" },
	{ "-6 -m iprange --src-range 2001:db8::1-2001:db8::9 -j DROP", "6 src{2001:db8::1-2001:db8::9,} drop" },
	{ "-i wire -j DROP", "4 if=wire drop" },
	{ "-i eth+ -j DROP", "4 if=eth* drop" },
	{ "! -i eth+ -j DROP", "4 if=!eth* drop" },
	{ "-i + -j DROP", "4 drop" },
	{ "-i a+b -j DROP", "4 if=a+b drop" },
	{ "-p tcp --dport 80 -j ACCEPT", "4 proto{6,} dport{80,} accept" },
	{ "-p tcp --dport http -j ACCEPT", "4 proto{6,} dport{80,} accept" },
	{ "-p tcp --dport=80 -j ACCEPT", "4 proto{6,} dport{80,} accept" },
	{ "-p tcp -m tcp --sport 1024:65535 --dport :1023 -j ACCEPT",
	  "4 proto{6,} sport{1024-65535,} dport{0-1023,} accept" },
	{ "-p udp --source-port domain --destination-port 1024: -j ACCEPT",
	  "4 proto{17,} sport{53,} dport{1024-65535,} accept" },
	{ "-p tcp ! --dport 80:90 -j DROP", "4 proto{6,} dport{0-79,91-65535,} drop" },
	{ "-p tcp --dport ! 80 -j DROP", "4 proto{6,} dport{0-79,81-65535,} drop" },
	{ "-p tcp ! --dport 0:65535 -j DROP", "4 proto{6,} dport{} drop" },
	{ "-p tcp --dport : -j DROP", "4 proto{6,} dport{0-65535,} drop" },
	{ "-p tcp -m tcp -j DROP", "4 proto{6,} dport{0-65535,} drop" },
	{ "-p udp -m udp -j DROP", "4 proto{17,} dport{0-65535,} drop" },
	{ "-p sctp --dport 5 -j DROP", "4 proto{132,} dport{5,} drop" },
	{ "-p dccp --sport 5:9 -j DROP", "4 proto{33,} sport{5-9,} drop" },
	{ "-p tcp -m multiport --dports 80,443,8000:8080,81 -j ACCEPT",
	  "4 proto{6,} dport{80-81,443,8000-8080,} accept" },
	{ "-p tcp -m multiport ! --dports 80,443 -j ACCEPT", "4 proto{6,} dport{0-79,81-442,444-65535,} accept" },
	{ "-p udplite -m multiport --source-ports 5 -j ACCEPT", "4 proto{136,} sport{5,} accept" },
	{ "-p tcp -m multiport --dport 80,443 -j ACCEPT", "4 proto{6,} dport{80,443,} accept" },
	{ "-p tcp -m multiport --dports 70:90 --sports 1,2 -m tcp --dport 80: -j ACCEPT",
	  "4 proto{6,} sport{1-2,} dport{80-90,} accept" },
	{ "-p tcp -m multiport ! --ports 80,443 -j ACCEPT",
	  "4 proto{6,} sport{0-79,81-442,444-65535,} dport{0-79,81-442,444-65535,} accept" },
	{ "-p tcp --tcp-flags ALL NONE -j DROP", "4 proto{6,} flags{0,64,128,192,} drop" },
	{ "-p tcp --tcp-flags syn,ack,urg,psh,fin,rst FIN -j DROP", "4 proto{6,} flags{1,65,129,193,} drop" },
	{ "-p tcp --tcp-flags SYN ACK -j DROP", "4 proto{6,} flags{} drop" },
	{ "-p icmp --icmp-type 8 -j DROP", "4 proto{1,} type{8,} drop" },
	{ "-p icmp -m icmp --icmp-type echo-request -j DROP", "4 proto{1,} type{8,} drop" },
	{ "-p icmp --icmp-type ping -j DROP", "4 proto{1,} type{8,} drop" },
	{ "-p icmp --icmp-type port-unreachable -j DROP", "4 proto{1,} type{3,} code{3,} drop" },
	{ "-p icmp --icmp-type 3/1 -j DROP", "4 proto{1,} type{3,} code{1,} drop" },
	{ "-p icmp --icmp-type any -j DROP", "4 proto{1,} type{0-255,} drop" },
	{ "-p icmp --icmp-type 255/9 -j DROP", "4 proto{1,} type{0-255,} drop" },
	{ "-p icmp ! --icmp-type 8 -j DROP", "4 proto{1,} type{0-7,9-255,} drop" },
	{ "-p icmp ! --icmp-type any -j DROP", "4 proto{1,} type{} drop" },
	{ "-6 -p icmpv6 --icmpv6-type echo-request -j DROP", "6 proto{58,} type{128,} drop" },
	{ "-6 -p ipv6-icmp -m icmp6 --icmpv6-type 255 -j DROP", "6 proto{58,} type{255,} drop" },
	{ "-6 -p 58 --icmpv6-type bad-header -j DROP", "6 proto{58,} type{4,} code{0,} drop" },
	{ "-m state --state NEW,established -j ACCEPT", "4 ct=0x3 accept" },
	{ "-m state ! --state INVALID -j ACCEPT", "4 ct=0x17 accept" },
	{ "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "4 ct=0x6 accept" },
	{ "-m conntrack ! --ctstate UNTRACKED -j ACCEPT", "4 ct=0xf accept" },
	{ "-m limit -j ACCEPT", "4 limit=3/3600 burst=5 accept" },
	{ "-m limit --limit 10 -j ACCEPT", "4 limit=10/1 burst=5 accept" },
	{ "-m limit --limit 10/second --limit-burst 20 -j ACCEPT", "4 limit=10/1 burst=20 accept" },
	{ "-m limit --limit 3/m -j ACCEPT", "4 limit=3/60 burst=5 accept" },
	{ "-m limit --limit 5/Hour -j ACCEPT", "4 limit=5/3600 burst=5 accept" },
	{ "-m limit --limit-burst 7 --limit 1/day -j ACCEPT", "4 limit=1/86400 burst=7 accept" },
	{ "-m comment --comment word -j DROP", "4 comment=word drop" },
	{ "-m comment --comment \"two words\" -j DROP", "4 comment=two words drop" },
	{ "-m comment --comment 'it is \"said\"' -j DROP", "4 comment=it is \"said\" drop" },
	{ "-m comment --comment \"\" -j DROP", "4 drop" },
	{ "-j REJECT", "4 reject 0/0" },
	{ "-j REJECT --reject-with icmp-net-unreachable", "4 reject 3/0" },
	{ "-j REJECT --reject-with icmp-host-unreachable", "4 reject 3/1" },
	{ "-j REJECT --reject-with icmp-proto-unreachable", "4 reject 3/2" },
	{ "-j REJECT --reject-with icmp-port-unreachable", "4 reject 3/3" },
	{ "-j REJECT --reject-with port-unreach", "4 reject 3/3" },
	{ "-j REJECT --reject-with icmp-net-prohibited", "4 reject 3/9" },
	{ "-j REJECT --reject-with icmp-host-prohibited", "4 reject 3/10" },
	{ "-j REJECT --reject-with icmp-admin-prohibited", "4 reject 3/13" },
	{ "-p tcp -j REJECT --reject-with tcp-reset", "4 proto{6,} reject 2/0" },
	{ "-j REJECT -p tcp --reject-with tcp-rst", "4 proto{6,} reject 2/0" },
	{ "-6 -j REJECT", "6 reject 0/0" },
	{ "-6 -j REJECT --reject-with icmp6-no-route", "6 reject 3/0" },
	{ "-6 -j REJECT --reject-with icmp6-adm-prohibited", "6 reject 3/1" },
	{ "-6 -j REJECT --reject-with icmp6-addr-unreachable", "6 reject 3/3" },
	{ "-6 -j REJECT --reject-with icmp6-port-unreachable", "6 reject 3/4" },
	{ "-6 -j REJECT --reject-with icmp6-policy-fail", "6 reject 3/5" },
	{ "-6 -j REJECT --reject-with icmp6-reject-route", "6 reject 3/6" },
	{ "-6 -p tcp -j REJECT --reject-with tcp-reset", "6 proto{6,} reject 2/0" },
	{ "-j LOG", "4 log= none" },
	{ "-j LOG --log-prefix \"denied: \"", "4 log=denied:  none" },
	{ "-p tcp -j LOG --log-prefix x --log-level 4", "4 proto{6,} log=x none" },
	{ "-w -v -p tcp -j DROP -w 5 -t filter", "4 proto{6,} drop" },
};

static void rules_mean_what_iptables_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct error error = { "" };
		char text[DESCRIBE_MAX];
		struct rule_entry *entry = rule_iptables_parse_rule("test", rules[i].text, &error);
		if (!entry)
			fail_msg("%s: %s", rules[i].text, error.text);
		if (strcmp(describe(entry, text), rules[i].means) != 0)
			fail_msg("'%s' means \"%s\", expected \"%s\"", rules[i].text, text, rules[i].means);
		rule_entry_drop(entry);
	}
}

static void rules_are_printed_as_what_reads_back_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct error error = { "" };
		char text[DESCRIBE_MAX], again[DESCRIBE_MAX];
		struct rule_entry *entry = rule_iptables_parse_rule("test", rules[i].text, &error);
		struct rule_entry *read = rule_list_parse_rule("printed", entry->text, &error);
		if (!read)
			fail_msg("'%s' is printed as '%s': %s", rules[i].text, entry->text, error.text);
		assert_string_equal(read->text, entry->text);
		if (!strchr(rules[i].text, '\'')) // nft has no quotes in a comment
			assert_string_equal(describe(read, again), describe(entry, text));
		rule_entry_drop(entry);
		rule_entry_drop(read);
	}
}

static void tcp_flags_are_those_under_a_mask(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint8_t mask, value;
		bool negated;
	} cases[] = {
		{ "--syn", 0x17, 0x02, false },
		{ "! --syn", 0x17, 0x02, true },
		{ "--syn ! ", 0x17, 0x02, true },
		{ "--tcp-flags SYN,FIN SYN,FIN", 0x03, 0x03, false },
		{ "! --tcp-flags SYN,FIN SYN,FIN", 0x03, 0x03, true },
		{ "--tcp-flags ! RST RST", 0x04, 0x04, true },
		{ "--tcp-flags ALL PSH,URG", 0x3f, 0x28, false },
		{ "--tcp-flags NONE NONE", 0x00, 0x00, false },
		{ "--tcp-flags SYN,ACK,ACK NONE", 0x12, 0x00, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		struct error error = { "" };
		snprintf(text, sizeof(text), "-p tcp %s -j DROP", cases[i].text);
		struct rule_entry *entry = rule_iptables_parse_rule("test", text, &error);
		if (!entry)
			fail_msg("%s: %s", text, error.text);
		for (unsigned flags = 0; flags < 256; flags++)
			if (byte_set_has(&entry->rule.tcp_flags, (uint8_t)flags) !=
			    (((flags & cases[i].mask) == cases[i].value) != cases[i].negated))
				fail_msg("'%s': flags %#x", text, flags);
		rule_entry_drop(entry);
	}
}

static void one_rule_is_read_with_and_without_its_chain(void **state)
{
	(void)state;
	static const struct {
		const char *text, *means;
	} cases[] = {
		{ "-p tcp --dport 80 -j ACCEPT", "4 proto{6,} dport{80,} accept" },
		{ "! -p tcp -j DROP", "4 proto{0-5,7-255,} drop" },
		{ "-A INPUT -p tcp -j ACCEPT", "4 proto{6,} accept" },
		{ "iptables -A INPUT -p tcp -j ACCEPT", "4 proto{6,} accept" },
		{ "iptables -p tcp -j ACCEPT", "4 proto{6,} accept" },
		{ "ip6tables -p tcp -s ::1 -j ACCEPT", "6 proto{6,} src{::1-::1,} accept" },
		{ "-6 -s ::1 -j ACCEPT", "6 src{::1-::1,} accept" },
		{ "iptables -t filter -I FORWARD -j DROP", "4 drop" },
		{ "-p tcp\n", "4 proto{6,} none" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = { "" };
		char text[DESCRIBE_MAX];
		struct rule_entry *entry = rule_iptables_parse_rule("rule", cases[i].text, &error);
		if (!entry)
			fail_msg("%s: %s", cases[i].text, error.text);
		assert_string_equal(describe(entry, text), cases[i].means);
		assert_int_equal(entry->references, 1);
		rule_entry_drop(entry);
	}
}

static void what_is_not_one_rule_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "rule:1:1: got end of line, expected" },
		{ "-s 10.0.0.1,10.0.0.2 -j DROP", "rule:1:1: got '-s', expected what is one rule" },
		{ "-p tcp -m multiport --ports 80 -j DROP", "rule:1:1: got '-p', expected what is one rule" },
		{ "-P INPUT DROP", "rule:1:1: got '-P', expected an option of a rule" },
		{ "iptables -P INPUT DROP", "got '-P'" },
		{ "-p tcp\n-p udp", "rule:2:1: got another line, expected one rule" },
		{ "-p tpc", "rule:1:4: got 'tpc', expected a protocol" },
		{ "iptables", "got end of line" },
		{ "ip6tables -4 -j DROP", "got 'ip6tables', expected iptables where there is a -4" },
		{ "-A OUTPUT -j DROP", "rule:1:4: got 'OUTPUT'" },
		{ "-j DROP ; -j ACCEPT", "rule:1:9: got ';'" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = { "" };
		struct rule_entry *entry = rule_iptables_parse_rule("rule", cases[i].text, &error);
		if (entry)
			fail_msg("'%s' is taken", cases[i].text);
		if (!strstr(error.text, cases[i].says))
			fail_msg("'%s' gives \"%s\", expected \"%s\"", cases[i].text, error.text, cases[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_mean_what_iptables_means),
		cmocka_unit_test(rules_are_printed_as_what_reads_back_to_the_same),
		cmocka_unit_test(tcp_flags_are_those_under_a_mask),
		cmocka_unit_test(one_rule_is_read_with_and_without_its_chain),
		cmocka_unit_test(what_is_not_one_rule_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
