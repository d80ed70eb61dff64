// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_index.h"

#include <stdlib.h>
#include <string.h>

enum {
	PORTS_MAX = 16, // of a rule that is found by its ports
	LEVELS = 3,     // of prefixes that rules are found by
	HASH_BITS = 17,
	LISTS = 1 << HASH_BITS,
	WAYS = 2 + 2 * LEVELS, // that a packet's rules are looked for: port, protocol, prefixes
};

static const uint8_t level_bits[2][LEVELS] = { { 24, 16, 8 }, { 64, 48, 32 } };

enum key_kind { KEY_PORT = 1, KEY_SOURCE, KEY_DESTINATION, KEY_PROTOCOL };

// Lists of positions, ascending, one behind the other; the last is of rules that have no key.
struct rule_index {
	struct rule_entry *const *entry;
	uint32_t *position;
	uint32_t start[LISTS + 2];
};

enum { WIDE = LISTS };

static uint32_t hash_key(enum key_kind kind, uint64_t high, uint64_t low)
{
	uint64_t hash = ((uint64_t)kind << 60) ^ high;
	hash = (hash ^ hash >> 29) * 0x9e3779b97f4a7c15;
	hash = (hash ^ low ^ hash >> 32) * 0xbf58476d1ce4e5b9;
	return (uint32_t)(hash >> (64 - HASH_BITS));
}

static uint32_t prefix_list(enum key_kind kind, const struct ip_address *address, bool ip4, unsigned level)
{
	uint64_t high = 0;
	unsigned bits = level_bits[!ip4][level];
	for (unsigned i = 0; i < bits / 8; i++)
		high = high << 8 | address->byte[i];
	return hash_key(kind, high, bits | (ip4 ? 0 : 256));
}

// Bits that all addresses of a set begin with.
static unsigned common_bits(const struct address_set *set)
{
	const struct ip_address *low = &set->range[0].low, *high = &set->range[set->count - 1].high;
	unsigned bits = 0;
	while (bits < 128 && !((low->byte[bits / 8] ^ high->byte[bits / 8]) >> (7 - bits % 8) & 1))
		bits++;
	return bits;
}

// The list of the longest prefix that all addresses have in common, WIDE: there is none.
static uint32_t address_list(enum key_kind kind, const struct address_set *set, bool ip4)
{
	unsigned common = set->count ? common_bits(set) : 0;
	for (unsigned level = 0; level < LEVELS; level++)
		if (common >= level_bits[!ip4][level])
			return prefix_list(kind, &set->range[0].low, ip4, level);
	return WIDE;
}

static unsigned port_count(const struct port_set *set)
{
	unsigned ports = 0;
	for (uint32_t i = 0; i < set->count && ports <= PORTS_MAX; i++)
		ports += set->range[i].high - set->range[i].low + 1u;
	return ports;
}

static uint32_t protocol_list(const struct rule *rule)
{
	unsigned protocols = 0, last = 0;
	for (unsigned i = 0; i < 256; i++) {
		if (byte_set_has(&rule->protocols, (uint8_t)i)) {
			protocols++;
			last = i;
		}
	}
	return protocols == 1 ? hash_key(KEY_PROTOCOL, last, 0) : WIDE;
}

// The lists that a rule may stand in, each of which would do: by source, by destination, by protocol.
static unsigned single_lists(const struct rule *rule, uint32_t list[3])
{
	unsigned count = 0;
	if (rule->asks & RULE_SOURCE)
		list[count++] = address_list(KEY_SOURCE, &rule->sources, rule->ip4);
	if (rule->asks & RULE_DESTINATION)
		list[count++] = address_list(KEY_DESTINATION, &rule->destinations, rule->ip4);
	if (rule->asks & RULE_PROTOCOL)
		list[count++] = protocol_list(rule);
	return count;
}

// The lists of its ports, in each of which it has to stand.
static unsigned port_lists(const struct rule *rule, uint32_t list[PORTS_MAX])
{
	unsigned count = 0;
	if (!(rule->asks & RULE_DESTINATION_PORT) || port_count(&rule->destination_ports) > PORTS_MAX)
		return 0;
	for (uint32_t i = 0; i < rule->destination_ports.count; i++)
		for (unsigned port = rule->destination_ports.range[i].low; port <= rule->destination_ports.range[i].high; port++)
			list[count++] = hash_key(KEY_PORT, port, 0);
	return count;
}

