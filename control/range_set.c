// SPDX-License-Identifier: BSD-3-Clause
#include "control/range_set.h"

#include <stdlib.h>
#include <string.h>

// Room for one more. 0, or -1 without memory.
static int reserve(void **range, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return 0;
	size_t more = *room ? 2 * *room : 4;
	void *grown = realloc(*range, more * size);
	if (!grown)
		return -1;
	*range = grown;
	*room = more;
	return 0;
}

// Ports

int port_ranges_add(struct port_ranges *set, uint16_t low, uint16_t high)
{
	void *range = set->range;
	int result = reserve(&range, &set->room, set->count, sizeof(*set->range));
	set->range = range;
	if (result == 0)
		set->range[set->count++] = (struct port_range){ low, high };
	return result;
}

static int port_order(const void *a, const void *b)
{
	const struct port_range *one = a, *other = b;
	return (int)one->low - (int)other->low;
}

void port_ranges_normalise(struct port_ranges *set)
{
	size_t kept = 0;
	if (set->count > 1)
		qsort(set->range, set->count, sizeof(*set->range), port_order);
	for (size_t i = 1; i < set->count; i++) {
		struct port_range *last = &set->range[kept], next = set->range[i];
		if (next.low > (uint32_t)last->high + 1)
			set->range[++kept] = next;
		else if (next.high > last->high)
			last->high = next.high;
	}
	set->count = set->count ? kept + 1 : 0;
}

int port_ranges_negate(struct port_ranges *set, uint16_t most)
{
	struct port_ranges gaps = { 0 };
	uint32_t low = 0; // first port that is not looked at yet
	int result = 0;
	port_ranges_normalise(set);
	for (size_t i = 0; i < set->count && result == 0 && low <= most; i++) {
		const struct port_range *range = &set->range[i];
		uint32_t end = range->low <= most ? range->low : most + 1u;
		if (end > low)
			result = port_ranges_add(&gaps, (uint16_t)low, (uint16_t)(end - 1));
		low = range->high + 1u;
	}
	if (low <= most && result == 0)
		result = port_ranges_add(&gaps, (uint16_t)low, most);
	if (result == 0) {
		port_ranges_free(set);
		*set = gaps;
	} else {
		port_ranges_free(&gaps);
	}
	return result;
}

static int port_ranges_add_all(struct port_ranges *set, const struct port_ranges *other)
{
	int result = 0;
	for (size_t i = 0; i < other->count && result == 0; i++)
		result = port_ranges_add(set, other->range[i].low, other->range[i].high);
	return result;
}

// All but what is out of one or of the other.
int port_ranges_intersect(struct port_ranges *set, const struct port_ranges *other)
{
	struct port_ranges out = { 0 };
	int result = port_ranges_add_all(&out, other) || port_ranges_negate(&out, UINT16_MAX) ||
		     port_ranges_negate(set, UINT16_MAX) || port_ranges_add_all(set, &out) ||
		     port_ranges_negate(set, UINT16_MAX);
	port_ranges_free(&out);
	return result ? -1 : 0;
}

void port_ranges_free(struct port_ranges *set)
{
	free(set->range);
	*set = (struct port_ranges){ 0 };
}

// Addresses

int address_ranges_add(struct address_ranges *set, const struct ip_address *low, const struct ip_address *high)
{
	void *range = set->range;
	int result = reserve(&range, &set->room, set->count, sizeof(*set->range));
	set->range = range;
	if (result == 0)
		set->range[set->count++] = (struct address_range){ *low, *high };
	return result;
}

static int compare(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte));
}

static int address_order(const void *a, const void *b)
{
	const struct address_range *one = a, *other = b;
	return compare(&one->low, &other->low);
}

static int width(enum ip_family family)
{
	return family == FAMILY_IP4 ? 4 : 16;
}

// The address behind this one. false: this is the last.
static bool next_address(struct ip_address *address, enum ip_family family)
{
	for (int i = width(family) - 1; i >= 0; i--) {
		if (++address->byte[i] != 0)
			return true;
	}
	return false;
}

// Of any but the first address.
static void previous_address(struct ip_address *address, enum ip_family family)
{
	for (int i = width(family) - 1; i >= 0; i--) {
		if (address->byte[i]-- != 0)
			return;
	}
}

// Whether what begins at low overlaps a range that ends at high, or begins right behind it.
static bool touches(const struct ip_address *low, struct ip_address high, enum ip_family family)
{
	return compare(low, &high) <= 0 || (next_address(&high, family) && compare(low, &high) == 0);
}

void address_ranges_normalise(struct address_ranges *set, enum ip_family family)
{
	size_t kept = 0;
	if (set->count > 1)
		qsort(set->range, set->count, sizeof(*set->range), address_order);
	for (size_t i = 1; i < set->count; i++) {
		struct address_range *last = &set->range[kept], next = set->range[i];
		if (!touches(&next.low, last->high, family))
			set->range[++kept] = next;
		else if (compare(&next.high, &last->high) > 0)
			last->high = next.high;
	}
	set->count = set->count ? kept + 1 : 0;
}

// What lies between ranges that neither overlap nor touch.
static int add_gaps(const struct address_ranges *set, enum ip_family family, struct address_ranges *gaps)
{
	struct ip_address low = { { 0 } }, last = { { 0 } };
	memset(last.byte, 0xff, (size_t)width(family));
	for (size_t i = 0; i < set->count; i++) {
		struct ip_address end = set->range[i].low;
		if (compare(&end, &low) > 0) {
			previous_address(&end, family);
			if (address_ranges_add(gaps, &low, &end))
				return -1;
		}
		low = set->range[i].high;
		if (!next_address(&low, family))
			return 0;
	}
	return address_ranges_add(gaps, &low, &last);
}

int address_ranges_negate(struct address_ranges *set, enum ip_family family)
{
	struct address_ranges gaps = { 0 };
	address_ranges_normalise(set, family);
	int result = add_gaps(set, family, &gaps);
	struct address_ranges *useless = result ? &gaps : set;
	address_ranges_free(useless);
	if (result == 0)
		*set = gaps;
	return result;
}

static int address_ranges_add_all(struct address_ranges *set, const struct address_ranges *other)
{
	int result = 0;
	for (size_t i = 0; i < other->count && result == 0; i++)
		result = address_ranges_add(set, &other->range[i].low, &other->range[i].high);
	return result;
}

int address_ranges_intersect(struct address_ranges *set, const struct address_ranges *other, enum ip_family family)
{
	struct address_ranges out = { 0 };
	int result = address_ranges_add_all(&out, other) || address_ranges_negate(&out, family) ||
		     address_ranges_negate(set, family) || address_ranges_add_all(set, &out) ||
		     address_ranges_negate(set, family);
	address_ranges_free(&out);
	return result ? -1 : 0;
}

void address_ranges_free(struct address_ranges *set)
{
	free(set->range);
	*set = (struct address_ranges){ 0 };
}
