// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "dataplane/listener_index.h"
#include "dataplane/listener_layout.h"

// A listener under construction. One of any family becomes two.
struct entry {
	struct group_key key;
	uint32_t position;
	uint16_t low, high;
};

static struct ip_address mask_address(const struct ip_address *address, unsigned bits)
{
	struct ip_address masked = { 0 };
	memcpy(masked.byte, address->byte, bits / 8);
	if (bits % 8)
		masked.byte[bits / 8] = address->byte[bits / 8] & (uint8_t)(0xff00 >> bits % 8);
	return masked;
}

static uint8_t family_bits(uint8_t family)
{
	return family == FAMILY_IP4 ? 32 : 128;
}

static bool listener_valid(const struct listener *listener)
{
	if (listener->port_low > listener->port_high)
		return false;
	if (listener->family == FAMILY_NONE)
		return listener->prefix == 0;
	return (listener->family == FAMILY_IP4 || listener->family == FAMILY_IP6) &&
	       listener->prefix <= family_bits(listener->family);
}

static struct entry listener_entry(const struct listener *listener, uint32_t position, uint8_t family)
{
	uint8_t given = (uint8_t)((listener->interface != LISTENER_ANY_INTERFACE ? GIVEN_INTERFACE : 0) |
				  (listener->vlan != LISTENER_ANY_VLAN ? GIVEN_VLAN : 0));
	return (struct entry){
		.key = {
			.address = mask_address(&listener->address, listener->prefix),
			.vlan = listener->vlan,
			.interface = listener->interface,
			.protocol = listener->protocol,
			.family = family,
			.prefix = listener->prefix,
			.given = given,
			.score = (uint8_t)__builtin_popcount(given),
		},
		.position = position,
		.low = listener->port_low,
		.high = listener->port_high,
	};
}

// The listeners as entries, one of any family as two. NULL with -EINVAL or -ENOMEM in *count.
static struct entry *entries_make(const struct listener *listeners, size_t count, ssize_t *entry_count)
{
	struct entry *entries = malloc((2 * count + 1) * sizeof(*entries));
	size_t used = 0;
	*entry_count = -ENOMEM;
	for (size_t i = 0; entries && i < count; i++) {
		const struct listener *listener = &listeners[i];
		if (!listener_valid(listener)) {
			free(entries);
			*entry_count = -EINVAL;
			return NULL;
		}
		if (listener->family != FAMILY_IP6)
			entries[used++] = listener_entry(listener, (uint32_t)i, FAMILY_IP4);
		if (listener->family != FAMILY_IP4)
			entries[used++] = listener_entry(listener, (uint32_t)i, FAMILY_IP6);
	}
	if (entries)
		*entry_count = (ssize_t)used;
	return entries;
}

static int compare_ports(const struct entry *a, const struct entry *b)
{
	int width_a = a->high - a->low, width_b = b->high - b->low;
	return width_a != width_b ? width_a - width_b : a->low - b->low;
}

// Groups together, the narrowest range of each first.
static int compare_in_group(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = memcmp(&a->key, &b->key, sizeof(a->key));
	return order ? order : compare_ports(a, b);
}

static int compare_address(const struct entry *a, const struct entry *b)
{
	int order = memcmp(&a->key.address, &b->key.address, sizeof(a->key.address));
	if (order == 0)
		order = a->key.protocol - b->key.protocol;
	if (order == 0)
		order = a->key.family - b->key.family;
	return order ? order : a->key.prefix - b->key.prefix;
}

// Those that differ in nothing but interface and VLAN side by side, in the order of their ports.
static int compare_across_groups(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = a->key.score - b->key.score;
	if (order == 0)
		order = compare_address(a, b);
	return order ? order : compare_ports(a, b);
}

static int tie_found(const struct entry *a, const struct entry *b, size_t tie[2])
{
	tie[0] = a->position < b->position ? a->position : b->position;
	tie[1] = a->position < b->position ? b->position : a->position;
	return -EEXIST;
}

// Whether two entries of equal specificity, a no higher than b, match the same port.
static bool ports_tie(const struct entry *a, const struct entry *b)
{
	return a->high - a->low == b->high - b->low && b->low <= a->high;
}

// entries: sorted by compare_in_group.
static int ties_in_groups(const struct entry *entries, size_t count, size_t tie[2])
{
	for (size_t i = 1; i < count; i++) {
		const struct entry *a = &entries[i - 1], *b = &entries[i];
		if (memcmp(&a->key, &b->key, sizeof(a->key)) == 0 && ports_tie(a, b))
			return tie_found(a, b, tie);
	}
	return 0;
}

// One that gives only the interface and one that gives only the VLAN match the same packet. entries: sorted by
// compare_across_groups, so that of each kind the last one seen reaches highest.
static int ties_across_groups(const struct entry *entries, size_t count, size_t tie[2])
{
	const struct entry *last[GIVEN_KINDS] = { NULL };
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i];
		if (entry->key.score != 1)
			continue;
		const struct entry *other = last[entry->key.given ^ (GIVEN_INTERFACE | GIVEN_VLAN)];
		if (other && compare_address(other, entry) == 0 && ports_tie(other, entry))
			return tie_found(other, entry, tie);
		last[entry->key.given] = entry;
	}
	return 0;
}

