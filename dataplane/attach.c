// SPDX-License-Identifier: BSD-3-Clause
// Ties packets to flows. One loop over the burst, each packet to its end before the next begins: a packet may end a flow
// that a later one of the same burst was looked up to.
#include "dataplane/burst.h"

#include <netinet/in.h>

#include "dataplane/judge.h"
#include "dataplane/tcp_state.h"

// What a burst adds to counters that many packets share: summed up here, entered once.
struct tally {
	struct flow decision;                 // rule, listener and handler that the last packets had in common
	uint64_t decided;                     // packets of that decision; packed
	uint64_t by_port_class[PORT_CLASSES]; // packed
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

static enum flow_direction direction_of(const struct packet_meta *meta, const struct flow *flow)
{
	return (enum flow_direction)(!!(meta->flags & PACKET_SOURCE_IS_END1) ^ flow->orig_end);
}

// Only TCP segments of the flow itself move its state: not errors about it, nor fragments without a header.
static bool is_tcp_segment(const struct packet_meta *meta)
{
	return meta->key.protocol == IPPROTO_TCP && (meta->flags & PACKET_L4_WHOLE) &&
	       !(meta->flags & (PACKET_ICMP_ERROR | PACKET_FRAGMENT_LATER));
}

static void read_segment(const struct worker *worker, const struct burst *burst, unsigned at,
			 struct tcp_segment *segment)
{
	const struct packet_meta *meta = &burst->meta[at];
	const uint8_t *frame = burst_frame(worker, burst, at);
	uint32_t available = burst->mbuf[at]->pkt_len - meta->l4_offset;
	tcp_read(frame + meta->l4_offset, RTE_MIN(available, meta->l4_length), meta->l4_length, segment);
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
	flow->generation = burst->policy->generation;
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
	cold->interface = local ? worker->handlers[from->handler].uplink : burst->interface[at];
}

// FLOW_NONE if the table is full even of flows that nobody answered.
static uint32_t make_flow(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision)
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
	ageing_add(worker->ageing, index, burst->time[at]);
	counter_add(&worker->counters.flows_opened, 1);
	counter_add(&worker->counters.flows_by_state[flow_table_flow(worker->flows, index)->state], 1);
	if (decision->listener != LISTENER_NONE)
		counter_add(&worker->listener_flows[decision->listener], 1);
	return index;
}

// Where a packet goes that came back from a handler's device.
static void forward(struct burst *burst, unsigned at, uint8_t interface)
{
	burst->fate[at] = (struct fate){ .kind = FATE_TRANSMIT, .interface = interface, .account = ACCOUNT_FORWARD };
	burst->handler[at] = HANDLER_NONE;
}

static bool is_returned(const struct worker *worker, const struct burst *burst, unsigned at)
{
	return worker->wiring->handler_devices >> burst->interface[at] & 1;
}

// A full table never stops traffic: the packet is handled by what was decided, without a flow.
static bool handle_without_flow(struct worker *worker, struct burst *burst, unsigned at,
				const struct decision *decision, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	unsigned responder = !(meta->flags & PACKET_SOURCE_IS_END1) ^ decision->local_is_source;

	counter_add(&worker->counters.flow_table_full, 1);
	const struct flow never_made = { .rule = decision->rule, .listener = decision->listener,
		.handler = decision->handler };
	count_packet(worker, tally, &never_made, meta->key.port[responder], burst->mbuf[at]->pkt_len);
	burst->note[at] = (struct burst_note){ .rule = decision->rule, .handler = (uint8_t)decision->handler,
		.verdict = VERDICT_ACCEPT };
	burst->handler[at] = (uint8_t)decision->handler;
	if (is_returned(worker, burst, at)) {
		const struct interface *from = &worker->interfaces[burst->interface[at]];
		forward(burst, at, worker->handlers[from->handler].uplink);
		return false;
	}
	return true;
}

// Counts the packet for its flow and sends it on its way. Returns whether a handler is to have it.
static inline bool account(struct worker *worker, struct burst *burst, unsigned at, uint32_t index, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);
	enum flow_direction direction = direction_of(meta, flow);
	uint64_t bytes = burst->mbuf[at]->pkt_len;

	counter_add(&flow->packets[direction], 1);
	counter_add(&flow->bytes[direction], bytes);
	// RFC 5508, REQ-6: an error about a flow doesn't prolong it.
	if (likely(!(meta->flags & PACKET_ICMP_ERROR)) && burst->time[at] > flow->last_seen)
		__atomic_store_n(&flow->last_seen, burst->time[at], __ATOMIC_RELAXED);
	count_packet(worker, tally, flow, meta->key.port[!flow->orig_end], bytes);
	burst->handler[at] = flow->handler;
	if (unlikely(worker->times != NULL))
		worker->times[index].last = RTE_MAX(worker->times[index].last, packet_note(burst->mbuf[at])->time);
	if (unlikely(worker->trace != NULL))
		burst->note[at] = (struct burst_note){
			.flow = flow_table_cold(worker->flows, index)->id,
			.rule = flow->rule,
			.handler = flow->handler,
			.direction = direction == FLOW_ORIG ? TRACE_ORIG : TRACE_RESP,
			.verdict = VERDICT_ACCEPT,
		};
	if (unlikely(is_returned(worker, burst, at))) {
		forward(burst, at, flow_table_cold(worker->flows, index)->interface);
		return false;
	}
	return true;
}

