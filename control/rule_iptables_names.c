// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_names.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// IANA's numbers under the names of /etc/protocols, and iptables' own.
static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "tcp", 6 },
	{ "udp", 17 },
	{ "icmp", 1 },
	{ "all", 0 },
	{ "ipv6-icmp", 58 },
	{ "icmpv6", 58 },
	{ "sctp", 132 },
	{ "dccp", 33 },
	{ "udplite", 136 },
	{ "esp", 50 },
	{ "ah", 51 },
	{ "gre", 47 },
	{ "igmp", 2 },
	{ "ggp", 3 },
	{ "ipencap", 4 },
	{ "st", 5 },
	{ "egp", 8 },
	{ "igp", 9 },
	{ "pup", 12 },
	{ "hmp", 20 },
	{ "xns-idp", 22 },
	{ "rdp", 27 },
	{ "iso-tp4", 29 },
	{ "xtp", 36 },
	{ "ddp", 37 },
	{ "idpr-cmtp", 38 },
	{ "ipv6", 41 },
	{ "ipv6-route", 43 },
	{ "ipv6-frag", 44 },
	{ "idrp", 45 },
	{ "rsvp", 46 },
	{ "skip", 57 },
	{ "ipv6-nonxt", 59 },
	{ "ipv6-opts", 60 },
	{ "rspf", 73 },
	{ "vmtp", 81 },
	{ "eigrp", 88 },
	{ "ospf", 89 },
	{ "ax.25", 93 },
	{ "ipip", 94 },
	{ "etherip", 97 },
	{ "encap", 98 },
	{ "pim", 103 },
	{ "ipcomp", 108 },
	{ "vrrp", 112 },
	{ "l2tp", 115 },
	{ "isis", 124 },
	{ "fc", 133 },
	{ "mobility-header", 135 },
	{ "ipv6-mh", 135 },
	{ "mh", 135 },
	{ "mpls-in-ip", 137 },
	{ "manet", 138 },
	{ "hip", 139 },
	{ "shim6", 140 },
	{ "wesp", 141 },
	{ "rohc", 142 },
	{ "ethernet", 143 },
};

// RFC 792, 1122, 1812; IANA's "ICMP Parameters".
static const struct iptables_icmp_type icmp_types[] = {
	{ .name = "any", .any = true },
	{ .name = "echo-reply", .type = 0 },
	{ .name = "pong", .type = 0 },
	{ .name = "destination-unreachable", .type = 3 },
	{ "network-unreachable", 3, false, true, 0 },
	{ "host-unreachable", 3, false, true, 1 },
	{ "protocol-unreachable", 3, false, true, 2 },
	{ "port-unreachable", 3, false, true, 3 },
	{ "fragmentation-needed", 3, false, true, 4 },
	{ "source-route-failed", 3, false, true, 5 },
	{ "network-unknown", 3, false, true, 6 },
	{ "host-unknown", 3, false, true, 7 },
	{ "network-prohibited", 3, false, true, 9 },
	{ "host-prohibited", 3, false, true, 10 },
	{ "TOS-network-unreachable", 3, false, true, 11 },
	{ "TOS-host-unreachable", 3, false, true, 12 },
	{ "communication-prohibited", 3, false, true, 13 },
	{ "host-precedence-violation", 3, false, true, 14 },
	{ "precedence-cutoff", 3, false, true, 15 },
	{ .name = "source-quench", .type = 4 },
	{ .name = "redirect", .type = 5 },
	{ "network-redirect", 5, false, true, 0 },
	{ "host-redirect", 5, false, true, 1 },
	{ "TOS-network-redirect", 5, false, true, 2 },
	{ "TOS-host-redirect", 5, false, true, 3 },
	{ .name = "echo-request", .type = 8 },
	{ .name = "ping", .type = 8 },
	{ .name = "router-advertisement", .type = 9 },
	{ .name = "router-solicitation", .type = 10 },
	{ .name = "time-exceeded", .type = 11 },
	{ .name = "ttl-exceeded", .type = 11 },
	{ "ttl-zero-during-transit", 11, false, true, 0 },
	{ "ttl-zero-during-reassembly", 11, false, true, 1 },
	{ .name = "parameter-problem", .type = 12 },
	{ "ip-header-bad", 12, false, true, 0 },
	{ "required-option-missing", 12, false, true, 1 },
	{ .name = "timestamp-request", .type = 13 },
	{ .name = "timestamp-reply", .type = 14 },
	{ .name = "address-mask-request", .type = 17 },
	{ .name = "address-mask-reply", .type = 18 },
};

