// SPDX-License-Identifier: BSD-3-Clause
// A stream of traffic: conversations between two prefixes with their state, or packets without any. One thread, but for
// what control sets up before it runs and reads after it.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/generate_frame.h"
#include "dataplane/generate_index.h"
#include "dataplane/generate_pace.h"
#include "dataplane/generate_pick.h"
#include "dataplane/generate_port.h"

enum {
	GENERATE_SIZES_MAX = 8,
	GENERATE_FLOWS_MAX = 1 << 26, // of all streams together
	GENERATE_HOSTS_MAX = 1 << 22, // addresses of conversations
};

enum generate_kind {
	GENERATE_UDP = 0,
	GENERATE_TCP,
	GENERATE_SYN_FLOOD, // SYNs, each from another address and port
	GENERATE_SCAN,      // SYNs of one source, to one port after another of one address after another
};

// Lengths of frames without FCS: a choice by weight, and any of its range.
struct generate_size {
	uint16_t low, high;
	uint32_t weight;
};

struct generate_stream_params {
	struct generate_link link;
	uint8_t family; // enum ip_family
	uint8_t kind;   // enum generate_kind
	bool both_sides; // the server's packets are sent, too
	bool stamped;
	struct ip_address source, destination; // the first of each
	uint64_t sources, destinations;        // how many addresses
	uint16_t source_low, source_high;      // ephemeral ports
	uint8_t allocation;                    // enum generate_allocation
	uint16_t port_low, port_high;          // the destinations'
	uint32_t flows;
	uint8_t order; // enum generate_order
	double exponent;
	double new_flows;          // a second: as many are closed and opened anew; 0: none for this
	uint32_t packets_per_flow; // data packets until it is closed and opened anew; 0: no end
	struct generate_size size[GENERATE_SIZES_MAX];
	unsigned sizes;
	uint32_t first_slot; // its flows are numbered from here, in stamps
};

enum generate_state {
	GENERATE_CLOSED = 0,
	GENERATE_SYN_SENT,
	GENERATE_SYN_RECEIVED,
	GENERATE_OPEN,
	GENERATE_FIN_SENT,     // by the client
	GENERATE_FIN_RECEIVED, // and by the server
};

struct generate_flow {
	struct generate_tuple tuple;
	uint32_t sequence[GENERATE_SIDES]; // TCP: of the next byte of each side
	uint32_t stamps;       // sent in this slot
	uint32_t packets_left; // data packets until it is closed; UINT32_MAX: no end
	uint8_t state;         // enum generate_state
	uint8_t turn;          // enum generate_side: whose data comes next
	bool closing;
	uint8_t unused;
};
static_assert(sizeof(struct generate_flow) == 32, "two in a cache line");

struct generate_stream_counters {
	struct traffic sent; // as written; what the device refused to the end is counted by the sender
	struct traffic stamped;
	uint64_t opened, closed; // conversations: their first packet, their last
	uint64_t unopened;       // times that no free port was found
};

struct generate_stream {
	struct generate_stream_params params;
	struct generate_template template;
	struct generate_ports ports;
	struct generate_pick pick;
	struct generate_index index;
	struct generate_flow *flows; // owned
	struct generate_pace renewal;
	uint32_t renewed_next; // slot that is closed and opened anew next
	uint32_t urgent;       // slot that is being so
	uint32_t urgent_steps;
	uint64_t scanned;
	struct generate_stream_counters counters;
};

// 0 or -ENOMEM; then there is nothing to free. Control thread.
int generate_stream_init(struct generate_stream *stream, const struct generate_stream_params *params,
			 uint64_t *random);
void generate_stream_free(struct generate_stream *stream);

// Sets its clock: before the first packet.
void generate_stream_start(struct generate_stream *stream, double ticks_a_second, uint64_t now);

// The slot that sends next, brought near; 0 of streams without conversations.
uint32_t generate_stream_choose(struct generate_stream *stream, uint64_t now, uint64_t *random);

// The next packet of a slot, counted as sent. false: there is none, since no free port was found.
bool generate_stream_step(struct generate_stream *stream, uint32_t slot, uint64_t *random,
			  struct generate_packet *packet);
