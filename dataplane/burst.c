// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/burst.h"

#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "dataplane/parse_usual.h"
#include "dataplane/trial.h"

// DPDK's two bits for each checksum, as the parser's four states.
static inline uint8_t checksum_state(uint64_t flags, unsigned bad_bit, unsigned good_bit)
{
	static_assert(CHECKSUM_BAD == 1 && CHECKSUM_GOOD == 2 && CHECKSUM_NONE == 3, "one bit each");
	return (flags >> bad_bit & 1) | (flags >> good_bit & 1) << 1;
}

enum { IP_BAD_BIT = 4, IP_GOOD_BIT = 7, L4_BAD_BIT = 3, L4_GOOD_BIT = 8 };
static_assert(RTE_MBUF_F_RX_IP_CKSUM_BAD == 1ull << IP_BAD_BIT && RTE_MBUF_F_RX_IP_CKSUM_GOOD == 1ull << IP_GOOD_BIT &&
	      RTE_MBUF_F_RX_L4_CKSUM_BAD == 1ull << L4_BAD_BIT && RTE_MBUF_F_RX_L4_CKSUM_GOOD == 1ull << L4_GOOD_BIT,
	"DPDK's bits");

// The straight line was tried, or is of no use, or some interface computes checksums.
static __rte_noinline enum drop_reason parse_unusual(struct worker *worker, struct burst *burst, unsigned at)
{
	struct rte_mbuf *mbuf = burst->mbuf[at];
	uint64_t flags = mbuf->ol_flags;
	const struct parse_input input = {
		.frame = burst_frame(worker, burst, at),
		.captured = mbuf->pkt_len,
		.on_wire = burst->capture ? packet_note(mbuf)->on_wire : mbuf->pkt_len,
		.ip_checksum = checksum_state(flags, IP_BAD_BIT, IP_GOOD_BIT),
		.l4_checksum = checksum_state(flags, L4_BAD_BIT, L4_GOOD_BIT),
	};
	const struct parse_options *options = &worker->wiring->parse_options[burst->interface[at]];
	enum drop_reason reason =
		worker->wiring->verifies_checksums ? parse_frame(&input, options, &burst->meta[at], &burst->fragment[at]) :
						     parse_any(&input, options, &burst->meta[at], &burst->fragment[at]);

	burst->flags |= burst->meta[at].flags;
	burst->segmented |= mbuf->nb_segs > 1;
	if (unlikely(reason != DROP_NONE))
		burst_drop(burst, at, reason);
	return reason;
}

// What parse_frame does first, where nothing has to be asked about checksums: without the way there. verifies: some interface
// computes them.
static __rte_always_inline enum drop_reason parse_packet(struct worker *worker, struct burst *burst, unsigned at, bool verifies)
{
	const struct rte_mbuf *mbuf = burst->mbuf[at];
	const uint32_t length = mbuf->pkt_len;
	const uint64_t bad = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD;

	burst->length[at] = length;
	if (likely(mbuf->nb_segs == 1 && !(mbuf->ol_flags & bad) && !verifies &&
		parse_usual(rte_pktmbuf_mtod(mbuf, const uint8_t *), length,
			&worker->wiring->parse_options[burst->interface[at]], &burst->meta[at])))
		return DROP_NONE;
	return parse_unusual(worker, burst, at);
}

static void count_oddities(struct worker *worker, const struct burst *burst)
{
	unsigned truncated = 0, segmented = 0;
	for (unsigned i = 0; i < burst->live_count; i++)
		truncated += !!(burst->meta[burst->live[i]].flags & PACKET_TRUNCATED);
	for (unsigned i = 0; i < burst->count; i++)
		segmented += burst->mbuf[i]->nb_segs > 1;
	counter_add(&worker->counters.truncated, truncated);
	counter_add(&worker->counters.multi_segment, segmented);
}

// Of all places, taken or not: that is a few wide stores.
static inline void fates_pending(struct burst *burst, uint8_t account)
{
	const struct fate pending = { .kind = FATE_PENDING, .account = account };
	const uint32_t word = fate_word(&pending);

	for (unsigned i = 0; i < BURST_MAX; i++)
		memcpy(&burst->fate[i], &word, sizeof(word));
}

// Behind the last packet it stands a few times more, so that the loop that fetches ahead need not ask where the burst ends.
static inline void fetch_first_frames(struct burst *burst)
{
	for (unsigned i = 0; i < BURST_FETCH_AHEAD && burst->count; i++) {
		burst->mbuf[burst->count + i] = burst->mbuf[burst->count - 1];
		rte_prefetch0(rte_pktmbuf_mtod(burst->mbuf[i], void *));
	}
}

static void parse_all(struct worker *worker, struct burst *burst)
{
	const bool verifies = worker->wiring->verifies_checksums;
	const unsigned count = burst->count;
	unsigned live = 0;

	burst->flags = 0;
	burst->segmented = false;
	fates_pending(burst, ACCOUNT_WORKER);
	fetch_first_frames(burst);
	for (unsigned i = 0; i < count; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(burst->mbuf[i + BURST_FETCH_AHEAD], void *));
		enum drop_reason reason = parse_packet(worker, burst, i, verifies);
		burst->live[live] = (uint16_t)i;
		live += reason == DROP_NONE;
	}
	burst->live_count = live;
	if (unlikely(burst->segmented || burst->flags & PACKET_TRUNCATED) && !burst->from_inbox)
		count_oddities(worker, burst);
}

// A later fragment gets the ports of its first; the worker that received it off the wire does that, for all fragments of
// a datagram come in on one queue.
static enum drop_reason resolve_fragment(struct worker *worker, struct burst *burst, unsigned at)
{
	struct packet_meta *meta = &burst->meta[at];
	const struct packet_note *note = packet_note(burst->mbuf[at]);

	if (burst->from_inbox) {
		meta->key.protocol = note->protocol;
		meta->flags |= note->icmp_reply * PACKET_ICMP_REPLY;
		packet_set_flow_ports(meta, note->fragment_port[0], note->fragment_port[1]);
		return DROP_NONE;
	}
	struct ip_address source, destination;
	packet_addresses(burst_frame(worker, burst, at), meta, &source, &destination);
	enum drop_reason reason = fragment_resolve(worker->fragments, meta, &burst->fragment[at], &source,
		&destination, burst->time[at]);
	if (reason == DROP_FRAGMENT_UNKNOWN && burst->policy->fragments_steer)
		return DROP_NONE;
	return reason;
}

static void resolve_fragments(struct worker *worker, struct burst *burst)
{
	unsigned kept = 0;
	if (likely(!(burst->flags & PACKET_FRAGMENT)))
		return;
	for (unsigned i = 0; i < burst->live_count; i++) {
		uint16_t at = burst->live[i];
		if (unlikely(burst->meta[at].flags & PACKET_FRAGMENT)) {
			enum drop_reason reason = resolve_fragment(worker, burst, at);
			if (reason != DROP_NONE) {
				burst_drop(burst, at, reason);
				continue;
			}
		}
		burst->live[kept++] = at;
	}
	burst->live_count = kept;
}

void burst_parse(struct worker *worker, struct burst *burst)
{
	parse_all(worker, burst);
	resolve_fragments(worker, burst);
}

void burst_look_up(struct worker *worker, struct burst *burst)
{
	const struct flow_key *key[BURST_MAX];

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

	fates_pending(burst, id);
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
			burst->fate[at].account = id;
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
