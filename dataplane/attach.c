// SPDX-License-Identifier: BSD-3-Clause
// Ties packets to flows. One loop over the burst, each packet to its end before the next begins: a packet may end a flow
// that a later one of the same burst was looked up to.
#include "dataplane/burst.h"

#include "dataplane/follow.h"
#include "dataplane/judge.h"
#include "dataplane/opening.h"
#include "dataplane/segment.h"
#include "dataplane/trial.h"

// What a burst adds to counters that many packets share: summed up here, entered once.
struct tally {
	struct flow decision;                 // rule, listener and handler that the last packets had in common
	uint64_t decided;                     // packets of that decision; packed
	uint64_t by_port_class[PORT_CLASSES]; // packed
	uint32_t generation; // of the policy
	bool watched; // there is more to be done with a packet than to count it
};

// Packets and bytes in one word, so that one addition enters a packet: a burst has few of the former.
enum { TALLY_SHIFT = 48 };

static inline uint64_t tally_packet(uint64_t bytes)
{
	return (UINT64_C(1) << TALLY_SHIFT) + bytes;
}

static inline struct traffic tally_traffic(uint64_t packed)
{
	return (struct traffic){ packed >> TALLY_SHIFT, packed & ((UINT64_C(1) << TALLY_SHIFT) - 1) };
}

static void count_rule(struct worker *worker, uint32_t slot, struct traffic add)
{
	if (slot != RULE_NONE)
		traffic_sum(&worker->rule_counters[slot], add);
}

static void flush_decision(struct worker *worker, struct tally *tally)
{
	const struct flow *decision = &tally->decision;
	count_rule(worker, decision->rule, tally_traffic(tally->decided));
	if (decision->listener != LISTENER_NONE)
		traffic_sum(&worker->listener_counters[decision->listener], tally_traffic(tally->decided));
	tally->decided = 0;
}

static void flush_tally(struct worker *worker, struct tally *tally)
{
	flush_decision(worker, tally);
	for (unsigned class = 0; class < PORT_CLASSES; class++)
		traffic_sum(&worker->counters.by_port_class[class], tally_traffic(tally->by_port_class[class]));
}

// Enters a packet under what was decided for it. Neighbours in a burst mostly share rule and listener.
static inline void count_packet(struct worker *worker, struct tally *tally, const struct flow *flow,
				rte_be16_t responder_port, uint64_t bytes)
{
	uint16_t port = rte_be_to_cpu_16(responder_port);
	tally->by_port_class[(port >= 1024) + (port >= 49152)] += tally_packet(bytes);
	if (unlikely((flow->word ^ tally->decision.word) << (64 - FLOW_DECISION_BITS))) {
		flush_decision(worker, tally);
		tally->decision.word = flow->word;
	}
	tally->decided += tally_packet(bytes);
}

// Where a packet goes that came back from a handler's device.
static void forward(struct burst *burst, unsigned at, uint8_t interface)
{
	burst->fate[at] = (struct fate){ .kind = FATE_TRANSMIT, .interface = interface, .account = ACCOUNT_FORWARD };
	burst->handler[at] = HANDLER_NONE;
}

// The packet is handled by what was decided, without a flow.
static bool handle_without_flow(struct worker *worker, struct burst *burst, unsigned at,
				const struct decision *decision, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	unsigned responder = !(meta->flags & PACKET_SOURCE_IS_END1) ^ decision->local_is_source;

	const struct flow never_made = { .word = opening_decision(decision) };
	count_packet(worker, tally, &never_made, meta->key.port[responder], burst->length[at]);
	burst->note[at] = (struct burst_note){ .rule = decision->rule, .handler = (uint8_t)decision->handler,
		.verdict = VERDICT_ACCEPT };
	burst->handler[at] = (uint8_t)decision->handler;
	if (burst_returned(worker, burst, at)) {
		const struct interface *from = &worker->interfaces[burst->interface[at]];
		forward(burst, at, worker->handlers[from->handler].uplink);
		return false;
	}
	return true;
}

