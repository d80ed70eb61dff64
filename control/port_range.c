// SPDX-License-Identifier: BSD-3-Clause
#include "control/port_range.h"

#include <stdlib.h>
#include <string.h>

#include "control/services.h"

// RFC 6335 section 6; ephemeral: what Linux hands out.
static const struct {
	const char *name;
	struct port_range range;
} port_classes[] = {
	{ "system", { 0, 1023 } },
	{ "user", { 1024, 49151 } },
	{ "dynamic", { 49152, 65535 } },
	{ "ephemeral", { 32768, 60999 } },
};

// IANA's "ICMP Parameters" and "ICMPv6 Parameters".
static const struct {
	const char *name;
	uint8_t protocol;
	uint8_t type;
} icmp_types[] = {
	{ "echo-reply", PROTO_ICMP, 0 },
	{ "destination-unreachable", PROTO_ICMP, 3 },
	{ "source-quench", PROTO_ICMP, 4 },
	{ "redirect", PROTO_ICMP, 5 },
	{ "echo-request", PROTO_ICMP, 8 },
	{ "router-advertisement", PROTO_ICMP, 9 },
	{ "router-solicitation", PROTO_ICMP, 10 },
	{ "time-exceeded", PROTO_ICMP, 11 },
	{ "parameter-problem", PROTO_ICMP, 12 },
	{ "timestamp-request", PROTO_ICMP, 13 },
	{ "timestamp-reply", PROTO_ICMP, 14 },
	{ "destination-unreachable", PROTO_ICMP6, 1 },
	{ "packet-too-big", PROTO_ICMP6, 2 },
	{ "time-exceeded", PROTO_ICMP6, 3 },
	{ "parameter-problem", PROTO_ICMP6, 4 },
	{ "echo-request", PROTO_ICMP6, 128 },
	{ "echo-reply", PROTO_ICMP6, 129 },
	{ "router-solicitation", PROTO_ICMP6, 133 },
	{ "router-advertisement", PROTO_ICMP6, 134 },
	{ "neighbor-solicitation", PROTO_ICMP6, 135 },
	{ "neighbor-advertisement", PROTO_ICMP6, 136 },
	{ "redirect", PROTO_ICMP6, 137 },
};

// Digits up to the end or a '-'. -1: no number that a port could have.
static int read_number(const char *text, const char **end)
{
	size_t digits = strspn(text, "0123456789");
	*end = text + digits;
	return digits > 0 && digits <= 5 ? atoi(text) : -1;
}

static int expected_port(uint8_t protocol, struct error *error)
{
	if (protocol_is_icmp(protocol))
		return error_set(error, "expected an ICMP type: a number from 0 to 255, LOW-HIGH or a name such as "
					"echo-request");
	return error_set(error, "expected a port: a number from 0 to 65535, LOW-HIGH, a service name of %s, or system, "
				"user, dynamic or ephemeral", protocol_name(protocol));
}

static int read_numbers(const char *text, uint8_t protocol, struct port_range *range, struct error *error)
{
	int most = protocol_is_icmp(protocol) ? UINT8_MAX : UINT16_MAX;
	const char *end;
	int low = read_number(text, &end), high = low;
	if (*end == '-')
		high = read_number(end + 1, &end);
	if (*end || low < 0 || high < 0 || low > most || high > most)
		return expected_port(protocol, error);
	if (low > high)
		return error_set(error, "expected a range that begins with its lower end: %d-%d", high, low);
	*range = (struct port_range){ (uint16_t)low, (uint16_t)high };
	return 0;
}

static bool read_port_name(const char *text, uint8_t protocol, struct port_range *range)
{
	for (size_t i = 0; i < sizeof(port_classes) / sizeof(port_classes[0]); i++) {
		if (strcmp(port_classes[i].name, text) == 0) {
			*range = port_classes[i].range;
			return true;
		}
	}
	int port = service_port(text, protocol);
	if (port >= 0)
		*range = (struct port_range){ (uint16_t)port, (uint16_t)port };
	return port >= 0;
}

static bool read_icmp_name(const char *text, uint8_t protocol, struct port_range *range)
{
	for (size_t i = 0; i < sizeof(icmp_types) / sizeof(icmp_types[0]); i++) {
		if (icmp_types[i].protocol == protocol && strcmp(icmp_types[i].name, text) == 0) {
			*range = (struct port_range){ icmp_types[i].type, icmp_types[i].type };
			return true;
		}
	}
	return false;
}

int port_range_parse(const char *text, uint8_t protocol, struct port_range *range, struct error *error)
{
	if (!protocol_is_icmp(protocol) && !protocol_has_ports(protocol))
		return error_set(error, "expected no port: the protocol has none");
	bool named = protocol_is_icmp(protocol) ? read_icmp_name(text, protocol, range) : read_port_name(text, protocol, range);
	return named ? 0 : read_numbers(text, protocol, range, error);
}
