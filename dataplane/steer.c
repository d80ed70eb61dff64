// SPDX-License-Identifier: BSD-3-Clause
// Both directions of a flow meet on one worker. Where the device's RSS does not see to that, the worker that received a
// packet gives it to the owner of its flow.
#include "dataplane/burst.h"

#include <rte_pause.h>

unsigned burst_owner(const struct worker *worker, const struct burst *burst, unsigned at)
{
	const struct packet_meta *meta = &burst->meta[at];

	if (interface_rss_steers(&worker->interfaces[burst->interface[at]], meta))
		return worker->id;
	if (worker->rss)
		return interface_rss_owner(worker->rss, &meta->key);
	uint64_t hash = flow_key_hash(&meta->key, &worker->steering_secret);
	return (unsigned)((hash >> 32) * worker->workers >> 32);
}

static void write_note(const struct burst *burst, unsigned at)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct packet_note *note = packet_note(burst->mbuf[at]);
	unsigned source = !!(meta->flags & PACKET_SOURCE_IS_END1);

	note->received = burst_received(burst, at);
	note->interface = burst->interface[at];
	note->protocol = meta->key.protocol;
	note->icmp_reply = meta->flags & PACKET_ICMP_REPLY;
	note->fragment_port[0] = meta->key.port[source];
	note->fragment_port[1] = meta->key.port[!source];
}

// A capture can wait; the wire can't. Only the reader of a capture waits, and nobody passes packets to that worker but
// itself, so that two workers never wait for each other.
static unsigned enqueue(struct worker *peer, struct rte_mbuf *mbuf[], unsigned count, bool wait)
{
	unsigned done = 0;
	do {
		done += rte_ring_enqueue_burst(peer->inbox, (void **)(mbuf + done), count - done, NULL);
		if (done < count && wait)
			sched_yield();
	} while (done < count && wait);
	return done;
}

static void give(struct worker *worker, struct worker *peer, struct rte_mbuf *mbuf[], unsigned count, bool wait)
{
	uint64_t bytes[BURST_MAX];
	for (unsigned i = 0; i < count; i++)
		bytes[i] = mbuf[i]->pkt_len;
	unsigned given = enqueue(peer, mbuf, count, wait);
	for (unsigned i = 0; i < given; i++)
		traffic_add(&worker->counters.passed_out, bytes[i]);
	for (unsigned i = given; i < count; i++)
		traffic_add(&worker->counters.drops[DROP_WORKER_RING_FULL], bytes[i]);
	rte_pktmbuf_free_bulk(mbuf + given, count - given);
}

void burst_steer(struct worker *worker, struct burst *burst)
{
	uint8_t owner[BURST_MAX];
	uint64_t foreign = 0; // bit per worker with packets here
	unsigned kept = 0;

	for (unsigned i = 0; i < burst->live_count; i++) {
		uint16_t at = burst->live[i];
		owner[i] = (uint8_t)burst_owner(worker, burst, at);
		if (owner[i] != worker->id && worker->interfaces[burst->interface[at]].steering == STEER_RSS)
			counter_add(&worker->counters.misdirected, 1);
		foreign |= UINT64_C(1) << owner[i];
	}
	foreign &= ~(UINT64_C(1) << worker->id);

	for (; foreign; foreign &= foreign - 1) {
		unsigned peer = (unsigned)__builtin_ctzll(foreign);
		struct rte_mbuf *mbuf[BURST_MAX];
		unsigned count = 0;
		for (unsigned i = 0; i < burst->live_count; i++) {
			uint16_t at = burst->live[i];
			if (owner[i] != peer)
				continue;
			write_note(burst, at);
			mbuf[count++] = burst->mbuf[at];
			burst->mbuf[at] = NULL;
		}
		give(worker, worker->peer[peer], mbuf, count, burst->capture);
	}

	for (unsigned i = 0; i < burst->live_count; i++) {
		uint16_t at = burst->live[i];
		burst->live[kept] = at;
		kept += burst->mbuf[at] != NULL;
	}
	burst->live_count = kept;
}
