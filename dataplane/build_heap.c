// SPDX-License-Identifier: BSD-3-Clause
// rte_acl builds out of hundreds of megabytes, which it callocs in blocks of 8 MB, writes once and frees. As mappings of small
// pages, giving them out takes the kernel as long as all the rest. So they come from the heap, whose end is drawn out at once
// beforehand, with huge pages asked for.
#include "dataplane/build_heap.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	BLOCK = 24 << 20,         // larger ones than that are mappings still
	WORTH_IT = 16 << 20,      // fewer bytes are soon had
	TOP_PAD_DEFAULT = 128 << 10, // as glibc has it
	HUGE_PAGE = 2 << 20,
};

static void ask_for_huge_pages(char *from, const char *to)
{
	size_t head = -(uintptr_t)from & (HUGE_PAGE - 1);
	if (to > from + head)
		madvise(from + head, (size_t)(to - from) - head, MADV_HUGEPAGE);
}

void build_heap_begin(size_t bytes)
{
	if (bytes < WORTH_IT)
		return;
	mallopt(M_MMAP_THRESHOLD, BLOCK);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, bytes < INT_MAX ? (int)bytes : INT_MAX);
	char *block = malloc(BLOCK - HUGE_PAGE);
	char *end = sbrk(0);
	if (block && block < end) // in the heap proper, which other threads do not have
		ask_for_huge_pages(block, end);
	free(block);
	mallopt(M_TOP_PAD, TOP_PAD_DEFAULT);
}

void build_heap_end(size_t bytes)
{
	if (bytes >= WORTH_IT)
		malloc_trim(0);
}
