// SPDX-License-Identifier: BSD-3-Clause
// Makes flows. Owner thread.
#pragma once

#include "dataplane/burst.h"

// What was decided, as the bits of flow.word below FLOW_DECISION_BITS: ids, and what stands for none, fit (FLOW_RULE_MAX,
// FLOW_LISTENER_MAX, FLOW_HANDLER_MAX).
static inline uint64_t opening_decision(const struct decision *decision)
{
	return decision->rule * FLOW_UNIT(rule) | decision->listener * FLOW_UNIT(listener) |
	       decision->handler * FLOW_UNIT(handler);
}

// Makes the flow that an accepted packet opens; varies: its opener is judged again until somebody answers. FLOW_NONE if
// the table is full even of flows that nobody answered.
uint32_t opening_make(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision,
		      bool varies);
