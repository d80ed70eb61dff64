// SPDX-License-Identifier: BSD-3-Clause
// The report of a replay: one JSON object, and its text for people.
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "control/capture.h"
#include "control/flow_log.h"
#include "control/runtime.h"

struct report_input {
	const struct runtime *runtime;
	const struct capture *captures;
	unsigned capture_count;
	const struct flow_top *top;
	const json_t *flows;      // stats_flows at the end of the last capture, before all flows were ended
	const json_t *interfaces; // stats_interfaces' words on the captures' devices, which are closed
	double seconds;           // that the packets took
	bool interrupted;
};

// New reference, NULL without memory. Workers are at rest. Fields beside those of stats.h:
//   version, interrupted, seconds, packets_per_second, bits_per_second
//   captures: [{file, packets, bytes, first_ns, last_ns, broken (text, or null)}]
//   top_flows: [{id, protocol, vlan (or null), orig_address, orig_port, resp_address, resp_port, service (or null),
//               packets_orig, bytes_orig, packets_resp, bytes_resp, first_ns, last_ns, state, rule, handler}]
//   latency: of a live run alone
json_t *report_build(const struct report_input *input);

// Prints it for a person, in colours on a terminal.
void report_print(const json_t *report, FILE *out);
