// SPDX-License-Identifier: BSD-3-Clause
#include "bench/classify_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/random.h"

enum { ICMP = 1, TCP = 6, UDP = 17, GRE = 47, ESP = 50, ICMPV6 = 58, ANY = 256 };

// ClassBench's names for what rules ask of ports.
enum ports_asked {
	PORT_WC = 0, // wildcard
	PORT_HI,     // 1024 to 65535
	PORT_LO,     // 0 to 1023
	PORT_AR,     // an arbitrary range
	PORT_EM,     // an exact one
	PORTS_ASKED,
};

struct length_pair {
	uint8_t source, destination, weight; // prefix lengths of IPv4; see length6
};

struct shape {
	const char *name;
	struct length_pair pairs[14];
	uint8_t source_class[PORTS_ASKED], destination_class[PORTS_ASKED];
};

static const struct shape shapes[MIXES] = {
	[MIX_PORTS] = { "ports", { { 0, 0, 1 } }, { 1, 0, 0, 0, 0 }, { 0, 1, 1, 28, 70 } },
	[MIX_ACL] = { "acl",
		{ { 32, 32, 25 }, { 24, 32, 15 }, { 0, 32, 14 }, { 32, 24, 8 }, { 16, 32, 6 }, { 28, 32, 6 }, { 24, 24, 6 },
			{ 27, 32, 5 }, { 26, 32, 4 }, { 0, 24, 4 }, { 8, 32, 3 }, { 30, 30, 2 }, { 23, 27, 2 } },
		{ 98, 0, 0, 0, 2 }, { 32, 4, 1, 10, 53 } },
	[MIX_FW] = { "fw",
		{ { 0, 32, 25 }, { 32, 32, 20 }, { 32, 0, 15 }, { 0, 24, 8 }, { 24, 32, 8 }, { 32, 24, 6 }, { 24, 0, 5 },
			{ 0, 16, 4 }, { 16, 32, 3 }, { 24, 24, 3 }, { 0, 0, 3 } },
		{ 72, 20, 0, 2, 6 }, { 25, 12, 2, 11, 50 } },
	[MIX_IPC] = { "ipc",
		{ { 32, 32, 35 }, { 24, 24, 10 }, { 24, 32, 10 }, { 0, 32, 10 }, { 32, 24, 8 }, { 32, 0, 7 }, { 28, 28, 6 },
			{ 16, 24, 5 }, { 0, 24, 5 }, { 21, 27, 4 } },
		{ 72, 8, 0, 8, 12 }, { 50, 6, 0, 6, 38 } },
};

const char *rule_mix_name(enum rule_mix mix)
{
	return shapes[mix].name;
}

static unsigned weighted(const uint8_t *weight, unsigned count, uint64_t *state)
{
	unsigned sum = 0, at = 0;
	for (unsigned i = 0; i < count; i++)
		sum += weight[i];
	for (unsigned left = random_below(state, sum); left >= weight[at]; at++)
		left -= weight[at];
	return at;
}

// Addresses

// Real addresses hang together: of the two ways to go on from a prefix, often only one is taken, or one much more than the
// other. A prefix's own hash says which, so that no trie of them has to be kept.
static bool next_bit(uint64_t path, unsigned depth, uint64_t *state)
{
	uint64_t nature = random_mix(path ^ (uint64_t)depth << 57);
	unsigned taken = random_below(state, 100);
	bool favoured = nature & 1;
	if ((nature >> 8) % 100 < 55)
		return favoured;
	return taken < 50 + (nature >> 32) % 40 ? favoured : !favoured;
}

static struct ip_address draw_address(unsigned bits, uint64_t salt, uint64_t *state)
{
	struct ip_address address = { 0 };
	uint64_t path = salt;
	for (unsigned depth = 0; depth < bits; depth++) {
		bool bit = next_bit(path, depth, state);
		address.byte[depth / 8] |= (uint8_t)(bit << (7 - depth % 8));
		path = random_mix(path * 2 + bit);
	}
	return address;
}

// What stands for an IPv4 prefix of a length among IPv6's: /32 to /128, on nibbles.
static unsigned length6(unsigned length4)
{
	return length4 == 32 ? 128 : length4 >= 28 ? 64 : length4 >= 24 ? 56 : length4 >= 21 ? 48 : length4 * 2;
}

static struct address_range draw_prefix(uint8_t family, unsigned length, uint64_t salt, uint64_t *state)
{
	unsigned whole = family == FAMILY_IP4 ? 32 : 128;
	unsigned bits = family == FAMILY_IP4 ? length : length6(length);
	struct address_range range = { .low = draw_address(bits, salt ^ family, state) };
	range.high = range.low;
	for (unsigned bit = bits; bit < whole; bit++)
		range.high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return range;
}

// Ports

// Few services are asked for often, many seldom.
static uint16_t draw_service(uint64_t *state)
{
	static const uint16_t often[] = { 80, 443, 53, 22, 25, 123, 161, 389, 110, 143, 445, 3306, 8080, 1433, 5432, 3389 };
	if (random_below(state, 100) < 60) {
		unsigned a = random_below(state, 16), b = random_below(state, 16);
		return often[a < b ? a : b];
	}
	return (uint16_t)random_below(state, random_below(state, 4) ? 10000 : 65536);
}

