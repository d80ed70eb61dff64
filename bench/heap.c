// SPDX-License-Identifier: BSD-3-Clause
#include "bench/heap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "dataplane/memory.h"

#define HEAP_NAME "flow_table_bench"

enum {
	HUGE_PAGE = 2 << 20,
	PAGE = 4096,
};

static size_t hugepage_bytes_free(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	size_t pages = 0, kilobytes = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "HugePages_Free: %zu", &pages);
		sscanf(line, "Hugepagesize: %zu", &kilobytes);
	}
	if (file != NULL)
		fclose(file);
	return pages * kilobytes << 10;
}

int heap_start(struct heap *heap, size_t bytes)
{
	char prefix[64];
	char *huge[] = { "flow_table_bench", "--in-memory", "--no-pci", "--no-telemetry", "--log-level=error", NULL };
	char *plain[] = { "flow_table_bench", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry", "--no-shconf",
			  "--log-level=error", prefix, NULL };

	snprintf(prefix, sizeof(prefix), "--file-prefix=flow_table_bench_%d", (int)getpid());
	*heap = (struct heap){ .hugetlb = hugepage_bytes_free() >= bytes, .socket = SOCKET_ID_ANY };
	if (rte_eal_init(heap->hugetlb ? 5 : 9, heap->hugetlb ? huge : plain) < 0)
		return -rte_errno;
	if (heap->hugetlb) {
		heap->socket = 0;
		return 0;
	}
	if (rte_malloc_heap_create(HEAP_NAME) != 0)
		return -rte_errno;
	heap->socket = rte_malloc_heap_get_socket(HEAP_NAME);
	return 0;
}

int heap_open(struct heap *heap, size_t bytes)
{
	if (heap->hugetlb)
		return 0;
	heap->bytes = (bytes + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1);
	heap->memory = memory_take("heap of the peers", heap->bytes + HUGE_PAGE, -1);
	if (heap->memory == NULL)
		return -ENOMEM;
	char *aligned = (char *)(((uintptr_t)heap->memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	if (rte_malloc_heap_memory_add(HEAP_NAME, aligned, heap->bytes, NULL, 0, HUGE_PAGE) == 0)
		return 0;
	memory_give(heap->memory);
	heap->memory = NULL;
	return -rte_errno;
}

void heap_close(struct heap *heap)
{
	if (heap->memory == NULL)
		return;
	char *aligned = (char *)(((uintptr_t)heap->memory + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	if (rte_malloc_heap_memory_remove(HEAP_NAME, aligned, heap->bytes) == 0)
		memory_give(heap->memory);
	heap->memory = NULL;
}

void heap_stop(struct heap *heap)
{
	if (!heap->hugetlb)
		rte_malloc_heap_destroy(HEAP_NAME);
	rte_eal_cleanup();
	rmdir(rte_eal_get_runtime_dir()); // one a process, which DPDK leaves behind
}

// Where a hypervisor keeps page tables of its own, it enters a page there when a program first uses it, whatever the kernel
// did before.
static void touch_pages(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uintptr_t from, to;
	char line[512];

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) != 2 || strstr(line, " rw-p ") == NULL)
			continue;
		for (uintptr_t page = from; page < to; page += PAGE)
			(void)*(const volatile char *)page;
	}
	if (maps != NULL)
		fclose(maps);
}

bool heap_settle(void)
{
	bool locked = mlockall(MCL_CURRENT) == 0;

	munlockall();
	if (locked)
		touch_pages();
	return locked;
}
