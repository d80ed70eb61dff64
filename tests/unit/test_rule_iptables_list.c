// SPDX-License-Identifier: BSD-3-Clause
// Whole texts: a line a rule in what they mean, the default verdict at the end.
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
		cmocka_unit_test(texts_become_lists),
		cmocka_unit_test(rules_know_where_they_stand),
		cmocka_unit_test(random_inserts_are_where_iptables_would_have_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
