// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/worker.h"

#include <sched.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include "dataplane/burst.h"
#include "dataplane/sweep.h"
#include "dataplane/trial.h"

// Of a worker that shares its CPU and finds nothing to do.
enum {
	IDLE_ROUNDS = 64, // empty rounds before it sleeps
	SLEEP_USEC = 16,  // for each worker that there is, so that waking up costs little in all
};

void worker_report(struct worker *worker, struct rte_ring *ring, const void *record, unsigned size)
{
	while (rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)record, size) != 0) {
		if (atomic_load_explicit(&worker->stop, memory_order_relaxed))
			return;
		sched_yield();
	}
}

void worker_flow_ended(void *context, uint32_t flow, enum flow_end why)
{
	struct worker *worker = context;

	burst_flow_ended(worker->burst, flow);
	if (unlikely(worker->burst->trial != NULL))
		trial_flow_ended(worker->burst->trial, flow);
	counter_add(&worker->counters.flows_ended[why], 1);
	counter_add(&worker->counters.flows_by_state[flow_table_flow(worker->flows, flow)->state], -UINT64_C(1));
	if (!worker->ended)
		return;
	struct flow_record record = { .hot = *flow_table_flow(worker->flows, flow),
		.cold = *flow_table_cold(worker->flows, flow),
		.times = worker->times[flow],
		.why = (uint8_t)why,
		.worker = (uint8_t)worker->id };
	worker_report(worker, worker->ended, &record, sizeof(record));
}

static uint64_t count_bytes(const struct burst *burst, unsigned count)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < count; i++)
		bytes += burst->mbuf[i]->pkt_len;
	return bytes;
}

static void count_received(struct worker *worker, const struct interface *from, unsigned count, uint64_t bytes)
{
	bool device = from->role == INTERFACE_HANDLER;
	struct traffic *traffic = device ? &worker->counters.returned : &worker->counters.received;
	counter_add(&traffic->packets, count);
	counter_add(&traffic->bytes, bytes);
	if (device) {
		counter_add(&worker->handler_counters[from->handler].returned.packets, count);
		counter_add(&worker->handler_counters[from->handler].returned.bytes, bytes);
	}
}

static void stamp_live(struct worker *worker, struct burst *burst, unsigned count)
{
	worker->now = rte_rdtsc();
	for (unsigned i = 0; i < count; i++)
		burst->time[i] = worker->now;
}

// What a handler's device sends during a replay comes at the capture's time, and has no number in it.
static void stamp_returned(struct worker *worker, struct burst *burst, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct packet_note *note = packet_note(burst->mbuf[i]);
		note->time = note->clock = burst->time[i] = worker->now;
		note->number = 0;
		note->on_wire = burst->mbuf[i]->pkt_len;
	}
}

// A frame longer than net_pcap's 16-bit lengths: rebuilt from the bytes that the capture's index kept.
static struct rte_mbuf *rebuild_giant(struct worker *worker, struct rte_mbuf *mbuf, const uint8_t *bytes,
				      uint32_t length)
{
	rte_pktmbuf_free(mbuf);
	struct rte_mbuf *head = NULL, *tail = NULL;
	for (uint32_t done = 0; done < length;) {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(worker->pool);
		if (!segment) { // control sizes the pool of a replay for the longest frame
			rte_pktmbuf_free(head);
			return NULL;
		}
		uint16_t part = (uint16_t)RTE_MIN((uint32_t)rte_pktmbuf_tailroom(segment), length - done);
		memcpy(rte_pktmbuf_append(segment, part), bytes + done, part);
		done += part;
		if (!head) {
			head = tail = segment;
			continue;
		}
		tail->next = segment;
		tail = segment;
		head->nb_segs++;
		head->pkt_len += part;
	}
	return head;
}

// Gives each packet that was read from a capture what the file says of it beyond its bytes.
static unsigned stamp_capture(struct worker *worker, struct burst *burst, struct capture_index *index, unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++) {
		if (unlikely(index->next == index->count)) { // the file has grown since it was read ahead
			rte_pktmbuf_free_bulk(burst->mbuf + i, count - i);
			break;
		}
		uint64_t at = index->next++;
		struct rte_mbuf *mbuf = burst->mbuf[i];
		if (unlikely(index->next_giant < index->giant_count && index->giants[index->next_giant].position == at))
			mbuf = rebuild_giant(worker, mbuf, index->giants[index->next_giant++].bytes,
				index->captured[at]);
		if (!mbuf)
			continue;
		struct packet_note *note = packet_note(mbuf);
		worker->now = RTE_MAX(worker->now, index->time_ns[at]);
		note->time = index->time_ns[at];
		note->clock = worker->now;
		note->number = index->first_number + at;
		note->on_wire = index->on_wire[at];
		burst->mbuf[kept] = mbuf;
		burst->time[kept++] = note->clock;
	}
	if (index->next == index->count)
		atomic_store_explicit(&index->done, true, memory_order_release);
	return kept;
}

// What it adds to a burst while a million flows expire, none of them in the cache, bench/ageing_bench measures. Its bound is
// on what repeats at the same call in every round: single calls are longer, by what else the machine does.
void worker_age(struct worker *worker)
{
	const uint64_t opened = worker->counters.flows_opened;
	const unsigned budget = ageing_budget((unsigned)(opened - worker->opened_aged));

	worker->opened_aged = opened;
	ageing_advance(worker->ageing, worker->now, budget);
}

