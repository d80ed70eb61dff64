// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/rule_text.h"

// As people write it, and as it is printed.
static const struct {
	const char *text;
	const char *canonical;
} good[] = {
	{ "allow tcp", "allow tcp" },
	{ "allow tcp 80", "allow tcp 80" },
	{ "  deny\ttcp   80-90  # comment", "deny tcp 80-90" },
	{ "allow tcp 80#no blank", "allow tcp 80" },
	{ "allow tcp 80\r", "allow tcp 80" },
	{ "allow tcp https", "allow tcp 443" },
	{ "allow TCP HTTPS", "allow tcp 443" },
	{ "allow udp dns", "allow udp 53" },
	{ "allow tcp system", "allow tcp 0-1023" },
	{ "allow tcp user", "allow tcp 1024-49151" },
	{ "allow tcp dynamic", "allow tcp 49152-65535" },
	{ "allow tcp ephemeral", "allow tcp 32768-60999" },
	{ "allow tcp 0", "allow tcp 0" },
	{ "allow tcp 65535", "allow tcp 65535" },
	{ "allow tcp 0-65535", "allow tcp" },
	{ "allow tcp 80-80", "allow tcp 80" },
	{ "allow tcp 00080", "allow tcp 80" },
	{ "allow 6 80", "allow tcp 80" },
	{ "allow 47", "allow gre" },
	{ "allow 250", "allow 250" },
	{ "allow any", "allow any" },
	{ "allow any from any to any", "allow any" },
	{ "allow any from 0.0.0.0/0", "allow any from 0.0.0.0/0" },
	{ "allow tcp from 10.0.0.0/8", "allow tcp from 10.0.0.0/8" },
	{ "allow tcp 80 from 10.0.0.0/8", "allow tcp 80 from 10.0.0.0/8" },
	{ "allow tcp from 10.0.0.1/32 port ephemeral to 192.0.2.1 port http",
	  "allow tcp 80 from 10.0.0.1 port 32768-60999 to 192.0.2.1" },
	{ "allow udp from any port 53", "allow udp from any port 53" },
	{ "allow udp from any port 0-65535", "allow udp" },
	{ "allow udp to any port 53", "allow udp 53" },
	{ "allow tcp 22 to 2001:DB8:0::/48", "allow tcp 22 to 2001:db8::/48" },
	{ "deny any from 2001:db8::1 to ::/0", "deny any from 2001:db8::1 to ::/0" },
	{ "reject tcp 23 prohibited", "reject tcp 23 prohibited" },
	{ "reject any prohibited", "reject any prohibited" },
	{ "reject udp from any to 10.0.0.0/8 port 53 prohibited", "reject udp 53 to 10.0.0.0/8 prohibited" },
	{ "allow icmp", "allow icmp" },
	{ "allow icmp 8", "allow icmp 8" },
	{ "allow icmp echo-request from 10.0.0.0/8", "allow icmp 8 from 10.0.0.0/8" },
	{ "allow icmp 0-255", "allow icmp 0-255" },
	{ "allow icmpv6 echo-request", "allow icmpv6 128" },
	{ "allow icmp6 133-137 to ff02::/16", "allow icmpv6 133-137 to ff02::/16" },
	{ "allow udplite dns", "allow udplite 53" },
	{ "allow sctp diameter", "allow sctp 3868" },
};

static void rules_are_read_and_printed_canonically(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct rule rule, again;
		struct error error = { "" };
		char text[RULE_TEXT_MAX], twice[RULE_TEXT_MAX];
		if (rule_parse("test", good[i].text, &rule, &error))
			fail_msg("%s: %s", good[i].text, error.text);
		assert_string_equal(rule_format(&rule, text), good[i].canonical);
		assert_int_equal(rule_parse("test", text, &again, &error), 0);
		assert_memory_equal(&rule, &again, sizeof(rule));
		assert_string_equal(rule_format(&again, twice), text);
		assert_int_equal(rule.slot, 0);
	}
}

