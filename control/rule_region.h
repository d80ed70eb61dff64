// SPDX-License-Identifier: BSD-3-Clause
// What a rule matches, as a product of sets, one for each thing that packets differ in: so that rules can be compared
// and subtracted from each other without trying packets. One thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/rule_match.h"

__extension__ typedef unsigned __int128 region_value;

// In this order are regions subtracted: what a field depends on stands before it. A packet without ports, flags or types
// of its own is no member of a region that names some: REGION_PROTOCOL and REGION_HEADER leave it out.
enum region_field {
	REGION_FAMILY = 0, // 0: IPv4, 1: IPv6
	REGION_PROTOCOL,
	REGION_HEADER, // 1: has its transport header; 0: a later fragment
	REGION_NEXT_HEADER, // of IPv6 alone
	REGION_SOURCE,
	REGION_DESTINATION,
	REGION_SOURCE_PORT,
	REGION_DESTINATION_PORT,
	REGION_TCP_FLAGS,
	REGION_ICMP_TYPE,
	REGION_ICMP_CODE,
	REGION_VLAN, // REGION_UNTAGGED, or the outermost id
	REGION_INTERFACE,
	REGION_CONNECTION, // bit number of enum connection_state
	REGION_FIELDS,
};

enum { REGION_UNTAGGED = 4096 };

struct value_range {
	region_value low, high; // inclusive
};

// Sorted, without overlaps.
struct value_set {
	uint32_t count;
	struct value_range range[];
};

// A set that is NULL is everything.
struct region {
	const struct value_set *set[REGION_FIELDS];
};

// Where sets are kept; all are given back at once. Zeroes: an empty one.
struct region_room {
	struct region_block *block; // newest first
	size_t used;                // of the newest
	bool failed;                // there was no memory: what was made since is not to be trusted
};

void region_room_reset(struct region_room *room);
void region_room_free(struct region_room *room);

// The region of a rule, its limit left aside. false: it matches nothing. exact (may be NULL): false where a product of sets
// can't say it, and the region is more than the rule.
bool region_of_rule(struct region_room *room, const struct rule *rule, struct region *region, bool *exact);

// Narrows a field to a range. false: nothing is left.
bool region_narrow(struct region_room *room, struct region *region, enum region_field field, region_value low,
		   region_value high);

// Leaves out what no packet is: an ICMP error alone is related or invalid. For what is looked for packets in.
bool region_drop_impossible(struct region_room *room, struct region *region);

// What both have. false: nothing.
bool region_intersect(struct region_room *room, const struct region *a, const struct region *b, struct region *both);

// What of a is not in b, as pieces that do not overlap: returns how many, at most REGION_FIELDS; 0: b covers a.
unsigned region_subtract(struct region_room *room, const struct region *a, const struct region *b,
			 struct region pieces[REGION_FIELDS]);
bool region_covers(struct region_room *room, const struct region *a, const struct region *b); // a all of b

// How one field's sets stand to each other.
enum region_relation {
	REGION_SAME = 0,
	REGION_WITHIN,  // a's is part of b's
	REGION_AROUND,  // b's is part of a's
	REGION_CROSSING, // each has what the other has not
};
enum region_relation region_relation(struct region_room *room, const struct region *a, const struct region *b,
				     enum region_field field);

// A packet of the region: the one of the lowest values, or of the highest.
void region_packet(const struct region *region, bool highest, struct packet_tuple *tuple);

region_value region_address(const struct ip_address *address, bool ip4);
