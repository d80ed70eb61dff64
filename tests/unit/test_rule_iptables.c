// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_iptables.h"
#include "tests/unit/rule_describe.h"

enum { TEXT_MAX = 16384 };

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

// Whole texts: a line a rule in what they mean, the default verdict at the end

static void describe_list(const struct rule_list *list, char text[TEXT_MAX])
{
	static const char *const verdicts[] = { "accept", "drop", "reject" };
	char rule[DESCRIBE_MAX];
	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		size_t used = strlen(text);
		snprintf(text + used, TEXT_MAX - used, "%s\n", describe(list->entry[i], rule));
	}
	assert_true(list->has_default);
	strcat(strcat(text, "default "), verdicts[list->default_verdict]);
}

static void parse(const char *text, char means[TEXT_MAX])
{
	// In a block of its own size, so that a byte read behind it is seen.
	size_t length = strlen(text);
	char *exact = malloc(length ? length : 1);
	struct rule_list list = { 0 };
	struct error error = { "" };
	memcpy(exact, text, length);
	int result = rule_iptables_parse("a.rules", exact, length, &list, &error);
	free(exact); // the list needs nothing of it
	if (result)
		fail_msg("%s: %s", text, error.text);
	describe_list(&list, means);
	rule_list_free(&list);
}