static struct level level_make(uint8_t family, uint8_t prefix, uint8_t given)
{
	static const struct ip_address ones = { .byte = { [0 ... 15] = 0xff } };
	const bool interface = given & GIVEN_INTERFACE, vlan = given & GIVEN_VLAN;
	const struct group_key mask = {
		.address = mask_address(&ones, prefix),
		.vlan = vlan ? UINT16_MAX : 0,
		.interface = interface ? UINT8_MAX : 0,
		.protocol = UINT8_MAX,
	}, rest = {
		.vlan = vlan ? 0 : LISTENER_ANY_VLAN,
		.interface = interface ? 0 : LISTENER_ANY_INTERFACE,
		.family = family,
		.prefix = prefix,
		.given = given,
		.score = (uint8_t)__builtin_popcount(given),
	};
	return (struct level){ group_words(&mask), group_words(&rest), prefix, rest.score };
}

// Levels that exist at all, few of those that may.
static int levels_copy(struct levels *levels, const struct level *level, unsigned count)
{
	levels->level = malloc((count + 1) * sizeof(*level));
	if (!levels->level)
		return -ENOMEM;
	memcpy(levels->level, level, count * sizeof(*level));
	levels->count = count;
	return 0;
}

static int levels_fill(struct listener_index *index)
{
	// By score and prefix length, interface before VLAN: the order of listener_index_find.
	static const uint8_t kinds[GIVEN_KINDS] = { GIVEN_INTERFACE | GIVEN_VLAN, GIVEN_INTERFACE, GIVEN_VLAN, 0 };
	bool seen[2][GIVEN_KINDS][PREFIXES] = { 0 };
	struct level level[2][LEVELS_MAX];
	unsigned count[2] = { 0, 0 };
	for (size_t i = 0; i < index->group_count; i++) {
		struct group_key key;
		memcpy(&key, &index->groups[i].key, sizeof(key));
		seen[key.family == FAMILY_IP6][key.given][key.prefix] = true;
	}
	for (int score = 2; score >= 0; score--) {
		for (int at = 0; at < 2 * PREFIXES * GIVEN_KINDS; at++) {
			int family = at / (PREFIXES * GIVEN_KINDS), kind = kinds[at % GIVEN_KINDS];
			int prefix = PREFIXES - 1 - at / GIVEN_KINDS % PREFIXES;
			if (__builtin_popcount((unsigned)kind) == score && seen[family][kind][prefix])
				level[family][count[family]++] = level_make(family ? FAMILY_IP6 : FAMILY_IP4,
					(uint8_t)prefix, (uint8_t)kind);
		}
	}
	int result = levels_copy(&index->levels[0], level[0], count[0]);
	return result ? result : levels_copy(&index->levels[1], level[1], count[1]);
}

// Scratch for one group: its range borders, sorted; owners of the cells between them; the next cell without an owner.
struct cells {
	uint32_t *border;
	uint32_t *owner;
	uint32_t *next;
	size_t count;
};

