// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_log.h"

#include <rte_ring_elem.h>

#include "dataplane/burst.h"

void rule_log_put(struct worker *worker, const struct burst *burst, unsigned at, const struct rule_verdict *judged)
{
	if (!worker->shown)
		return;
	if (!answer_allowed(&worker->shows, burst->time[at])) {
		counter_add(&worker->counters.logs_limited, 1);
		return;
	}
	struct rule_log_record record = { .time = burst->time[at],
		.tuple = burst->tuple[at],
		.slot = judged->log_slot,
		.length = burst->mbuf[at]->pkt_len,
		.verdict = judged->verdict };
	// Nobody waits for whoever reads.
	if (rte_ring_sp_enqueue_elem(worker->shown, &record, sizeof(record)) != 0)
		counter_add(&worker->counters.logs_lost, 1);
}
