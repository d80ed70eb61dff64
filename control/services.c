// SPDX-License-Identifier: BSD-3-Clause
#include "control/services.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SERVICE_TCP = 1 << 0,
	SERVICE_UDP = 1 << 1,
	SERVICE_SCTP = 1 << 2,
	SERVICE_DCCP = 1 << 3,
};

struct service {
	const char *name;
	uint16_t port;
	uint8_t protocols; // SERVICE_TCP | ...
};

#include "control/services_table.h"

enum {
	BY_NAME = sizeof(services_by_name) / sizeof(services_by_name[0]),
	BY_PORT = sizeof(services_by_port) / sizeof(services_by_port[0]),
};

// Of several names of one number the first is printed.
static const struct {
	const char *name;
	uint8_t number;
	uint8_t service; // which services are its own: 0: it has no ports
} protocols[] = {
	{ "tcp", 6, SERVICE_TCP },
	{ "udp", 17, SERVICE_UDP },
	{ "sctp", 132, SERVICE_SCTP },
	{ "dccp", 33, SERVICE_DCCP },
	{ "udplite", 136, SERVICE_UDP }, // the port numbers of UDP (RFC 3828 section 6)
	{ "udp-lite", 136, SERVICE_UDP },
	{ "icmp", 1, 0 },
	{ "icmpv6", 58, 0 },
	{ "icmp6", 58, 0 },
	{ "ipv6-icmp", 58, 0 },
	{ "igmp", 2, 0 },
	{ "ipip", 4, 0 },
	{ "ipv6", 41, 0 },
	{ "gre", 47, 0 },
	{ "esp", 50, 0 },
	{ "ah", 51, 0 },
	{ "eigrp", 88, 0 },
	{ "ospf", 89, 0 },
	{ "pim", 103, 0 },
	{ "vrrp", 112, 0 },
	{ "l2tp", 115, 0 },
};

enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

static uint8_t service_bit(uint8_t protocol)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (protocols[i].number == protocol)
			return protocols[i].service;
	}
	return 0;
}

int service_port(const char *name, uint8_t protocol)
{
	uint8_t bit = service_bit(protocol);
	size_t low = 0, high = BY_NAME;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcasecmp(services_by_name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < BY_NAME && strcasecmp(services_by_name[low].name, name) == 0; low++) {
		if (services_by_name[low].protocols & bit)
			return services_by_name[low].port;
	}
	return -1;
}

const char *service_name(uint16_t port, uint8_t protocol)
{
	uint8_t bit = service_bit(protocol);
	size_t low = 0, high = BY_PORT;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (services_by_name[services_by_port[middle]].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < BY_PORT; low++) {
		const struct service *service = &services_by_name[services_by_port[low]];
		if (service->port != port)
			break;
		if (service->protocols & bit)
			return service->name;
	}
	return NULL;
}

int protocol_number(const char *name)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (strcasecmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	}
	size_t digits = strspn(name, "0123456789");
	if (digits == 0 || digits > 3 || name[digits])
		return -1;
	int number = atoi(name);
	return number <= UINT8_MAX ? number : -1;
}

const char *protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (protocols[i].number == protocol)
			return protocols[i].name;
	}
	return NULL;
}
