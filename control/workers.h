// SPDX-License-Identifier: BSD-3-Clause
// Making the workers: each with its tables, pool and rings on its own node. Control thread.
#pragma once

#include "control/runtime.h"

// Makes worker id with all that it owns; not launched. NULL with a text that names what there was no memory for.
struct worker *worker_make(struct runtime *runtime, unsigned id, struct error *error);

// Frees a worker that does not run.
void worker_unmake(const struct runtime *runtime, struct worker *worker);

enum { EGRESS_RING_SIZE = 1024 }; // packets on their way to a worker that has a tx queue

// Packet buffers of worker id's pool (0: it shares worker 0's), and the bytes of each.
uint32_t worker_pool_count(const struct config *config, const struct runtime_options *options, unsigned workers,
			   unsigned id);
uint32_t worker_pool_room(const struct config *config);

// Whether each worker has a queue of each device where devices steer, as far as the configuration says. 0, or -1 with a text.
int workers_check_queues(const struct config *config, const struct runtime_options *options, unsigned workers,
			 struct error *error);

// Whether the machine has the memory that so many workers take in all, before any of it is taken. 0, or -1 with a text.
int workers_check_memory(const struct config *config, const struct runtime_options *options, unsigned workers,
			 struct error *error);

// Megabytes that all pools and rings take out of DPDK's heap.
size_t workers_heap_megabytes(const struct config *config, const struct runtime_options *options, unsigned workers);
