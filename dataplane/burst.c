// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/burst.h"

#include "dataplane/trial.h"

static_assert((int)BURST_MAX <= (int)FLOW_LOOKUP_MAX, "a burst is looked up at once");

void burst_look_up(struct worker *worker, struct burst *burst)
{
	const struct flow_key *key[BURST_MAX];

	if (likely(burst->packed_count == burst->live_count)) {
		flow_table_lookup4_burst(worker->flows, burst->packed, burst->live_count, burst->flow, true);
		return;
	}
	for (unsigned i = 0; i < burst->live_count; i++)
		key[i] = &burst->meta[burst->live[i]].key;
	flow_table_lookup_burst(worker->flows, key, burst->live_count, burst->flow, true);
}

// Frames that are not IP have no flow; by a switch of their own they still reach somebody.
static void pass_non_ip(struct worker *worker, struct burst *burst)
{
	const struct policy *policy = burst->policy;
	for (unsigned i = 0; i < burst->count; i++) {
		const struct interface *from = &worker->interfaces[burst->interface[i]];
		if (burst->meta[i].reason != DROP_NON_IP)
			continue;
		if (from->role != INTERFACE_HANDLER && policy->default_handler == HANDLER_NONE)
			continue;
		burst->meta[i].reason = DROP_NONE;
		burst->note[i] = (struct burst_note){ .rule = RULE_NONE, .verdict = VERDICT_ACCEPT };
		if (from->role == INTERFACE_HANDLER) {
			burst->fate[i] = (struct fate){ .kind = FATE_TRANSMIT,
				.interface = worker->handlers[from->handler].uplink,
				.account = ACCOUNT_FORWARD };
			burst->handler[i] = HANDLER_NONE;
			burst->note[i].handler = HANDLER_NONE;
		} else {
			burst->fate[i].kind = FATE_PENDING;
			burst->handler[i] = (uint8_t)policy->default_handler;
			burst->note[i].handler = burst->handler[i];
			burst->live[burst->live_count++] = (uint16_t)i;
		}
	}
}

static void hand(struct worker *worker, struct burst *burst, uint8_t id, const struct packet_view *view, uint64_t bytes)
{
	const struct traffic handed = { view->count, bytes };
	traffic_sum(&worker->handler_counters[id].handed, handed);
	traffic_sum(&worker->counters.handed, handed);
	if (worker->handlers[id].ops->process)
		worker->handlers[id].ops->process(&worker->handlers[id], view);
	if (unlikely(burst->measured))
		burst_measure(worker, burst, id);
}

// Whether one handler is to have the whole burst, as in most.
static bool one_handler(const struct burst *burst)
{
	uint8_t differs = 0;
	for (unsigned i = 0; i < burst->count; i++)
		differs |= burst->handler[i] ^ burst->handler[0];
	return burst->live_count == burst->count && burst->count && !differs;
}

static void hand_over_whole(struct worker *worker, struct burst *burst)
{
	const uint8_t id = burst->handler[0];
	const struct packet_view view = { .index = burst->live,
		.count = burst->count,
		.mbuf = burst->mbuf,
		.meta = burst->meta,
		.interface = burst->interface,
		.fate = burst->fate };

	set_all_fates(burst, handler_fate(&worker->handlers[id]));
	burst->live_count = 0;
	hand(worker, burst, id, &view, burst_bytes(burst));
}

// Groups what is still on its way by handler, in order of arrival, and calls each handler once.
void burst_hand_over(struct worker *worker, struct burst *burst)
{
	uint16_t group[BURST_MAX];
	struct packet_view view = { .index = group,
		.mbuf = burst->mbuf,
		.meta = burst->meta,
		.interface = burst->interface,
		.fate = burst->fate };

	if (likely(one_handler(burst))) {
		hand_over_whole(worker, burst);
		return;
	}
	while (burst->live_count) {
		uint8_t id = burst->handler[burst->live[0]];
		const struct fate fate = handler_fate(&worker->handlers[id]);
		unsigned left = 0;
		uint64_t bytes = 0;
		view.count = 0;
		for (unsigned i = 0; i < burst->live_count; i++) {
			uint16_t at = burst->live[i];
			if (burst->handler[at] != id) {
				burst->live[left++] = at;
				continue;
			}
			group[view.count++] = at;
			bytes += burst->length[at];
			burst->fate[at] = fate;
		}
		burst->live_count = left;
		hand(worker, burst, id, &view, bytes);
	}
}

static enum drop_reason traced_reason(const struct burst *burst, unsigned at)
{
	const struct packet_meta *meta = &burst->meta[at];
	if (burst->fate[at].kind == FATE_DROP)
		return burst->fate[at].reason;
	if (meta->reason != DROP_NONE)
		return meta->reason;
	return meta->flags & PACKET_TRUNCATED ? DROP_TRUNCATED : DROP_NONE;
}

static void fill_record(const struct worker *worker, const struct burst *burst, unsigned at,
			struct trace_record *record)
{
	const struct packet_meta *meta = &burst->meta[at];
	const struct burst_note *note = &burst->note[at];

	*record = (struct trace_record){
		.number = packet_note(burst->mbuf[at])->number,
		.flow = note->flow,
		.captured = burst->mbuf[at]->pkt_len,
		.rule = note->rule,
		.generation = burst->policy->generation,
		.source_port = meta->source_port,
		.destination_port = meta->destination_port,
		.handler = note->handler,
		.vlan_tags = meta->vlan_tags,
		.protocol = meta->protocol,
		.direction = note->direction,
		.verdict = note->verdict,
		.reason = traced_reason(burst, at),
	};
	if (meta->flags & PACKET_HAS_TUPLE) {
		record->family = meta->family;
		packet_addresses(burst_frame(worker, burst, at), meta, &record->source, &record->destination);
	}
}

// A record for each packet that ends here. Waits for room: nothing is lost while somebody reads.
static void trace(struct worker *worker, const struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++) {
		if (!burst->mbuf[i] || !packet_note(burst->mbuf[i])->number)
			continue; // another worker's, or no packet of the capture
		struct trace_record record;
		fill_record(worker, burst, i, &record);
		worker_report(worker, worker->trace, &record, sizeof(record));
	}
}

static void clear_notes(struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++)
		burst->note[i] = (struct burst_note){ .rule = RULE_NONE, .handler = HANDLER_NONE,
			.verdict = VERDICT_DROP };
}

void burst_begin(struct worker *worker, unsigned count)
{
	struct burst *burst = worker->burst;

	burst->count = count;
	if (unlikely(burst->changed)) {
		burst->changed = false;
		memset(burst->opened, 0, sizeof(burst->opened));
		memset(burst->ended, 0, sizeof(burst->ended));
	}
	burst->searched[0] = burst->searched[1] = false;
	burst->found[0] = burst->found[1] = 0;
	if (unlikely(worker->trace != NULL))
		clear_notes(burst);
}

void burst_run(struct worker *worker, unsigned count)
{
	struct burst *burst = worker->burst;

	burst_begin(worker, count);
	burst_parse(worker, burst);
	if (worker->steers && !burst->from_inbox)
		burst_steer(worker, burst);
	burst_look_up(worker, burst);
	if (unlikely(burst->trial != NULL))
		trial_foresee(burst);
	burst_attach(worker, burst);
	if (unlikely(burst->trial != NULL))
		trial_burst(worker, burst, burst->trial);
	if (unlikely(burst->policy->non_ip_pass))
		pass_non_ip(worker, burst);
	burst_hand_over(worker, burst);
	if (unlikely(worker->trace != NULL))
		trace(worker, burst);
	burst_depart(worker, burst);
}
