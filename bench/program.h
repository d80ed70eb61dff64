// SPDX-License-Identifier: BSD-3-Clause
// How a benchmark begins, and ends where it can't go on. Main thread.
#pragma once

// Says what is wrong, behind the program's name, and exits.
_Noreturn void fail(const char *what);

// The memory itself; fails if there is none.
void *need(void *memory);

// Starts DPDK's EAL on one core without devices, hugepages or traces on disk. Fails if it does not start.
void start_eal(unsigned megabytes);