static const struct {
	const char *text;
	const char *means;
} texts[] = {
	// Command lines
	{ "iptables -A INPUT -p tcp --dport 80 -j ACCEPT\n", "4 proto{6,} dport{80,} accept\ndefault accept" },
	{ "iptables -A INPUT -j DROP", "4 drop\ndefault accept" },
	{ "#!/bin/sh\n\n  # comment\niptables -P INPUT DROP # x\r\niptables -A INPUT -p tcp -j ACCEPT # x",
	  "4 proto{6,} accept\ndefault drop" },
	{ "iptables -A INPUT -j LOG --log-prefix a#b", "4 log=a#b none\ndefault accept" },
	{ "iptables -A INPUT -j LOG --log-prefix a #b", "4 log=a none\ndefault accept" },
	{ "ip6tables -A INPUT -j DROP", "6 drop\ndefault accept" },
	{ "/sbin/iptables -A INPUT -j DROP\nsudo /usr/sbin/ip6tables-legacy -A INPUT -j DROP\niptables-nft -A INPUT -j DROP",
	  "4 drop\n6 drop\n4 drop\ndefault accept" },
	{ "iptables -A INPUT \\\n -p tcp \\\r\n\t--dport 80\\\n -j ACCEPT", "4 proto{6,} dport{80,} accept\ndefault accept" },
	{ "'iptables' -A \"INPUT\" -m comment --comment 'a \"b\" \\c' -j DROP", "4 comment=a \"b\" \\c drop\ndefault accept" },
	{ "iptables -A INPUT -m comment --comment \"a \\\"b\\\" \\\\ \\c 'd'\" -j DROP",
	  "4 comment=a \"b\" \\ \\c 'd' drop\ndefault accept" },
	{ "iptables -A INPUT -m comment --comment a\\ b\\\"'c'\"d\" -j DROP", "4 comment=a b\"cd drop\ndefault accept" },
	{ "iptables -A INPUT \\! -p tcp -j DROP", "4 proto{0-5,7-255,} drop\ndefault accept" },
	// Policies
	{ "iptables -P INPUT DROP", "default drop" },
	{ "iptables -P INPUT DROP\niptables -P INPUT ACCEPT", "default accept" },
	{ "iptables -P INPUT DROP\niptables -P FORWARD DROP\niptables -P OUTPUT ACCEPT\niptables -A FORWARD -p tcp",
	  "4 proto{6,} none\ndefault drop" },
	{ "iptables -P INPUT DROP\niptables -P FORWARD ACCEPT\niptables -A FORWARD -p tcp", "4 proto{6,} none\ndefault accept" },
	{ "ip6tables -P INPUT DROP", "default drop" },
	{ "iptables -P INPUT DROP\nip6tables -P INPUT DROP\nip6tables -A INPUT -p tcp", "6 proto{6,} none\ndefault drop" },
	{ "iptables -P INPUT DROP\nip6tables -P INPUT ACCEPT", "6 accept\ndefault drop" },
	{ "iptables -P INPUT ACCEPT\nip6tables -P INPUT DROP\niptables -A INPUT -p tcp",
	  "4 proto{6,} none\n6 drop\ndefault accept" },
	{ "iptables -P INPUT DROP\nip6tables -A INPUT -p tcp -j DROP", "6 proto{6,} drop\n6 accept\ndefault drop" },
	// Order
	{ "iptables -A INPUT -p 1\nip6tables -A INPUT -p 2\niptables -A INPUT -p 3",
	  "4 proto{1,} none\n6 proto{2,} none\n4 proto{3,} none\ndefault accept" },
	{ "iptables -I INPUT -p 1\niptables -I INPUT -p 2", "4 proto{2,} none\n4 proto{1,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\niptables -A INPUT -p 2\niptables -I INPUT 2 -p 3",
	  "4 proto{1,} none\n4 proto{3,} none\n4 proto{2,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\nip6tables -A INPUT -p 2\niptables -I INPUT 2 -p 3",
	  "4 proto{1,} none\n6 proto{2,} none\n4 proto{3,} none\ndefault accept" },
	{ "ip6tables -A INPUT -p 1\niptables -A INPUT -p 2\niptables -A INPUT -p 3\niptables --insert INPUT 2 -p 4",
	  "6 proto{1,} none\n4 proto{2,} none\n4 proto{4,} none\n4 proto{3,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\nip6tables -A INPUT -p 2\niptables -F\niptables -A INPUT -p 3",
	  "6 proto{2,} none\n4 proto{3,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\niptables -F FORWARD\niptables -t nat -F\niptables -F -t mangle", "4 proto{1,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\niptables -F INPUT\niptables -A FORWARD -p 2", "4 proto{2,} none\ndefault accept" },
	{ "iptables -A INPUT -p 1\niptables -X\niptables -Z\niptables -N own\niptables -X own", "4 proto{1,} none\ndefault accept" },
	// Several rules of one
	{ "iptables -A INPUT -s 10.0.0.1,10.0.0.2 -d 10.0.0.3,0.0.0.0/0 -j DROP",
	  "4 src{10.0.0.1-10.0.0.1,} dst{10.0.0.3-10.0.0.3,} drop\n4 src{10.0.0.1-10.0.0.1,} drop\n"
	  "4 src{10.0.0.2-10.0.0.2,} dst{10.0.0.3-10.0.0.3,} drop\n4 src{10.0.0.2-10.0.0.2,} drop\ndefault accept" },
	{ "iptables -I INPUT -s 10.0.0.1,10.0.0.2 -j DROP",
	  "4 src{10.0.0.2-10.0.0.2,} drop\n4 src{10.0.0.1-10.0.0.1,} drop\ndefault accept" },
	{ "iptables -A INPUT -p tcp -m multiport --ports 80,443 -j DROP",
	  "4 proto{6,} sport{80,443,} drop\n4 proto{6,} sport{0-79,81-442,444-65535,} dport{80,443,} drop\ndefault accept" },
	{ "iptables -I INPUT -p tcp -m multiport --ports 80 --sports 70:90 -j DROP",
	  "4 proto{6,} sport{80,} drop\n4 proto{6,} sport{70-79,81-90,} dport{80,} drop\ndefault accept" },
	{ "iptables -A INPUT -p icmp ! --icmp-type 3/1 -j DROP",
	  "4 proto{1,} type{0-2,4-255,} drop\n4 proto{1,} type{3,} code{0,2-255,} drop\ndefault accept" },
	// iptables-save
	{ "# Generated by iptables-save v1.8.9\n*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [1:2]\n:OUTPUT ACCEPT [0:0]\n:own - [0:0]\n"
	  "[12:345] -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -m comment --comment \"a \\\"b\\\" it\\'s #1 $x;\" -j DROP\n"
	  "-A INPUT -m comment --comment it's -j DROP\nCOMMIT\n# Completed\n",
	  "4 proto{6,} dport{80,} accept\n4 comment=a \"b\" it's #1 $x; drop\n4 comment=it's drop\ndefault drop" },
	{ "# Generated by ip6tables-save v1.8.9\n*filter\n:INPUT DROP\n-A INPUT -s 2001:db8::/32 -j ACCEPT\nCOMMIT\n",
	  "6 src{2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,} accept\ndefault drop" },
	{ "# Generated by iptables-save\n*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j DROP\nCOMMIT\n"
	  "# Generated by ip6tables-save\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\nCOMMIT\n",
	  "4 proto{6,} drop\n6 proto{6,} drop\n6 accept\ndefault drop" },
	{ "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n",
	  "4 drop\ndefault accept" },
	{ "*filter\n-P INPUT DROP\n-6 -A INPUT -p tcp\n-4 -A INPUT -p udp\n-A INPUT -6 -s ::1\nCOMMIT",
	  "6 proto{6,} none\n4 proto{17,} none\n6 src{::1-::1,} none\n6 accept\ndefault drop" },
	// iptables -S
	{ "-P INPUT DROP\n-P FORWARD ACCEPT\n-N own\n-A INPUT -i lo -j ACCEPT\n", "4 if=lo accept\ndefault drop" },
};

