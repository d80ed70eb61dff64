// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/trial.h"

#include <rte_ring_elem.h>

#include "dataplane/judge.h"

// In trial.of_flow: position + 1 of the rule that decides on all of the flow, 0 if none does, and these.
static const uint32_t FLOW_DENIES = UINT32_C(1) << 29; // that rule denies
static const uint32_t FLOW_JUDGED = UINT32_C(1) << 30; // counted among those that were judged
static const uint32_t FLOW_DENIED = UINT32_C(1) << 31; // counted among those that would be dropped
static const uint32_t POSITION_BITS = (UINT32_C(1) << 29) - 1;

// One packet that is to be judged.
struct question {
	unsigned at;
	uint32_t flow;  // index, or FLOW_NONE
	bool passed;    // really
	bool own;       // by its own headers, else by those of the flow's first packet
	bool known;     // the flow has its verdict
	struct packet_tuple tuple; // unless known
};

// Whether rules have decided on the packet, and how.
static bool was_decided(const struct worker *worker, const struct burst *burst, unsigned at, bool *passed)
{
	const struct fate *fate = &burst->fate[at];
	*passed = fate->kind == FATE_PENDING;
	if (!(burst->to_judge >> at & 1) || !burst->mbuf[at] || !(burst->meta[at].flags & PACKET_HAS_TUPLE) || burst_returned(worker, burst, at))
		return false;
	switch (fate->kind) {
	case FATE_PENDING:
		return true;
	case FATE_ANSWERED: // by a rule, or since nobody listens
		*passed = burst->meta[at].reason == DROP_NO_LISTENER;
		return true;
	case FATE_DROP:
		*passed = fate->reason == DROP_NO_LISTENER || fate->reason == DROP_ICMP_UNRELATED ||
			  fate->reason == DROP_TCP_NOT_SYN;
		return *passed || fate->reason == DROP_RULE || fate->reason == DROP_DEFAULT_POLICY ||
		       fate->reason == DROP_REJECT_UNANSWERED;
	default:
		return false;
	}
}

static bool from_opener(const struct packet_meta *meta, const struct flow *flow)
{
	return !!(meta->flags & PACKET_SOURCE_IS_END1) == flow->opener_end && !(meta->flags & PACKET_ICMP_ERROR);
}

// Whether the flow has a verdict that holds for the packet.
static bool is_known(const struct burst *burst, const struct trial *trial, const struct question *question)
{
	return question->flow != FLOW_NONE && question->passed && !burst->policy->by_packet &&
	       trial->of_flow[question->flow] & POSITION_BITS;
}

// false: rules don't judge this packet.
static bool ask(const struct worker *worker, const struct burst *burst, const struct trial *trial, unsigned at,
		struct question *question)
{
	const struct packet_meta *meta = &burst->meta[at];
	if (!was_decided(worker, burst, at, &question->passed))
		return false;
	question->at = at;
	question->flow = flow_table_lookup(worker->flows, &meta->key);
	const struct flow *flow = question->flow == FLOW_NONE ? NULL : flow_table_flow(worker->flows, question->flow);
	if (flow && flow->local_origin)
		return false;
	question->own = burst->policy->by_packet || !flow || !question->passed ||
			(flow->embryonic && from_opener(meta, flow));
	question->known = is_known(burst, trial, question);
	if (question->known)
		return true;
	if (question->own)
		tuple_of_packet(worker, burst, at, judge_connection(burst, at, flow), &question->tuple);
	else
		tuple_of_flow(flow, flow_table_cold(worker->flows, question->flow), &question->tuple);
	return true;
}

// Remembers a verdict that holds for all packets of the flow to come.
static void remember(const struct worker *worker, const struct burst *burst, struct trial *trial,
		     const struct question *question, const struct rule_verdict *judged)
{
	if (burst->policy->by_packet || question->flow == FLOW_NONE || !question->passed)
		return;
	if (flow_table_flow(worker->flows, question->flow)->embryonic &&
		rule_matcher_varies(trial->matcher, &question->tuple, judged->position))
		return;
	uint32_t *known = &trial->of_flow[question->flow];
	*known = (*known & (FLOW_JUDGED | FLOW_DENIED)) | (judged->position + 1) |
		 (judged->verdict == VERDICT_ACCEPT ? 0 : FLOW_DENIES);
}

