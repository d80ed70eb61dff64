// SPDX-License-Identifier: BSD-3-Clause
// Makes flows. Owner thread.
#pragma once

#include "dataplane/burst.h"

// Makes the flow that an accepted packet opens; varies: its opener is judged again until somebody answers. FLOW_NONE if
// the table is full even of flows that nobody answered.
uint32_t opening_make(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision,
		      bool varies);