// Where it stands, and a part of what the user is told.
static const struct {
	const char *text;
	unsigned column;
	const char *says;
} bad[] = {
	{ "", 1, "got end of line, expected 'allow', 'deny' or 'reject'" },
	{ "# allow tcp", 1, "got end of line" },
	{ "alow tcp 80", 1, "got 'alow', expected 'allow'" },
	{ "Allow tcp 80", 1, "got 'Allow'" },
	{ "default allow", 1, "got 'default'" },
	{ "allow", 6, "got end of line, expected a protocol: tcp, udp" },
	{ "allow tpc 80", 7, "got 'tpc', expected a protocol: tcp, udp" },
	{ "allow 256", 7, "got '256', expected a protocol" },
	{ "allow 80", 0, NULL }, // protocol 80
	{ "allow tcp 65536", 11, "got '65536', expected a port: a number from 0 to 65535" },
	{ "allow tcp 70000-70001", 11, "got '70000-70001', expected a port" },
	{ "allow tcp 90-80", 11, "expected a range that begins with its lower end: 80-90" },
	{ "allow tcp 80-", 11, "expected a port" },
	{ "allow tcp -80", 11, "expected a port" },
	{ "allow tcp 80-90-100", 11, "expected a port" },
	{ "allow tcp 80,443", 11, "expected a port" },
	{ "allow tcp 99999999999999999999", 11, "expected a port" },
	{ "allow tcp 4294967376", 11, "expected a port" },
	{ "allow tcp htpp", 11, "got 'htpp', expected a port" },
	{ "allow udp shell", 11, "a service name of udp" },
	{ "allow tcp 80 443", 14, "got '443', expected 'from', 'to', 'prohibited' or end of line" },
	{ "allow any 80", 11, "ports need a protocol that has them" },
	{ "allow gre 80", 11, "expected no port" },
	{ "allow icmp 256", 12, "expected an ICMP type: a number from 0 to 255" },
	{ "allow icmp system", 12, "expected an ICMP type" },
	{ "allow icmp neighbor-solicitation", 12, "expected an ICMP type" },
	{ "allow icmp from any port 8", 21, "expected no port: ICMP has none" },
	{ "allow icmp to any port 8", 19, "expected no port: ICMP has none" },
	{ "allow tcp from", 15, "got end of line, expected an address" },
	{ "allow tcp from 10.0.0.0/33", 16, "expected a prefix length from 0 to 32" },
	{ "allow tcp from 2001:db8::/129", 16, "expected a prefix length from 0 to 128" },
	{ "allow tcp from 10.1.2.3/8", 16, "expected no host bits behind the prefix: 10.0.0.0/8" },
	{ "allow tcp from 2001:db8::1/33", 16, "expected no host bits behind the prefix: 2001:db8::/33" },
	{ "allow tcp from example.org", 16, "got 'example.org', expected an address" },
	{ "allow tcp from 10.0.0.0/8 80", 27, "got '80', expected 'port', 'to', 'prohibited' or end of line" },
	{ "allow tcp from 10.0.0.0/8 port", 31, "got end of line, expected a port" },
	{ "allow tcp to 10.0.0.0/8 from any", 25, "got 'from', expected 'port', 'prohibited' or end of line" },
	{ "allow tcp 80 to 10.0.0.0/8 port 80", 28, "expected one destination port only" },
	{ "allow any from any port 80", 25, "ports need a protocol that has them" },
	{ "allow tcp from 10.0.0.0/8 to 2001:db8::/32", 30, "expected an IPv4 prefix as behind 'from'" },
	{ "allow tcp from 2001:db8::/32 to 10.0.0.0/8", 33, "expected an IPv6 prefix as behind 'from'" },
	{ "allow icmp from 2001:db8::/32", 17, "ICMP for IPv6 is icmpv6" },
	{ "allow icmp to ::/0", 15, "ICMP for IPv6 is icmpv6" },
	{ "allow icmpv6 to 10.0.0.0/8", 17, "ICMP for IPv4 is icmp" },
	{ "allow tcp prohibited", 11, "only reject can say prohibited" },
	{ "deny tcp prohibited", 10, "only reject can say prohibited" },
	{ "reject tcp prohibited 80", 23, "got '80', expected end of line" },
	{ "allow tcp 80\nallow udp 53", 11, "got '80\\x0aallow', expected" },
	{ "allow t\x1b[31mp", 7, "got 't\\x1b[31mp', expected" },
	{ "allow \xc3\xbc", 7, "got '\\xc3\\xbc', expected" },
};

