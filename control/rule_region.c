// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_region.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/services.h"

enum {
	BLOCK_BYTES = 64 * 1024,
	BYTES = 256,
	CONNECTIONS = 4, // untracked never is
};

// Memory

struct region_block {
	struct region_block *older;
	size_t size;
	char bytes[] __attribute__((aligned(16)));
};

static struct region_block *add_block(struct region_room *room, size_t size)
{
	struct region_block *block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	*block = (struct region_block){ .older = room->block, .size = size };
	room->block = block;
	room->used = 0;
	return block;
}

static const struct value_set nothing = { .count = 0 };

// NULL without memory.
static struct value_set *take_set(struct region_room *room, size_t ranges)
{
	size_t bytes = (sizeof(struct value_set) + ranges * sizeof(struct value_range) + 15) & ~(size_t)15;
	if ((!room->block || room->used + bytes > room->block->size) &&
	    !add_block(room, bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES)) {
		room->failed = true;
		return NULL;
	}
	struct value_set *set = (struct value_set *)(room->block->bytes + room->used);
	room->used += bytes;
	set->count = 0;
	return set;
}

// Gives back what the newest set does not need.
static const struct value_set *trim_set(struct region_room *room, struct value_set *set)
{
	size_t bytes = (sizeof(*set) + set->count * sizeof(struct value_range) + 15) & ~(size_t)15;
	room->used = (size_t)((char *)set - room->block->bytes) + bytes;
	return set;
}

void region_room_reset(struct region_room *room)
{
	while (room->block && room->block->older) {
		struct region_block *older = room->block->older;
		free(room->block);
		room->block = older;
	}
	room->used = 0;
	room->failed = false;
}

void region_room_free(struct region_room *room)
{
	region_room_reset(room);
	free(room->block);
	*room = (struct region_room){ 0 };
}

// Sets

static region_value highest_value(const struct region *region, unsigned field)
{
	static const uint32_t highest[REGION_FIELDS] = {
		[REGION_FAMILY] = 1,
		[REGION_PROTOCOL] = BYTES - 1,
		[REGION_HEADER] = 1,
		[REGION_NEXT_HEADER] = BYTES - 1,
		[REGION_SOURCE_PORT] = UINT16_MAX,
		[REGION_DESTINATION_PORT] = UINT16_MAX,
		[REGION_TCP_FLAGS] = BYTES - 1,
		[REGION_ICMP_TYPE] = BYTES - 1,
		[REGION_ICMP_CODE] = BYTES - 1,
		[REGION_VLAN] = REGION_UNTAGGED,
		[REGION_INTERFACE] = 63,
		[REGION_CONNECTION] = CONNECTIONS - 1,
	};
	if (field != REGION_SOURCE && field != REGION_DESTINATION)
		return highest[field];
	const struct value_set *family = region->set[REGION_FAMILY];
	bool ip4 = family && family->count == 1 && family->range[0].high == 0;
	return ip4 ? (region_value)UINT32_MAX : ~(region_value)0;
}

static const struct value_set *one_range(struct region_room *room, region_value low, region_value high)
{
	struct value_set *set = take_set(room, 1);
	if (!set)
		return &nothing;
	set->range[set->count++] = (struct value_range){ low, high };
	return set;
}

static const struct value_set *intersect_sets(struct region_room *room, const struct value_set *a,
					      const struct value_set *b)
{
	if (!a || !b || a == b)
		return a ? a : b;
	struct value_set *both = take_set(room, (size_t)a->count + b->count);
	if (!both)
		return &nothing;
	for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
		region_value low = a->range[i].low > b->range[j].low ? a->range[i].low : b->range[j].low;
		region_value high = a->range[i].high < b->range[j].high ? a->range[i].high : b->range[j].high;
		if (low <= high)
			both->range[both->count++] = (struct value_range){ low, high };
		if (a->range[i].high < b->range[j].high)
			i++;
		else
			j++;
	}
	return trim_set(room, both);
}