static struct rule_verdict judge(const struct worker *worker, const struct burst *burst, struct trial *trial,
				 const struct question *question, uint32_t position)
{
	unsigned at = question->at;
	struct rule_verdict judged;

	if (is_known(burst, trial, question)) { // by now: a packet before it in the burst may have told
		uint32_t known = trial->of_flow[question->flow];
		return (struct rule_verdict){ .position = (known & POSITION_BITS) - 1,
			.verdict = known & FLOW_DENIES ? VERDICT_DROP : VERDICT_ACCEPT };
	}
	if (question->own)
		judged = rule_matcher_settle(trial->matcher, &question->tuple, position, burst->mbuf[at]->pkt_len,
			worker_nanoseconds(worker, burst->time[at]), trial->by_slot);
	else
		judged = rule_matcher_review(trial->matcher, &question->tuple, position);
	remember(worker, burst, trial, question, &judged);
	return judged;
}

static void sample(const struct worker *worker, const struct burst *burst, const struct trial *trial,
		   const struct question *question, const struct rule_verdict *judged)
{
	unsigned at = question->at;
	const struct flow *flow = question->flow == FLOW_NONE ? NULL : flow_table_flow(worker->flows, question->flow);
	struct trial_sample record = { .time = burst->time[at],
		.tuple = question->tuple,
		.slot = !question->passed ? burst->note[at].rule : flow ? flow->rule : RULE_NONE,
		.position = judged->position,
		.length = burst->mbuf[at]->pkt_len,
		.verdict = question->passed ? VERDICT_ACCEPT : burst->note[at].verdict,
		.trial_verdict = judged->verdict };
	rte_ring_sp_enqueue_elem(trial->samples, &record, sizeof(record));
}

static void count(struct trial_count *sum, uint64_t bytes, bool flow)
{
	counter_add(&sum->packets, 1);
	counter_add(&sum->bytes, bytes);
	counter_add(&sum->flows, flow);
}

static void conclude(struct worker *worker, struct burst *burst, struct trial *trial, const struct question *question,
		     const struct rule_verdict *judged)
{
	uint64_t bytes = burst->mbuf[question->at]->pkt_len;
	bool denied = judged->verdict != VERDICT_ACCEPT;
	bool first = opener_of(&burst->meta[question->at]) == OPENER_ORIGINATOR, first_denied = first;

	if (question->flow != FLOW_NONE) {
		uint32_t *known = &trial->of_flow[question->flow];
		first = !(*known & FLOW_JUDGED);
		first_denied = !(*known & FLOW_DENIED);
		*known |= FLOW_JUDGED | (denied && question->passed ? FLOW_DENIED : 0);
	}
	traffic_add(&trial->counters[judged->position], bytes);
	count(&trial->judged, bytes, first);
	if (question->passed == !denied)
		return;
	if (question->passed)
		count(&trial->would_drop, bytes, first_denied);
	else
		count(&trial->would_pass, bytes, question->flow == FLOW_NONE && first);
	if (trial->samples && (question->flow == FLOW_NONE || first_denied))
		sample(worker, burst, trial, question, judged);
}

void trial_foresee(struct burst *burst)
{
	burst->to_judge = 0;
	for (unsigned i = 0; i < burst->live_count; i++)
		burst->to_judge |= UINT64_C(1) << burst->live[i];
}

void trial_burst(struct worker *worker, struct burst *burst, struct trial *trial)
{
	struct question question[BURST_MAX];
	const struct packet_tuple *tuple[BURST_MAX];
	uint32_t found[BURST_MAX];
	unsigned n = 0, searched = 0, next = 0;

	for (unsigned at = 0; at < burst->count; at++) {
		if (!ask(worker, burst, trial, at, &question[n]))
			continue;
		if (!question[n].known)
			tuple[searched++] = &question[n].tuple;
		n++;
	}
	if (searched)
		rule_matcher_find(trial->matcher, tuple, searched, found);
	for (unsigned k = 0; k < n; k++) {
		uint32_t position = question[k].known ? 0 : found[next++];
		struct rule_verdict judged = judge(worker, burst, trial, &question[k], position);
		conclude(worker, burst, trial, &question[k], &judged);
	}
}

void trial_flow_ended(struct trial *trial, uint32_t flow)
{
	trial->of_flow[flow] = 0;
}
