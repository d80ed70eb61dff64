// SPDX-License-Identifier: BSD-3-Clause
// The one place where packets leave: freed, or sent out of an interface. Every one is entered in a ledger.
#include "dataplane/burst.h"

enum { RING_ROUNDS_MAX = 4 }; // bursts that one call takes out of each egress ring

static bool is_handler(uint8_t account)
{
	return account < FLOW_HANDLER_MAX;
}

static void count_drops(struct worker *worker, uint8_t account, enum drop_reason reason, struct traffic dropped)
{
	if (is_handler(account))
		traffic_sum(&worker->handler_counters[account].drops[reason], dropped);
	else if (account == ACCOUNT_ANSWER)
		counter_add(&worker->counters.answers_lost, dropped.packets);
	else
		traffic_sum(&worker->counters.drops[reason], dropped);
}

static void count_drop(struct worker *worker, uint8_t account, enum drop_reason reason, uint64_t bytes)
{
	count_drops(worker, account, reason, (struct traffic){ 1, bytes });
}

static void count_sent(struct worker *worker, uint8_t account, uint64_t bytes)
{
	if (is_handler(account))
		traffic_add(&worker->handler_counters[account].transmitted, bytes);
	else if (account == ACCOUNT_FORWARD)
		traffic_add(&worker->counters.forwarded, bytes);
}

// A handler's device that takes no more is the handler's loss; an interface that takes no more is everybody's.
static enum drop_reason full_reason(const struct interface *interface)
{
	return interface->role == INTERFACE_HANDLER ? DROP_HANDLER_FULL : DROP_TX_FULL;
}

static void egress_empty(struct egress *egress)
{
	egress->count = 0;
	egress->measured = 0;
}

// Sends what waits in egress on the worker's own queue.
static void transmit(struct worker *worker, uint8_t index, uint16_t queue)
{
	const struct interface *interface = &worker->interfaces[index];
	struct egress *egress = &worker->egress[index];
	uint32_t bytes[BURST_MAX];

	// An mbuf is not ours any more once it was given to the device.
	for (unsigned i = 0; i < egress->count; i++)
		bytes[i] = egress->mbuf[i]->pkt_len;
	unsigned sent = interface_send(interface, queue, egress->mbuf, egress->count);
	for (unsigned i = 0; i < sent; i++)
		count_sent(worker, egress->account[i], bytes[i]);
	for (unsigned i = sent; i < egress->count; i++)
		count_drop(worker, egress->account[i], full_reason(interface), bytes[i]);
	rte_pktmbuf_free_bulk(egress->mbuf + sent, egress->count - sent);
	if (unlikely(egress->measured))
		egress_measure(worker, egress, sent);
	counter_add(&worker->interface_sent[index], sent);
	egress_empty(egress);
}

// Leaves what waits in egress to the worker that has a queue. What travels between ledgers is passed out and in.
static void relay(struct worker *worker, uint8_t index, struct rte_ring *ring)
{
	struct egress *egress = &worker->egress[index];

	for (unsigned i = 0; i < egress->count; i++) {
		struct rte_mbuf *mbuf = egress->mbuf[i];
		uint8_t account = egress->account[i];
		uint64_t bytes = mbuf->pkt_len;
		packet_note(mbuf)->account = account;
		packet_note(mbuf)->received = egress->measured >> i & 1 ? egress->received[i] : 0;
		if (rte_ring_enqueue(ring, mbuf) != 0) {
			count_drop(worker, account, full_reason(&worker->interfaces[index]), bytes);
			rte_pktmbuf_free(mbuf);
		} else if (account == ACCOUNT_FORWARD) {
			traffic_add(&worker->counters.passed_out, bytes);
		}
	}
	egress_empty(egress);
}

// The interface was closed while a flow still leads there.
static void discard(struct worker *worker, uint8_t index)
{
	struct egress *egress = &worker->egress[index];

	for (unsigned i = 0; i < egress->count; i++)
		count_drop(worker, egress->account[i], DROP_TX_CLOSED, egress->mbuf[i]->pkt_len);
	rte_pktmbuf_free_bulk(egress->mbuf, egress->count);
	egress_empty(egress);
}

static void flush_one(struct worker *worker, uint8_t index)
{
	const struct wire *wire = &worker->wiring->wire[index];

	if (likely(wire->kind == WIRE_OWN))
		transmit(worker, index, wire->queue);
	else if (wire->kind == WIRE_RELAY)
		relay(worker, index, wire->ring);
	else
		discard(worker, index);
}

void egress_put(struct worker *worker, uint8_t interface, struct rte_mbuf *mbuf, uint8_t account, uint64_t received)
{
	struct egress *egress = &worker->egress[interface];

	if (unlikely(mbuf->pkt_len > worker->interfaces[interface].max_frame)) {
		count_drop(worker, account, DROP_TX_TOO_LONG, mbuf->pkt_len);
		rte_pktmbuf_free(mbuf);
		return;
	}
	mbuf->ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
	egress->mbuf[egress->count] = mbuf;
	egress->account[egress->count] = account;
	if (unlikely(received)) {
		egress->measured |= UINT64_C(1) << egress->count;
		egress->received[egress->count] = received;
	}
	egress->count++;
	worker->egress_waiting |= UINT32_C(1) << interface;
	if (egress->count == BURST_MAX)
		flush_one(worker, interface);
}