static __rte_noinline bool open_flow(struct worker *worker, struct burst *burst, unsigned at, struct tally *tally)
{
	const struct packet_meta *meta = &burst->meta[at];

	if (meta->flags & PACKET_ICMP_ERROR) {
		burst_drop(burst, at, DROP_ICMP_UNRELATED);
		return false;
	}
	if (burst->policy->tcp_pickup_strict && meta->key.protocol == IPPROTO_TCP &&
		opener_of(meta) != OPENER_ORIGINATOR) {
		burst_drop(burst, at, DROP_TCP_NOT_SYN);
		return false;
	}
	struct decision decision = judge_packet(worker, burst, at);
	if (decision.verdict != VERDICT_ACCEPT) {
		judge_refuse(worker, burst, at, &decision);
		return false;
	}
	uint32_t index = make_flow(worker, burst, at, &decision);
	if (unlikely(index == FLOW_NONE))
		return handle_without_flow(worker, burst, at, &decision, tally);
	return account(worker, burst, at, index, tally);
}

// The rules or listeners have changed since the flow was judged. false: they deny it, and it ended here.
static __rte_noinline bool judge_again(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	const struct policy *policy = burst->policy;
	struct flow *flow = flow_table_flow(worker->flows, index);

	if (flow->local_origin || policy->on_rule_change == RULE_CHANGE_KEEP) {
		flow->generation = policy->generation;
		return true;
	}
	struct decision decision = judge_flow(policy, flow, flow_table_cold(worker->flows, index));
	if (decision.verdict != VERDICT_ACCEPT) {
		ageing_end(worker->ageing, index, FLOW_END_DENIED);
		judge_refuse(worker, burst, at, &decision);
		return false;
	}
	flow->rule = decision.rule;
	flow->listener = decision.listener;
	flow->handler = decision.handler;
	flow->generation = policy->generation;
	return true;
}

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

// Moves the flow's state. false: the segment opens a new connection between the same two ends (RFC 6191).
static inline bool follow(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);
	unsigned state = flow->state;

	if (is_tcp_segment(meta)) {
		struct tcp_segment segment;
		read_segment(worker, burst, at, &segment);
		if (unlikely(tcp_follow(flow, direction_of(meta, flow), &segment) == TCP_REOPENED))
			return false;
	}
	bool from_opener = !!(meta->flags & PACKET_SOURCE_IS_END1) == flow->opener_end;
	if (unlikely(flow->embryonic) && !from_opener && !(meta->flags & PACKET_ICMP_ERROR)) {
		flow->state = answered_state((enum flow_state)flow->state);
		ageing_answered(worker->ageing, index, burst->time[at]);
	}
	if (unlikely(flow->state != state)) {
		counter_add(&worker->counters.flows_by_state[state], -UINT64_C(1));
		counter_add(&worker->counters.flows_by_state[flow->state], 1);
		ageing_state_changed(worker->ageing, index);
	}
	return true;
}

// The flow that the packet was looked up to, if that still holds: a packet before it in the burst may have opened or ended
// a flow, and the flow's time may be over.
static inline uint32_t standing_flow(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	if (unlikely(index == FLOW_NONE || burst->flows_ended))
		index = flow_table_lookup(worker->flows, &burst->meta[at].key);
	if (index == FLOW_NONE)
		return FLOW_NONE;
	if (unlikely(ageing_expired(worker->ageing, flow_table_flow(worker->flows, index), burst->time[at]))) {
		ageing_end(worker->ageing, index, FLOW_END_TIMEOUT);
		return FLOW_NONE;
	}
	return index;
}

// Returns whether a handler is to have the packet.
static inline bool attach(struct worker *worker, struct burst *burst, unsigned at, uint32_t looked_up,
			  struct tally *tally)
{
	uint32_t index = standing_flow(worker, burst, at, looked_up);
	if (unlikely(index == FLOW_NONE))
		return open_flow(worker, burst, at, tally);

	const struct flow *flow = flow_table_flow(worker->flows, index);
	if (unlikely(flow->generation != burst->policy->generation) && !judge_again(worker, burst, at, index))
		return false;
	if (unlikely(!follow(worker, burst, at, index))) {
		ageing_end(worker->ageing, index, FLOW_END_CLOSED);
		return open_flow(worker, burst, at, tally);
	}
	return account(worker, burst, at, index, tally);
}

void burst_attach(struct worker *worker, struct burst *burst)
{
	struct tally tally = { .decision = { .rule = RULE_NONE, .listener = LISTENER_NONE } };
	unsigned kept = 0;
	for (unsigned i = 0; i < burst->live_count; i++) {
		uint16_t at = burst->live[i];
		burst->live[kept] = at;
		kept += attach(worker, burst, at, burst->flow[i], &tally);
	}
	burst->live_count = kept;
	flush_tally(worker, &tally);
}
