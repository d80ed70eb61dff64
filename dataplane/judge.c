// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/judge.h"

#include <rte_prefetch.h>

#include "dataplane/rule_log.h"

// Finding positions in the rules

static bool is_found(const struct burst *burst, unsigned at, enum judged kind)
{
	return burst->found[kind] >> at & 1;
}

static void enter(struct burst *burst, unsigned at, enum judged kind, uint32_t position)
{
	burst->position[at] = position;
	burst->found[kind] |= UINT64_C(1) << at;
	burst->found[!kind] &= ~(UINT64_C(1) << at);
}

static void find_one(struct burst *burst, unsigned at, enum judged kind)
{
	const struct packet_tuple *tuple = &burst->tuple[at];
	uint32_t position;
	rule_matcher_find(burst->policy->rules, &tuple, 1, &position);
	enter(burst, at, kind, position);
}

enum connection_state judge_connection(const struct burst *burst, unsigned at, const struct flow *flow)
{
	const struct packet_meta *meta = &burst->meta[at];
	if (flow && meta->flags & PACKET_ICMP_ERROR)
		return CONNECTION_RELATED;
	if (!flow || flow->generation & FLOW_UNOPENED)
		return judge_connection_alone(meta, burst->policy->tcp_pickup_strict);
	bool from_opener = !!(meta->flags & PACKET_SOURCE_IS_END1) == flow->opener_end;
	return flow->embryonic && from_opener ? CONNECTION_NEW : CONNECTION_ESTABLISHED;
}

// Which of its two judgements a packet of a flow will need, if any.
static bool needs(const struct worker *worker, const struct burst *burst, unsigned at, const struct flow *flow,
		  enum judged *kind)
{
	const struct policy *policy = burst->policy;
	bool returned = burst_returned(worker, burst, at);

	*kind = JUDGED_PACKET;
	if (policy->by_packet)
		return !returned;
	if (judge_wants_packet(&burst->meta[at], flow) && !returned)
		return true;
	*kind = JUDGED_FLOW;
	return !flow_judged_under(flow, policy->generation) && !flow->local_origin &&
	       policy->on_rule_change != RULE_CHANGE_KEEP;
}

// Packets that are asked about together.
struct questions {
	unsigned count;
	uint8_t at[BURST_MAX]; // ascend
	const struct packet_tuple *tuple[BURST_MAX];
	uint64_t kind[2]; // by enum judged: bit by position in the burst
};

static inline void add_question(struct questions *questions, struct burst *burst, unsigned at, enum judged kind)
{
	questions->at[questions->count] = (uint8_t)at;
	questions->tuple[questions->count++] = &burst->tuple[at];
	questions->kind[kind] |= UINT64_C(1) << at;
}

// About the packets from a place of burst->live on that were looked up to no flow.
static void ask_about_packets(const struct worker *worker, struct burst *burst, unsigned from, struct questions *questions)
{
	const uint32_t devices = worker->wiring->handler_devices; // see burst_returned
	const bool strict = burst->policy->tcp_pickup_strict;
	const unsigned live_count = burst->live_count;

	for (unsigned i = from; i < live_count; i++) {
		const unsigned at = burst->live[i];

		if (burst->flow[i] != FLOW_NONE || unlikely(devices >> burst->interface[at] & 1))
			continue;
		tuple_of_packet(worker, burst, at, judge_connection_alone(&burst->meta[at], strict), &burst->tuple[at]);
		add_question(questions, burst, at, JUDGED_PACKET);
	}
}

// About those that were looked up to one, where that needs a judgement: what tells of the flow is fetched before it is read.
static void ask_about_flows(const struct worker *worker, struct burst *burst, unsigned from, struct questions *questions)
{
	const struct policy *policy = burst->policy;
	const uint32_t settled = policy->by_packet ? FLOW_NOT_JUDGED : policy->generation;
	enum judged kind[BURST_MAX];
	unsigned needed[BURST_MAX], n = 0;

	for (unsigned i = from; i < burst->live_count; i++) {
		const uint32_t index = burst->flow[i];

		if (index == FLOW_NONE || flow_table_flow(worker->flows, index)->generation == settled ||
			!needs(worker, burst, burst->live[i], flow_table_flow(worker->flows, index), &kind[n]))
			continue;
		needed[n] = i;
		if (kind[n++] == JUDGED_FLOW)
			rte_prefetch0(flow_table_cold(worker->flows, index));
	}
	for (unsigned k = 0; k < n; k++) {
		const unsigned at = burst->live[needed[k]];
		const uint32_t index = burst->flow[needed[k]];
		const struct flow *flow = flow_table_flow(worker->flows, index);

		if (kind[k] == JUDGED_FLOW)
			tuple_of_flow(flow, flow_table_cold(worker->flows, index), &burst->tuple[at]);
		else
			tuple_of_packet(worker, burst, at, judge_connection(burst, at, flow), &burst->tuple[at]);
		add_question(questions, burst, at, kind[k]);
	}
}

