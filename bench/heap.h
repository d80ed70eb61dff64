// SPDX-License-Identifier: BSD-3-Clause
// Memory for DPDK's tables, so that they get huge pages where portier's do: of the EAL where it has some, else a heap of
// our own, of memory that the kernel is asked to back by huge pages.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct heap {
	bool hugetlb; // the EAL has hugepages: everybody takes from them
	int socket;   // what rte_malloc_socket and its like are to be given
	void *memory;
	size_t bytes;
};

// Starts an EAL without devices, with hugepages if so many bytes of them are free. 0, or -errno.
int heap_start(struct heap *heap, size_t bytes);

// Makes room for so many bytes. 0, or -errno.
int heap_open(struct heap *heap, size_t bytes);

// Everything in it was freed before.
void heap_close(struct heap *heap);

void heap_stop(struct heap *heap);

// Fetches all memory of the process now, so that no page fault, of whoever runs the machine, is measured later. false: not
// allowed to.
bool heap_settle(void);
