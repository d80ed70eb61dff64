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

static uint64_t flow_word(const struct packet_meta *meta, const struct decision *decision, bool local)
{
	const bool opener = meta->flags & PACKET_SOURCE_IS_END1;
	const bool from_responder = decision->local_is_source || opener_of(meta) == OPENER_RESPONDER;

	return decision_bits(decision) | first_state(meta->key.protocol) * FLOW_UNIT(state) | 15 * FLOW_UNIT(tcp_scale0) |
	       15 * FLOW_UNIT(tcp_scale1) | (opener ^ from_responder) * FLOW_UNIT(orig_end) |
	       opener * FLOW_UNIT(opener_end) | FLOW_UNIT(embryonic) | local * FLOW_UNIT(local_origin);
}

static void fill_cold(struct worker *worker, const struct burst *burst, unsigned at, bool local, struct flow_cold *cold)
{
	const struct packet_meta *meta = &burst->meta[at];
	const uint8_t from = burst->interface[at];
	const uint64_t first_seen = burst->time[at] & (FLOW_COLD_UNIT(syn, 0) - 1);
	const bool syn = meta->key.protocol == IPPROTO_TCP && meta->tcp_flags & TCP_SYN;
	const bool tagged = meta->vlan_tags != 0;
	const uint64_t id = new_flow_id(worker, burst, at) & (FLOW_COLD_UNIT(vlan, 1) - 1);
	const uint8_t interface = local ? worker->handlers[worker->interfaces[from].handler].uplink : from;

	cold->word[0] = first_seen | syn * FLOW_COLD_UNIT(syn, 0) | tagged * FLOW_COLD_UNIT(tagged, 0);
	cold->word[1] = id | (meta->vlan & 0xfff) * FLOW_COLD_UNIT(vlan, 1) |
			interface % INTERFACE_MAX * FLOW_COLD_UNIT(interface, 1) |
			key_is_portless(meta) * FLOW_COLD_UNIT(portless, 1);
}

static void fill_flow(struct worker *worker, struct burst *burst, unsigned at, uint32_t index,
		      const struct decision *decision, bool varies)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);
	const bool local = worker->interfaces[burst->interface[at]].role == INTERFACE_HANDLER;

	flow->word = flow_word(meta, decision, local);
	flow->generation = burst->policy->generation | (local || opens_connection(meta) ? 0 : FLOW_UNOPENED) |
			   (varies ? FLOW_VARIES : 0);
	if (is_tcp_segment(meta)) {
		struct tcp_segment segment;
		read_segment(worker, burst, at, &segment);
		tcp_open(flow, direction_of(meta, flow), &segment);
	}
	flow->last_seen = burst->time[at];
	if (worker->times)
		worker->times[index].first = worker->times[index].last = packet_note(burst->mbuf[at])->time;
	fill_cold(worker, burst, at, local, flow_table_cold(worker->flows, index));
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
	fill_flow(worker, burst, at, index, decision, varies);
	burst_flow_opened(burst, key);
	ageing_add(worker->ageing, index, burst->time[at]);
	counter_add(&worker->counters.flows_opened, 1);
	counter_add(&worker->counters.flows_by_state[flow_table_flow(worker->flows, index)->state], 1);
	if (decision->listener != LISTENER_NONE)
		counter_add(&worker->listener_flows[decision->listener], 1);
	return index;
}
