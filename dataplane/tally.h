// SPDX-License-Identifier: BSD-3-Clause
// Counts packets: what a burst adds to counters that all packets share is summed up here, and entered once. Owner thread.
#pragma once

#include "dataplane/worker.h"

// Packets and bytes are packed into one word, so that one addition enters a packet: a burst has few of the former.
struct tally {
	uint64_t by_port_class[PORT_CLASSES]; // packed
};

enum { TALLY_SHIFT = 48 };

static inline uint64_t tally_packet(uint64_t bytes)
{
	return (UINT64_C(1) << TALLY_SHIFT) + bytes;
}

static inline struct traffic tally_traffic(uint64_t packed)
{
	return (struct traffic){ packed >> TALLY_SHIFT, packed & ((UINT64_C(1) << TALLY_SHIFT) - 1) };
}

static inline void tally_begin(struct tally *tally)
{
	*tally = (struct tally){ 0 };
}

static inline void tally_enter(struct worker *worker, const struct tally *tally)
{
	for (unsigned class = 0; class < PORT_CLASSES; class++)
		traffic_sum(&worker->counters.by_port_class[class], tally_traffic(tally->by_port_class[class]));
}

// Classes begin at multiples of 256: the first byte of a port tells.
static inline enum port_class tally_port_class(rte_be16_t port)
{
	static const uint8_t class_of[256] = {
		[1024 / 256 ... 49151 / 256] = PORT_CLASS_USER,
		[49152 / 256 ... 255] = PORT_CLASS_DYNAMIC,
	};
	uint8_t byte[sizeof(port)];

	memcpy(byte, &port, sizeof(byte));
	return (enum port_class)class_of[byte[0]];
}

// A packet under what was decided for it: lowest bits of a flow's word. No branch asks whether the last packet had the same, nor
// whether there was a rule at all: where traffic is mixed, these are guesses.
static inline void tally_count(struct worker *worker, struct tally *tally, uint64_t decided, rte_be16_t responder_port,
			       uint64_t bytes)
{
	tally->by_port_class[tally_port_class(responder_port)] += tally_packet(bytes);
	traffic_add(&worker->rule_counters[FLOW_FIELD(decided, rule, FLOW_RULE_BITS)], bytes);
	traffic_add(&worker->listener_counters[FLOW_FIELD(decided, listener, FLOW_LISTENER_BITS)], bytes);
}
