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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_supported_names_its_place_and_what_was_expected),
		cmocka_unit_test(more_rules_than_there_are_counters_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
