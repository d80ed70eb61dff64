// SPDX-License-Identifier: BSD-3-Clause
// Packets that rules log, for control to print: a record each in a ring of the worker's own, no more in a second than
// its budget. What is too much is counted.
#pragma once

#include "dataplane/rule_match.h"

struct worker;
struct burst;

enum { RULE_LOG_RECORDS = 1024 }; // that a worker's ring holds

struct rule_log_record {
	uint64_t time; // ticks of the worker's clock
	struct packet_tuple tuple;
	uint32_t slot;   // of the rule that logs
	uint32_t length; // bytes on the wire, from the destination MAC on
	uint8_t verdict; // enum verdict, of the packet in the end
};

// Notes one packet. Owner thread.
void rule_log_put(struct worker *worker, const struct burst *burst, unsigned at, const struct rule_verdict *judged);
