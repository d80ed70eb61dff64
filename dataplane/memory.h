// SPDX-License-Identifier: BSD-3-Clause
// Memory for the long-lived tables of a worker: hugepages on its NUMA node through DPDK where an EAL runs, else mmap.
#pragma once

#include <stddef.h>

// Zeroed memory, aligned to 128 bytes at least, on NUMA node socket (-1: any). NULL with errno ENOMEM.
// Control thread.
void *memory_take(const char *what, size_t bytes, int socket);

// Gives back what memory_take gave. NULL is fine.
void memory_give(void *memory);
