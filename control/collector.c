// SPDX-License-Identifier: BSD-3-Clause
#include "control/collector.h"

#include <string.h>
#include <unistd.h>

#include <rte_ring_elem.h>

enum {
	BATCH = 128,      // records taken from a ring at once
	PAUSE_USEC = 100, // between two looks at empty rings
};

static_assert(sizeof(struct trace_record) % 4 == 0 && sizeof(struct flow_record) % 4 == 0, "elements of rte_ring");

static unsigned take_packets(struct collector *collector, const struct worker *worker)
{
	struct trace_record records[BATCH];
	if (!worker->trace)
		return 0;
	unsigned n = rte_ring_sc_dequeue_burst_elem(worker->trace, records, sizeof(records[0]), BATCH, NULL);
	if (n && collector->packets)
		packet_log_add(collector->packets, worker->id, records, n);
	return n;
}

static unsigned take_flows(struct collector *collector, const struct worker *worker)
{
	struct flow_record records[BATCH];
	if (!worker->ended)
		return 0;
	unsigned n = rte_ring_sc_dequeue_burst_elem(worker->ended, records, sizeof(records[0]), BATCH, NULL);
	if (n && collector->flows)
		flow_log_add(collector->flows, records, n);
	for (unsigned i = 0; i < n; i++)
		flow_top_add(&collector->top, &records[i]);
	return n;
}

static unsigned take(struct collector *collector)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < collector->runtime->worker_count; i++) {
		taken += take_packets(collector, collector->runtime->workers[i]);
		taken += take_flows(collector, collector->runtime->workers[i]);
	}
	return taken;
}

static void *collector_run(void *argument)
{
	struct collector *collector = argument;
	for (;;) {
		// Acquire, and before the rings are looked at: what was reported before finish was set is seen there.
		bool finish = atomic_load_explicit(&collector->finish, memory_order_acquire);
		if (take(collector))
			continue;
		if (finish)
			return NULL;
		usleep(PAUSE_USEC);
	}
}

int collector_start(struct collector *collector, struct error *error)
{
	atomic_store(&collector->finish, false);
	int result = pthread_create(&collector->thread, NULL, collector_run, collector);
	if (result != 0)
		return error_set(error, "cannot start a thread: %s", strerror(result));
	return 0;
}

void collector_finish(struct collector *collector)
{
	atomic_store_explicit(&collector->finish, true, memory_order_release);
	pthread_join(collector->thread, NULL);
}
