// SPDX-License-Identifier: BSD-3-Clause
// Ends the flows that new rules deny without waiting for their packets (on_rule_change: kill), a few at a time. Owner
// thread.
#pragma once

#include "dataplane/burst.h"

enum {
	SWEEP_FLOWS = BURST_MAX, // that one call judges
	SWEEP_RECORDS = 1024,    // that it looks at for them
};

// Goes on with the sweep for the policy of worker->burst. Returns how many flows it judged.
unsigned sweep_step(struct worker *worker);

// Once a round. Costs one branch unless the policy is new.
static inline unsigned sweep(struct worker *worker)
{
	return unlikely(worker->swept != worker->burst->policy->generation) ? sweep_step(worker) : 0;
}
