// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_classes.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/memory.h"
#include "dataplane/rule_match.h"
#include "dataplane/wide.h"

enum { NUMBER_BITS = 32 };

// A prefix that rules ask for. Its numbers are a block of 2^size: those of the prefixes right inside it, and one for all the
// addresses that are in none of these.
struct class_block {
	wide low;
	uint32_t parent;
	uint32_t base; // its first number
	uint64_t used; // numbers of the prefixes inside, as far as they are known
	uint8_t bits;
	uint8_t size;  // bits
};

struct address_classes {
	struct class_block *block; // by place, the outer first; the first one is all addresses
	uint32_t blocks;
	uint32_t borders; // power of two
	size_t bytes;     // of the two below, in one piece
	wide *border;     // ascending: where another number begins
	uint32_t *number; // that begins there
};

static wide block_last(const struct class_block *block)
{
	return wide_last(block->low, block->bits);
}

static int by_place(const void *a, const void *b)
{
	const struct class_block *left = a, *right = b;
	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	return (int)left->bits - (int)right->bits;
}

// Numbering

static int take_blocks(struct address_classes *classes, const struct address_prefix *prefix, size_t count)
{
	struct class_block *block = calloc(count + 1, sizeof(*block));
	uint32_t kept = 1;
	if (!block)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		block[i + 1] = (struct class_block){ .low = wide_of(&prefix[i].address), .bits = prefix[i].bits };
	qsort(block, count + 1, sizeof(*block), by_place);
	for (size_t i = 1; i <= count; i++) {
		if (by_place(&block[i], &block[kept - 1]) != 0)
			block[kept++] = block[i];
	}
	classes->block = block;
	classes->blocks = kept;
	return 0;
}

// Prefixes lie within each other or apart, and each comes behind those that it is in.
static void find_parents(struct class_block *block, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		uint32_t parent = i - 1;
		while (block_last(&block[parent]) < block[i].low)
			parent = block[parent].parent;
		block[i].parent = parent;
	}
}

// False: too many numbers.
static bool size_blocks(struct class_block *block, uint32_t count)
{
	for (uint32_t i = count; i-- > 0;) {
		while (UINT64_C(1) << block[i].size < block[i].used + 1)
			block[i].size++;
		if (block[i].size > NUMBER_BITS)
			return false;
		if (i)
			block[block[i].parent].used += UINT64_C(1) << block[i].size;
	}
	return true;
}

// The larger first: so each begins at a multiple of its size, and behind its parent, which is larger still.
static void place_blocks(struct class_block *block, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		block[i].used = 0;
	for (unsigned size = NUMBER_BITS; size-- > 0;) {
		for (uint32_t i = 1; i < count; i++) {
			struct class_block *parent = &block[block[i].parent];
			if (block[i].size != size)
				continue;
			block[i].base = (uint32_t)(parent->base + parent->used);
			parent->used += UINT64_C(1) << size;
		}
	}
}

// Borders

// Of addresses that are in a block, and in none inside it.
static uint32_t own_number(const struct class_block *block)
{
	return (uint32_t)(block->base + block->used);
}

// A later one at the same place takes it over: there, an inner block begins, or an outer one ends, too.
static void draw_border(struct address_classes *classes, wide at, uint32_t number)
{
	classes->borders -= classes->borders && classes->border[classes->borders - 1] == at;
	classes->border[classes->borders] = at;
	classes->number[classes->borders++] = number;
}

// Leaves blocks up to an outer one, which goes on behind them.
static void leave_blocks(struct address_classes *classes, uint32_t from, uint32_t to)
{
	for (const struct class_block *block = classes->block; from != to; from = block[from].parent) {
		if (block_last(&block[from]) != ~(wide)0)
			draw_border(classes, block_last(&block[from]) + 1, own_number(&block[block[from].parent]));
	}
}

static void draw_borders(struct address_classes *classes)
{
	const struct class_block *block = classes->block;
	draw_border(classes, 0, own_number(&block[0]));
	for (uint32_t i = 1; i < classes->blocks; i++) {
		leave_blocks(classes, i - 1, block[i].parent);
		draw_border(classes, block[i].low, own_number(&block[i]));
	}
	leave_blocks(classes, classes->blocks - 1, 0);
}

// Halving is the same number of steps for all: what is over is at the last address, and has the last number.
static void fill_up(struct address_classes *classes, uint32_t room)
{
	uint32_t last = classes->number[classes->borders - 1];
	while (classes->borders < room) {
		classes->border[classes->borders] = ~(wide)0;
		classes->number[classes->borders++] = last;
	}
}

static int make_borders(struct address_classes *classes, int socket)
{
	uint32_t room = 1;
	while (room < 2 * classes->blocks)
		room *= 2;
	classes->bytes = room * (sizeof(*classes->border) + sizeof(*classes->number));
	classes->border = memory_take("address classes", classes->bytes, socket);
	if (!classes->border)
		return -ENOMEM;
	classes->number = (uint32_t *)(classes->border + room);
	draw_borders(classes);
	for (uint32_t half = room / 2; half >= classes->borders; half /= 2)
		room = half;
	fill_up(classes, room);
	return 0;
}

int address_classes_make(const struct address_prefix *prefix, size_t count, int socket, struct address_classes **classes)
{
	struct address_classes *made = calloc(1, sizeof(*made));
	int result = made ? take_blocks(made, prefix, count) : -ENOMEM;
	*classes = NULL;
	if (result == 0) {
		find_parents(made->block, made->blocks);
		bool fits = size_blocks(made->block, made->blocks);
		if (fits) {
			place_blocks(made->block, made->blocks);
			result = make_borders(made, socket);
			*classes = result ? NULL : made;
		}
	}
	if (!*classes)
		address_classes_free(made);
	return result;
}

void address_classes_free(struct address_classes *classes)
{
	if (!classes)
		return;
	memory_give(classes->border);
	free(classes->block);
	free(classes);
}

size_t address_classes_bytes(const struct address_classes *classes)
{
	return classes ? sizeof(*classes) + classes->bytes + classes->blocks * sizeof(*classes->block) : 0;
}

// Asking

struct address_prefix address_classes_prefix(const struct address_classes *classes, const struct address_prefix *prefix)
{
	struct class_block asked = { .low = wide_of(&prefix->address), .bits = prefix->bits };
	const struct class_block *block = bsearch(&asked, classes->block, classes->blocks, sizeof(asked), by_place);
	if (block == classes->block) // all addresses: whatever the number is
		return (struct address_prefix){ .bits = 0 };
	return (struct address_prefix){ wide_address((wide)block->base << 96), (uint8_t)(NUMBER_BITS - block->size) };
}

// All of them step by step: so the processor fetches for many at a time.
void address_classes_find(const struct address_classes *classes, const struct ip_address *const address[], unsigned n,
			  uint32_t number[])
{
	wide asked[RULE_BURST_MAX];
	uint32_t at[RULE_BURST_MAX];
	for (unsigned i = 0; i < n; i++) {
		asked[i] = wide_of(address[i]);
		at[i] = 0;
	}
	for (uint32_t half = classes->borders / 2; half; half /= 2) {
		for (unsigned i = 0; i < n; i++)
			at[i] += half & -(uint32_t)(classes->border[at[i] + half] <= asked[i]);
	}
	for (unsigned i = 0; i < n; i++)
		number[i] = classes->number[at[i]];
}
