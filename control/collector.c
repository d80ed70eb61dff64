// SPDX-License-Identifier: BSD-3-Clause
#include "control/collector.h"

#include <rte_ring_elem.h>

#include "control/rule_log.h"

enum { BATCH = 128 }; // records taken from a ring at once

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

void collector_pump(void *context)
{
	struct collector *collector = context;
	unsigned taken;
	do {
		taken = 0;
		for (unsigned i = 0; i < collector->runtime->worker_count; i++) {
			taken += take_packets(collector, collector->runtime->workers[i]);
			taken += take_flows(collector, collector->runtime->workers[i]);
		}
		taken += rule_log_print(collector->runtime, stderr);
	} while (taken);
}
