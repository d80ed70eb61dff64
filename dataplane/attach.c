// SPDX-License-Identifier: BSD-3-Clause
// Ties packets to flows. One loop over the burst, each packet to its end before the next begins: a packet may end a flow
// that a later one of the same burst was looked up to.
#include "dataplane/burst.h"

#include "dataplane/attach_usual.h"
#include "dataplane/follow.h"
#include "dataplane/judge.h"
#include "dataplane/opening.h"
#include "dataplane/trial.h"

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

	tally_count(worker, tally, decision_bits(decision), meta->key.port[responder], burst->length[at]);
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

// Whether somebody wants to know of each packet.
static inline bool watched(const struct worker *worker)
{
	return worker->times || worker->trace;
}

// What not every run asks for: time stamps of captures, the trace, the way back from a handler's device. Returns whether
// a handler is to have the packet.
static bool account_watched(struct worker *worker, struct burst *burst, unsigned at, uint32_t index, uint64_t decided)
{
	const struct flow *flow = flow_table_flow(worker->flows, index);
	const struct flow_cold *cold = flow_table_cold(worker->flows, index);

	if (worker->times != NULL)
		worker->times[index].last = RTE_MAX(worker->times[index].last, packet_note(burst->mbuf[at])->time);
	if (worker->trace != NULL)
		burst->note[at] = (struct burst_note){
			.flow = cold->id,
			.rule = FLOW_FIELD(decided, rule, FLOW_RULE_BITS),
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

// Counts the packet for its flow, and under what decided on it, as in a flow's word, and sends it on its way. Returns whether
// a handler is to have it.
static bool account(struct worker *worker, struct burst *burst, unsigned at, uint32_t index, uint64_t decided,
		    struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);
	const enum flow_direction direction = direction_of(meta, flow);
	const uint64_t bytes = burst->length[at], time = burst->time[at];

	burst->handler[at] = flow->handler;
	tally_count(worker, tally, decided, meta->key.port[!flow->orig_end], bytes);
	// RFC 5508, REQ-6: an error about a flow doesn't prolong it.
	if (likely(!(meta->flags & PACKET_ICMP_ERROR)) && time > flow->last_seen)
		__atomic_store_n(&flow->last_seen, time, __ATOMIC_RELAXED);
	traffic_add(&flow->traffic[direction], bytes);
	return likely(!watched(worker) && !burst_returned(worker, burst, at)) ||
	       account_watched(worker, burst, at, index, decided);
}

// What opens a flow from a handler's end is not judged: rules guard what listens, not what it asks for.
static struct decision decide_local(const struct worker *worker, const struct burst *burst, unsigned at)
{
	enum drop_reason unopenable = judge_unopenable(&burst->meta[at], burst->policy->tcp_pickup_strict);
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
	enum drop_reason unopenable = judge_unopenable(&burst->meta[at], burst->policy->tcp_pickup_strict);
	struct packet_tuple own;

	if (decision.verdict != VERDICT_ACCEPT)
		return decision;
	if (unopenable != DROP_NONE && !passes_alone(burst, at)) {
		decision.verdict = VERDICT_DROP;
		decision.reason = (uint8_t)unopenable;
		return decision;
	}
	policy_bind(burst->policy, tuple_for_listener(burst, at, &own), opener_of(&burst->meta[at]), &decision);
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
	return account(worker, burst, at, index, decision_bits(decision), tally);
}

// The packet has no flow, and the rules have judged it.
static __rte_noinline bool open_judged(struct worker *worker, struct burst *burst, unsigned at,
				       const struct rule_verdict *judged, struct tally *tally)
{
	struct decision decision = decide_opening(burst, at, judged);
	bool varies = decision.verdict == VERDICT_ACCEPT && opening_varies(burst, at, judged);
	return open_decided(worker, burst, at, &decision, varies, tally);
}

static bool open_or_deny(struct worker *worker, struct burst *burst, unsigned at, const struct rule_verdict *judged,
			 struct tally *tally)
{
	if (judged->verdict == VERDICT_ACCEPT)
		return open_judged(worker, burst, at, judged, tally);
	judge_deny(worker, burst, at, judged);
	return false;
}

// The packet has no flow: rules judge it, but for what comes back from a handler's device.
static __rte_noinline bool open_flow(struct worker *worker, struct burst *burst, unsigned i, struct tally *tally)
{
	unsigned at = burst->live[i];
	if (burst_returned(worker, burst, at)) {
		struct decision decision = decide_local(worker, burst, at);
		return open_decided(worker, burst, at, &decision, false, tally);
	}
	struct rule_verdict judged;
	judge_packet(worker, burst, i, NULL, &judged);
	return open_or_deny(worker, burst, at, &judged, tally);
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
static __rte_noinline bool pass(struct worker *worker, struct burst *burst, unsigned i, uint32_t index,
				const struct rule_verdict *judged, uint64_t decided, struct tally *tally)
{
	const unsigned at = burst->live[i];

	if (unlikely(!follow_packet(worker, burst, at, index))) {
		ageing_end(worker->ageing, index, FLOW_END_CLOSED);
		return open_instead(worker, burst, i, judged, tally);
	}
	return account(worker, burst, at, index, decided, tally);
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

	FLOW_SET(flow, opener_end, 1, !!(meta->flags & PACKET_SOURCE_IS_END1));
	FLOW_SET(flow, rule, FLOW_RULE_BITS, judged->slot);
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
	const uint64_t word = flow_table_flow(worker->flows, index)->word;

	return pass(worker, burst, i, index, judged, FLOW_WITH(word, rule, FLOW_RULE_BITS, judged->slot), tally);
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
		return pass(worker, burst, i, index, NULL, flow->word, tally);
	struct rule_verdict judged;
	judge_packet(worker, burst, i, flow, &judged);
	return attach_judged(worker, burst, i, index, &judged, tally);
}

static __rte_noinline bool attach_by_packet(struct worker *worker, struct burst *burst, unsigned i, uint32_t index,
					    struct tally *tally)
{
	struct rule_verdict judged = { .slot = RULE_NONE, .verdict = VERDICT_ACCEPT };
	if (index == FLOW_NONE)
		return open_flow(worker, burst, i, tally);
	if (!burst_returned(worker, burst, burst->live[i]))
		judge_packet(worker, burst, i, flow_table_flow(worker->flows, index), &judged);
	return attach_judged(worker, burst, i, index, &judged, tally);
}

static __rte_noinline bool attach_any(struct worker *worker, struct burst *burst, unsigned i, struct tally *tally)
{
	uint32_t index = standing_flow(worker, burst, burst->live[i], burst->flow[i]);

	if (unlikely(burst->policy->by_packet))
		return attach_by_packet(worker, burst, i, index, tally);
	if (index == FLOW_NONE)
		return open_flow(worker, burst, i, tally);

	const struct flow *flow = flow_table_flow(worker->flows, index);

	if (flow->generation != burst->policy->generation)
		return attach_unsettled(worker, burst, i, index, tally);
	return pass(worker, burst, i, index, NULL, flow->word, tally);
}

// Whether a packet that was looked up to no flow has none still.
static inline bool has_no_flow(const struct burst *burst, unsigned i)
{
	return burst->flow[i] == FLOW_NONE && !burst_outdated(burst, &burst->meta[burst->live[i]].key, FLOW_NONE);
}

// Returns whether a handler is to have the packet. Who has no flow, as in floods, goes straight to the rules, and to what was
// found in them if that is all there is to it. Of floods that are denied, all but the first packet of a burst end here.
static __rte_always_inline bool attach(struct worker *worker, struct burst *burst, unsigned i, struct tally *tally)
{
	const unsigned at = burst->live[i];

	if (!has_no_flow(burst, i))
		return attach_any(worker, burst, i, tally);

	const struct rule_verdict *found = judge_found(burst, i);

	if (unlikely(!found))
		return open_flow(worker, burst, i, tally);
	if (likely(found->verdict == VERDICT_DROP)) {
		judge_drop(worker, burst, at, found->slot, VERDICT_DROP, policy_drop_reason(found));
		return false;
	}
	return open_or_deny(worker, burst, at, found, tally);
}

static bool some_returned(const struct worker *worker, const struct burst *burst)
{
	bool returned = false;

	for (unsigned i = 0; worker->wiring->handler_devices && i < burst->count; i++)
		returned |= burst_returned(worker, burst, i);
	return returned;
}

// The usual packets from place i on, to the first that is none. Returns where that is. all: places are positions, as nothing was
// dropped before this stage.
static __rte_always_inline unsigned pass_usual(const struct usual usual, struct worker *worker, struct burst *burst, unsigned i,
					       struct tally *tally, const bool all)
{
	for (const unsigned count = burst->live_count; i < count; i++)
		if (!attach_usual(&usual, worker, burst, all ? i : burst->live[i], burst->flow[i], tally))
			break;
	return i;
}

// A loop by itself, all but without calls: what it needs stays in registers.
static __rte_noinline unsigned attach_run(const struct usual *usual, struct worker *worker, struct burst *burst, unsigned i,
					  struct tally *tally)
{
	return likely(burst->live_count == burst->count) ? pass_usual(*usual, worker, burst, i, tally, true) :
							   pass_usual(*usual, worker, burst, i, tally, false);
}

// Keeps the packets from place i to end. Returns how many are kept now.
static inline unsigned keep(struct burst *burst, unsigned kept, unsigned i, unsigned end)
{
	if (unlikely(kept != i))
		memmove(&burst->live[kept], &burst->live[i], (end - i) * sizeof(burst->live[0]));
	return kept + end - i;
}

void burst_attach(struct worker *worker, struct burst *burst)
{
	const bool some_usual = !burst->policy->by_packet && !watched(worker) && !some_returned(worker, burst);
	const struct usual usual = usual_of(worker, burst->policy->generation);
	const unsigned count = burst->live_count;
	struct tally tally;
	unsigned kept = 0;

	tally_begin(&tally);
	for (unsigned i = 0; i < count; i++) {
		if (some_usual && burst->flow[i] != FLOW_NONE) {
			const unsigned end = attach_run(&usual, worker, burst, i, &tally);
			kept = keep(burst, kept, i, end);
			i = end;
			if (i == count)
				break;
		}

		const uint16_t at = burst->live[i];
		const bool passes = attach(worker, burst, i, &tally);

		burst->live[kept] = at;
		kept += passes;
	}
	burst->live_count = kept;
	tally_enter(worker, &tally);
}
