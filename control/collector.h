// SPDX-License-Identifier: BSD-3-Clause
// Takes what the workers of a replay report, packets and ended flows, off their rings. Control thread.
#pragma once

#include "control/capture.h"
#include "control/flow_log.h"
#include "control/packet_log.h"
#include "control/runtime.h"

struct collector {
	const struct runtime *runtime;
	struct packet_log *packets; // NULL: none
	struct flow_log *flows;     // NULL: none
	struct flow_top top;
};

// Empties the rings. Workers wait for room in them: it is the runtime's pump. context: the collector.
void collector_pump(void *context);