static void texts_become_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char means[TEXT_MAX];
		parse(texts[i].text, means);
		if (strcmp(means, texts[i].means) != 0)
			fail_msg("'%s' means\n%s\n, expected\n%s", texts[i].text, means, texts[i].means);
	}
}

static void rules_know_where_they_stand(void **state)
{
	(void)state;
	static const char text[] = "# x\niptables -P INPUT DROP\n\n  iptables \\\n -t filter \\\n    -A INPUT -p tcp\nip6tables -P INPUT ACCEPT";
	struct rule_list list = { 0 };
	assert_int_equal(rule_iptables_parse("a.rules", text, sizeof(text) - 1, &list, NULL), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.entry[0]->place.file, "a.rules");
	assert_int_equal(list.entry[0]->place.line, 6);
	assert_int_equal(list.entry[0]->place.column, 5);
	assert_int_equal(list.entry[1]->place.line, 7); // the policy's own rule
	rule_list_free(&list);
}

// What is refused: where, and a part of what the user is told.
static const struct {
	const char *text;
	const char *says;
} bad[] = {
	{ "iptables", "1:9: got end of line, expected -A, -I" },
	{ "iptables -A", "1:12: got end of line, expected the name of a chain" },
	{ "iptables -A -p tcp", "1:13: got '-p', expected the name of a chain" },
	{ "iptables -L INPUT", "1:10: got '-L', expected -A, -I, -P, -F, -N, -X or -Z" },
	{ "iptables -D INPUT 1", "1:10: got '-D'" },
	{ "iptables -R INPUT 1 -j DROP", "1:10: got '-R'" },
	{ "iptables -E a b", "1:10: got '-E'" },
	{ "iptables -A OUTPUT -j DROP",
	  "1:13: got 'OUTPUT', expected INPUT or FORWARD: packets are judged where they come in" },
	{ "iptables -A own -j DROP", "1:13: got 'own', expected INPUT or FORWARD: a chain of one's own" },
	{ "iptables -A INPUT -j own", "1:22: got 'own', expected ACCEPT, DROP, REJECT or LOG" },
	{ "iptables -A INPUT -j RETURN", "1:22: got 'RETURN', expected ACCEPT" },
	{ "iptables -A INPUT -j accept", "1:22: got 'accept', expected ACCEPT" },
	{ "iptables -A INPUT -g own", "1:19: got '-g', expected -j" },
	{ "iptables -A INPUT -j", "1:21: got end of line, expected ACCEPT" },
	{ "iptables -A INPUT -p tcp\niptables -A FORWARD -p tcp",
	  "2:13: got 'FORWARD', expected INPUT, which has rules since line 1" },
	{ "iptables -A INPUT -p tcp\nip6tables -A FORWARD -p tcp", "2:14: got 'FORWARD', expected INPUT" },
	{ "iptables -t nat -A INPUT -j DROP", "1:13: got 'nat', expected a rule of the table filter" },
	{ "iptables -A INPUT -j DROP -t mangle", "1:30: got 'mangle', expected a rule of the table filter" },
	{ "iptables -t filter -t filter -A INPUT", "1:20: got '-t', expected one table only" },
	{ "iptables -t", "1:12: got end of line, expected the name of a table" },
	{ "iptables -t nat -P PREROUTING DROP", "1:31: got 'DROP', expected ACCEPT in a table" },
	{ "iptables -P INPUT", "1:18: got end of line, expected ACCEPT or DROP" },
	{ "iptables -P INPUT REJECT", "1:19: got 'REJECT', expected ACCEPT or DROP" },
	{ "iptables -P own DROP", "1:13: got 'own', expected INPUT, FORWARD or OUTPUT" },
	{ "iptables -P INPUT DROP DROP", "1:24: got 'DROP', expected end of line" },
	{ "iptables -F INPUT x", "1:19: got 'x', expected end of line" },
	{ "iptables -I INPUT 0 -j DROP", "1:19: got '0', expected the number of a rule, from 1" },
	{ "iptables -I INPUT 2 -j DROP", "1:10: got '-I', expected a number no larger" },
	{ "iptables -I INPUT 1x -j DROP", "1:19: got '1x', expected the number" },
	{ "iptables -6 -A INPUT -j DROP", "1:1: got 'iptables', expected ip6tables" },
	{ "iptables -A INPUT -p tcp -4", "1:26: got '-4', expected it in front of the options" },
	{ "iptables -W x -A INPUT", "1:13: got 'x', expected a number of microseconds" },
	{ "iptables -A INPUT -p", "1:21: got end of line, expected a protocol" },
	{ "iptables -A INPUT -p tpc", "1:22: got 'tpc', expected a protocol" },
	{ "iptables -A INPUT -p 256", "1:22: got '256', expected a protocol" },
	{ "iptables -A INPUT -p 06", "1:22: got '06', expected a protocol" },
	{ "iptables -A INPUT ! -p all", "1:24: got 'all', expected a protocol" },
	{ "ip6tables -A INPUT -p ah", "1:23: got 'ah', expected no extension header" },
	{ "iptables -A INPUT -p tcp -p udp", "1:26: got '-p', expected it once a rule" },
	{ "iptables -A INPUT -s", "1:21: got end of line, expected an IPv4 address" },
	{ "iptables -A INPUT -s example.org",
	  "1:22: got 'example.org', expected an IPv4 address or network such as 192.0.2.0/24; names" },
	{ "iptables -A INPUT -s 10.0.0.256", "1:22: got '10.0.0.256', expected an IPv4" },
	{ "iptables -A INPUT -s 010.0.0.1", "1:22: got '010.0.0.1', expected an IPv4" },
	{ "iptables -A INPUT -s 10.0.0", "1:22: got '10.0.0', expected an IPv4" },
	{ "iptables -A INPUT -s 10.0.0.0/33", "1:22: got '10.0.0.0/33', expected a prefix length from 0 to 32" },
	{ "iptables -A INPUT -s 10.0.0.0/255.0.255.0",
	  "1:22: got '10.0.0.0/255.0.255.0', expected a mask whose ones are all in front" },
	{ "iptables -A INPUT -s 10.0.0.1,,10.0.0.2", "1:31: got '', expected an IPv4" },
	{ "iptables -A INPUT -s 10.0.0.1,x", "1:31: got 'x', expected an IPv4" },
	{ "iptables -A INPUT ! -s 10.0.0.1,10.0.0.2", "1:33: got '10.0.0.2', expected one address only" },
	{ "iptables -A INPUT -s 2001:db8::1",
	  "1:22: got '2001:db8::1', expected an IPv4 address: those of IPv6 go with ip6tables" },
	{ "ip6tables -A INPUT -s 10.0.0.1", "1:23: got '10.0.0.1', expected an IPv6" },
	{ "ip6tables -A INPUT -s ::1/129", "1:23: got '::1/129', expected a prefix length from 0 to 128" },
	{ "iptables -A INPUT -s 10.0.0.1 ! -s 10.0.0.2", "1:33: got '-s', expected it once a rule" },
	{ "iptables -A INPUT -m iprange --src-range 10.0.0.9-10.0.0.1",
	  "1:42: got '10.0.0.9-10.0.0.1', expected a range that begins with its lower end" },
	{ "iptables -A INPUT -m iprange --src-range 10.0.0.9-x", "1:42: got '10.0.0.9-x', expected a range of IPv4" },
	{ "iptables -A INPUT -i ''", "1:22: got '', expected the name of an interface" },
	{ "iptables -A INPUT -i", "1:21: got end of line, expected the name" },
	{ "iptables -A INPUT -i averyveryverylon", "1:22: got" },
	{ "iptables -A INPUT -i 'a\\'", "1:22: got 'a\\', expected the name" },
	{ "iptables -A INPUT -i 'a|b'", "1:22: got 'a|b', expected the name" },
	{ "iptables -A INPUT ! -i +", "1:24: got '+', expected the name" },
	{ "iptables -A INPUT -o eth0", "1:19: got '-o', expected no interface that packets leave by" },
	{ "iptables -A INPUT -f", "1:19: got '-f', expected no -f: later fragments" },
	{ "iptables -A INPUT ! --fragment", "1:21: got '--fragment', expected no -f" },
	{ "iptables -A INPUT -c 1 2", "1:19: got '-c', expected no counters" },
	{ "iptables -A INPUT --dport 80", "1:19: got '--dport', expected -p tcp, udp, sctp or dccp in front of it" },
	{ "iptables -A INPUT ! -p tcp --dport 80", "1:28: got '--dport', expected -p tcp" },
	{ "iptables -A INPUT --dport 80 -p tcp", "1:19: got '--dport', expected -p tcp" },
	{ "iptables -A INPUT -p icmp --dport 80", "1:27: got '--dport', expected -p tcp" },
	{ "iptables -A INPUT -p tcp --dport", "1:33: got end of line, expected a port" },
	{ "iptables -A INPUT -p tcp --dport 65536", "1:34: got '65536', expected a port: a number from 0 to 65535" },
	{ "iptables -A INPUT -p tcp --dport 080", "1:34: got '080', expected a port" },
	{ "iptables -A INPUT -p tcp --dport 80,443", "1:34: got '80,443', expected a port" },
	{ "iptables -A INPUT -p tcp --dport 90:80",
	  "1:34: got '90:80', expected a range that begins with its lower end" },
	{ "iptables -A INPUT -p tcp --dport htpp", "1:34: got 'htpp', expected a port" },
	{ "iptables -A INPUT -p tcp --dport 80-90", "1:34: got '80-90', expected a port" },
	{ "iptables -A INPUT -p tcp --dport 80 --dport 81", "1:37: got '--dport', expected it once a rule" },
	{ "iptables -A INPUT -p tcp -m udp", "1:29: got 'udp', expected -p udp in front of -m udp" },
	{ "iptables -A INPUT -m tcp", "1:22: got 'tcp', expected -p tcp in front of -m tcp" },
	{ "iptables -A INPUT -p tcp --dports 80", "1:26: got '--dports', expected -m multiport in front of it" },
	{ "iptables -A INPUT -m multiport --dports 80",
	  "1:32: got '--dports', expected -p tcp, udp, sctp, dccp or udplite" },
	{ "iptables -A INPUT -p tcp -m multiport --dports 80,", "1:51: got '', expected a port" },
	{ "iptables -A INPUT -p tcp -m multiport --dports 80:", "1:48: got '80:', expected both ends" },
	{ "iptables -A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
	  "1:84: got '16', expected no more ports" },
	{ "iptables -A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16",
	  "1:81: got '15:16', expected no more ports" },
	{ "iptables -A INPUT -p tcp -m multiport", "1:29: got 'multiport', expected an option of this match" },
	{ "iptables -A INPUT -m state -j DROP", "1:22: got 'state', expected an option of this match" },
	{ "iptables -A INPUT -m comment -m tcp", "1:22: got 'comment', expected an option of this match" },
	{ "iptables -A INPUT -m mark --mark 1", "1:22: got 'mark', expected a match that is known here" },
	{ "iptables -A INPUT -m", "1:21: got end of line, expected a match" },
	{ "iptables -A INPUT --mark 1", "1:19: got '--mark', expected an option of a rule" },
	{ "iptables -A INPUT x", "1:19: got 'x', expected an option of a rule" },
	{ "iptables -A INPUT !", "1:20: got end of line, expected an option" },
	{ "iptables -A INPUT ! ! -p tcp", "1:21: got '!', expected an option" },
	{ "iptables -A INPUT ! -j DROP", "1:21: got '-j', expected no '!'" },
	{ "iptables -A INPUT -m limit ! --limit 5/s", "1:30: got '--limit', expected no '!'" },
	{ "iptables -A INPUT --syn", "1:19: got '--syn', expected -p tcp in front of it" },
	{ "iptables -A INPUT -p tcp --tcp-flags SYN", "1:41: got end of line, expected flags" },
	{ "iptables -A INPUT -p tcp --tcp-flags SYN,FOO SYN", "1:42: got 'FOO', expected flags of TCP" },
	{ "iptables -A INPUT -p tcp --syn --tcp-flags ALL SYN", "1:32: got '--tcp-flags', expected it once" },
	{ "iptables -A INPUT -p tcp --tcp-option 5", "1:26: got '--tcp-option'" },
	{ "iptables -A INPUT -p icmp --icmp-type 256", "1:39: got '256', expected an ICMP type" },
	{ "iptables -A INPUT -p icmp --icmp-type 3/256", "1:39: got '3/256', expected an ICMP type" },
	{ "iptables -A INPUT -p icmp --icmp-type neighbour-solicitation",
	  "1:39: got 'neighbour-solicitation', expected an ICMP type" },
	{ "iptables -A INPUT -p icmp -m icmp", "1:30: got 'icmp', expected an option of this match" },
	{ "ip6tables -A INPUT -p icmp --icmp-type 8", "1:28: got '--icmp-type', expected iptables" },
	{ "iptables -A INPUT -p icmpv6 --icmpv6-type 8", "1:29: got '--icmpv6-type', expected ip6tables" },
	{ "ip6tables -A INPUT -p icmpv6 --icmpv6-type any", "1:44: got 'any', expected an ICMPv6 type" },
	{ "iptables -A INPUT -m state --state FOO", "1:36: got 'FOO', expected states" },
	{ "iptables -A INPUT -m conntrack --ctstate DNAT", "1:42: got 'DNAT', expected states" },
	{ "iptables -A INPUT -m conntrack --ctproto 6", "1:32: got '--ctproto', expected an option of a rule" },
	{ "iptables -A INPUT -m limit --limit 0/s", "1:36: got '0/s', expected a rate" },
	{ "iptables -A INPUT -m limit --limit 5/week", "1:36: got '5/week', expected a rate" },
	{ "iptables -A INPUT -m limit --limit 5/", "1:36: got '5/', expected a rate" },
	{ "iptables -A INPUT -m limit --limit 10001/s",
	  "1:36: got '10001/s', expected a rate that iptables can hold" },
	{ "iptables -A INPUT -m limit --limit-burst 0", "1:42: got '0', expected a number of packets from 1" },
	{ "iptables -A INPUT -p udp -m multiport --ports 53 -m limit --limit 5/s",
	  "1:10: got '-A', expected no limit" },
	{ "iptables -A INPUT -m comment --comment", "1:39: got end of line, expected a comment" },
	{ "iptables -A INPUT -m comment --comment a -m comment --comment b",
	  "1:53: got '--comment', expected it once" },
	{ "iptables -A INPUT -m comment --comment '\xff'", "1:40: got '\\xff', expected a text of UTF-8" },
	{ "iptables -A INPUT -j REJECT --reject-with icmp6-no-route",
	  "1:43: got 'icmp6-no-route', expected icmp-net-unreachable" },
	{ "ip6tables -A INPUT -j REJECT --reject-with icmp-net-unreachable",
	  "1:44: got 'icmp-net-unreachable', expected icmp6-no-route" },
	{ "iptables -A INPUT -j REJECT --reject-with tcp-reset",
	  "1:43: got 'tcp-reset', expected -p tcp in the rule" },
	{ "iptables -A INPUT -j DROP --reject-with tcp-reset",
	  "1:27: got '--reject-with', expected -j REJECT in front of it" },
	{ "iptables -A INPUT -j LOG --log-level 7", "1:38: got '7', expected the default level" },
	{ "iptables -A INPUT -j LOG --log-uid", "1:26: got '--log-uid', expected --log-prefix only" },
	{ "iptables -A INPUT -j LOG --log-prefix", "1:38: got end of line, expected a text" },
	{ "iptables -A INPUT --log-prefix x", "1:19: got '--log-prefix', expected -j LOG" },
	{ "$IPT -A INPUT", "1:1: got '$', expected the word itself" },
	{ "iptables -A INPUT -s `x`", "1:22: got '`', expected the word itself" },
	{ "iptables -A INPUT -s \"$x\"", "1:23: got '$', expected the text itself" },
	{ "iptables -F; iptables -X", "1:12: got ';', expected one plain" },
	{ "iptables -F && x", "1:13: got '&', expected one plain" },
	{ "iptables -F > x", "1:13: got '>', expected one plain" },
	{ "iptables -A INPUT -m comment --comment 'x", "1:42: got end of line, expected the closing '" },
	{ "iptables -A INPUT -m comment --comment \"x\ny\"", "1:42: got end of line, expected the closing \"" },
	{ "modprobe x", "1:1: got 'modprobe', expected iptables or ip6tables" },
	{ "iptables-restore x", "1:1: got 'iptables-restore', expected iptables" },
	{ "sudo", "1:5: got end of line, expected iptables" },
	{ "iptables -A INPUT -p t\x01p", "1:23: got '\\x01', expected a text without control characters" },
	{ "*filter\n:INPUT ACCEPT [0:0]\n",
	  "3:1: got end of file, expected COMMIT at the end of the table that begins in line 1" },
	{ "*filter\n*nat\n", "2:1: got '*nat', expected COMMIT" },
	{ "*filter x\n", "1:9: got 'x', expected end of line" },
	{ "*\n", "1:1: got '*', expected the name of a table" },
	{ "*filter\nCOMMIT\n*filter\nCOMMIT\n", "3:1: got '*filter', expected one table filter of each family" },
	{ "*filter\nCOMMIT x", "2:8: got 'x', expected end of line" },
	{ "*filter\niptables -A INPUT\n",
	  "2:1: got 'iptables', expected a rule (-A INPUT), a chain (:INPUT) or COMMIT" },
	{ "*filter\n:INPUT REJECT [0:0]\n", "2:8: got 'REJECT', expected ACCEPT or DROP" },
	{ "*filter\n:own DROP [0:0]\n", "2:2: got 'own', expected INPUT, FORWARD or OUTPUT" },
	{ "*filter\n:INPUT\n", "2:7: got end of line, expected ACCEPT or DROP" },
	{ "*filter\n:INPUT ACCEPT [0:0] x\n", "2:21: got 'x', expected end of line" },
	{ "*filter\n-A INPUT -t filter -p tcp\nCOMMIT", "2:10: got '-t', expected no table" },
	{ "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT\nCOMMIT\n",
	  "3:1: got '-A', expected a rule of the table filter" },
	{ "*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n", "2:10: got 'DROP', expected ACCEPT in a table" },
	{ ":INPUT ACCEPT [0:0]\n", "1:1: got ':INPUT', expected a table in front" },
	{ "*filter\n-A INPUT -m comment --comment \"x\nCOMMIT\n", "2:33: got end of line, expected the closing \"" },
};

