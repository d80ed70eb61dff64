// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate.h"

#include <sched.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>

enum {
	LEAST_WIRE_BITS = (GENERATE_FRAME_MIN + GENERATE_WIRE_BYTES) * 8,
	POLLER = 0,
};

static uint32_t choose_stream(struct generate *generate)
{
	uint32_t stream = 0;
	if (generate->stream_count == 1)
		return 0;
	uint32_t drawn = random_below(&generate->choosing, generate->weight_sum);
	for (; drawn >= generate->weights[stream]; stream++)
		drawn -= generate->weights[stream];
	return stream;
}

// How many packets may be due now: as many slots are chosen ahead, not more, or new flows would come late at low rates.
static unsigned due_about(const struct generate *generate, uint64_t now)
{
	double each = generate->pace.ticks_each * (generate->unit == GENERATE_BITS ? LEAST_WIRE_BITS : 1);
	double late = (double)now - generate->pace.next;
	if (each <= 0 || late >= each * GENERATE_BURST)
		return GENERATE_BURST;
	return late < each ? 1 : (unsigned)(late / each);
}

static void choose_ahead(struct generate *generate, uint64_t now)
{
	generate->ahead_at = 0;
	generate->ahead_count = due_about(generate, now);
	for (unsigned i = 0; i < generate->ahead_count; i++) {
		uint32_t stream = choose_stream(generate);
		generate->ahead[i] = (struct generate_choice){ stream,
			generate_stream_choose(generate->streams[stream], now, &generate->choosing) };
	}
}

static void write_frame(struct generate *generate, const struct generate_stream *stream,
			const struct generate_packet *packet, uint64_t now, struct rte_mbuf *mbuf)
{
	mbuf->data_len = packet->length;
	mbuf->pkt_len = packet->length;
	generate_frame_write(&stream->template, packet, generate->check.key, (uint32_t)(now >> GENERATE_STAMP_SHIFT),
		rte_pktmbuf_mtod(mbuf, uint8_t *));
}

// Makes the next packet. false: there is no buffer, or no place in the outbox.
static bool make_one(struct generate *generate, uint64_t now)
{
	struct generate_packet packet;
	if (generate->outbox[0].count == GENERATE_BURST || generate->outbox[1].count == GENERATE_BURST)
		return false;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(generate->pool);
	if (!mbuf) {
		generate->starved++;
		return false;
	}
	if (generate->ahead_at == generate->ahead_count)
		choose_ahead(generate, now);
	const struct generate_choice *choice = &generate->ahead[generate->ahead_at++];
	struct generate_stream *stream = generate->streams[choice->stream];
	if (!generate_stream_step(stream, choice->slot, &generate->random, &packet)) {
		rte_pktmbuf_free(mbuf);
		generate_pace_spend(&generate->pace, generate->unit == GENERATE_BITS ? LEAST_WIRE_BITS : 1);
		return true;
	}
	write_frame(generate, stream, &packet, now, mbuf);
	// Out of one device, packets leave in the order in which the conversation has them.
	struct generate_outbox *outbox = &generate->outbox[generate->ports > 1 ? packet.side : GENERATE_CLIENT];
	outbox->mbuf[outbox->count++] = mbuf;
	generate_pace_spend(&generate->pace,
		generate->unit == GENERATE_BITS ? (packet.length + GENERATE_WIRE_BYTES) * 8 : 1);
	return true;
}

static void refuse(struct generate *generate, struct generate_outbox *outbox)
{
	for (unsigned i = 0; i < outbox->count; i++)
		traffic_add(&generate->refused, outbox->mbuf[i]->pkt_len);
	rte_pktmbuf_free_bulk(outbox->mbuf, outbox->count);
	outbox->count = 0;
}

