// SPDX-License-Identifier: BSD-3-Clause
// The stage that parses a burst.
#include "dataplane/burst.h"

#include <rte_prefetch.h>

#include "dataplane/parse_usual.h"

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
// computes them. packed: the key of a packet that goes on, if it fits; else wide becomes true.
static __rte_always_inline enum drop_reason parse_packet(struct worker *worker, struct burst *burst, unsigned at, bool verifies,
							 struct flow_key4 *packed, bool *wide)
{
	const struct rte_mbuf *mbuf = burst->mbuf[at];
	const uint32_t length = mbuf->pkt_len;
	const uint64_t bad = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD;
	struct packet_meta *meta = &burst->meta[at];

	burst->length[at] = length;
	if (likely(mbuf->nb_segs == 1 && !(mbuf->ol_flags & bad) && !verifies &&
		parse_usual(rte_pktmbuf_mtod(mbuf, const uint8_t *), length,
			&worker->wiring->parse_options[burst->interface[at]], meta, packed, wide)))
		return DROP_NONE;

	const enum drop_reason reason = parse_unusual(worker, burst, at);

	*packed = flow_key_pack(&meta->key);
	*wide |= reason == DROP_NONE && !flow_key_fits_ip4(&meta->key);
	return reason;
}

// Behind the last packet it stands a few times more, so that the loop that fetches ahead need not ask where the burst ends.
static inline void fetch_first_frames(struct burst *burst)
{
	for (unsigned i = 0; i < BURST_FETCH_AHEAD && burst->count; i++) {
		burst->mbuf[burst->count + i] = burst->mbuf[burst->count - 1];
		rte_prefetch0(rte_pktmbuf_mtod(burst->mbuf[i], void *));
	}
}

static __rte_always_inline void parse_all(struct worker *worker, struct burst *burst)
{
	const bool verifies = worker->wiring->verifies_checksums;
	const unsigned count = burst->count;
	unsigned live = 0;
	bool wide = false;

	burst->flags = 0;
	burst->segmented = false;
	set_all_fates(burst, (struct fate){ .kind = FATE_PENDING, .account = ACCOUNT_WORKER });
	fetch_first_frames(burst);
	for (unsigned i = 0; i < count; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(burst->mbuf[i + BURST_FETCH_AHEAD], void *));
		enum drop_reason reason = parse_packet(worker, burst, i, verifies, &burst->packed[live], &wide);
		burst->live[live] = (uint16_t)i;
		live += reason == DROP_NONE;
	}
	burst->live_count = live;
	burst->packed_count = wide ? 0 : live;
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

// Their keys change: what is packed does not hold any more.
static void resolve_fragments(struct worker *worker, struct burst *burst)
{
	unsigned kept = 0;

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
	burst->packed_count = 0;
}

void burst_parse(struct worker *worker, struct burst *burst)
{
	parse_all(worker, burst);
	if (unlikely(burst->segmented || burst->flags & PACKET_TRUNCATED) && !burst->from_inbox)
		count_oddities(worker, burst);
	if (unlikely(burst->flags & PACKET_FRAGMENT))
		resolve_fragments(worker, burst);
}
