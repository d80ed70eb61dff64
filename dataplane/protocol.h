// SPDX-License-Identifier: BSD-3-Clause
// IANA's protocol numbers that mean something here, and what is asked about them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

enum ip_protocol {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMP6 = 58,
	PROTO_NONE = 59,
	PROTO_DESTINATION_OPTIONS = 60,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,
};

// Whether its header begins with two ports. Any thread.
static inline bool protocol_has_ports(uint8_t protocol)
{
	return protocol == PROTO_TCP || protocol == PROTO_UDP || protocol == PROTO_DCCP || protocol == PROTO_SCTP ||
	       protocol == PROTO_UDPLITE;
}

// ICMP of either family. Wider than a protocol: some numbers stand for any. Any thread.
static inline bool protocol_is_icmp(unsigned protocol)
{
	return protocol == PROTO_ICMP || protocol == PROTO_ICMP6;
}

// Each family has an ICMP of its own; the other's number is a protocol like any other. Any thread.
static inline uint8_t icmp_of(uint8_t family)
{
	return family == FAMILY_IP6 ? PROTO_ICMP6 : PROTO_ICMP;
}