static void errors_name_the_column_and_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rule rule;
		struct error error = { "" };
		int result = rule_parse("test", bad[i].text, &rule, &error);
		assert_int_equal(result, bad[i].says ? -1 : 0);
		if (result == 0)
			continue;
		char place[32];
		snprintf(place, sizeof(place), "test:1:%u: ", bad[i].column);
		if (strncmp(error.text, place, strlen(place)) != 0 || !strstr(error.text, bad[i].says))
			fail_msg("'%s' gives \"%s\", expected %s...%s", bad[i].text, error.text, place, bad[i].says);
		assert_int_equal(rule_parse("test", bad[i].text, &rule, NULL), -1);
	}
}

static void list_keeps_order_lines_and_default(void **state)
{
	(void)state;
	static const char text[] = "# a comment\n\nallow tcp 80\r\n  deny any from 10.0.0.0/8\n\ndefault reject # last";
	struct rule_list list;
	struct error error = { "" };
	assert_int_equal(rule_list_parse("a.rules", text, sizeof(text) - 1, &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.lines[0], 3);
	assert_int_equal(list.lines[1], 4);
	assert_int_equal(list.rules[0].verdict, VERDICT_ACCEPT);
	assert_int_equal(list.rules[1].verdict, VERDICT_DROP);
	assert_true(list.has_default);
	assert_int_equal(list.default_verdict, VERDICT_REJECT);
	rule_list_free(&list);
}

static void list_of_a_default_alone_is_fine(void **state)
{
	(void)state;
	struct rule_list list;
	struct error error = { "" };
	assert_int_equal(rule_list_parse("a.rules", "default deny\n", 13, &list, &error), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.default_verdict, VERDICT_DROP);
	rule_list_free(&list);
}

static const struct {
	const char *text;
	const char *says;
} bad_lists[] = {
	{ "", "a.rules:1:1: got end of file, expected 'default allow'" },
	{ "allow tcp 80\n", "a.rules:2:1: got end of file" },
	{ "allow tcp 80", "a.rules:2:1: got end of file" },
	{ "allow tcp 80\n deny tpc\ndefault deny\n", "a.rules:2:7: got 'tpc'" },
	{ "default\n", "a.rules:1:8: got end of line, expected 'allow', 'deny' or 'reject' as default policy" },
	{ "default drop\n", "a.rules:1:9: got 'drop', expected" },
	{ "default deny tcp\n", "a.rules:1:14: got 'tcp', expected end of line" },
	{ "default deny\nallow tcp\ndefault deny\n", "a.rules:3:1: got 'default', expected a rule" },
	{ "permit tcp\n", "a.rules:1:1: got 'permit', expected 'allow', 'deny', 'reject' or 'default'" },
};

static void errors_of_a_list_name_the_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lists) / sizeof(bad_lists[0]); i++) {
		struct rule_list list;
		struct error error = { "" };
		const char *text = bad_lists[i].text;
		assert_int_equal(rule_list_parse("a.rules", text, strlen(text), &list, &error), -1);
		if (strncmp(error.text, bad_lists[i].says, strlen(bad_lists[i].says)) != 0)
			fail_msg("'%s' gives \"%s\"", text, error.text);
		assert_null(list.rules);
	}
}

static void expect_error(const char *text, size_t length, const char *says)
{
	// In a block of its own size, so that a byte read behind it is seen.
	char *exact = malloc(length ? length : 1);
	memcpy(exact, text, length);
	struct rule_list list;
	struct error error = { "" };
	assert_int_equal(rule_list_parse("a.rules", exact, length, &list, &error), -1);
	if (!strstr(error.text, says))
		fail_msg("got \"%s\", expected \"%s\"", error.text, says);
	free(exact);
}

