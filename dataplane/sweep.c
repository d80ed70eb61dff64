// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/sweep.h"

#include <rte_prefetch.h>

#include "dataplane/judge.h"

// Lists flows from where the sweep stands, and fetches them.
static unsigned list_flows(struct worker *worker, uint32_t flow[SWEEP_FLOWS])
{
	uint32_t bound = flow_table_bound(worker->flows);
	uint32_t end = RTE_MIN(bound, worker->sweep_next + SWEEP_RECORDS);
	unsigned n = 0;

	for (; worker->sweep_next < end && n < SWEEP_FLOWS; worker->sweep_next++) {
		if (!flow_table_lives(worker->flows, worker->sweep_next))
			continue;
		flow[n++] = worker->sweep_next;
		rte_prefetch0(flow_table_flow(worker->flows, worker->sweep_next));
		rte_prefetch0(flow_table_cold(worker->flows, worker->sweep_next));
	}
	if (worker->sweep_next >= bound)
		worker->swept = worker->sweeping;
	return n;
}

// Of these, the ones that are still to be judged; with their tuples.
static unsigned keep_old(const struct worker *worker, uint32_t flow[], unsigned n, struct packet_tuple tuple[])
{
	uint32_t generation = worker->burst->policy->generation;
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct flow *old = flow_table_flow(worker->flows, flow[i]);
		if (flow_judged_under(old, generation) || old->local_origin)
			continue;
		tuple_of_flow(old, flow_table_cold(worker->flows, flow[i]), &tuple[kept]);
		flow[kept++] = flow[i];
	}
	return kept;
}

static void judge(struct worker *worker, uint32_t index, const struct packet_tuple *tuple, uint32_t position)
{
	struct flow *flow = flow_table_flow(worker->flows, index);
	const struct policy *policy = worker->burst->policy;
	bool varies;
	struct decision decision = judge_flow_at(policy, flow, flow_table_cold(worker->flows, index), tuple, position,
		&varies);

	if (decision.verdict == VERDICT_ACCEPT)
		judge_adopt(flow, &decision, policy->generation | (varies ? FLOW_VARIES : 0) | (flow->generation & FLOW_UNOPENED));
	else
		ageing_end(worker->ageing, index, FLOW_END_DENIED);
}

unsigned sweep_step(struct worker *worker)
{
	const struct policy *policy = worker->burst->policy;
	struct packet_tuple tuple[SWEEP_FLOWS];
	const struct packet_tuple *asked[SWEEP_FLOWS];
	uint32_t flow[SWEEP_FLOWS], position[SWEEP_FLOWS];

	if (policy->on_rule_change != RULE_CHANGE_KILL) {
		worker->swept = policy->generation;
		return 0;
	}
	if (worker->sweeping != policy->generation) {
		worker->sweeping = policy->generation;
		worker->sweep_next = 0;
	}
	unsigned n = keep_old(worker, flow, list_flows(worker, flow), tuple);
	for (unsigned i = 0; i < n; i++)
		asked[i] = &tuple[i];
	if (n)
		rule_matcher_find(policy->rules, asked, n, position);
	for (unsigned i = 0; i < n; i++)
		judge(worker, flow[i], &tuple[i], position[i]);
	return n;
}
