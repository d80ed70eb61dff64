// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/opening.h"

#include "dataplane/segment.h"
#include "dataplane/tuple.h"

static enum flow_state first_state(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return FLOW_TCP_ESTABLISHED;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return FLOW_UDP_UNREPLIED;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return FLOW_ICMP_UNREPLIED;
	default:
		return FLOW_OTHER_UNREPLIED;
	}
}

static uint64_t new_flow_id(struct worker *worker, const struct burst *burst, unsigned at)
{
	uint64_t serial = worker->flow_serial++ * worker->workers + worker->id;
	if (worker->clock == CLOCK_TSC)
		return serial;
	// What a handler's device opens during a replay has no number in the capture: behind all that have.
	uint64_t number = packet_note(burst->mbuf[at])->number;
	return number ? number : serial | UINT64_C(1) << 37;
}

static void fill_flow(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
		      const struct decision *decision)
{
	const struct packet_meta *meta = &burst->meta[at];
	const struct interface *from = &worker->interfaces[burst->interface[at]];
	struct flow *flow = flow_table_flow(worker->flows, index);
	struct flow_cold *cold = flow_table_cold(worker->flows, index);
	unsigned opener = !!(meta->flags & PACKET_SOURCE_IS_END1);
	bool local = from->role == INTERFACE_HANDLER;

	flow->opener_end = opener;
	flow->orig_end = opener ^ (decision->local_is_source || opener_of(meta) == OPENER_RESPONDER);
	flow->local_origin = local;
	flow->generation = burst->policy->generation | (local || opens_connection(meta) ? 0 : FLOW_UNOPENED);
	flow->rule = decision->rule;
	flow->listener = decision->listener;
	flow->handler = decision->handler;
	flow->embryonic = 1;
	flow->state = first_state(meta->key.protocol);
	flow->tcp_scale0 = flow->tcp_scale1 = 15;
	if (is_tcp_segment(meta)) {
		struct tcp_segment segment;
		read_segment(worker, burst, at, &segment);
		tcp_open(flow, direction_of(meta, flow), &segment);
	}
	flow->last_seen = burst->time[at];
	cold->first_seen = burst->time[at];
	if (worker->times)
		worker->times[index].first = worker->times[index].last = packet_note(burst->mbuf[at])->time;
	cold->id = new_flow_id(worker, burst, at);
	cold->vlan = meta->vlan & 0xfff;
	cold->tagged = meta->vlan_tags != 0;
	cold->syn = meta->key.protocol == IPPROTO_TCP && meta->tcp_flags & TCP_SYN;
	cold->portless = !(meta->flags & PACKET_L4_WHOLE) && !meta->key.port[0] && !meta->key.port[1];
	cold->interface = local ? worker->handlers[from->handler].uplink : burst->interface[at];
}

uint32_t opening_make(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision,
		      bool varies)
{
	const struct flow_key *key = &burst->meta[at].key;
	uint32_t index = flow_table_insert(worker->flows, key);
	if (unlikely(index == FLOW_NONE)) {
		if (!ageing_evict(worker->ageing))
			return FLOW_NONE;
		index = flow_table_insert_again(worker->flows, key);
		if (index == FLOW_NONE)
			return FLOW_NONE;
	}
	fill_flow(worker, burst, at, index, decision);
	flow_table_flow(worker->flows, index)->generation |= varies ? FLOW_VARIES : 0;
	burst->flows_opened = true;
	ageing_add(worker->ageing, index, burst->time[at]);
	counter_add(&worker->counters.flows_opened, 1);
	counter_add(&worker->counters.flows_by_state[flow_table_flow(worker->flows, index)->state], 1);
	if (decision->listener != LISTENER_NONE)
		counter_add(&worker->listener_flows[decision->listener], 1);
	return index;
}