// What not every run asks for: time stamps of captures, the trace, the way back from a handler's device. Returns whether
// a handler is to have the packet.
static __rte_noinline bool account_watched(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
					   const struct flow *decided)
{
	const struct flow *flow = flow_table_flow(worker->flows, index);
	const struct flow_cold *cold = flow_table_cold(worker->flows, index);

	if (worker->times != NULL)
		worker->times[index].last = RTE_MAX(worker->times[index].last, packet_note(burst->mbuf[at])->time);
	if (worker->trace != NULL)
		burst->note[at] = (struct burst_note){
			.flow = cold->id,
			.rule = decided->rule,
			.handler = flow->handler,
			.direction = direction_of(&burst->meta[at], flow) == FLOW_ORIG ? TRACE_ORIG : TRACE_RESP,
			.verdict = VERDICT_ACCEPT,
		};
	if (burst_returned(worker, burst, at)) {
		forward(burst, at, cold->interface);
		return false;
	}
	return true;
}

// Counts the packet for its flow, and under the rule that decided on it, and sends it on its way. Returns whether a
// handler is to have it.
static __rte_always_inline bool account(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
					struct flow *flow, const struct flow *decided, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	const enum flow_direction direction = direction_of(meta, flow);
	const uint64_t bytes = burst->length[at], time = burst->time[at];

	burst->handler[at] = flow->handler;
	count_packet(worker, tally, decided, meta->key.port[!flow->orig_end], bytes);
	// RFC 5508, REQ-6: an error about a flow doesn't prolong it.
	if (likely(!(meta->flags & PACKET_ICMP_ERROR)) && time > flow->last_seen)
		__atomic_store_n(&flow->last_seen, time, __ATOMIC_RELAXED);
	counter_add(&flow->packets[direction], 1);
	counter_add(&flow->bytes[direction], bytes);
	return likely(!tally->watched) || account_watched(worker, burst, at, index, decided);
}

// What opens a flow from a handler's end is not judged: rules guard what listens, not what it asks for.
static struct decision decide_local(const struct worker *worker, const struct burst *burst, unsigned at)
{
	enum drop_reason unopenable = judge_unopenable(burst, at);
	return (struct decision){
		.rule = RULE_NONE,
		.listener = LISTENER_NONE,
		.handler = worker->interfaces[burst->interface[at]].handler,
		.verdict = unopenable == DROP_NONE ? VERDICT_ACCEPT : VERDICT_DROP,
		.reason = (uint8_t)unopenable,
	};
}

// Where each packet is judged by itself, an ICMP error needs no flow: rules have had their say, and it opens none.
static bool passes_alone(const struct burst *burst, unsigned at)
{
	return burst->policy->by_packet && burst->meta[at].flags & PACKET_ICMP_ERROR;
}

// What becomes of a packet without a flow, once the rules have judged it.
static struct decision decide_opening(const struct burst *burst, unsigned at, const struct rule_verdict *judged)
{
	struct decision decision = policy_decision(judged);
	enum drop_reason unopenable = judge_unopenable(burst, at);

	if (decision.verdict != VERDICT_ACCEPT)
		return decision;
	if (unopenable != DROP_NONE && !passes_alone(burst, at)) {
		decision.verdict = VERDICT_DROP;
		decision.reason = (uint8_t)unopenable;
		return decision;
	}
	struct packet_tuple tuple;
	tuple_of_key(burst, at, &tuple);
	policy_bind(burst->policy, &tuple, opener_of(&burst->meta[at]), &decision);
	return decision;
}

// Whether the opener's next packets may be judged otherwise than this one.
static bool opening_varies(const struct burst *burst, unsigned at, const struct rule_verdict *judged)
{
	return !burst->policy->by_packet &&
	       rule_matcher_varies(burst->policy->rules, &burst->tuple[at], judged->position);
}

