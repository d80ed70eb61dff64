// SPDX-License-Identifier: BSD-3-Clause
// All that is measured with the same tables: one family, one size, so many cores.
#pragma once

#include "bench/cell.h"
#include "bench/heap.h"
#include "bench/plan.h"

struct group {
	const struct plan *plan;
	struct measure *measure;
	struct heap *heap;
	enum ip_family family;
	uint32_t slots;
	unsigned cores;
};

// Bytes that its tables take, all together.
size_t group_bytes(const struct group *group);

// Measures all of it that the plan wants. 0; or -errno, with a message on stderr.
int group_run(const struct group *group, struct results *results);