// a, without what b has.
static const struct value_set *subtract_sets(struct region_room *room, const struct value_set *a,
					     const struct value_set *b, region_value highest)
{
	if (!b || a == b)
		return &nothing;
	const struct value_set *from = a ? a : one_range(room, 0, highest);
	struct value_set *rest = take_set(room, (size_t)from->count + b->count);
	if (!rest)
		return &nothing;
	for (uint32_t i = 0, j = 0; i < from->count; i++) {
		region_value low = from->range[i].low, high = from->range[i].high;
		bool left = true;
		while (j < b->count && b->range[j].high < low)
			j++;
		for (uint32_t k = j; left && k < b->count && b->range[k].low <= high; k++) {
			if (b->range[k].low > low)
				rest->range[rest->count++] = (struct value_range){ low, b->range[k].low - 1 };
			left = b->range[k].high < high;
			low = b->range[k].high + 1; // not looked at where it wraps: nothing is left then
		}
		if (left)
			rest->range[rest->count++] = (struct value_range){ low, high };
	}
	return trim_set(room, rest);
}

static const struct value_set *set_of_bytes(struct region_room *room, const struct byte_set *bytes)
{
	struct value_set *set = take_set(room, BYTES / 2);
	if (!set)
		return &nothing;
	for (unsigned value = 0; value < BYTES; value++) {
		if (!byte_set_has(bytes, (uint8_t)value))
			continue;
		if (set->count && set->range[set->count - 1].high + 1 == value)
			set->range[set->count - 1].high = value;
		else
			set->range[set->count++] = (struct value_range){ value, value };
	}
	return trim_set(room, set);
}

static const struct value_set *set_of_bits(struct region_room *room, uint64_t bits, unsigned count)
{
	struct value_set *set = take_set(room, count);
	if (!set)
		return &nothing;
	for (unsigned bit = 0; bit < count; bit++)
		if (bits >> bit & 1)
			set->range[set->count++] = (struct value_range){ bit, bit };
	return trim_set(room, set);
}

static const struct value_set *set_of_ports(struct region_room *room, const struct port_set *ports)
{
	struct value_set *set = take_set(room, ports->count);
	if (!set)
		return &nothing;
	for (uint32_t i = 0; i < ports->count; i++)
		set->range[set->count++] = (struct value_range){ ports->range[i].low, ports->range[i].high };
	return set;
}

region_value region_address(const struct ip_address *address, bool ip4)
{
	region_value value = 0;
	for (unsigned i = 0; i < (ip4 ? 4 : 16); i++)
		value = value << 8 | address->byte[i];
	return value;
}

static const struct value_set *set_of_addresses(struct region_room *room, const struct address_set *addresses, bool ip4)
{
	region_value highest = ip4 ? (region_value)UINT32_MAX : ~(region_value)0;
	struct value_set *set = take_set(room, addresses->count);
	if (!set)
		return &nothing;
	for (uint32_t i = 0; i < addresses->count; i++)
		set->range[set->count++] = (struct value_range){ region_address(&addresses->range[i].low, ip4),
			region_address(&addresses->range[i].high, ip4) };
	if (set->count == 1 && set->range[0].low == 0 && set->range[0].high == highest)
		return NULL;
	return set;
}

// Regions

static bool narrow_to(struct region_room *room, struct region *region, unsigned field, const struct value_set *set)
{
	region->set[field] = intersect_sets(room, region->set[field], set);
	return !region->set[field] || region->set[field]->count > 0;
}

bool region_narrow(struct region_room *room, struct region *region, enum region_field field, region_value low,
		   region_value high)
{
	return narrow_to(room, region, field, one_range(room, low, high));
}

// Protocols that have what a rule asks for. ICMP has types in IPv4, ICMPv6 in IPv6.
static bool narrow_protocols(struct region_room *room, struct region *region, const struct rule *rule)
{
	static const uint16_t ports = RULE_SOURCE_PORT | RULE_DESTINATION_PORT, types = RULE_ICMP_TYPE | RULE_ICMP_CODE;
	uint16_t asks = rule->asks;
	struct byte_set ported = { 0 }, tcp = { 0 }, icmp = { 0 };
	if (!(asks & (ports | types | RULE_TCP_FLAGS)))
		return true;
	for (unsigned protocol = 0; protocol < BYTES; protocol++)
		if (protocol_has_ports((uint8_t)protocol))
			byte_set_add(&ported, (uint8_t)protocol);
	byte_set_add(&tcp, IPPROTO_TCP);
	if (rule->ip4)
		byte_set_add(&icmp, IPPROTO_ICMP);
	if (rule->ip6)
		byte_set_add(&icmp, IPPROTO_ICMPV6);
	return region_narrow(room, region, REGION_HEADER, 1, 1) &&
	       (!(asks & ports) || narrow_to(room, region, REGION_PROTOCOL, set_of_bytes(room, &ported))) &&
	       (!(asks & RULE_TCP_FLAGS) || narrow_to(room, region, REGION_PROTOCOL, set_of_bytes(room, &tcp))) &&
	       (!(asks & types) || narrow_to(room, region, REGION_PROTOCOL, set_of_bytes(room, &icmp)));
}