// Makes a flow by what was decided, or does without.
static bool open_decided(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision, bool varies,
			 struct tally *tally)
{
	if (decision->verdict != VERDICT_ACCEPT) {
		judge_refuse(worker, burst, at, decision);
		return false;
	}
	if (passes_alone(burst, at))
		return handle_without_flow(worker, burst, at, decision, tally);
	uint32_t index = opening_make(worker, burst, at, decision, varies);
	if (unlikely(index == FLOW_NONE)) { // a full table never stops traffic
		counter_add(&worker->counters.flow_table_full, 1);
		return handle_without_flow(worker, burst, at, decision, tally);
	}
	// Not the flow's own word: what has just been written to its parts can't be read at once as a whole.
	const struct flow decided = { .word = opening_decision(decision) };
	return account(worker, burst, at, index, flow_table_flow(worker->flows, index), &decided, tally);
}

// The packet has no flow, and the rules have judged it.
static __rte_noinline bool open_judged(struct worker *worker, struct burst *burst, unsigned at,
				       const struct rule_verdict *judged, struct tally *tally)
{
	struct decision decision = decide_opening(burst, at, judged);
	bool varies = decision.verdict == VERDICT_ACCEPT && opening_varies(burst, at, judged);
	return open_decided(worker, burst, at, &decision, varies, tally);
}

// Nobody has judged it yet. Floods end here: what rules deny goes no further than to them.
static __rte_noinline bool open_flow(struct worker *worker, struct burst *burst, unsigned i, struct tally *tally)
{
	unsigned at = burst->live[i];
	if (burst_returned(worker, burst, at)) {
		struct decision decision = decide_local(worker, burst, at);
		return open_decided(worker, burst, at, &decision, false, tally);
	}
	struct rule_verdict judged;
	judge_packet(worker, burst, i, NULL, &judged);
	if (judged.verdict != VERDICT_ACCEPT) {
		judge_deny(worker, burst, at, &judged);
		return false;
	}
	return open_judged(worker, burst, at, &judged, tally);
}

// Of a packet whose flow has just ended. judged: what the rules have said of it, NULL: they were not asked yet.
static bool open_instead(struct worker *worker, struct burst *burst, unsigned i, const struct rule_verdict *judged,
			 struct tally *tally)
{
	return judged && !burst_returned(worker, burst, burst->live[i]) ?
		       open_judged(worker, burst, burst->live[i], judged, tally) : open_flow(worker, burst, i, tally);
}

// Enters what the policy in force says of a live flow. false: it denies it, and it ended here.
static bool adopt(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
		  const struct decision *decision, bool varies)
{
	if (decision->verdict != VERDICT_ACCEPT) {
		ageing_end(worker->ageing, index, FLOW_END_DENIED);
		judge_refuse(worker, burst, at, decision);
		return false;
	}
	struct flow *flow = flow_table_flow(worker->flows, index);
	judge_adopt(flow, decision,
		burst->policy->generation | (varies ? FLOW_VARIES : 0) | (flow->generation & FLOW_UNOPENED));
	return true;
}

// Whether what changed in the policy is nothing to a live flow; if so, that is noted.
static bool exempt(struct flow *flow, const struct policy *policy)
{
	if (!flow->local_origin && policy->on_rule_change != RULE_CHANGE_KEEP)
		return false;
	flow->generation = policy->generation | (flow->generation & ~FLOW_GENERATION);
	return true;
}

// The rules or listeners have changed since the flow was judged. false: they deny it, and it ended here.
static bool judge_again(struct worker *worker, struct burst *burst, unsigned i, uint32_t index)
{
	if (exempt(flow_table_flow(worker->flows, index), burst->policy))
		return true;
	bool varies;
	struct decision decision = judge_flow(worker, burst, i, index, &varies);
	return adopt(worker, burst, burst->live[i], index, &decision, varies);
}