// Answers about neighbours, as in a flood, are written where they belong.
static void find_answers(const struct worker *worker, struct burst *burst, const struct questions *questions)
{
	const unsigned count = questions->count;
	uint32_t scattered[BURST_MAX];

	if (!count)
		return;

	const bool neighbours = questions->at[count - 1] - questions->at[0] == (int)count - 1;
	uint32_t *position = neighbours ? &burst->position[questions->at[0]] : scattered;

	rule_matcher_find(burst->policy->rules, questions->tuple, count, position);
	rule_matcher_fetch(burst->policy->rules, position, count, worker->rule_counters);
	if (!neighbours) {
		for (unsigned k = 0; k < count; k++)
			burst->position[questions->at[k]] = position[k];
	}
	burst->found[JUDGED_PACKET] |= questions->kind[JUDGED_PACKET];
	burst->found[JUDGED_FLOW] |= questions->kind[JUDGED_FLOW];
}

// Has the rules searched for all packets from place i of burst->live on that need it: of those that were looked up to a flow, or
// of those that were not.
static void find_all(const struct worker *worker, struct burst *burst, unsigned from, bool with_flow)
{
	struct questions questions;

	questions.count = 0;
	questions.kind[JUDGED_PACKET] = questions.kind[JUDGED_FLOW] = 0;
	if (with_flow)
		ask_about_flows(worker, burst, from, &questions);
	else
		ask_about_packets(worker, burst, from, &questions);
	find_answers(worker, burst, &questions);
}

// Only once a burst for those with a flow, and once for those without: what needs another judgement than was foreseen, as a
// packet before it has opened or ended its flow, is looked for alone.
static bool foreseen(const struct worker *worker, struct burst *burst, unsigned i, enum judged kind)
{
	const bool with_flow = burst->flow[i] != FLOW_NONE;

	if (!burst->searched[with_flow]) {
		burst->searched[with_flow] = true;
		find_all(worker, burst, i, with_flow);
	}
	return is_found(burst, burst->live[i], kind);
}

// Judging

// A packet that has no flow, and had none, stands as it stood; else those before it may have moved the flow's state.
static bool stands_as_foreseen(const struct burst *burst, unsigned i, const struct flow *flow)
{
	unsigned at = burst->live[i];
	return !flow || burst->tuple[at].connection == judge_connection(burst, at, flow);
}

void judge_packet(struct worker *worker, struct burst *burst, unsigned i, const struct flow *flow, struct rule_verdict *judged)
{
	unsigned at = burst->live[i];
	const bool ended = !flow && burst->flow[i] != FLOW_NONE; // its flow, just now: nobody could know

	if (ended || !foreseen(worker, burst, i, JUDGED_PACKET) || !stands_as_foreseen(burst, i, flow)) {
		tuple_of_packet(worker, burst, at, judge_connection(burst, at, flow), &burst->tuple[at]);
		find_one(burst, at, JUDGED_PACKET);
	}
	*judged = rule_matcher_settle(burst->policy->rules, &burst->tuple[at], burst->position[at], burst->length[at],
		worker_nanoseconds(worker, burst->time[at]), worker->rule_counters);
	if (unlikely(judged->log))
		rule_log_put(worker, burst, at, judged);
}

struct decision judge_flow_at(const struct policy *policy, const struct flow *flow, const struct flow_cold *cold,
			      const struct packet_tuple *tuple, uint32_t position, bool *varies)
{
	struct rule_verdict judged = rule_matcher_review(policy->rules, tuple, position);
	struct decision decision = policy_decision(&judged);
	*varies = flow->embryonic && rule_matcher_varies(policy->rules, tuple, judged.position);
	if (judged.verdict == VERDICT_ACCEPT)
		policy_bind(policy, tuple, opener_of_flow(flow, cold), &decision);
	return decision;
}

struct decision judge_flow(struct worker *worker, struct burst *burst, unsigned i, uint32_t index, bool *varies)
{
	unsigned at = burst->live[i];
	const struct flow *flow = flow_table_flow(worker->flows, index);
	const struct flow_cold *cold = flow_table_cold(worker->flows, index);

	if (!foreseen(worker, burst, i, JUDGED_FLOW)) {
		tuple_of_flow(flow, cold, &burst->tuple[at]);
		find_one(burst, at, JUDGED_FLOW);
	}
	return judge_flow_at(burst->policy, flow, cold, &burst->tuple[at], burst->position[at], varies);
}

// Refusing

static bool answer(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision)
{
	if (!answer_allowed(&worker->answers, burst->time[at])) {
		counter_add(&worker->counters.answers_limited, 1);
		return false;
	}
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);
	if (!mbuf)
		return false;
	uint32_t length = answer_build(burst_frame(worker, burst, at), burst->mbuf[at]->pkt_len, &burst->meta[at],
		decision->answer, decision->answer_code, rte_pktmbuf_mtod(mbuf, uint8_t *));
	if (!length) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = length;
	egress_put(worker, burst->interface[at], mbuf, ACCOUNT_ANSWER, 0);
	return true;
}

void judge_refuse(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision)
{
	judge_drop(worker, burst, at, decision->rule, decision->verdict, decision->reason);
	if (decision->verdict == VERDICT_REJECT && answer(worker, burst, at, decision)) {
		burst->fate[at].kind = FATE_ANSWERED;
		if (decision->reason == DROP_REJECT_UNANSWERED)
			burst->meta[at].reason = DROP_NONE;
	}
}

void judge_deny(struct worker *worker, struct burst *burst, unsigned at, const struct rule_verdict *judged)
{
	const struct decision decision = policy_decision(judged);
	judge_refuse(worker, burst, at, &decision);
}
