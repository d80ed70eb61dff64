// SPDX-License-Identifier: BSD-3-Clause
// Asks the policy about packets that have no flow, about flows whose policy is old, and, where rules judge each packet,
// about all. Owner thread.
//
// The rules are searched for many packets at once: the first packet of a burst that needs it has them searched for all that will
// and that, as itself, were looked up to a flow; or, as itself, to none. Bursts of established flows never come here, and where a
// few packets open flows nobody looks at the others' records for that.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/tuple.h"

// What a packet's position in the rules was found for.
enum judged {
	JUDGED_PACKET = 0, // by its own headers
	JUDGED_FLOW,       // by those that opened its flow
};

// Whether rules are to judge the packet itself though it has a flow: nobody has answered its opener yet, and the verdict may
// differ from packet to packet, or no connection was opened yet. A later fragment follows its first.
static inline bool judge_wants_packet(const struct packet_meta *meta, const struct flow *flow)
{
	bool from_opener = !!(meta->flags & PACKET_SOURCE_IS_END1) == flow->opener_end;
	return (flow->generation & FLOW_UNOPENED || (flow->generation & FLOW_VARIES && from_opener)) &&
	       !(meta->flags & (PACKET_ICMP_ERROR | PACKET_FRAGMENT_LATER));
}

// Why a packet that has no flow opens none, whatever the rules say; DROP_NONE: it may.
static inline enum drop_reason judge_unopenable(const struct packet_meta *meta, bool tcp_pickup_strict)
{
	if (unlikely(meta->flags & PACKET_ICMP_ERROR))
		return DROP_ICMP_UNRELATED;
	if (unlikely(tcp_pickup_strict) && meta->key.protocol == PROTO_TCP && opener_of(meta) != OPENER_ORIGINATOR)
		return DROP_TCP_NOT_SYN;
	return DROP_NONE;
}

// How a packet stands that has no flow.
static inline enum connection_state judge_connection_alone(const struct packet_meta *meta, bool tcp_pickup_strict)
{
	const bool opens = judge_unopenable(meta, tcp_pickup_strict) == DROP_NONE && opens_connection(meta);

	// No compiler makes this of a conditional: it takes two selects.
	static_assert(CONNECTION_NEW == 1 && CONNECTION_INVALID == 8, "a shift apart");
	return (enum connection_state)(CONNECTION_INVALID >> 3 * opens);
}

// How the packet stands to its flow, if it has one (else NULL).
enum connection_state judge_connection(const struct burst *burst, unsigned at, const struct flow *flow);

// What was found in the rules for a packet that has no flow, and had none when it was looked for, if that is all there is to it.
// i: its place in burst->live. NULL: judge_packet knows.
static inline const struct rule_verdict *judge_found(const struct burst *burst, unsigned i)
{
	const unsigned at = burst->live[i];

	if (unlikely(burst->flow[i] != FLOW_NONE || !(burst->found[JUDGED_PACKET] >> at & 1)))
		return NULL;
	return rule_matcher_final(burst->policy->rules, burst->position[at]);
}

// What the rules say of a packet: counted, taken from limits, shown if they say so. i: its place in burst->live.
void judge_packet(struct worker *worker, struct burst *burst, unsigned i, const struct flow *flow, struct rule_verdict *judged);

// What the policy says of a live flow: of the packet that opened it. Counts nothing. varies: may be judged otherwise at
// the opener's next packet.
struct decision judge_flow(struct worker *worker, struct burst *burst, unsigned i, uint32_t index, bool *varies);

// The same by itself, with what was found for the tuple.
struct decision judge_flow_at(const struct policy *policy, const struct flow *flow, const struct flow_cold *cold,
			      const struct packet_tuple *tuple, uint32_t position, bool *varies);

// Enters in a live flow what the policy in force says of it. generation: the policy's, with its bits.
static inline void judge_adopt(struct flow *flow, const struct decision *decision, uint32_t generation)
{
	FLOW_SET(flow, rule, FLOW_DECISION_BITS, decision_bits(decision));
	flow->generation = generation;
}

// The packet is refused: counted under a rule (RULE_NONE: none), and dropped, whatever is answered.
static inline void judge_drop(struct worker *worker, struct burst *burst, unsigned at, uint32_t rule, enum verdict verdict,
			      enum drop_reason reason)
{
	traffic_add(&worker->rule_counters[rule], burst->length[at]);
	burst->note[at] = (struct burst_note){ .rule = rule, .handler = HANDLER_NONE, .verdict = (uint8_t)verdict };
	burst_drop(burst, at, reason);
}

// The packet is not let in by the rules.
void judge_deny(struct worker *worker, struct burst *burst, unsigned at, const struct rule_verdict *judged);

// The packet is not let in, whatever decided so: dropped in silence, or answered.
void judge_refuse(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision);