// RFC 4443, 4861; IANA's "ICMPv6 Parameters".
static const struct iptables_icmp_type icmp6_types[] = {
	{ .name = "destination-unreachable", .type = 1 },
	{ "no-route", 1, false, true, 0 },
	{ "communication-prohibited", 1, false, true, 1 },
	{ "beyond-scope", 1, false, true, 2 },
	{ "address-unreachable", 1, false, true, 3 },
	{ "port-unreachable", 1, false, true, 4 },
	{ "failed-policy", 1, false, true, 5 },
	{ "reject-route", 1, false, true, 6 },
	{ .name = "packet-too-big", .type = 2 },
	{ .name = "time-exceeded", .type = 3 },
	{ .name = "ttl-exceeded", .type = 3 },
	{ "ttl-zero-during-transit", 3, false, true, 0 },
	{ "ttl-zero-during-reassembly", 3, false, true, 1 },
	{ .name = "parameter-problem", .type = 4 },
	{ "bad-header", 4, false, true, 0 },
	{ "unknown-header-type", 4, false, true, 1 },
	{ "unknown-option", 4, false, true, 2 },
	{ .name = "echo-request", .type = 128 },
	{ .name = "ping", .type = 128 },
	{ .name = "echo-reply", .type = 129 },
	{ .name = "pong", .type = 129 },
	{ .name = "router-solicitation", .type = 133 },
	{ .name = "router-advertisement", .type = 134 },
	{ .name = "neighbour-solicitation", .type = 135 },
	{ .name = "neighbor-solicitation", .type = 135 },
	{ .name = "neighbour-advertisement", .type = 136 },
	{ .name = "neighbor-advertisement", .type = 136 },
	{ .name = "redirect", .type = 137 },
};

static const struct iptables_answer answers[] = {
	{ "icmp-net-unreachable", "net-unreach", 0 },
	{ "icmp-host-unreachable", "host-unreach", 1 },
	{ "icmp-proto-unreachable", "proto-unreach", 2 },
	{ "icmp-port-unreachable", "port-unreach", 3 },
	{ "icmp-net-prohibited", "net-prohib", 9 },
	{ "icmp-host-prohibited", "host-prohib", 10 },
	{ "icmp-admin-prohibited", "admin-prohib", 13 },
};

static const struct iptables_answer answers6[] = {
	{ "icmp6-no-route", "no-route", 0 },
	{ "icmp6-adm-prohibited", "adm-prohibited", 1 },
	{ "icmp6-addr-unreachable", "addr-unreach", 3 },
	{ "icmp6-port-unreachable", "port-unreach", 4 },
	{ "icmp6-policy-fail", "policy-fail", 5 },
	{ "icmp6-reject-route", "reject-route", 6 },
};

int iptables_protocol(const char *name)
{
	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (strcasecmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	}
	return -1;
}

const struct iptables_icmp_type *iptables_icmp_type(const char *name, enum ip_family family)
{
	const struct iptables_icmp_type *types = family == FAMILY_IP4 ? icmp_types : icmp6_types;
	size_t count = family == FAMILY_IP4 ? COUNT(icmp_types) : COUNT(icmp6_types);
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

const struct iptables_answer *iptables_answer(const char *name, enum ip_family family)
{
	const struct iptables_answer *known = family == FAMILY_IP4 ? answers : answers6;
	size_t count = family == FAMILY_IP4 ? COUNT(answers) : COUNT(answers6);
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(known[i].name, name) == 0 || strcasecmp(known[i].alias, name) == 0)
			return &known[i];
	}
	return NULL;
}