static void garbage_gives_an_error_that_can_be_printed(void **state)
{
	(void)state;
	enum { MEGABYTE = 1 << 20 };
	char *text = malloc(MEGABYTE);
	expect_error("allow tcp\0 80\n", 14, "a.rules:1:7: got 'tcp\\x00', expected a protocol");
	expect_error("\0", 1, "a.rules:1:1: got '\\x00', expected");
	expect_error("\xef\xbb\xbf" "allow tcp\n", 13, "a.rules:1:1: got '\\xef\\xbb\\xbfallow'");
	memset(text, 'a', MEGABYTE);
	expect_error(text, MEGABYTE, "a.rules:1:1: got 'aaaa");
	memset(text, '\0', MEGABYTE);
	expect_error(text, MEGABYTE, "...', expected 'allow'");
	memset(text, ' ', MEGABYTE);
	expect_error(text, MEGABYTE, "a.rules:2:1: got end of file");
	memset(text, '\n', MEGABYTE);
	expect_error(text, MEGABYTE, "a.rules:1048577:1: got end of file");
	memcpy(text, "allow tcp ", 10);
	memset(text + 10, '9', MEGABYTE - 10);
	expect_error(text, MEGABYTE, "a.rules:1:11: got '9999");
	uint64_t random = 1;
	for (size_t i = 0; i < MEGABYTE; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		text[i] = (char)(random >> 56);
	}
	expect_error(text, MEGABYTE, "a.rules:1:1: got '");
	free(text);
}

static void more_rules_than_there_are_counters_are_refused(void **state)
{
	(void)state;
	enum { RULES = 262143, LENGTH = 10 };
	char *text = malloc((size_t)RULES * LENGTH);
	for (size_t i = 0; i < RULES; i++)
		memcpy(text + i * LENGTH, "allow tcp\n", LENGTH);
	expect_error(text, (size_t)RULES * LENGTH, "a.rules:262143:1: got 'allow', expected no more rules");
	free(text);
}

static void files_are_loaded_or_say_why_not(void **state)
{
	(void)state;
	char file[] = "/tmp/test_rule_text_XXXXXX";
	struct rule_list list;
	struct error error = { "" };
	int descriptor = mkstemp(file);
	assert_int_equal(write(descriptor, "allow tcp 80\ndefault deny\n", 26), 26);
	close(descriptor);
	assert_int_equal(rule_list_load(file, &list, &error), 0);
	assert_int_equal(list.count, 1);
	rule_list_free(&list);
	unlink(file);

	assert_int_equal(rule_list_load(file, &list, &error), -1);
	assert_non_null(strstr(error.text, "No such file"));
	assert_int_equal(rule_list_load("/tmp", &list, &error), -1);
	assert_non_null(strstr(error.text, "/tmp: "));
	assert_non_null(strstr(error.text, "directory"));
	assert_int_equal(rule_list_load("/dev/zero", &list, &error), -1);
	assert_non_null(strstr(error.text, "/dev/zero: "));
}

static void port_ranges_are_read_by_themselves(void **state)
{
	(void)state;
	struct port_range range;
	struct error error;
	assert_int_equal(port_range_parse("8000-8080", 6, &range, &error), 0);
	assert_int_equal(range.low, 8000);
	assert_int_equal(range.high, 8080);
	assert_int_equal(port_range_parse("", 6, &range, &error), -1);
	assert_int_equal(port_range_parse("80 ", 6, &range, &error), -1);
	assert_int_equal(port_range_parse("80", 47, &range, &error), -1);
	assert_int_equal(port_range_parse("256", 58, &range, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_read_and_printed_canonically),
		cmocka_unit_test(errors_name_the_column_and_what_was_expected),
		cmocka_unit_test(list_keeps_order_lines_and_default),
		cmocka_unit_test(list_of_a_default_alone_is_fine),
		cmocka_unit_test(errors_of_a_list_name_the_line),
		cmocka_unit_test(garbage_gives_an_error_that_can_be_printed),
		cmocka_unit_test(more_rules_than_there_are_counters_are_refused),
		cmocka_unit_test(files_are_loaded_or_say_why_not),
		cmocka_unit_test(port_ranges_are_read_by_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