static struct port_range draw_range(uint64_t *state)
{
	unsigned low = draw_service(state), width = 1u << random_below(state, 12);
	unsigned high = low + 1 + random_below(state, width);
	return (struct port_range){ (uint16_t)low, (uint16_t)(high < 65535 ? high : 65535) };
}

static struct port_range draw_ports(const uint8_t *classes, uint64_t *state)
{
	uint16_t service = draw_service(state);
	switch (weighted(classes, PORTS_ASKED, state)) {
	case PORT_HI:
		return (struct port_range){ 1024, 65535 };
	case PORT_LO:
		return (struct port_range){ 0, 1023 };
	case PORT_AR:
		return draw_range(state);
	case PORT_EM:
		return (struct port_range){ service, service };
	default:
		return (struct port_range){ 0, 65535 };
	}
}

// Any port of the whole range, as lists of nothing but ports have them.
static struct port_range draw_lone_ports(uint64_t *state)
{
	unsigned low = random_below(state, 65536), high = low;
	if (random_below(state, 4) == 0)
		high += random_below(state, 2000);
	return (struct port_range){ (uint16_t)low, (uint16_t)(high < 65535 ? high : 65535) };
}

// Rules

static unsigned draw_protocol(bool ports_alone, uint8_t family, uint64_t *state)
{
	static const uint8_t weight[] = { 75, 15, 6, 2, 1, 1 };
	unsigned which = weighted(weight, ports_alone ? 2 : sizeof(weight), state);
	const unsigned protocol[] = { TCP, UDP, ANY, family == FAMILY_IP4 ? ICMP : ICMPV6, GRE, ESP };
	return protocol[which];
}

static void ask_protocol(struct rule *rule, unsigned protocol)
{
	if (protocol == ANY)
		return;
	rule->asks |= RULE_PROTOCOL;
	byte_set_add(&rule->protocols, (uint8_t)protocol);
}

static void ask_ports(struct made_rule *made, const struct shape *shape, bool alone, uint64_t *state)
{
	made->source_port = draw_ports(shape->source_class, state);
	made->destination_port = alone ? draw_lone_ports(state) : draw_ports(shape->destination_class, state);
	if (made->source_port.low != 0 || made->source_port.high != 65535)
		made->rule.asks |= RULE_SOURCE_PORT;
	if (made->destination_port.low != 0 || made->destination_port.high != 65535)
		made->rule.asks |= RULE_DESTINATION_PORT;
}

static void ask_addresses(struct made_rule *made, const struct shape *shape, uint8_t family, uint64_t *state)
{
	uint8_t weight[14];
	for (unsigned i = 0; i < 14; i++)
		weight[i] = shape->pairs[i].weight;
	const struct length_pair *pair = &shape->pairs[weighted(weight, 14, state)];
	made->source = draw_prefix(family, pair->source, 0x50c, state);
	made->destination = draw_prefix(family, pair->destination, 0xde57, state);
	made->rule.asks |= (pair->source ? RULE_SOURCE : 0) | (pair->destination ? RULE_DESTINATION : 0);
}

static void draw_rule(struct made_rule *made, enum rule_mix mix, uint8_t family, uint64_t *state)
{
	bool alone = mix == MIX_PORTS;
	memset(made, 0, sizeof(*made));
	made->rule.verdict = (uint8_t)random_below(state, 3);
	made->rule.ip4 = family == FAMILY_IP4;
	made->rule.ip6 = family == FAMILY_IP6;
	unsigned protocol = draw_protocol(alone, family, state);
	ask_protocol(&made->rule, protocol);
	if (protocol == TCP || protocol == UDP)
		ask_ports(made, &shapes[mix], alone, state);
	ask_addresses(made, &shapes[mix], family, state);
}

static unsigned range_bits(const struct port_range *range)
{
	unsigned bits = 0;
	while (bits < 16 && range->high - range->low >= 1 << bits)
		bits++;
	return bits;
}

static unsigned prefix_bits_open(const struct address_range *range)
{
	unsigned bits = 0;
	for (unsigned i = 0; i < 16; i++)
		bits += (unsigned)__builtin_popcount(range->low.byte[i] ^ range->high.byte[i]);
	return bits;
}

// Bits of a header that it leaves open.
static unsigned scope(const struct made_rule *made)
{
	return prefix_bits_open(&made->source) + prefix_bits_open(&made->destination) + range_bits(&made->source_port) +
	       range_bits(&made->destination_port) + (made->rule.asks & RULE_PROTOCOL ? 0 : 8);
}

// As ClassBench does: the narrower come first, or few of the others would ever be met. Equal ones keep their order.
static int by_scope(const void *a, const void *b)
{
	const struct made_rule *left = *(const struct made_rule *const *)a, *right = *(const struct made_rule *const *)b;
	unsigned scope_left = scope(left), scope_right = scope(right);
	if (scope_left != scope_right)
		return scope_left < scope_right ? -1 : 1;
	return left < right ? -1 : left > right;
}

