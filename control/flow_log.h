// SPDX-License-Identifier: BSD-3-Clause
// The flows of a replay: a line a flow in the order in which they were opened, and the largest of them. One thread.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "dataplane/handler.h"
#include "dataplane/trace.h"

struct flow_log;

// Opens the file ("-": standard output) and writes the header. handlers: names by id, count of them. NULL with a text.
struct flow_log *flow_log_open(const char *file, const struct handler *handlers, unsigned handler_count,
			       struct error *error);

// Takes flows that have ended, in any order.
void flow_log_add(struct flow_log *log, const struct flow_record *records, unsigned count);

// Writes all flows and closes. 0, or -1 with the text of the first error that any write met.
int flow_log_close(struct flow_log *log, struct error *error);

enum { FLOW_TOP = 10 };

// The largest flows by bytes of both directions, largest first; equal ones in the order of their ids.
struct flow_top {
	unsigned count;
	struct flow_record flow[FLOW_TOP];
};

void flow_top_add(struct flow_top *top, const struct flow_record *record);

// The flow's ends as originator and responder. ICMP queries have {identifier, type} for ports.
struct flow_end_point {
	struct ip_address address;
	uint16_t port; // host order
};
struct flow_end_point flow_end_point(const struct flow_record *record, enum flow_direction end);
