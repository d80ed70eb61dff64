// SPDX-License-Identifier: BSD-3-Clause
// A generator of traffic: streams at a rate out of one device or two, replies checked. Control sets it up, one worker runs
// it, control reads it afterwards.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/generate_check.h"
#include "dataplane/generate_stream.h"
#include "dataplane/interface.h"

enum {
	GENERATE_STREAMS_MAX = 16,
	GENERATE_BURST = 32,
	GENERATE_WIRE_BYTES = 24, // of a frame on the wire beyond what a buffer holds: FCS, preamble, gap
};

enum generate_unit {
	GENERATE_PACKETS = 0,
	GENERATE_BITS, // of layer 1: 10 Gbit/s are 14.88 million frames of 64 bytes
};

// Packets that wait for the device of a side.
struct generate_outbox {
	struct rte_mbuf *mbuf[GENERATE_BURST];
	unsigned count;
};

struct generate_choice {
	uint32_t stream, slot;
};

struct generate {
	struct generate_stream *streams[GENERATE_STREAMS_MAX];
	uint32_t weights[GENERATE_STREAMS_MAX]; // of packets
	unsigned stream_count;
	const struct interface *port[GENERATE_SIDES]; // may be the same
	unsigned ports;                // different ones
	struct rte_rcu_qsbr *pollers;  // the worker is number 0
	struct rte_mempool *pool;
	double rate; // a second, in units; 0: as fast as the device takes them
	uint8_t unit; // enum generate_unit
	bool drop_late; // what the device does not take at once is dropped and counted, as a NIC's neighbour would
	bool yield;     // the CPU is shared: give way when nothing is due
	uint64_t duration_ticks, settle_ticks;
	double ticks_a_second;
	atomic_bool stop; // control: writes, worker: reads

	// the worker's
	uint64_t random, choosing; // of packets; of who sends them, since it depends on time how far ahead that is
	struct generate_pace pace;
	struct generate_outbox outbox[GENERATE_SIDES];
	struct generate_choice ahead[GENERATE_BURST]; // slots on their way into the cache
	unsigned ahead_at, ahead_count;
	uint32_t weight_sum;
	struct generate_check check;
	struct traffic refused; // written, but not taken by a device
	uint64_t starved;       // times that there was no buffer
	uint64_t started, ended; // TSC: of sending
};

// Sends for the duration or until told to stop, then waits settle_ticks for what comes back. Returns 0.
// A function for rte_eal_remote_launch; generate: the struct.
int generate_run(void *generate);
