// SPDX-License-Identifier: BSD-3-Clause
// The straight line for packets of live flows that change nothing but counters: nearly all are. All others: attach.c.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/segment.h"
#include "dataplane/tally.h"

// What all packets of a burst have in common, in a copy that nobody else knows of: it stays in registers.
struct usual {
	struct flow *flow; // by index
	const struct ageing *ageing;
	uint32_t generation; // of the policy
};

static inline struct usual usual_of(const struct worker *worker, uint32_t generation)
{
	return (struct usual){ flow_table_flow(worker->flows, 0), worker->ageing, generation };
}

// follow_packet for those that leave the flow in its state. false, and nothing done, of all others.
static __rte_always_inline bool follow_usual(const struct worker *worker, const struct burst *burst, unsigned at,
					     struct flow *flow, unsigned direction)
{
	const uint64_t word = flow->word;

	if (unlikely(word & FLOW_UNIT(embryonic)) &&
		direction != (FLOW_FIELD(word, opener_end, 1) ^ FLOW_FIELD(word, orig_end, 1)))
		return false; // answered
	if (likely(FLOW_FIELD(word, state, FLOW_STATE_BITS) == FLOW_TCP_ESTABLISHED)) // TCP's alone
		return tcp_follow_usual(flow, (enum flow_direction)direction, segment_header(worker, burst, at));
	return burst->meta[at].key.protocol != IPPROTO_TCP;
}

// Counts the packet that was looked up to this flow, if it is a usual one: the same for it as attach in attach.c, which the
// tests hold against it. false, and nothing done, of all others.
static __rte_always_inline bool attach_usual(const struct usual *usual, struct worker *worker, struct burst *burst, unsigned at,
					     uint32_t index, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	const uint64_t bytes = burst->length[at], time = burst->time[at];

	if (unlikely(index == FLOW_NONE || burst_outdated(burst, &meta->key, index)))
		return false;

	struct flow *flow = &usual->flow[index];
	const uint64_t word = flow->word;
	const unsigned orig_end = FLOW_FIELD(word, orig_end, 1);
	const unsigned direction = (meta->flags / PACKET_SOURCE_IS_END1 & 1) ^ orig_end;

	// A time before last_seen makes the age a huge one.
	if (unlikely(flow->generation != usual->generation ||
		    time - flow->last_seen >= ageing_timeout(usual->ageing, FLOW_FIELD(word, state, FLOW_STATE_BITS))))
		return false;
	if (unlikely((meta->flags & (PACKET_L4_WHOLE | PACKET_ICMP_ERROR | PACKET_FRAGMENT_LATER)) != PACKET_L4_WHOLE))
		return false;
	if (unlikely(!follow_usual(worker, burst, at, flow, direction))) // last: it moves the window
		return false;

	burst->handler[at] = (uint8_t)FLOW_FIELD(word, handler, FLOW_HANDLER_BITS);
	tally_count(worker, tally, word, meta->key.port[!orig_end], bytes);
	__atomic_store_n(&flow->last_seen, time, __ATOMIC_RELAXED);
	traffic_add(&flow->traffic[direction], bytes);
	return true;
}
