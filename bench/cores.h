// SPDX-License-Identifier: BSD-3-Clause
// The processors that the benchmark may use, and the same work on several of them.
#pragma once

enum { CORES_MAX = 256 };

struct cores {
	int cpu[CORES_MAX]; // the one that is used alone comes first
	unsigned count;
};

// Those that this process may run on. 0, or -errno.
int cores_find(struct cores *cores);

// The calling thread stays on one of them.
void core_pin(const struct cores *cores, unsigned core);

typedef void core_work_fn(void *context, unsigned core);

// Runs work for each of so many cores on it, at the same time, and waits. One core: in the calling thread. Ends the
// program if there are no threads to be had.
void cores_run(const struct cores *cores, unsigned count, core_work_fn *work, void *context);
