// SPDX-License-Identifier: BSD-3-Clause
// What iptables and ip6tables call protocols, ICMP types and answers. Any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

// "tcp" -> 6, "all" -> 0, which iptables takes as any; names as /etc/protocols has them, which differ from portier's words
// ("ipip" is 94, 4 is "ipencap"). -1: unknown. Numbers are no names.
int iptables_protocol(const char *name);

struct iptables_icmp_type {
	const char *name;
	uint8_t type;
	bool any;      // any type
	bool has_code; // else any code
	uint8_t code;
};

// By name, of ICMP or ICMPv6. NULL: unknown.
const struct iptables_icmp_type *iptables_icmp_type(const char *name, enum ip_family family);

struct iptables_answer {
	const char *name, *alias; // alias: or NULL
	uint8_t code;             // of ICMP 3 or ICMPv6 1
};

// What --reject-with names, but for tcp-reset. NULL: unknown.
const struct iptables_answer *iptables_answer(const char *name, enum ip_family family);
