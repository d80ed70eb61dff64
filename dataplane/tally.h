// SPDX-License-Identifier: BSD-3-Clause
// What a burst adds to counters that many packets share: summed up here, entered once. Owner thread.
#pragma once

#include "dataplane/worker.h"

// Packets and bytes are packed into one word, so that one addition enters a packet: a burst has few of the former.
struct tally {
	uint64_t decision; // rule, listener and handler that the last packets had in common: lowest bits of a flow's word
	uint64_t decided;  // packets of that decision; packed
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
	*tally = (struct tally){ .decision = RULE_NONE * FLOW_UNIT(rule) | LISTENER_NONE * FLOW_UNIT(listener) };
}

static inline void tally_enter_decision(struct worker *worker, struct tally *tally)
{
	const struct flow decision = { .word = tally->decision };
	const struct traffic decided = tally_traffic(tally->decided);

	if (decision.rule != RULE_NONE)
		traffic_sum(&worker->rule_counters[decision.rule], decided);
	if (decision.listener != LISTENER_NONE)
		traffic_sum(&worker->listener_counters[decision.listener], decided);
	tally->decided = 0;
}

static inline void tally_enter(struct worker *worker, struct tally *tally)
{
	tally_enter_decision(worker, tally);
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

// A packet under what was decided for it: lowest bits of a flow's word. Neighbours in a burst mostly share these.
static inline void tally_count(struct worker *worker, struct tally *tally, uint64_t decided, rte_be16_t responder_port,
			       uint64_t bytes)
{
	const uint64_t packet = tally_packet(bytes);

	tally->by_port_class[tally_port_class(responder_port)] += packet;
	if (unlikely((decided ^ tally->decision) << (64 - FLOW_DECISION_BITS))) {
		tally_enter_decision(worker, tally);
		tally->decision = decided;
	}
	tally->decided += packet;
}
