// SPDX-License-Identifier: BSD-3-Clause
// CPUs and NUMA nodes: who runs where. Needs no EAL. Control thread.
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "control/error.h"
#include "dataplane/worker.h"

enum {
	CPU_MAX = CPU_SETSIZE,
	CPU_LIST_TEXT_MAX = 256,
};

struct cpu_list {
	uint16_t cpu[CPU_MAX];
	size_t count;
};

// Who runs where.
struct cpu_plan {
	struct cpu_list control;
	struct cpu_list workers; // cpu[i] is worker i's; one CPU may stand here more than once if shared
	bool shared;             // some CPU runs more than one thread: workers must yield when idle
};

// Adds "3", "5-7" or "2,3,5-7" to the list. 0, or -1: no such list, a CPU twice, a number from CPU_MAX on.
int cpu_list_parse(const char *text, struct cpu_list *list);

// "0,2-4" (cut with "..." if too long). Returns text.
const char *cpu_list_format(const struct cpu_list *list, char text[CPU_LIST_TEXT_MAX]);

// The CPUs that this process may use. 0, or -1 with a text.
int cpu_allowed(struct cpu_list *allowed, struct error *error);

// Chooses CPUs out of allowed. workers: how many, 0: as configured; fewer than the configured list's take its first CPUs,
// more need sharing. share: CPUs may be shared whatever the configuration says (replay).
// Auto: control on the first CPU, workers on all others. 0; -1 with a text that says what to do.
int cpu_choose(const struct config *config, unsigned workers, bool share, const struct cpu_list *allowed,
	       struct cpu_plan *plan, struct error *error);

// The EAL's --lcores for a plan: lcore 0 is the control thread, lcore i + 1 is worker i, whatever the CPU's number.
// 0, or -1: text too small.
int cpu_lcores(const struct cpu_plan *plan, char *text, size_t size);

// Node of a CPU; -1 where the machine does not say. Works where the kernel has no NUMA.
int numa_node_of(uint16_t cpu);

// Binds the calling thread to the CPUs. Before rte_eal_init, so that DPDK's own threads land there too. 0 or -1.
int numa_bind_thread(const struct cpu_list *cpus, struct error *error);

// A warning where an interface and its worker's CPU are on different nodes. true: text was written.
bool numa_mismatch(const char *interface, int interface_node, unsigned worker, uint16_t cpu, char *text,
		   size_t size);
