// SPDX-License-Identifier: BSD-3-Clause
// Takes what the workers of a replay report, packets and ended flows, off their rings. A thread of its own: workers wait
// for room in these rings, and control waits for workers.
#pragma once

#include <pthread.h>

#include "control/flow_log.h"
#include "control/packet_log.h"
#include "control/runtime.h"

struct collector {
	const struct runtime *runtime;
	struct packet_log *packets; // NULL: none
	struct flow_log *flows;     // NULL: none
	struct flow_top top;
	atomic_bool finish; // control: writes, collector: reads
	pthread_t thread;
};

// Starts the thread; what the struct points at is the thread's until it is finished. 0, or -1 with a text.
int collector_start(struct collector *collector, struct error *error);

// Takes what is still in the rings and ends the thread. The workers report nothing more by now.
void collector_finish(struct collector *collector);
