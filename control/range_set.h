// SPDX-License-Identifier: BSD-3-Clause
// Sets of ports and of addresses while they grow: inclusive ranges in any order, overlapping or not, until they are
// normalised. One thread.
#pragma once

#include <stddef.h>

#include "dataplane/rule.h"

// All zeroes is an empty one.
struct port_ranges {
	struct port_range *range;
	size_t count, room;
};

struct address_ranges {
	struct address_range *range;
	size_t count, room;
};

// 0, or -1 without memory. low <= high.
int port_ranges_add(struct port_ranges *set, uint16_t low, uint16_t high);
int address_ranges_add(struct address_ranges *set, const struct ip_address *low, const struct ip_address *high);

// Sorts, and makes one of ranges that overlap or touch: equal sets have equal ranges.
void port_ranges_normalise(struct port_ranges *set);
void address_ranges_normalise(struct address_ranges *set, enum ip_family family);

// All from 0 to most, or all addresses of the family, but those; normalised. 0, or -1 without memory and the set is the
// old one, normalised.
int port_ranges_negate(struct port_ranges *set, uint16_t most);
int address_ranges_negate(struct address_ranges *set, enum ip_family family);

// What is in both; normalised. 0, or -1 without memory.
int port_ranges_intersect(struct port_ranges *set, const struct port_ranges *other);
int address_ranges_intersect(struct address_ranges *set, const struct address_ranges *other, enum ip_family family);

// Empties the set and gives its memory back.
void port_ranges_free(struct port_ranges *set);
void address_ranges_free(struct address_ranges *set);
