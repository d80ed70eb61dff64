// SPDX-License-Identifier: BSD-3-Clause
// A record a packet for whoever listens to the workers: replay's packet log. Off, it costs one branch a burst.
#pragma once

#include <stdint.h>

#include "dataplane/flow.h"

enum trace_direction {
	TRACE_NO_FLOW = 0,
	TRACE_ORIG, // from the originator: '>'
	TRACE_RESP, // '<'
};

struct trace_record {
	uint64_t number; // of the packet, from 1
	uint64_t flow;   // id; meaningful if direction is not TRACE_NO_FLOW
	struct ip_address source;
	struct ip_address destination;
	uint32_t captured;
	uint32_t rule;        // counter slot or RULE_NONE
	uint32_t generation;  // of the policy that judged it
	rte_be16_t source_port;
	rte_be16_t destination_port;
	uint16_t handler;   // id or HANDLER_NONE
	uint16_t vlan_tags; // how many
	uint8_t family;     // FAMILY_NONE: no tuple
	uint8_t protocol;
	uint8_t direction;  // enum trace_direction
	uint8_t verdict;    // enum verdict
	uint8_t reason;     // enum drop_reason; with VERDICT_ACCEPT: a note
};

// First and last packet of a flow by their time stamps, nanoseconds since 1970. In a capture these may go back.
struct flow_times {
	uint64_t first, last;
};

// A flow that has ended, or lives at the end of the run.
struct flow_record {
	struct flow hot;
	struct flow_cold cold;
	struct flow_times times;
	uint8_t why;    // enum flow_end
	uint8_t worker;
};
