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

#include "control/port_range.h"
#include "control/rule_text.h"
#include "dataplane/random.h"
#include "tests/unit/rule_describe.h"

// As people write it, and what it means (rule_describe.h).
static const struct {
	const char *text;
	const char *means;
} good[] = {
	{ "allow tcp", "46 proto{6,} accept" },
	{ "allow tcp 80", "46 proto{6,} dport{80,} accept" },
	{ "  deny\ttcp   80-90  # comment", "46 proto{6,} dport{80-90,} drop" },
	{ "allow tcp 80#no blank", "46 proto{6,} dport{80,} accept" },
	{ "allow tcp 80\r", "46 proto{6,} dport{80,} accept" },
	{ "allow tcp https", "46 proto{6,} dport{443,} accept" },
	{ "allow TCP HTTPS", "46 proto{6,} dport{443,} accept" },
	{ "allow udp dns", "46 proto{17,} dport{53,} accept" },
	{ "allow tcp system", "46 proto{6,} dport{0-1023,} accept" },
	{ "allow tcp user", "46 proto{6,} dport{1024-49151,} accept" },
	{ "allow tcp dynamic", "46 proto{6,} dport{49152-65535,} accept" },
	{ "allow tcp ephemeral", "46 proto{6,} dport{32768-60999,} accept" },
	{ "allow tcp 0", "46 proto{6,} dport{0,} accept" },
	{ "allow tcp 65535", "46 proto{6,} dport{65535,} accept" },
	{ "allow tcp 0-65535", "46 proto{6,} accept" },
	{ "allow tcp 80-80", "46 proto{6,} dport{80,} accept" },
	{ "allow tcp 00080", "46 proto{6,} dport{80,} accept" },
	{ "allow 6 80", "46 proto{6,} dport{80,} accept" },
	{ "allow 47", "46 proto{47,} accept" },
	{ "allow gre", "46 proto{47,} accept" },
	{ "allow 250", "46 proto{250,} accept" },
	{ "allow any", "46 accept" },
	{ "allow any from any to any", "46 accept" },
	{ "allow any from 0.0.0.0/0", "4 accept" },
	{ "deny any to ::/0", "6 drop" },
	{ "allow tcp from 10.0.0.0/8", "4 proto{6,} src{10.0.0.0-10.255.255.255,} accept" },
	{ "allow tcp 80 from 10.0.0.0/8", "4 proto{6,} src{10.0.0.0-10.255.255.255,} dport{80,} accept" },
	{ "allow tcp from 10.0.0.1/32 port ephemeral to 192.0.2.1 port http",
	  "4 proto{6,} src{10.0.0.1-10.0.0.1,} dst{192.0.2.1-192.0.2.1,} sport{32768-60999,} dport{80,} accept" },
	{ "allow udp from any port 53", "46 proto{17,} sport{53,} accept" },
	{ "allow udp from any port 0-65535", "46 proto{17,} accept" },
	{ "allow udp to any port 53", "46 proto{17,} dport{53,} accept" },
	{ "allow tcp 22 to 2001:DB8:0::/48",
	  "6 proto{6,} dst{2001:db8::-2001:db8:0:ffff:ffff:ffff:ffff:ffff,} dport{22,} accept" },
	{ "deny any from 2001:db8::1 to ::/0", "6 src{2001:db8::1-2001:db8::1,} drop" },
	{ "reject tcp 23", "46 proto{6,} dport{23,} reject 0/0" },
	{ "reject tcp 23 prohibited", "46 proto{6,} dport{23,} reject 3/131" },
	{ "reject any prohibited", "46 reject 3/131" },
	{ "reject udp from any to 10.0.0.0/8 port 53 prohibited",
	  "4 proto{17,} dst{10.0.0.0-10.255.255.255,} dport{53,} reject 3/131" },
	{ "allow icmp", "46 proto{1,} accept" },
	{ "allow icmp 8", "4 proto{1,} type{8,} accept" },
	{ "allow icmp echo-request from 10.0.0.0/8", "4 proto{1,} src{10.0.0.0-10.255.255.255,} type{8,} accept" },
	{ "allow icmp 0-255", "4 proto{1,} type{0-255,} accept" },
	{ "allow icmpv6 echo-request", "6 proto{58,} type{128,} accept" },
	{ "allow icmp6 133-137 to ff02::/16",
	  "6 proto{58,} dst{ff02::-ff02:ffff:ffff:ffff:ffff:ffff:ffff:ffff,} type{133-137,} accept" },
	{ "allow udplite dns", "46 proto{136,} dport{53,} accept" },
	{ "allow sctp diameter", "46 proto{132,} dport{3868,} accept" },
};