// The same for a flow whose packets are judged by themselves: only its listener may be another one. false: nobody
// listens any more, and it ended here.
static bool bind_again(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
		       const struct rule_verdict *judged)
{
	struct flow *flow = flow_table_flow(worker->flows, index);
	const struct flow_cold *cold = flow_table_cold(worker->flows, index);
	if (flow_judged_under(flow, burst->policy->generation) || exempt(flow, burst->policy))
		return true;
	// Not the flow's own rule: by the new policy its counter may be another rule's.
	struct decision decision = { .rule = judged->slot == RULE_NONE ? flow->rule : judged->slot,
		.listener = LISTENER_NONE, .handler = HANDLER_NONE, .verdict = VERDICT_ACCEPT };
	struct packet_tuple tuple;
	tuple_of_flow(flow, cold, &tuple);
	policy_bind(burst->policy, &tuple, opener_of_flow(flow, cold), &decision);
	return adopt(worker, burst, at, index, &decision, flow->generation & FLOW_VARIES);
}

// The flow that the packet was looked up to, if that still holds: a packet before it in the burst may have opened or ended
// a flow, and the flow's time may be over.
static inline uint32_t standing_flow(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	if (unlikely(burst_outdated(burst, &burst->meta[at].key, index)))
		index = flow_table_lookup(worker->flows, &burst->meta[at].key);
	if (unlikely(index == FLOW_NONE))
		return FLOW_NONE;
	if (unlikely(ageing_expired(worker->ageing, flow_table_flow(worker->flows, index), burst->time[at]))) {
		ageing_end(worker->ageing, index, FLOW_END_TIMEOUT);
		return FLOW_NONE;
	}
	return index;
}

// Follows a packet that may pass. Returns whether a handler is to have it.
static __rte_always_inline bool pass(struct worker *worker, struct burst *burst, unsigned i, unsigned at, uint32_t index,
				     const struct rule_verdict *judged, const struct flow *decided, struct tally *tally)
{
	struct flow *flow = flow_table_flow(worker->flows, index);
	if (unlikely(!follow_packet(worker, burst, at, index))) {
		ageing_end(worker->ageing, index, FLOW_END_CLOSED);
		return open_instead(worker, burst, i, judged, tally);
	}
	return account(worker, burst, at, index, flow, decided, tally);
}

// Whether a SYN comes from the end that seemed to be the one that was asked, as it had sent a SYN-ACK: another connection, whose
// listener is at its other end.
static bool turns_round(const struct packet_meta *meta, const struct flow *flow)
{
	return opener_of(meta) == OPENER_ORIGINATOR && !!(meta->flags & PACKET_SOURCE_IS_END1) != flow->orig_end;
}

// A packet that may pass opens the connection of a flow that had none yet: its sender is the opener from now on, whichever
// end was heard before (as conntrack knows only what begins here).
static void open_late(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
		      const struct rule_verdict *judged)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);
	struct flow_cold *cold = flow_table_cold(worker->flows, index);

	flow->opener_end = !!(meta->flags & PACKET_SOURCE_IS_END1);
	flow->rule = judged->slot;
	flow->generation = (flow->generation & FLOW_GENERATION) |
			   (flow->embryonic && opening_varies(burst, at, judged) ? FLOW_VARIES : 0);
	if (burst->trial)
		trial_flow_ended(burst->trial, index); // what it remembers was asked about the other end's packet
	cold->syn = !!(meta->tcp_flags & TCP_SYN);
}

