// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_log.h"

static const struct rule_log_record web = {
	.tuple = { .family = FAMILY_IP4, .protocol = IPPROTO_TCP, .source = { { 192, 0, 2, 1 } },
		.destination = { { 192, 0, 2, 2 } }, .source_port = 54321, .destination_port = 80, .tcp_flags = TCP_SYN },
	.slot = 1, .length = 74, .verdict = VERDICT_DROP,
};

static void expect(struct rule_log_record record, const char *prefix, const char *expected)
{
	char line[RULE_LOG_LINE_MAX];
	assert_string_equal(rule_log_format(&record, prefix, "wire", line), expected);
}

static void line_is_in_the_style_of_the_kernel(void **state)
{
	(void)state;
	expect(web, "web: ", "web: IN=wire OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=74 PROTO=TCP SPT=54321 DPT=80 SYN VERDICT=drop");
	struct rule_log_record record = web;
	record.tuple.tcp_flags = TCP_ACK | TCP_FIN | 0x80;
	record.verdict = VERDICT_REJECT;
	expect(record, NULL,
		"IN=wire OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=74 PROTO=TCP SPT=54321 DPT=80 CWR ACK FIN VERDICT=reject");
}

static void fields_that_a_packet_lacks_are_not_shown(void **state)
{
	(void)state;
	struct rule_log_record record = web;
	record.tuple.portless = true;
	expect(record, NULL, "IN=wire OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=74 PROTO=TCP VERDICT=drop");
	record.tuple.protocol = 47;
	record.tuple.tagged = true;
	expect(record, NULL, "IN=wire OUT= VLAN=0 SRC=192.0.2.1 DST=192.0.2.2 LEN=74 PROTO=47 VERDICT=drop");
}

static void icmp_shows_type_and_code(void **state)
{
	(void)state;
	struct rule_log_record record = { .tuple = { .family = FAMILY_IP6, .protocol = IPPROTO_ICMPV6, .icmp_type = 1,
						  .icmp_code = 4, .source = { { 0xfd, [15] = 1 } },
						  .destination = { { 0xfd, [15] = 2 } } }, .length = 90 };
	expect(record, NULL, "IN=wire OUT= SRC=fd00::1 DST=fd00::2 LEN=90 PROTO=ICMPv6 TYPE=1 CODE=4 VERDICT=accept");
}

static void prefix_that_is_too_long_is_cut(void **state)
{
	char prefix[2 * RULE_LOG_LINE_MAX], line[RULE_LOG_LINE_MAX];
	(void)state;
	memset(prefix, 'x', sizeof(prefix) - 1);
	prefix[sizeof(prefix) - 1] = '\0';
	assert_int_equal(strlen(rule_log_format(&web, prefix, "wire", line)), RULE_LOG_LINE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_is_in_the_style_of_the_kernel),
		cmocka_unit_test(fields_that_a_packet_lacks_are_not_shown),
		cmocka_unit_test(icmp_shows_type_and_code),
		cmocka_unit_test(prefix_that_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