static unsigned send_outboxes(struct generate *generate)
{
	unsigned all = 0;
	for (unsigned side = 0; side < GENERATE_SIDES; side++) {
		struct generate_outbox *outbox = &generate->outbox[side];
		if (outbox->count == 0)
			continue;
		unsigned sent = interface_send(generate->port[side], 0, outbox->mbuf, outbox->count);
		outbox->count -= sent;
		memmove(outbox->mbuf, outbox->mbuf + sent, outbox->count * sizeof(outbox->mbuf[0]));
		if (generate->drop_late)
			refuse(generate, outbox);
		all += sent;
	}
	return all;
}

static unsigned make_and_send(struct generate *generate)
{
	uint64_t now = rte_rdtsc();
	unsigned made = 0;
	while (made < GENERATE_BURST && generate_pace_due(&generate->pace, (double)now) && make_one(generate, now))
		made++;
	generate_pace_catch_up(&generate->pace, (double)now);
	return send_outboxes(generate);
}

// A frame in several buffers is too long for any that was sent: its head is enough to know that.
static void check_burst(struct generate *generate, struct rte_mbuf **mbuf, unsigned count, uint64_t now)
{
	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbuf[i], void *));
	for (unsigned i = 0; i < count; i++)
		generate_check_frame(&generate->check, rte_pktmbuf_mtod(mbuf[i], const uint8_t *),
			rte_pktmbuf_data_len(mbuf[i]), now);
	rte_pktmbuf_free_bulk(mbuf, count);
}

static unsigned receive(struct generate *generate)
{
	struct rte_mbuf *mbuf[GENERATE_BURST];
	unsigned all = 0;
	for (unsigned i = 0; i < generate->ports; i++) {
		unsigned count = interface_receive(generate->port[i], 0, mbuf, GENERATE_BURST);
		if (count > 0)
			check_burst(generate, mbuf, count, rte_rdtsc());
		all += count;
	}
	return all;
}

static uint32_t stamps_sent(const void *sender, uint32_t slot)
{
	const struct generate *generate = sender;
	for (unsigned i = 0; i < generate->stream_count; i++) {
		const struct generate_stream *stream = generate->streams[i];
		uint32_t own = slot - stream->params.first_slot;
		if (stream->flows && own < stream->params.flows)
			return stream->flows[own].stamps;
	}
	return 0;
}

static void start(struct generate *generate)
{
	generate->weight_sum = 0;
	generate->check.sent = stamps_sent;
	generate->check.sender = generate;
	generate->started = rte_rdtsc();
	generate_pace_start(&generate->pace, generate->rate, generate->ticks_a_second, generate->started);
	for (unsigned i = 0; i < generate->stream_count; i++) {
		generate->weight_sum += generate->weights[i];
		generate_stream_start(generate->streams[i], generate->ticks_a_second, generate->started);
	}
}

static bool stopped(const struct generate *generate)
{
	return atomic_load_explicit(&generate->stop, memory_order_relaxed);
}

// Between two rounds.
static void give_way(const struct generate *generate, unsigned work)
{
	rte_rcu_qsbr_quiescent(generate->pollers, POLLER);
	if (work == 0 && generate->yield)
		sched_yield();
}

// What the device has not taken yet may still go; what comes back is read.
static void settle(struct generate *generate)
{
	while (rte_rdtsc() - generate->ended < generate->settle_ticks)
		give_way(generate, send_outboxes(generate) + receive(generate));
	for (unsigned side = 0; side < GENERATE_SIDES; side++)
		refuse(generate, &generate->outbox[side]);
}

int generate_run(void *context)
{
	struct generate *generate = context;
	rte_rcu_qsbr_thread_register(generate->pollers, POLLER);
	rte_rcu_qsbr_thread_online(generate->pollers, POLLER);
	start(generate);
	while (rte_rdtsc() - generate->started < generate->duration_ticks && !stopped(generate))
		give_way(generate, make_and_send(generate) + receive(generate));
	generate->ended = rte_rdtsc();
	settle(generate);
	rte_rcu_qsbr_thread_offline(generate->pollers, POLLER);
	rte_rcu_qsbr_thread_unregister(generate->pollers, POLLER);
	return 0;
}