// Takes over what other workers left for an interface whose queue is this one's.
static unsigned drain_ring(struct worker *worker, uint8_t index)
{
	struct rte_ring *ring = worker->wiring->wire[index].ring;
	unsigned drained = 0;

	for (unsigned round = 0; round < RING_ROUNDS_MAX; round++) {
		struct rte_mbuf *mbuf[BURST_MAX];
		unsigned n = rte_ring_dequeue_burst(ring, (void **)mbuf, BURST_MAX, NULL);
		for (unsigned i = 0; i < n; i++) {
			uint8_t account = packet_note(mbuf[i])->account;
			if (account == ACCOUNT_FORWARD)
				traffic_add(&worker->counters.passed_in, mbuf[i]->pkt_len);
			egress_put(worker, index, mbuf[i], account, packet_note(mbuf[i])->received);
		}
		drained += n;
		if (n < BURST_MAX)
			break;
	}
	return drained;
}

unsigned egress_flush(struct worker *worker)
{
	unsigned drained = 0;
	for (uint32_t rings = worker->wiring->drains; rings; rings &= rings - 1)
		drained += drain_ring(worker, (uint8_t)__builtin_ctz(rings));
	for (uint32_t waiting = worker->egress_waiting; waiting; waiting &= waiting - 1)
		flush_one(worker, (uint8_t)__builtin_ctz(waiting));
	worker->egress_waiting = 0;
	return drained;
}

// 0 of a packet in one buffer that nobody else holds. Both counts stand in one word; others may be letting go of theirs.
static inline uint64_t held_or_chained(const struct rte_mbuf *mbuf)
{
	typedef uint64_t __attribute__((may_alias)) counts;
	static_assert(offsetof(struct rte_mbuf, data_off) % sizeof(counts) == 0 &&
			offsetof(struct rte_mbuf, refcnt) == offsetof(struct rte_mbuf, data_off) + 2 &&
			offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, data_off) + 4 &&
			RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "one word");
	const uint64_t word = __atomic_load_n((const counts *)&mbuf->data_off, __ATOMIC_RELAXED);

	return (word ^ UINT64_C(0x100010000)) & UINT64_C(0xffffffff0000);
}

// Nearly always whole packets of one pool that nobody else holds: these go back in one piece, without looking at each
// the way that rte_pktmbuf_free_bulk has to.
static void free_packets(struct rte_mbuf *mbuf[], unsigned count)
{
	const uint64_t shared = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	struct rte_mempool *pool = count ? mbuf[0]->pool : NULL;
	uint64_t differs = 0;

	for (unsigned i = 0; i < count; i++)
		differs |= ((uintptr_t)mbuf[i]->pool ^ (uintptr_t)pool) | (mbuf[i]->ol_flags & shared) |
			   held_or_chained(mbuf[i]);
	if (likely(!differs && count))
		rte_mempool_put_bulk(pool, (void **)mbuf, count);
	else
		rte_pktmbuf_free_bulk(mbuf, count);
}

static void count_ended(struct worker *worker, const struct fate *fate, struct traffic ended)
{
	if (fate->kind == FATE_CONSUME)
		traffic_sum(&worker->handler_counters[fate->account].consumed, ended);
	else if (fate->kind == FATE_ANSWERED)
		traffic_sum(&worker->counters.answered, ended);
	else
		count_drops(worker, fate->account, fate->reason, ended);
}

// Neighbours in a burst mostly end alike: they are summed up, and entered once.
static void depart_each(struct worker *worker, struct burst *burst)
{
	struct rte_mbuf *ended[BURST_MAX];
	unsigned count = 0;
	struct traffic alike = { 0, 0 };
	const struct fate *how = &burst->fate[0];

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *mbuf = burst->mbuf[i];
		const struct fate *fate = &burst->fate[i];
		if (unlikely(!mbuf))
			continue;
		if (fate->kind == FATE_TRANSMIT) {
			egress_put(worker, fate->interface, mbuf, fate->account, burst_received(burst, i));
			continue;
		}
		ended[count++] = mbuf;
		if (unlikely(fate_word(fate) != fate_word(how))) {
			if (alike.packets)
				count_ended(worker, how, alike);
			alike = (struct traffic){ 0, 0 };
			how = fate;
		}
		alike.packets++;
		alike.bytes += burst->length[i];
	}
	if (alike.packets)
		count_ended(worker, how, alike);
	free_packets(ended, count);
}

// Whether one handler has consumed the whole burst.
static bool all_consumed(const struct burst *burst)
{
	const uint32_t first = fate_word(&burst->fate[0]);
	uint32_t differs = 0;

	for (unsigned i = 0; i < burst->count; i++)
		differs |= fate_word(&burst->fate[i]) ^ first;
	return burst->count && !differs && burst->fate[0].kind == FATE_CONSUME;
}

void burst_depart(struct worker *worker, struct burst *burst)
{
	if (likely(all_consumed(burst))) {
		const struct traffic all = { burst->count, burst_bytes(burst) };
		traffic_sum(&worker->handler_counters[burst->fate[0].account].consumed, all);
		free_packets(burst->mbuf, burst->count);
		return;
	}
	depart_each(worker, burst);
}
