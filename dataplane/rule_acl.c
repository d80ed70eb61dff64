// SPDX-License-Identifier: BSD-3-Clause
// Compiling rules that ask for more than tables know: contexts of rte_acl.
#include <errno.h>
#include <stdlib.h>

#include <rte_malloc.h>
#include <rte_vect.h>

#include "dataplane/build_heap.h"
#include "dataplane/rule_acl_private.h"

// Entries of a view from which on they are grouped, by measurement (classify_bench): IPv4 is found faster in one piece, and so
// built in tenths of a second; a thousand rules of IPv6 and of the kind fw would take more than one.
enum { GROUPED_BY_DESTINATION_4 = 2048, GROUPED_BY_DESTINATION_6 = 256, GROUPED_BY_BOTH = 16384 };

static size_t heap_bytes_of(int socket)
{
	struct rte_malloc_socket_stats stats;
	return rte_malloc_get_socket_stats(socket, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

// rte_acl does not tell what it takes; but nobody else takes from the heap while control compiles.
static size_t heap_bytes(int socket)
{
	size_t sum = 0;
	if (socket >= 0)
		return heap_bytes_of(socket);
	for (int node = 0; node < RTE_MAX_NUMA_NODES; node++)
		sum += heap_bytes_of(node);
	return sum;
}

// rte_acl_create gives out an older context of the same name: no two that live are named by one address.
static void acl_name(const struct rule_piece *piece, char name[RTE_ACL_NAMESIZE])
{
	static_assert(RTE_ACL_NAMESIZE > 1 + 2 * sizeof(uintptr_t), "room for every digit");
	for (uintptr_t rest = (uintptr_t)piece; rest; rest >>= 4)
		*name++ = "0123456789abcdef"[rest & 15];
	*name = '\0';
}

// DPDK keeps its hands off 512-bit instructions unless told. Here they are worth it: where the processor has them, bursts of
// packets of long lists are found in two thirds of the time. Whoever forced a width by the EAL's argument keeps it.
static void acl_widen(struct rte_acl_ctx *acl)
{
	uint16_t width = rte_vect_get_max_simd_bitwidth();
	if (width >= RTE_VECT_SIMD_512 || rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512))
		return;
	rte_acl_set_ctx_classify(acl, RTE_ACL_CLASSIFY_AVX512X32); // else the context's own choice stands
	rte_vect_set_max_simd_bitwidth(width);
}

static struct rte_acl_ctx *acl_create(const struct rule_piece *piece, const struct acl_layout *layout, uint32_t count,
				      int socket)
{
	char name[RTE_ACL_NAMESIZE];
	acl_name(piece, name);
	struct rte_acl_param param = {
		.name = name,
		.socket_id = socket,
		.rule_size = RTE_ACL_RULE_SZ(layout->config.num_fields),
		.max_rule_num = count,
	};
	struct rte_acl_ctx *acl = rte_acl_create(&param);
	if (acl)
		acl_widen(acl);
	return acl;
}

static int pieces_create(struct acl_filler *filler, struct rule_view *view, int socket)
{
	for (unsigned group = 0; group < GROUPS; group++) {
		if (!filler->count[group])
			continue;
		struct rule_piece *piece = &view->piece[view->pieces];
		piece->acl = acl_create(piece, filler->layout, filler->count[group], socket);
		if (!piece->acl)
			return -ENOMEM;
		piece->first = filler->first[group];
		view->first = RTE_MIN(view->first, piece->first);
		view->pieces++;
		filler->acl[group] = piece->acl;
	}
	return 0;
}

// What rte_acl takes while it builds: some 1,400 bytes for each byte of an entry.
static size_t build_bytes(const struct acl_layout *layout, uint32_t entries)
{
	size_t steps = 0;
	for (unsigned i = 0; i < layout->config.num_fields; i++)
		steps += layout->config.defs[i].size;
	return steps * 1400 * entries;
}

static int pieces_build(const struct acl_filler *filler)
{
	uint32_t largest = 0;
	for (unsigned group = 0; group < GROUPS; group++)
		largest = RTE_MAX(largest, filler->count[group]);
	size_t bytes = build_bytes(filler->layout, largest);
	int result = 0;
	build_heap_begin(bytes);
	for (unsigned group = 0; result == 0 && group < GROUPS; group++) {
		if (filler->acl[group])
			result = rte_acl_build(filler->acl[group], &filler->layout->config);
	}
	build_heap_end(bytes);
	return result;
}

static void acl_make_layout(struct acl_layout *layout, const struct acl_filler *filler)
{
	unsigned words[ENDS];
	for (unsigned end = 0; end < ENDS; end++)
		words[end] = view_family(filler->view) == FAMILY_IP4 || filler->set->classes[end] ? 1 : WORDS;
	acl_layout_make(layout, filler->asks, words, filler->values);
}

static int pieces_fill(struct acl_filler *filler, struct rule_view *view, const struct rule_choice *choice, int socket)
{
	struct acl_layout layout;
	acl_make_layout(&layout, filler);
	filler->layout = &layout;
	int result = pieces_create(filler, view, socket);
	if (result == 0)
		result = acl_fill(filler, choice);
	return result ? result : pieces_build(filler);
}

static uint64_t entries_of(const struct acl_filler *filler)
{
	uint64_t sum = 0;
	for (unsigned group = 0; group < GROUPS; group++)
		sum += filler->count[group];
	return sum;
}

// One context is the fastest to ask, as long as it can be built.
static int acl_count(struct acl_filler *filler, const struct rule_choice *choice)
{
	int result = acl_fill(filler, choice);
	uint64_t entries = entries_of(filler);
	bool ip4 = view_family(filler->view) == FAMILY_IP4;
	if (result || entries < (ip4 ? GROUPED_BY_DESTINATION_4 : GROUPED_BY_DESTINATION_6))
		return result;
	filler->grouping = entries < GROUPED_BY_BOTH ? GROUPING_DESTINATION : GROUPING_BOTH;
	return acl_fill(filler, choice);
}

int rule_acl_build(struct rule_set *set, unsigned view, const struct rule_choice *choice, int socket)
{
	struct acl_filler filler = { .view = view, .set = set };
	set->view[view].first = set->none;
	int result = acl_count(&filler, choice);
	if (result || entries_of(&filler) == 0)
		return result;
	size_t before = heap_bytes(socket);
	result = pieces_fill(&filler, &set->view[view], choice, socket);
	size_t after = heap_bytes(socket);
	set->bytes += after > before ? after - before : 0;
	return result;
}