static bool decides(const struct rule *rule)
{
	return rule->verdict != VERDICT_NONE && rule->limit.rate == 0;
}

static void count_lists(const struct rule *rule, uint32_t *sizes)
{
	uint32_t single[3], ports[PORTS_MAX];
	unsigned count = single_lists(rule, single);
	for (unsigned i = 0; i < count; i++)
		sizes[single[i]]++;
	count = port_lists(rule, ports);
	for (unsigned i = 0; i < count; i++)
		sizes[ports[i]]++;
}

// The lists that a rule is put into: the shortest that would do.
static unsigned choose_lists(const struct rule *rule, const uint32_t *sizes, uint32_t list[PORTS_MAX])
{
	uint32_t single[3], best = WIDE;
	unsigned count = port_lists(rule, list), singles = single_lists(rule, single);
	uint32_t longest = 0;
	for (unsigned i = 0; i < count; i++)
		longest = sizes[list[i]] > longest ? sizes[list[i]] : longest;
	for (unsigned i = 0; i < singles; i++)
		if (single[i] != WIDE && (best == WIDE || sizes[single[i]] < sizes[best]))
			best = single[i];
	if (count && (best == WIDE || longest <= sizes[best]))
		return count;
	list[0] = best;
	return 1;
}

static bool has_before(const uint32_t *list, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (list[i] == list[at])
			return true;
	return false;
}

static int fill_lists(struct rule_index *index, size_t count, const uint32_t *sizes)
{
	uint32_t list[PORTS_MAX], *fill = calloc(LISTS + 2, sizeof(*fill));
	if (!fill)
		return -1;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < count; i++) {
			const struct rule *rule = &index->entry[i]->rule;
			unsigned lists = decides(rule) ? choose_lists(rule, sizes, list) : 0;
			for (unsigned j = 0; j < lists; j++) {
				if (has_before(list, j))
					continue;
				if (pass == 0)
					index->start[list[j] + 1]++;
				else
					index->position[index->start[list[j]] + fill[list[j]]++] = (uint32_t)i;
			}
		}
		if (pass == 0) {
			for (unsigned j = 0; j <= LISTS; j++)
				index->start[j + 1] += index->start[j];
			index->position = malloc((index->start[LISTS + 1] + 1) * sizeof(*index->position));
			if (!index->position)
				break;
		}
	}
	free(fill);
	return index->position ? 0 : -1;
}

struct rule_index *rule_index_build(struct rule_entry *const entry[], size_t count)
{
	struct rule_index *index = calloc(1, sizeof(*index));
	uint32_t *sizes = calloc(LISTS + 1, sizeof(*sizes));
	if (index && sizes) {
		index->entry = entry;
		for (size_t i = 0; i < count; i++)
			if (decides(&entry[i]->rule))
				count_lists(&entry[i]->rule, sizes);
	}
	if (!index || !sizes || fill_lists(index, count, sizes)) {
		rule_index_free(index);
		index = NULL;
	}
	free(sizes);
	return index;
}

void rule_index_free(struct rule_index *index)
{
	if (index)
		free(index->position);
	free(index);
}

// The first rule of a list, before best, that matches.
static size_t search_list(const struct rule_index *index, uint32_t list, const struct packet_tuple *tuple, size_t best,
			  uint64_t *looked_at)
{
	for (uint32_t i = index->start[list]; i < index->start[list + 1]; i++) {
		size_t position = index->position[i];
		uint16_t failed;
		if (position >= best)
			break;
		++*looked_at;
		if (rule_matches(&index->entry[position]->rule, tuple, &failed))
			return position;
	}
	return best;
}

size_t rule_index_first(const struct rule_index *index, const struct packet_tuple *tuple, size_t before,
			uint64_t *looked_at)
{
	bool ip4 = tuple->family == FAMILY_IP4;
	uint32_t list[WAYS + 1] = { WIDE, hash_key(KEY_PROTOCOL, tuple->protocol, 0),
		hash_key(KEY_PORT, tuple->destination_port, 0) };
	unsigned count = 3;
	for (unsigned level = 0; level < LEVELS; level++) {
		list[count++] = prefix_list(KEY_SOURCE, &tuple->source, ip4, level);
		list[count++] = prefix_list(KEY_DESTINATION, &tuple->destination, ip4, level);
	}
	size_t best = before;
	for (unsigned i = 0; i < count; i++)
		best = search_list(index, list[i], tuple, best, looked_at);
	return best < before ? best : SIZE_MAX;
}
