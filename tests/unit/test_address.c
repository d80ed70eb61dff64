// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/address.h"

static const struct {
	const char *text;
	const char *canonical;
	uint8_t family, bits;
} good[] = {
	{ "any", "any", FAMILY_NONE, 0 },
	{ "192.0.2.7", "192.0.2.7", FAMILY_IP4, 32 },
	{ "192.0.2.7/32", "192.0.2.7", FAMILY_IP4, 32 },
	{ "192.0.2.0/24", "192.0.2.0/24", FAMILY_IP4, 24 },
	{ "192.0.2.6/31", "192.0.2.6/31", FAMILY_IP4, 31 },
	{ "0.0.0.0/0", "0.0.0.0/0", FAMILY_IP4, 0 },
	{ "128.0.0.0/1", "128.0.0.0/1", FAMILY_IP4, 1 },
	{ "0.0.0.0", "0.0.0.0", FAMILY_IP4, 32 },
	{ "::/0", "::/0", FAMILY_IP6, 0 },
	{ "::", "::", FAMILY_IP6, 128 },
	{ "2001:DB8:0:0:0:0:0:7", "2001:db8::7", FAMILY_IP6, 128 },
	{ "2001:db8::/32", "2001:db8::/32", FAMILY_IP6, 32 },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", FAMILY_IP6, 128 }, // RFC 5952 4.2.2
	{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1", FAMILY_IP6, 128 },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", FAMILY_IP6, 128 },
	{ "fe80::/10", "fe80::/10", FAMILY_IP6, 10 },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", FAMILY_IP6, 127 },
};

static void prefixes_are_read_and_printed_canonically(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct prefix prefix, again;
		char text[ADDRESS_TEXT_MAX];
		assert_int_equal(prefix_parse(good[i].text, &prefix), 0);
		assert_int_equal(prefix.family, good[i].family);
		assert_int_equal(prefix.bits, good[i].bits);
		assert_string_equal(prefix_format(&prefix, text), good[i].canonical);
		assert_int_equal(prefix_parse(text, &again), 0);
		assert_memory_equal(&prefix, &again, sizeof(prefix));
	}
}

static const struct {
	const char *text;
	int result;
} bad[] = {
	{ "", -1 },
	{ "/", -1 },
	{ "/24", -1 },
	{ "ANY", -1 },
	{ "any/0", -1 },
	{ "localhost", -1 },
	{ "192.0.2", -1 },
	{ "192.0.2.256", -1 },
	{ "192.0.2.7 ", -1 },
	{ "192.0.2.07.1", -1 },
	{ "2001:db8:::7", -1 },
	{ "1:2:3:4:5:6:7:8:9", -1 },
	{ "fe80::1%eth0", -1 },
	{ "1111111111111111111111111111111111111111111111111111111111111111111111", -1 },
	{ "192.0.2.1/24", -2 },
	{ "192.0.2.1/0", -2 },
	{ "2001:db8::1/127", -2 },
	{ "2001:db8::1/32", -2 },
	{ "192.0.2.0/33", -3 },
	{ "2001:db8::/129", -3 },
	{ "192.0.2.0/", -3 },
	{ "192.0.2.0/-1", -3 },
	{ "192.0.2.0/+8", -3 },
	{ "192.0.2.0/24x", -3 },
	{ "192.0.2.0/24/24", -3 },
	{ "192.0.2.0/4294967320", -3 },
	{ "192.0.2.0/255.255.255.0", -3 },
};

static void what_is_no_prefix_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct prefix prefix;
		if (prefix_parse(bad[i].text, &prefix) != bad[i].result)
			fail_msg("'%s' gives %d", bad[i].text, prefix_parse(bad[i].text, &prefix));
	}
}

static void address_without_family_prints_any(void **state)
{
	(void)state;
	char text[ADDRESS_TEXT_MAX];
	struct ip_address address = { .byte = { 192, 0, 2, 7 } };
	assert_string_equal(address_format(&address, FAMILY_NONE, text), "any");
	assert_string_equal(address_format(&address, FAMILY_IP4, text), "192.0.2.7");
	assert_string_equal(address_format(&address, FAMILY_IP6, text), "c000:207::");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_read_and_printed_canonically),
		cmocka_unit_test(what_is_no_prefix_says_why),
		cmocka_unit_test(address_without_family_prints_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