static unsigned poll_queue(struct worker *worker, const struct rx_queue *queue)
{
	struct burst *burst = worker->burst;
	const struct interface *from = &worker->interfaces[queue->interface];

	if (queue->capture && queue->capture->next == queue->capture->count)
		return 0;
	unsigned count = interface_receive(from, queue->queue, burst->mbuf, BURST_MAX);
	if (count == 0) {
		// net_pcap has no more, though the index has: the file has changed since. Control sees the difference.
		if (queue->capture)
			atomic_store_explicit(&queue->capture->done, true, memory_order_release);
		return 0;
	}
	if (queue->capture)
		count = stamp_capture(worker, burst, queue->capture, count);
	else if (worker->clock == CLOCK_CAPTURE)
		stamp_returned(worker, burst, count);
	else
		stamp_live(worker, burst, count);
	count_received(worker, from, count, count_bytes(burst, count));
	burst->measured = worker->latency ? latency_draw(&worker->latency->sampler, count) : 0;
	memset(burst->interface, queue->interface, count);
	burst->from_inbox = false;
	burst->capture = queue->capture != NULL;
	burst_run(worker, count);
	worker_age(worker);
	return count;
}

static unsigned poll_inbox(struct worker *worker)
{
	struct burst *burst = worker->burst;
	unsigned count = rte_ring_sc_dequeue_burst(worker->inbox, (void **)burst->mbuf, BURST_MAX, NULL);
	if (count == 0)
		return 0;
	if (worker->clock == CLOCK_TSC)
		stamp_live(worker, burst, count);
	for (unsigned i = 0; i < count; i++) {
		const struct packet_note *note = packet_note(burst->mbuf[i]);
		burst->interface[i] = note->interface;
		if (worker->clock == CLOCK_CAPTURE) {
			burst->time[i] = note->clock;
			worker->now = RTE_MAX(worker->now, note->clock);
		}
	}
	counter_add(&worker->counters.passed_in.packets, count);
	counter_add(&worker->counters.passed_in.bytes, count_bytes(burst, count));
	burst->measured = worker->latency ? burst_passed_in(burst, count) : 0;
	burst->from_inbox = true;
	burst->capture = worker->clock == CLOCK_CAPTURE;
	burst_run(worker, count);
	worker_age(worker);
	return count;
}

// Everything that there is to do once: poll each queue, the inbox and the egress rings, send, age.
static unsigned round_of_work(struct worker *worker)
{
	// Acquire: what control wrote before it published the pointer must be seen behind it.
	const struct wiring *wiring = atomic_load_explicit(&worker->published, memory_order_acquire);
	worker->burst->policy = atomic_load_explicit(&worker->policy, memory_order_acquire);
	worker->burst->trial = atomic_load_explicit(&worker->trial, memory_order_acquire);

	unsigned work = 0;
	worker->wiring = wiring;
	for (unsigned i = 0; i < wiring->rx_count; i++)
		work += poll_queue(worker, &wiring->rx[i]);
	if (worker->steers)
		work += poll_inbox(worker);
	if (work == 0) {
		if (worker->clock == CLOCK_TSC) // a capture's goes by its packets
			worker->now = rte_rdtsc();
		worker_age(worker);
	}
	work += sweep(worker);
	return work + egress_flush(worker);
}

// Control asks for all flows to end: the capture is over, or the next one is of another time.
static void drain_flows(struct worker *worker)
{
	ageing_end_all(worker->ageing, FLOW_END_RUN);
	fragment_table_clear(worker->fragments);
	worker->answers.next = worker->shows.next = 0;
	worker->now = 0;
	atomic_store_explicit(&worker->drain_flows, false, memory_order_release);
}

// started: TSC. Returns when the round ended, which is when the next one starts.
static uint64_t count_round(struct worker *worker, unsigned work, uint64_t started, unsigned *idle)
{
	const uint64_t now = rte_rdtsc();

	counter_add(&worker->counters.polls, 1);
	if (work) {
		*idle = 0;
		counter_add(&worker->counters.busy_ticks, now - started);
	} else {
		++*idle;
		counter_add(&worker->counters.polls_empty, 1);
	}
	return now;
}

// Who has nothing to do leaves the CPU to who has. By sleep: who yields at each round still takes its turn among all that
// wait. Asleep, it holds nothing that a grace period would have to wait for.
static void give_way(struct worker *worker)
{
	rte_rcu_qsbr_thread_offline(worker->qsbr, worker->id);
	usleep(SLEEP_USEC * worker->workers);
	rte_rcu_qsbr_thread_online(worker->qsbr, worker->id);
}

int worker_run(void *argument)
{
	struct worker *worker = argument;
	uint64_t started = rte_rdtsc();
	unsigned idle = 0;

	rte_rcu_qsbr_thread_register(worker->qsbr, worker->id);
	rte_rcu_qsbr_thread_online(worker->qsbr, worker->id);
	atomic_store_explicit(&worker->running, true, memory_order_release);
	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		unsigned work = round_of_work(worker);
		if (unlikely(atomic_load_explicit(&worker->drain_flows, memory_order_acquire)))
			drain_flows(worker);
		started = count_round(worker, work, started, &idle);
		// No pointer to a policy or a set of queues is held across this line.
		rte_rcu_qsbr_quiescent(worker->qsbr, worker->id);
		if (worker->share_cpu && idle >= IDLE_ROUNDS) {
			give_way(worker);
			started = rte_rdtsc();
		}
	}
	rte_rcu_qsbr_thread_offline(worker->qsbr, worker->id);
	rte_rcu_qsbr_thread_unregister(worker->qsbr, worker->id);
	atomic_store_explicit(&worker->running, false, memory_order_release);
	return 0;
}