// A byte set of the rule, where it asks for it.
static bool narrow_bytes(struct region_room *room, struct region *region, const struct rule *rule,
			 enum rule_field asked, unsigned field, const struct byte_set *bytes)
{
	return !(rule->asks & asked) || narrow_to(room, region, field, set_of_bytes(room, bytes));
}

static bool narrow_ports(struct region_room *room, struct region *region, const struct rule *rule,
			 enum rule_field asked, unsigned field, const struct port_set *ports)
{
	return !(rule->asks & asked) || narrow_to(room, region, field, set_of_ports(room, ports));
}

static bool narrow_addresses(struct region_room *room, struct region *region, const struct rule *rule,
			     enum rule_field asked, unsigned field, const struct address_set *addresses)
{
	return !(rule->asks & asked) || narrow_to(room, region, field, set_of_addresses(room, addresses, rule->ip4));
}

bool region_of_rule(struct region_room *room, const struct rule *rule, struct region *region, bool *exact)
{
	bool next_header = rule->asks & RULE_NEXT_HEADER;
	*region = (struct region){ 0 };
	if (exact)
		*exact = !(rule->ip4 && rule->ip6 && rule->asks & (RULE_NEXT_HEADER | RULE_ICMP_TYPE | RULE_ICMP_CODE));
	if ((!rule->ip4 && !rule->ip6) ||
	    (rule->ip4 != rule->ip6 && !region_narrow(room, region, REGION_FAMILY, rule->ip6, rule->ip6)))
		return false;
	if (next_header && !narrow_to(room, region, rule->ip4 ? REGION_PROTOCOL : REGION_NEXT_HEADER,
		    set_of_bytes(room, &rule->next_headers)))
		return false;
	if ((rule->asks & RULE_CONNECTION) &&
	    !narrow_to(room, region, REGION_CONNECTION, set_of_bits(room, rule->connection, CONNECTIONS)))
		return false;
	if ((rule->asks & RULE_INTERFACE) &&
	    !narrow_to(room, region, REGION_INTERFACE, set_of_bits(room, rule->interfaces, 64)))
		return false;
	return narrow_bytes(room, region, rule, RULE_PROTOCOL, REGION_PROTOCOL, &rule->protocols) &&
	       narrow_protocols(room, region, rule) &&
	       narrow_addresses(room, region, rule, RULE_SOURCE, REGION_SOURCE, &rule->sources) &&
	       narrow_addresses(room, region, rule, RULE_DESTINATION, REGION_DESTINATION, &rule->destinations) &&
	       narrow_ports(room, region, rule, RULE_SOURCE_PORT, REGION_SOURCE_PORT, &rule->source_ports) &&
	       narrow_ports(room, region, rule, RULE_DESTINATION_PORT, REGION_DESTINATION_PORT, &rule->destination_ports) &&
	       narrow_bytes(room, region, rule, RULE_TCP_FLAGS, REGION_TCP_FLAGS, &rule->tcp_flags) &&
	       narrow_bytes(room, region, rule, RULE_ICMP_TYPE, REGION_ICMP_TYPE, &rule->icmp_types) &&
	       narrow_bytes(room, region, rule, RULE_ICMP_CODE, REGION_ICMP_CODE, &rule->icmp_codes) &&
	       narrow_ports(room, region, rule, RULE_VLAN, REGION_VLAN, &rule->vlans);
}

static bool set_has(const struct value_set *set, region_value value)
{
	if (!set)
		return true;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->range[i].low <= value && value <= set->range[i].high)
			return true;
	return false;
}

bool region_drop_impossible(struct region_room *room, struct region *region)
{
	const struct value_set *protocols = region->set[REGION_PROTOCOL];
	if (set_has(protocols, IPPROTO_ICMP) || set_has(protocols, IPPROTO_ICMPV6))
		return true;
	return narrow_to(room, region, REGION_CONNECTION,
		set_of_bits(room, CONNECTION_NEW | CONNECTION_ESTABLISHED, CONNECTIONS));
}