static uint64_t rule_hash(const struct made_rule *made)
{
	uint64_t hash = made->rule.asks | (uint64_t)made->rule.ip4 << 16, word;
	const uint8_t *bytes = (const uint8_t *)&made->source;
	for (size_t i = 0; i + 8 <= sizeof(*made) - offsetof(struct made_rule, source); i += 8) {
		memcpy(&word, bytes + i, 8);
		hash = random_mix(hash * 3 + word);
	}
	for (unsigned i = 0; i < 4; i++)
		hash = random_mix(hash * 3 + made->rule.protocols.word[i]);
	return hash | 1;
}

// Whether it is new; remembers it.
static bool remember(uint64_t *seen, size_t mask, uint64_t hash)
{
	size_t at = hash >> 1 & mask;
	for (; seen[at]; at = (at + 1) & mask) {
		if (seen[at] == hash)
			return false;
	}
	seen[at] = hash;
	return true;
}

static void link_sets(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct made_rule *made = &list->made[i];
		struct rule *rule = &made->rule;
		if (rule->asks & RULE_SOURCE)
			rule->sources = (struct address_set){ &made->source, 1 };
		if (rule->asks & RULE_DESTINATION)
			rule->destinations = (struct address_set){ &made->destination, 1 };
		if (rule->asks & RULE_SOURCE_PORT)
			rule->source_ports = (struct port_set){ &made->source_port, 1 };
		if (rule->asks & RULE_DESTINATION_PORT)
			rule->destination_ports = (struct port_set){ &made->destination_port, 1 };
		list->rule[i] = rule;
	}
}

int rule_list_make(struct rule_list *list, enum rule_mix mix, bool ip4, bool ip6, size_t count, uint64_t seed)
{
	enum { TRIES = 50 }; // then it may be there twice
	size_t slots = 1;
	while (slots < 2 * count)
		slots *= 2;
	uint64_t *seen = calloc(slots, sizeof(*seen));
	list->count = count;
	list->made = calloc(count, sizeof(*list->made));
	list->rule = calloc(count, sizeof(*list->rule));
	if (!seen || !list->made || !list->rule) {
		free(seen);
		rule_list_free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		uint8_t family = ip4 && !(ip6 && i % 2) ? FAMILY_IP4 : FAMILY_IP6;
		unsigned tries = 0;
		do {
			draw_rule(&list->made[i], mix, family, &seed);
		} while (!remember(seen, slots - 1, rule_hash(&list->made[i])) && ++tries < TRIES);
	}
	link_sets(list);
	if (mix != MIX_PORTS)
		qsort(list->rule, count, sizeof(*list->rule), by_scope);
	for (size_t i = 0; i < count; i++)
		((struct made_rule *)(uintptr_t)list->rule[i])->rule.slot = (uint32_t)i + 1;
	free(seen);
	return 0;
}

void rule_list_free(struct rule_list *list)
{
	free(list->made);
	free(list->rule);
	*list = (struct rule_list){ 0 };
}

// Packets

static uint16_t port_within(bool asked, const struct port_range *range, uint64_t *state)
{
	if (!asked)
		return (uint16_t)random_below(state, 65536);
	return (uint16_t)(range->low + random_below(state, range->high - range->low + 1u));
}

// Any address between the two: bits that they share stay.
static struct ip_address address_within(bool asked, const struct address_range *range, uint8_t family, uint64_t *state)
{
	struct ip_address address = { 0 };
	for (unsigned i = 0; i < (family == FAMILY_IP4 ? 4u : 16u); i++) {
		uint8_t any = (uint8_t)random_next(state), open = 0xff;
		if (asked)
			open = range->low.byte[i] ^ range->high.byte[i];
		address.byte[i] = (asked ? range->low.byte[i] : 0) | (any & open);
	}
	return address;
}

static uint8_t protocol_within(const struct rule *rule, uint64_t *state)
{
	unsigned protocol = random_below(state, 2) ? TCP : UDP;
	for (unsigned i = 0; (rule->asks & RULE_PROTOCOL) && i < 256; i++) {
		if (byte_set_has(&rule->protocols, (uint8_t)i))
			protocol = i;
	}
	return (uint8_t)protocol;
}

struct packet_tuple rule_list_packet(const struct rule_list *list, unsigned noise, uint64_t *state)
{
	const struct made_rule *made = &list->made[random_below(state, (unsigned)list->count)];
	uint16_t asks = noise && random_below(state, noise) == 0 ? 0 : made->rule.asks;
	uint8_t family = made->rule.ip4 ? FAMILY_IP4 : FAMILY_IP6;
	uint8_t protocol = protocol_within(&made->rule, state);
	return (struct packet_tuple){
		.source = address_within(asks & RULE_SOURCE, &made->source, family, state),
		.destination = address_within(asks & RULE_DESTINATION, &made->destination, family, state),
		.source_port = port_within(asks & RULE_SOURCE_PORT, &made->source_port, state),
		.destination_port = port_within(asks & RULE_DESTINATION_PORT, &made->destination_port, state),
		.family = family,
		.protocol = protocol,
		.next_header = protocol,
		.connection = CONNECTION_NEW,
	};
}
