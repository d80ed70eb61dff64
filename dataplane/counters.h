// SPDX-License-Identifier: BSD-3-Clause
// Counters with one writer: the worker adds, control sums relaxed loads. Nobody resets them: control keeps baselines.
#pragma once

#include <stdint.h>

#include "dataplane/drop.h"

// Adds to a counter that only the calling thread writes. A plain add in machine code; the atomics forbid the compiler
// to tear or to invent stores that a reader on another core could see.
static inline void counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

// Reads a counter of another thread.
static inline uint64_t counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

struct traffic {
	uint64_t packets;
	uint64_t bytes; // from the destination MAC on, without FCS
};

static inline void traffic_add(struct traffic *traffic, uint64_t bytes)
{
	counter_add(&traffic->packets, 1);
	counter_add(&traffic->bytes, bytes);
}

static inline void traffic_sum(struct traffic *traffic, struct traffic add)
{
	counter_add(&traffic->packets, add.packets);
	counter_add(&traffic->bytes, add.bytes);
}

enum port_class { // RFC 6335, by the flow's responder port
	PORT_CLASS_SYSTEM = 0, // 0-1023
	PORT_CLASS_USER,       // 1024-49151
	PORT_CLASS_DYNAMIC,    // 49152-65535
	PORT_CLASSES
};

// The ledger of one worker: received + returned + passed_in =
//                          handed + answered + forwarded + passed_out + the sum of all drops (+ what is in flight).
struct worker_counters {
	struct traffic received;  // from interfaces
	struct traffic returned;  // from the devices of handlers
	struct traffic passed_in; // from other workers
	struct traffic handed;    // to handlers
	struct traffic answered;  // an RST or ICMP answer was made for it
	struct traffic forwarded; // came back from a handler's device and was sent out of an interface
	struct traffic passed_out; // to the worker that owns the flow
	struct traffic drops[DROP_REASONS];

	struct traffic by_port_class[PORT_CLASSES];
	uint64_t flows_by_state[16]; // now, by enum flow_state
	uint64_t flows_opened;
	uint64_t flows_ended[8]; // by enum flow_end
	uint64_t flow_table_full; // packets handled without a flow
	uint64_t truncated;       // steered all the same
	uint64_t multi_segment;   // frames in more than one mbuf segment
	uint64_t misdirected;     // came in on another worker's queue
	uint64_t answers_limited; // not answered: rate limit
	uint64_t answers_lost;    // made, but the interface took no more
	uint64_t logs_limited;    // packets that a rule would have shown: more than may be in a second
	uint64_t logs_lost;       // shown, but nobody read them in time
	uint64_t polls;
	uint64_t polls_empty;
	uint64_t busy_ticks; // TSC spent on polls that brought packets
};

// Of one handler on one worker: handed = transmitted + consumed + the sum of its drops.
struct handler_counters {
	struct traffic handed;
	struct traffic transmitted;
	struct traffic consumed;
	struct traffic returned; // came from its device
	struct traffic drops[DROP_REASONS];
};