bool region_intersect(struct region_room *room, const struct region *a, const struct region *b, struct region *both)
{
	*both = *a;
	for (unsigned field = 0; field < REGION_FIELDS; field++)
		if (!narrow_to(room, both, field, b->set[field]))
			return false;
	return true;
}

unsigned region_subtract(struct region_room *room, const struct region *a, const struct region *b,
			 struct region pieces[REGION_FIELDS])
{
	struct region rest = *a, both;
	unsigned count = 0;
	if (!region_intersect(room, a, b, &both)) {
		pieces[0] = *a;
		return 1;
	}
	for (unsigned field = 0; field < REGION_FIELDS; field++) {
		if (!b->set[field])
			continue;
		const struct value_set *left = subtract_sets(room, rest.set[field], b->set[field],
			highest_value(&rest, field));
		if (left->count) {
			pieces[count] = rest;
			pieces[count++].set[field] = left;
		}
		rest.set[field] = both.set[field];
	}
	return count;
}

bool region_covers(struct region_room *room, const struct region *a, const struct region *b)
{
	struct region pieces[REGION_FIELDS];
	return region_subtract(room, b, a, pieces) == 0;
}

enum region_relation region_relation(struct region_room *room, const struct region *a, const struct region *b,
				     enum region_field field)
{
	region_value highest = highest_value(b->set[REGION_FAMILY] ? b : a, field);
	bool more = subtract_sets(room, a->set[field], b->set[field], highest)->count > 0;
	bool less = subtract_sets(room, b->set[field], a->set[field], highest)->count > 0;
	if (more && less)
		return REGION_CROSSING;
	return more ? REGION_AROUND : less ? REGION_WITHIN : REGION_SAME;
}

// Packets

static region_value value_of(const struct region *region, unsigned field, bool highest)
{
	const struct value_set *set = region->set[field];
	if (!set)
		return highest ? highest_value(region, field) : 0;
	return highest ? set->range[set->count - 1].high : set->range[0].low;
}

static struct ip_address address_of(region_value value, bool ip4)
{
	struct ip_address address = { 0 };
	for (unsigned i = ip4 ? 4 : 16; i-- > 0; value >>= 8)
		address.byte[i] = (uint8_t)value;
	return address;
}

void region_packet(const struct region *region, bool highest, struct packet_tuple *tuple)
{
	static const struct value_set only_ip4 = { .count = 1, .range = { { 0, 0 } } };
	static const struct value_set only_ip6 = { .count = 1, .range = { { 1, 1 } } };
	struct region one = *region; // of one family, so that addresses are that family's
	bool ip4 = value_of(region, REGION_FAMILY, highest) == 0;
	one.set[REGION_FAMILY] = ip4 ? &only_ip4 : &only_ip6;
	region_value vlan = value_of(&one, REGION_VLAN, highest);
	*tuple = (struct packet_tuple){
		.family = ip4 ? FAMILY_IP4 : FAMILY_IP6,
		.source = address_of(value_of(&one, REGION_SOURCE, highest), ip4),
		.destination = address_of(value_of(&one, REGION_DESTINATION, highest), ip4),
		.protocol = (uint8_t)value_of(&one, REGION_PROTOCOL, highest),
		.source_port = (uint16_t)value_of(&one, REGION_SOURCE_PORT, highest),
		.destination_port = (uint16_t)value_of(&one, REGION_DESTINATION_PORT, highest),
		.tcp_flags = (uint8_t)value_of(&one, REGION_TCP_FLAGS, highest),
		.icmp_type = (uint8_t)value_of(&one, REGION_ICMP_TYPE, highest),
		.icmp_code = (uint8_t)value_of(&one, REGION_ICMP_CODE, highest),
		.interface = (uint8_t)value_of(&one, REGION_INTERFACE, highest),
		.connection = (uint8_t)(1 << (unsigned)value_of(&one, REGION_CONNECTION, highest)),
		.tagged = vlan != REGION_UNTAGGED,
		.vlan = vlan == REGION_UNTAGGED ? 0 : (uint16_t)vlan,
		.portless = value_of(&one, REGION_HEADER, highest) == 0,
	};
	tuple->next_header = ip4 ? tuple->protocol : (uint8_t)value_of(&one, REGION_NEXT_HEADER, highest);
}
