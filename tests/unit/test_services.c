// SPDX-License-Identifier: BSD-3-Clause
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/services.h"

enum { TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136, ICMP = 1, GRE = 47 };

static const struct {
	const char *name;
	uint8_t protocol;
	int port;
} ports[] = {
	{ "http", TCP, 80 },
	{ "HTTP", TCP, 80 },
	{ "www", TCP, 80 },
	{ "https", TCP, 443 },
	{ "https", UDP, 443 },
	{ "https", SCTP, 443 },
	{ "https", DCCP, -1 },
	{ "ssh", TCP, 22 },
	{ "domain", UDP, 53 },
	{ "dns", UDP, 53 },
	{ "domain", UDPLITE, 53 },
	{ "syslog", UDP, 514 },
	{ "syslog", TCP, -1 },
	{ "shell", TCP, 514 },
	{ "shell", UDP, -1 },
	{ "imaps", TCP, 993 },
	{ "submissions", TCP, 465 },
	{ "http-alt", TCP, 8080 },
	{ "postgresql", TCP, 5432 },
	{ "diameter", SCTP, 3868 },
	{ "http", GRE, -1 },
	{ "http", ICMP, -1 },
	{ "htt", TCP, -1 },
	{ "http-", TCP, -1 },
	{ "", TCP, -1 },
	{ "\xff", TCP, -1 },
	{ "80", TCP, -1 },
};

static void names_are_found_for_their_protocols_in_any_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (service_port(ports[i].name, ports[i].protocol) != ports[i].port)
			fail_msg("%s/%u gives %d", ports[i].name, ports[i].protocol,
				 service_port(ports[i].name, ports[i].protocol));
	}
}

static void common_name_of_a_port_is_printed(void **state)
{
	(void)state;
	assert_string_equal(service_name(80, TCP), "http");
	assert_string_equal(service_name(443, UDP), "https");
	assert_string_equal(service_name(53, UDP), "domain");
	assert_string_equal(service_name(465, TCP), "submissions");
	assert_string_equal(service_name(514, TCP), "shell");
	assert_string_equal(service_name(514, UDP), "syslog");
	assert_null(service_name(0, TCP));
	assert_null(service_name(65535, TCP));
	assert_null(service_name(80, GRE));
}

static void every_printed_name_is_read(void **state)
{
	(void)state;
	const uint8_t protocols[] = { TCP, UDP, SCTP, DCCP, UDPLITE };
	unsigned names = 0, elsewhere = 0;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		for (unsigned port = 0; port < 65536; port++) {
			const char *name = service_name((uint16_t)port, protocols[i]);
			if (!name)
				continue;
			names++;
			int found = service_port(name, protocols[i]);
			assert_true(found >= 0);
			elsewhere += found != (int)port; // IANA has a few names with two ports
			assert_true(strlen(name) < 32);
		}
	}
	assert_true(names > 10000);
	assert_true(elsewhere < 100);
}

// A name that looked like a number or a range would shadow it.
static void no_name_reads_as_a_number_or_a_range(void **state)
{
	(void)state;
	for (unsigned port = 0; port < 65536; port++) {
		const char *name = service_name((uint16_t)port, TCP);
		if (name)
			assert_true(name[strspn(name, "0123456789-")] != '\0');
	}
}

static void protocols_have_names_and_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int number;
	} cases[] = {
		{ "tcp", 6 }, { "TCP", 6 }, { "udp", 17 }, { "sctp", 132 }, { "dccp", 33 }, { "udplite", 136 },
		{ "icmp", 1 }, { "icmpv6", 58 }, { "icmp6", 58 }, { "132", 132 }, { "0", 0 }, { "255", 255 },
		{ "256", -1 }, { "-1", -1 }, { "+6", -1 }, { "6x", -1 }, { "", -1 }, { "any", -1 }, { "tpc", -1 },
		{ "00000000006", -1 }, { " 6", -1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(protocol_number(cases[i].text), cases[i].number);
	for (unsigned number = 0; number < 256; number++) {
		const char *name = protocol_name((uint8_t)number);
		if (name)
			assert_int_equal(protocol_number(name), number);
	}
	assert_string_equal(protocol_name(58), "icmpv6");
	assert_null(protocol_name(254));
}

static void five_protocols_have_ports(void **state)
{
	(void)state;
	unsigned count = 0;
	for (unsigned number = 0; number < 256; number++)
		count += protocol_has_ports((uint8_t)number);
	assert_int_equal(count, 5);
	assert_true(protocol_has_ports(TCP) && protocol_has_ports(UDP) && protocol_has_ports(SCTP));
	assert_true(protocol_has_ports(DCCP) && protocol_has_ports(UDPLITE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_for_their_protocols_in_any_case),
		cmocka_unit_test(common_name_of_a_port_is_printed),
		cmocka_unit_test(every_printed_name_is_read),
		cmocka_unit_test(no_name_reads_as_a_number_or_a_range),
		cmocka_unit_test(protocols_have_names_and_numbers),
		cmocka_unit_test(five_protocols_have_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