static int compare_borders(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

static void cells_cut(struct cells *cells, const struct entry *entries, size_t count)
{
	size_t borders = 0;
	cells->border[borders++] = 0;
	cells->border[borders++] = PORTS;
	for (size_t i = 0; i < count; i++) {
		cells->border[borders++] = entries[i].low;
		cells->border[borders++] = (uint32_t)entries[i].high + 1;
	}
	qsort(cells->border, borders, sizeof(*cells->border), compare_borders);
	size_t kept = 0;
	for (size_t i = 0; i < borders; i++) {
		if (kept == 0 || cells->border[i] != cells->border[kept - 1])
			cells->border[kept++] = cells->border[i];
	}
	cells->count = kept - 1;
	for (size_t i = 0; i < kept; i++) {
		cells->owner[i] = NOBODY;
		cells->next[i] = (uint32_t)i;
	}
}

static size_t cells_at(const struct cells *cells, uint32_t port)
{
	const uint32_t *found =
		bsearch(&port, cells->border, cells->count + 1, sizeof(*cells->border), compare_borders);
	return (size_t)(found - cells->border);
}

static uint32_t cells_next_free(struct cells *cells, uint32_t cell)
{
	while (cells->next[cell] != cell) {
		cells->next[cell] = cells->next[cells->next[cell]];
		cell = cells->next[cell];
	}
	return cell;
}

// The narrowest range was first: what it has, no wider one gets.
static void cells_give(struct cells *cells, const struct entry *entry)
{
	size_t end = cells_at(cells, (uint32_t)entry->high + 1);
	uint32_t cell = cells_next_free(cells, (uint32_t)cells_at(cells, entry->low));
	while (cell < end) {
		cells->owner[cell] = entry->position;
		cells->next[cell] = cell + 1;
		cell = cells_next_free(cells, cell);
	}
}

static void span_add(struct listener_index *index, uint16_t low, uint32_t listener)
{
	index->span_low[index->span_count] = low;
	index->span_listener[index->span_count++] = listener;
}

static void group_fill(struct listener_index *index, struct cells *cells, const struct entry *entries, size_t count)
{
	struct group *group = &index->groups[index->group_count++];
	const struct entry *widest = &entries[count - 1];
	*group = (struct group){
		.key = group_words(&entries[0].key),
		.first_span = (uint32_t)index->span_count,
		.any_port = widest->low == 0 && widest->high == PORTS - 1 ? widest->position : NOBODY,
	};
	cells_cut(cells, entries, count);
	for (size_t i = 0; i < count; i++)
		cells_give(cells, &entries[i]);
	for (size_t i = 0; i < cells->count; i++) {
		if (i > 0 && cells->owner[i] == cells->owner[i - 1])
			continue;
		span_add(index, (uint16_t)cells->border[i], cells->owner[i]);
	}
	group->span_count = (uint32_t)index->span_count - group->first_span;
	for (unsigned i = 0; group->span_count > SPANS_FEW && i < SPAN_BLOCK; i++)
		span_add(index, PORTS - 1, NOBODY);
}

static size_t group_length(const struct entry *entries, size_t count)
{
	size_t length = 1;
	while (length < count && memcmp(&entries[length].key, &entries[0].key, sizeof(entries[0].key)) == 0)
		length++;
	return length;
}

static int groups_fill(struct listener_index *index, const struct entry *entries, size_t count)
{
	uint32_t *scratch = malloc(3 * (2 * count + 2) * sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	struct cells cells = {
		.border = scratch,
		.owner = scratch + (2 * count + 2),
		.next = scratch + 2 * (2 * count + 2),
	};
	for (size_t i = 0; i < count;) {
		size_t length = group_length(entries + i, count - i);
		group_fill(index, &cells, entries + i, length);
		i += length;
	}
	free(scratch);
	return 0;
}

static int slots_fill(struct listener_index *index)
{
	size_t slots = 2;
	while (slots < 2 * index->group_count)
		slots *= 2;
	index->slot_mask = slots - 1;
	index->slots = malloc(slots * sizeof(*index->slots));
	if (!index->slots)
		return -ENOMEM;
	memset(index->slots, 0xff, slots * sizeof(*index->slots));
	for (size_t i = 0; i < index->group_count; i++) {
		uint64_t slot = group_hash(index->groups[i].key);
		while (index->slots[slot & index->slot_mask] != NOBODY)
			slot++;
		index->slots[slot & index->slot_mask] = (uint32_t)i;
	}
	return 0;
}

// Gives back what the estimate was too high by.
static void *shrink(void *memory, size_t bytes)
{
	void *smaller = realloc(memory, bytes ? bytes : 1);
	return smaller ? smaller : memory;
}

static int index_fill(struct listener_index *index, const struct listener *listeners, size_t count,
		      const struct entry *entries, size_t entry_count)
{
	// n ranges have at most 2n borders; with 0 and 65536 they make at most 2n + 1 spans. A block more
	// follows those of groups with more than a few, that is of at least two entries.
	const size_t spans = 3 * entry_count + 1, blocks = entry_count / 2 * SPAN_BLOCK;
	index->listeners = malloc((count + 1) * sizeof(*listeners));
	index->groups = malloc((entry_count + 1) * sizeof(*index->groups));
	index->span_low = malloc((spans + blocks) * sizeof(*index->span_low));
	index->span_listener = malloc((spans + blocks) * sizeof(*index->span_listener));
	if (!index->listeners || !index->groups || !index->span_low || !index->span_listener)
		return -ENOMEM;
	if (count)
		memcpy(index->listeners, listeners, count * sizeof(*listeners));
	int result = groups_fill(index, entries, entry_count);
	if (result == 0)
		result = slots_fill(index);
	if (result)
		return result;
	index->groups = shrink(index->groups, index->group_count * sizeof(*index->groups));
	index->span_low = shrink(index->span_low, index->span_count * sizeof(*index->span_low));
	index->span_listener = shrink(index->span_listener, index->span_count * sizeof(*index->span_listener));
	return levels_fill(index);
}

static int entries_check(struct entry *entries, size_t count, size_t tie[2])
{
	qsort(entries, count, sizeof(*entries), compare_across_groups);
	int result = ties_across_groups(entries, count, tie);
	if (result)
		return result;
	qsort(entries, count, sizeof(*entries), compare_in_group);
	return ties_in_groups(entries, count, tie);
}

int listener_index_build(const struct listener *listeners, size_t count, struct listener_index **index, size_t tie[2])
{
	ssize_t entry_count;
	struct entry *entries = entries_make(listeners, count, &entry_count);
	if (!entries)
		return (int)entry_count;
	int result = entries_check(entries, (size_t)entry_count, tie);
	struct listener_index *made = result == 0 ? calloc(1, sizeof(*made)) : NULL;
	if (result == 0)
		result = made ? index_fill(made, listeners, count, entries, (size_t)entry_count) : -ENOMEM;
	free(entries);
	if (result) {
		listener_index_free(made);
		return result;
	}
	*index = made;
	return 0;
}