static void rules_mean_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct error error = { "" };
		char text[DESCRIBE_MAX];
		struct rule_entry *entry = rule_words_parse_rule("test", good[i].text, &error);
		if (!entry)
			fail_msg("%s: %s", good[i].text, error.text);
		if (strcmp(describe(entry, text), good[i].means) != 0)
			fail_msg("'%s' means \"%s\", expected \"%s\"", good[i].text, text, good[i].means);
		assert_int_equal(entry->rule.slot, 0);
		assert_int_equal(entry->references, 1);
		rule_entry_drop(entry);
	}
}

// In nft's language, that is.
static void rules_are_printed_as_what_reads_back_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct error error = { "" };
		char text[DESCRIBE_MAX], again[DESCRIBE_MAX];
		struct rule_entry *entry = rule_words_parse_rule("test", good[i].text, &error);
		struct rule_entry *read = rule_list_parse_rule("printed", entry->text, &error);
		if (!read)
			fail_msg("'%s' is printed as '%s': %s", good[i].text, entry->text, error.text);
		assert_string_equal(describe(read, again), describe(entry, text));
		assert_string_equal(read->text, entry->text);
		rule_entry_drop(entry);
		rule_entry_drop(read);
	}
}

static void equal_rules_have_equal_texts(void **state)
{
	(void)state;
	struct rule_entry *one = rule_words_parse_rule("a", "allow tcp 443 from 10.0.0.1", NULL);
	struct rule_entry *other = rule_words_parse_rule("b", "  allow 6 https from 10.0.0.1/32 port 0-65535 # x", NULL);
	assert_string_equal(one->text, other->text);
	rule_entry_drop(one);
	rule_entry_drop(other);
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
		struct error error = { "" };
		struct rule_entry *entry = rule_words_parse_rule("test", bad[i].text, &error);
		if (entry)
			fail_msg("'%s' is taken for a rule", bad[i].text);
		char place[32];
		snprintf(place, sizeof(place), "test:1:%u: ", bad[i].column);
		if (strncmp(error.text, place, strlen(place)) != 0 || !strstr(error.text, bad[i].says))
			fail_msg("'%s' gives \"%s\", expected %s...%s", bad[i].text, error.text, place, bad[i].says);
		assert_null(rule_words_parse_rule("test", bad[i].text, NULL));
	}
}

static void list_keeps_order_lines_and_default(void **state)
{
	(void)state;
	static const char text[] = "# a comment\n\nallow tcp 80\r\n  deny any from 10.0.0.0/8\n\ndefault reject # last";
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_int_equal(rule_words_parse("a.rules", text, sizeof(text) - 1, &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.entry[0]->place.file, "a.rules");
	assert_int_equal(list.entry[0]->place.line, 3);
	assert_int_equal(list.entry[0]->place.column, 1);
	assert_int_equal(list.entry[1]->place.line, 4);
	assert_int_equal(list.entry[1]->place.column, 3);
	assert_int_equal(list.entry[0]->rule.verdict, VERDICT_ACCEPT);
	assert_int_equal(list.entry[1]->rule.verdict, VERDICT_DROP);
	assert_true(list.has_default);
	assert_int_equal(list.default_verdict, VERDICT_REJECT);
	rule_list_free(&list);
}

static void list_of_a_default_alone_is_fine(void **state)
{
	(void)state;
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_int_equal(rule_words_parse("a.rules", "default deny\n", 13, &list, &error), 0);
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
		struct rule_list list = { 0 };
		struct error error = { "" };
		const char *text = bad_lists[i].text;
		assert_int_equal(rule_words_parse("a.rules", text, strlen(text), &list, &error), -1);
		if (strncmp(error.text, bad_lists[i].says, strlen(bad_lists[i].says)) != 0)
			fail_msg("'%s' gives \"%s\"", text, error.text);
		rule_list_free(&list);
	}
}

static void expect_error(const char *text, size_t length, const char *says)
{
	// In a block of its own size, so that a byte read behind it is seen.
	char *exact = malloc(length ? length : 1);
	memcpy(exact, text, length);
	struct rule_list list = { 0 };
	struct error error = { "" };
	assert_int_equal(rule_words_parse("a.rules", exact, length, &list, &error), -1);
	if (!strstr(error.text, says))
		fail_msg("got \"%s\", expected \"%s\"", error.text, says);
	rule_list_free(&list);
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
	for (size_t i = 0; i < MEGABYTE; i++)
		text[i] = (char)random_next(&random);
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
	struct rule_list list = { 0 };
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
		cmocka_unit_test(rules_mean_what_they_say),
		cmocka_unit_test(rules_are_printed_as_what_reads_back_to_the_same),
		cmocka_unit_test(equal_rules_have_equal_texts),
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
