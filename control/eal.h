// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment: its arguments, made from the configuration, and its start. Control thread.
#pragma once

#include "control/config.h"
#include "control/error.h"
#include "control/numa.h"
#include "control/runtime.h"

// Starts the EAL with lcore 0 for control and lcore i + 1 for worker i. megabytes: what pools and rings take, where there
// are no hugepages. 0, or -1 with a text that says what to do.
int eal_start(const struct config *config, const struct runtime_options *options, const struct cpu_plan *cpus,
	      size_t megabytes, struct error *error);
