// SPDX-License-Identifier: BSD-3-Clause
// Fetches a line of the flow table, or of its records, ahead of its use.
#pragma once

#include <stdbool.h>

#include <rte_common.h>
#include <rte_prefetch.h>

// far: no nearer than the second-level cache, for who has many lines under way at a time: a core has buffers for a dozen or two
// on their way to the first level, and for two or three times as many behind it.
static __rte_always_inline void fetch_line(const void *line, const bool far)
{
	if (far)
		rte_prefetch1(line);
	else
		rte_prefetch0(line);
}