// A packet of a live flow that was judged by itself, and counts under the rule that did. If denied, the flow lives on.
static bool attach_judged(struct worker *worker, struct burst *burst, unsigned i, uint32_t index,
			  const struct rule_verdict *judged, struct tally *tally)
{
	unsigned at = burst->live[i];
	if (judged->verdict != VERDICT_ACCEPT) {
		judge_deny(worker, burst, at, judged);
		return false;
	}
	if (!bind_again(worker, burst, at, index, judged))
		return false;
	if (unlikely(flow_table_flow(worker->flows, index)->generation & FLOW_UNOPENED) &&
		judged->slot != RULE_NONE && opens_connection(&burst->meta[at])) {
		if (turns_round(&burst->meta[at], flow_table_flow(worker->flows, index))) {
			ageing_end(worker->ageing, index, FLOW_END_CLOSED);
			return open_instead(worker, burst, i, judged, tally);
		}
		open_late(worker, burst, at, index, judged);
	}
	struct flow decided = { .word = flow_table_flow(worker->flows, index)->word };
	decided.rule = judged->slot;
	return pass(worker, burst, i, at, index, judged, &decided, tally);
}

// The flow's policy is old, or its verdict is not for all of its packets.
static __rte_noinline bool attach_unsettled(struct worker *worker, struct burst *burst, unsigned i, uint32_t index,
					    struct tally *tally)
{
	unsigned at = burst->live[i];
	const struct flow *flow = flow_table_flow(worker->flows, index);
	bool judges = !burst_returned(worker, burst, at);

	if (!(judges && judge_wants_packet(&burst->meta[at], flow)) && !flow_judged_under(flow, burst->policy->generation) &&
		!judge_again(worker, burst, i, index))
		return false;
	if (!(judges && judge_wants_packet(&burst->meta[at], flow)))
		return pass(worker, burst, i, at, index, NULL, flow, tally);
	struct rule_verdict judged;
	judge_packet(worker, burst, i, flow, &judged);
	return attach_judged(worker, burst, i, index, &judged, tally);
}

static bool attach_by_packet(struct worker *worker, struct burst *burst, unsigned i, uint32_t index,
			     struct tally *tally)
{
	struct rule_verdict judged = { .slot = RULE_NONE, .verdict = VERDICT_ACCEPT };
	if (index == FLOW_NONE)
		return open_flow(worker, burst, i, tally);
	if (!burst_returned(worker, burst, burst->live[i]))
		judge_packet(worker, burst, i, flow_table_flow(worker->flows, index), &judged);
	return attach_judged(worker, burst, i, index, &judged, tally);
}

// Returns whether a handler is to have the packet.
static __rte_always_inline bool attach(struct worker *worker, struct burst *burst, unsigned i, unsigned at,
				       struct tally *tally, const bool by_packet)
{
	uint32_t index = standing_flow(worker, burst, at, burst->flow[i]);
	if (by_packet)
		return attach_by_packet(worker, burst, i, index, tally);
	if (unlikely(index == FLOW_NONE))
		return open_flow(worker, burst, i, tally);

	const struct flow *flow = flow_table_flow(worker->flows, index);
	if (unlikely(flow->generation != tally->generation))
		return attach_unsettled(worker, burst, i, index, tally);
	return pass(worker, burst, i, at, index, NULL, flow, tally);
}

static __rte_always_inline void attach_all(struct worker *worker, struct burst *burst, const bool by_packet)
{
	struct tally tally = {
		.decision = { .rule = RULE_NONE, .listener = LISTENER_NONE },
		.generation = burst->policy->generation,
		.watched = worker->times || worker->trace || worker->wiring->handler_devices,
	};
	unsigned kept = 0;
	for (unsigned i = 0; i < burst->live_count; i++) {
		uint16_t at = burst->live[i];
		bool passes = attach(worker, burst, i, at, &tally, by_packet);
		burst->live[kept] = at;
		kept += passes;
	}
	burst->live_count = kept;
	flush_tally(worker, &tally);
}

void burst_attach(struct worker *worker, struct burst *burst)
{
	if (unlikely(burst->policy->by_packet))
		attach_all(worker, burst, true);
	else
		attach_all(worker, burst, false);
}