static void what_is_not_supported_names_its_place_and_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rule_list list = { 0 };
		struct error error = { "" };
		size_t length = strlen(bad[i].text);
		char *exact = malloc(length ? length : 1), place[64];
		memcpy(exact, bad[i].text, length);
		if (rule_iptables_parse("t", exact, length, &list, &error) == 0)
			fail_msg("'%s' is taken", bad[i].text);
		free(exact);
		size_t of_place = strcspn(bad[i].says, " ");
		snprintf(place, sizeof(place), "t:%.*s ", (int)of_place, bad[i].says);
		if (strncmp(error.text, place, strlen(place)) != 0 || !strstr(error.text, bad[i].says + of_place + 1))
			fail_msg("'%s' gives \"%s\", expected \"%s\"", bad[i].text, error.text, bad[i].says);
		assert_int_equal(list.count, 0);
		assert_int_equal(rule_iptables_parse("t", bad[i].text, length, &list, NULL), -1);
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

static void more_rules_than_there_are_counters_are_refused(void **state)
{
	(void)state;
	enum { RULES = 262143, LENGTH = 12 };
	struct rule_list list = { 0 };
	struct error error = { "" };
	char *text = malloc((size_t)RULES * LENGTH);
	for (size_t i = 0; i < RULES; i++)
		memcpy(text + i * LENGTH, "-A INPUT -v\n", LENGTH);
	assert_int_equal(rule_iptables_parse("t", text, (size_t)RULES * LENGTH, &list, &error), -1);
	assert_non_null(strstr(error.text, "t:262143:1: got '-A', expected no more rules"));
	assert_int_equal(rule_iptables_parse("t", text, (size_t)(RULES - 1) * LENGTH, &list, &error), 0);
	assert_int_equal(list.count, RULES - 1);
	rule_list_free(&list);
	free(text);
}

