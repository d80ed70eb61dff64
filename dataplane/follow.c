// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/follow.h"

#include "dataplane/segment.h"

static enum flow_state answered_state(enum flow_state state)
{
	switch (state) {
	case FLOW_UDP_UNREPLIED:
		return FLOW_UDP_REPLIED;
	case FLOW_ICMP_UNREPLIED:
		return FLOW_ICMP_REPLIED;
	case FLOW_OTHER_UNREPLIED:
		return FLOW_OTHER_REPLIED;
	default:
		return state;
	}
}

static void state_changed(struct worker *worker, uint32_t index, unsigned before)
{
	unsigned state = flow_table_flow(worker->flows, index)->state;
	if (state == before)
		return;
	counter_add(&worker->counters.flows_by_state[before], -UINT64_C(1));
	counter_add(&worker->counters.flows_by_state[state], 1);
	ageing_state_changed(worker->ageing, index);
}

static bool follow_segment(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	struct flow *flow = flow_table_flow(worker->flows, index);
	const unsigned before = flow->state;
	struct tcp_segment segment;

	read_segment(worker, burst, at, &segment);
	if (tcp_follow(flow, direction_of(&burst->meta[at], flow), &segment) == TCP_REOPENED)
		return false;
	state_changed(worker, index, before);
	return true;
}

static void follow_answer(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	struct flow *flow = flow_table_flow(worker->flows, index);
	const unsigned before = flow->state;

	FLOW_SET(flow, state, FLOW_STATE_BITS, answered_state((enum flow_state)before));
	flow->generation &= ~FLOW_VARIES;
	ageing_answered(worker->ageing, index, burst->time[at]);
	state_changed(worker, index, before);
}

bool follow_packet(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);

	if (is_tcp_segment(meta) && !tcp_follow_usual(flow, direction_of(meta, flow), segment_header(worker, burst, at)) &&
		!follow_segment(worker, burst, at, index))
		return false;
	if (flow->embryonic && !!(meta->flags & PACKET_SOURCE_IS_END1) != flow->opener_end && !(meta->flags & PACKET_ICMP_ERROR))
		follow_answer(worker, burst, at, index);
	return true;
}
