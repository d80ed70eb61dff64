// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <numa.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <linux/prctl.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

enum {
	BLOCK_ALIGN = 128, // two cache lines: what some processors fetch at once
	HUGE_PAGE = 2 << 20,
};

// Before each block: where it came from.
struct memory_header {
	size_t mapped; // bytes of a mapping, 0: DPDK's heap
};

// rte_eal_has_hugepages() says yes before an EAL was started; lcores there are only after.
static bool dpdk_has_hugepages(void)
{
	return rte_lcore_count() > 0 && rte_eal_has_hugepages();
}

static void bind_to_node(void *memory, size_t bytes, int node)
{
	if (node < 0 || numa_available() < 0 || numa_max_node() == 0 || node > numa_max_node())
		return;
	numa_set_bind_policy(0); // preferred: memory of another node is better than none
	numa_tonode_memory(memory, bytes, node);
}

// A mapping that starts at a huge page's border: the kernel only backs whole, aligned ones by huge pages.
static void *map_aligned(size_t bytes)
{
	size_t head;
	char *wide = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (wide == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)wide & (HUGE_PAGE - 1);
	if (head > 0)
		munmap(wide, head);
	munmap(wide + head + bytes, HUGE_PAGE - head);
	return wide + head;
}

static struct memory_header *take_mapping(const char *what, size_t bytes, int socket)
{
	size_t page = bytes < HUGE_PAGE ? 4096 : HUGE_PAGE;
	size_t mapped = (bytes + page - 1) & ~(page - 1);
	struct memory_header *header = map_aligned(mapped);

	if (header == NULL)
		return NULL;
	madvise(header, mapped, MADV_HUGEPAGE); // a hint: nothing is lost where it fails
	bind_to_node(header, mapped, socket);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, header, mapped, what); // for /proc/PID/maps, where the kernel can
	header->mapped = mapped;
	return header;
}

void *memory_take(const char *what, size_t bytes, int socket)
{
	struct memory_header *header = NULL;

	if (bytes > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	if (dpdk_has_hugepages())
		header = rte_zmalloc_socket(what, bytes + BLOCK_ALIGN, BLOCK_ALIGN, socket < 0 ? SOCKET_ID_ANY : socket);
	if (header == NULL)
		header = take_mapping(what, bytes + BLOCK_ALIGN, socket);
	if (header == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	return (char *)header + BLOCK_ALIGN;
}

void memory_give(void *memory)
{
	struct memory_header *header;

	if (memory == NULL)
		return;
	header = (struct memory_header *)((char *)memory - BLOCK_ALIGN);
	if (header->mapped > 0)
		munmap(header, header->mapped);
	else
		rte_free(header);
}