// What was inserted, by a plain array.
static void random_inserts_are_where_iptables_would_have_them(void **state)
{
	(void)state;
	enum { RULES = 400 };
	static char text[RULES * 64];
	struct rule_list list = { 0 };
	unsigned order[2][RULES], count[2] = { 0 };
	srand(7);
	text[0] = '\0';
	for (unsigned i = 0; i < RULES; i++) {
		unsigned six = rand() % 3 == 0, number = (unsigned)rand() % (count[six] + 1);
		sprintf(text + strlen(text), "%s -I INPUT %u -s %s%u\n", six ? "ip6tables" : "iptables", number + 1,
			six ? "::" : "0.0.0.", i % 250);
		memmove(&order[six][number + 1], &order[six][number], (count[six]++ - number) * sizeof(order[0][0]));
		order[six][number] = i;
	}
	assert_int_equal(rule_iptables_parse("t", text, strlen(text), &list, NULL), 0);
	for (unsigned six = 0; six < 2; six++) {
		unsigned at = 0;
		for (size_t i = 0; i < list.count; i++) {
			if (list.entry[i]->rule.ip6 == six)
				assert_int_equal(list.entry[i]->place.line, order[six][at++] + 1);
		}
		assert_int_equal(at, count[six]);
	}
	rule_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_mean_what_iptables_means),
		cmocka_unit_test(rules_are_printed_as_what_reads_back_to_the_same),
		cmocka_unit_test(tcp_flags_are_those_under_a_mask),
		cmocka_unit_test(texts_become_lists),
		cmocka_unit_test(rules_know_where_they_stand),
		cmocka_unit_test(what_is_not_supported_names_its_place_and_what_was_expected),
		cmocka_unit_test(one_rule_is_read_with_and_without_its_chain),
		cmocka_unit_test(what_is_not_one_rule_is_refused),
		cmocka_unit_test(more_rules_than_there_are_counters_are_refused),
		cmocka_unit_test(random_inserts_are_where_iptables_would_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
