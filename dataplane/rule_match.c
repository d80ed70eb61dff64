// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_acl.h>

enum {
	PORTS = 65536,
	PROTOCOLS = 256,
	FAMILIES = 2, // IPv4, IPv6
};

// Protocols whose packets have something to compare with a port: ICMP's type counts as one.
static const uint8_t ported[] = { 1, 6, 17, 33, 58, 132, 136 };
enum { PORTED = sizeof(ported) };

// Positions in the list of rules; count stands for the default policy behind them. The smallest one wins.
struct rule_matcher {
	uint32_t count;
	uint32_t first_acl[FAMILIES]; // no rule before this one is in the ACL
	struct rte_acl_ctx *acl[FAMILIES];
	uint32_t any_port[PROTOCOLS];  // the first rule that looks at no more than the protocol
	uint32_t *by_port[PROTOCOLS];  // the first one for each destination port; NULL: as any_port
	struct rule_verdict verdicts[]; // count + 1
};

// What rte_acl looks at, in network byte order. It reads four bytes at a time.
struct acl_key {
	uint8_t protocol;
	uint8_t unused[3];
	rte_be32_t ported;
	rte_be16_t source_port;
	rte_be16_t destination_port;
	uint8_t addresses[2 * sizeof(struct ip_address)]; // source, and right behind it the destination
};

enum {
	FIELD_PROTOCOL = 0,
	FIELD_PORTED,
	FIELD_SOURCE_PORT,
	FIELD_DESTINATION_PORT,
	FIELD_ADDRESSES,
	ADDRESS_WORDS_MAX = 4,
	FIELDS_MAX = FIELD_ADDRESSES + 2 * ADDRESS_WORDS_MAX,
};

RTE_ACL_RULE_DEF(acl_rule, FIELDS_MAX);

static unsigned address_words(unsigned family)
{
	return family == 0 ? 1 : ADDRESS_WORDS_MAX;
}

static unsigned field_count(unsigned family)
{
	return FIELD_ADDRESSES + 2 * address_words(family);
}

static bool protocol_ported(uint8_t protocol)
{
	for (unsigned i = 0; i < PORTED; i++) {
		if (ported[i] == protocol)
			return true;
	}
	return false;
}

static bool range_any(const struct port_range *range)
{
	return range->low == 0 && range->high == PORTS - 1;
}

static bool rule_asks_ports(const struct rule *rule)
{
	return !range_any(&rule->source_port) || !range_any(&rule->destination_port);
}

// One rule against one packet

static bool prefix_matches(const struct prefix *prefix, const struct ip_address *address, uint8_t family)
{
	if (prefix->family == FAMILY_NONE)
		return true;
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	if (prefix->family != family || memcmp(prefix->address.byte, address->byte, whole) != 0)
		return false;
	return rest == 0 || ((prefix->address.byte[whole] ^ address->byte[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool range_matches(const struct port_range *range, uint16_t port, bool has_ports)
{
	return range_any(range) || (has_ports && range->low <= port && port <= range->high);
}

bool rule_matches(const struct rule *rule, const struct packet_tuple *tuple)
{
	bool has_ports = !tuple->portless && protocol_ported(tuple->protocol);
	return (rule->protocol == RULE_ANY_PROTOCOL || rule->protocol == tuple->protocol) &&
	       range_matches(&rule->destination_port, tuple->destination_port, has_ports) &&
	       range_matches(&rule->source_port, tuple->source_port, has_ports) &&
	       prefix_matches(&rule->source, &tuple->source, tuple->family) &&
	       prefix_matches(&rule->destination, &tuple->destination, tuple->family);
}

static struct rule_verdict rule_verdict(const struct rule *rule)
{
	return (struct rule_verdict){
		.slot = rule->slot,
		.verdict = rule->verdict,
		.answer_prohibited = rule->answer_prohibited,
	};
}

static struct rule_verdict default_policy(enum verdict verdict)
{
	return (struct rule_verdict){ .slot = RULE_DEFAULT, .verdict = (uint8_t)verdict };
}

struct rule_verdict rule_linear_judge(const struct rule *rules, size_t count, enum verdict default_verdict,
				      const struct packet_tuple *tuple)
{
	for (size_t i = 0; i < count; i++) {
		if (rule_matches(&rules[i], tuple))
			return rule_verdict(&rules[i]);
	}
	return default_policy(default_verdict);
}

// All rules against one packet

static uint32_t acl_find(const struct rule_matcher *matcher, unsigned family, const struct packet_tuple *tuple)
{
	unsigned bytes = 4 * address_words(family);
	struct acl_key key = {
		.protocol = tuple->protocol,
		.ported = rte_cpu_to_be_32(!tuple->portless),
		.source_port = rte_cpu_to_be_16(tuple->source_port),
		.destination_port = rte_cpu_to_be_16(tuple->destination_port),
	};
	memcpy(key.addresses, tuple->source.byte, bytes);
	memcpy(key.addresses + bytes, tuple->destination.byte, bytes);
	const uint8_t *data = (const uint8_t *)&key;
	uint32_t found = 0;
	rte_acl_classify(matcher->acl[family], &data, &found, 1, 1);
	return found ? found - 1 : matcher->count; // 0 is rte_acl's "no match"
}

struct rule_verdict rule_matcher_judge(const struct rule_matcher *matcher, const struct packet_tuple *tuple)
{
	const uint32_t *by_port = matcher->by_port[tuple->protocol];
	uint32_t position = by_port && !tuple->portless ? by_port[tuple->destination_port] :
							  matcher->any_port[tuple->protocol];
	unsigned family = tuple->family == FAMILY_IP6;
	if (matcher->first_acl[family] < position) {
		uint32_t found = acl_find(matcher, family, tuple);
		position = found < position ? found : position;
	}
	return matcher->verdicts[position];
}

// Compiling: the tables

// Borders of what is already taken, so that a port is painted once: next[port] leads to the next free one.
struct painter {
	uint32_t *next[PROTOCOLS];
};

static uint32_t next_free(uint32_t *next, uint32_t port)
{
	while (next[port] != port) {
		next[port] = next[next[port]];
		port = next[port];
	}
	return port;
}

static void paint(uint32_t *table, uint32_t *next, const struct port_range *range, uint32_t position)
{
	for (uint32_t port = next_free(next, range->low); port <= range->high; port = next_free(next, port)) {
		table[port] = position;
		next[port] = port + 1;
	}
}

static int table_create(struct rule_matcher *matcher, struct painter *painter, uint8_t protocol)
{
	uint32_t *table = malloc(PORTS * sizeof(*table));
	uint32_t *next = malloc((PORTS + 1) * sizeof(*next));
	matcher->by_port[protocol] = table;
	painter->next[protocol] = next;
	if (!table || !next)
		return -ENOMEM;
	for (uint32_t port = 0; port < PORTS; port++) {
		table[port] = matcher->count;
		next[port] = port;
	}
	next[PORTS] = PORTS;
	return 0;
}

static int table_rule(struct rule_matcher *matcher, struct painter *painter, uint8_t protocol,
		      const struct port_range *range, uint32_t position)
{
	if (matcher->any_port[protocol] < position)
		return 0;
	bool any = range_any(range);
	if (any)
		matcher->any_port[protocol] = position;
	else if (!protocol_ported(protocol))
		return 0;
	if (!matcher->by_port[protocol]) {
		if (any)
			return 0;
		int result = table_create(matcher, painter, protocol);
		if (result)
			return result;
	}
	paint(matcher->by_port[protocol], painter->next[protocol], range, position);
	return 0;
}

static bool rule_needs_acl(const struct rule *rule)
{
	return rule->source.family != FAMILY_NONE || rule->destination.family != FAMILY_NONE ||
	       !range_any(&rule->source_port);
}

static int tables_fill(struct rule_matcher *matcher, struct painter *painter, const struct rule *rules)
{
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++)
		matcher->any_port[protocol] = matcher->count;
	for (uint32_t i = 0; i < matcher->count; i++) {
		const struct rule *rule = &rules[i];
		if (rule_needs_acl(rule))
			continue;
		bool all = rule->protocol == RULE_ANY_PROTOCOL;
		unsigned first = all ? 0 : rule->protocol, last = all ? PROTOCOLS - 1 : rule->protocol;
		for (unsigned protocol = first; protocol <= last; protocol++) {
			int result = table_rule(matcher, painter, (uint8_t)protocol, &rule->destination_port, i);
			if (result)
				return result;
		}
	}
	return 0;
}

static int tables_build(struct rule_matcher *matcher, const struct rule *rules)
{
	struct painter painter = { 0 };
	int result = tables_fill(matcher, &painter, rules);
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++)
		free(painter.next[protocol]);
	return result;
}

// Compiling: rte_acl

static void acl_prefix(const struct prefix *prefix, unsigned words, struct rte_acl_field *fields)
{
	for (unsigned i = 0; i < words; i++) {
		int bits = prefix->bits - 32 * (int)i;
		rte_be32_t word;
		memcpy(&word, prefix->address.byte + 4 * i, sizeof(word));
		fields[i].value.u32 = rte_be_to_cpu_32(word);
		fields[i].mask_range.u32 = bits < 0 ? 0 : bits > 32 ? 32 : (uint32_t)bits;
	}
}

static void acl_range(const struct port_range *range, struct rte_acl_field *field)
{
	field->value.u16 = range->low;
	field->mask_range.u16 = range->high;
}

static struct acl_rule acl_rule(const struct rule *rule, uint16_t protocol, unsigned family, uint32_t position)
{
	bool real_ports = rule_asks_ports(rule);
	unsigned words = address_words(family);
	struct acl_rule made = {
		.data = {
			.category_mask = 1,
			.priority = (int32_t)(RTE_ACL_MAX_PRIORITY - position),
			.userdata = position + 1,
		},
	};
	if (protocol != RULE_ANY_PROTOCOL) {
		made.field[FIELD_PROTOCOL].value.u8 = (uint8_t)protocol;
		made.field[FIELD_PROTOCOL].mask_range.u8 = 0xff;
	}
	made.field[FIELD_PORTED].value.u32 = real_ports;
	made.field[FIELD_PORTED].mask_range.u32 = real_ports ? 32 : 0;
	acl_range(&rule->source_port, &made.field[FIELD_SOURCE_PORT]);
	acl_range(&rule->destination_port, &made.field[FIELD_DESTINATION_PORT]);
	acl_prefix(&rule->source, words, &made.field[FIELD_ADDRESSES]);
	acl_prefix(&rule->destination, words, &made.field[FIELD_ADDRESSES + words]);
	return made;
}

static void acl_config(unsigned family, struct rte_acl_config *config)
{
	static const struct rte_acl_field_def head[FIELD_ADDRESSES] = {
		{ RTE_ACL_FIELD_TYPE_BITMASK, 1, FIELD_PROTOCOL, 0, offsetof(struct acl_key, protocol) },
		{ RTE_ACL_FIELD_TYPE_MASK, 4, FIELD_PORTED, 1, offsetof(struct acl_key, ported) },
		{ RTE_ACL_FIELD_TYPE_RANGE, 2, FIELD_SOURCE_PORT, 2, offsetof(struct acl_key, source_port) },
		{ RTE_ACL_FIELD_TYPE_RANGE, 2, FIELD_DESTINATION_PORT, 2, offsetof(struct acl_key, destination_port) },
	};
	memset(config, 0, sizeof(*config));
	memcpy(config->defs, head, sizeof(head));
	for (unsigned i = 0; i < 2 * address_words(family); i++) {
		config->defs[FIELD_ADDRESSES + i] = (struct rte_acl_field_def){
			.type = RTE_ACL_FIELD_TYPE_MASK,
			.size = 4,
			.field_index = (uint8_t)(FIELD_ADDRESSES + i),
			.input_index = (uint8_t)(3 + i),
			.offset = (uint32_t)(offsetof(struct acl_key, addresses) + 4 * i),
		};
	}
	config->num_fields = field_count(family);
	config->num_categories = 1;
}

static bool prefix_in_family(const struct prefix *prefix, unsigned family)
{
	return prefix->family == FAMILY_NONE || (prefix->family == FAMILY_IP6) == (family == 1);
}

// A rule that asks for ports of a protocol that has none is left out: it matches nothing.
static bool rule_in_acl(const struct rule *rule, unsigned family)
{
	return rule_needs_acl(rule) && prefix_in_family(&rule->source, family) &&
	       prefix_in_family(&rule->destination, family) &&
	       (!rule_asks_ports(rule) || rule->protocol == RULE_ANY_PROTOCOL ||
		protocol_ported((uint8_t)rule->protocol));
}

// Adds one rule: as several where it asks for ports and leaves the protocol open.
static int acl_add(struct rte_acl_ctx *acl, unsigned family, const struct rule *rule, uint32_t position)
{
	uint16_t protocols[PORTED] = { rule->protocol };
	unsigned count = 1;
	if (rule_asks_ports(rule) && rule->protocol == RULE_ANY_PROTOCOL) {
		for (count = 0; count < PORTED; count++)
			protocols[count] = ported[count];
	}
	for (unsigned i = 0; i < count; i++) {
		struct acl_rule made = acl_rule(rule, protocols[i], family, position);
		int result = rte_acl_add_rules(acl, (const struct rte_acl_rule *)&made, 1);
		if (result)
			return result;
	}
	return 0;
}

static int acl_fill(struct rule_matcher *matcher, unsigned family, const struct rule *rules)
{
	for (uint32_t i = matcher->first_acl[family]; i < matcher->count; i++) {
		if (!rule_in_acl(&rules[i], family))
			continue;
		int result = acl_add(matcher->acl[family], family, &rules[i], i);
		if (result)
			return result;
	}
	struct rte_acl_config config;
	acl_config(family, &config);
	return rte_acl_build(matcher->acl[family], &config);
}

static uint32_t acl_count(struct rule_matcher *matcher, unsigned family, const struct rule *rules)
{
	uint32_t count = 0;
	matcher->first_acl[family] = matcher->count;
	for (uint32_t i = matcher->count; i-- > 0;) {
		if (rule_in_acl(&rules[i], family)) {
			count += rules[i].protocol == RULE_ANY_PROTOCOL ? PORTED : 1;
			matcher->first_acl[family] = i;
		}
	}
	return count;
}

static int acl_build(struct rule_matcher *matcher, unsigned family, const struct rule *rules, int socket)
{
	uint32_t count = acl_count(matcher, family, rules);
	if (count == 0)
		return 0;
	// rte_acl_create gives out an older context of the same name: no two that live have one address.
	char name[RTE_ACL_NAMESIZE];
	snprintf(name, sizeof(name), "rules%u-%p", family, (void *)matcher);
	struct rte_acl_param param = {
		.name = name,
		.socket_id = socket,
		.rule_size = RTE_ACL_RULE_SZ(field_count(family)),
		.max_rule_num = count,
	};
	matcher->acl[family] = rte_acl_create(&param);
	return matcher->acl[family] ? acl_fill(matcher, family, rules) : -ENOMEM;
}

static bool rule_valid(const struct rule *rule)
{
	return (rule->protocol < PROTOCOLS || rule->protocol == RULE_ANY_PROTOCOL) &&
	       rule->source_port.low <= rule->source_port.high &&
	       rule->destination_port.low <= rule->destination_port.high;
}

static int matcher_fill(struct rule_matcher *matcher, const struct rule *rules, enum verdict default_verdict,
			int socket)
{
	for (uint32_t i = 0; i < matcher->count; i++) {
		if (!rule_valid(&rules[i]))
			return -EINVAL;
		matcher->verdicts[i] = rule_verdict(&rules[i]);
	}
	matcher->verdicts[matcher->count] = default_policy(default_verdict);
	int result = tables_build(matcher, rules);
	for (unsigned family = 0; result == 0 && family < FAMILIES; family++)
		result = acl_build(matcher, family, rules, socket);
	return result;
}

int rule_matcher_build(const struct rule *rules, size_t count, enum verdict default_verdict, int socket,
		       struct rule_matcher **matcher)
{
	if (count > FLOW_RULE_MAX)
		return -E2BIG;
	struct rule_matcher *made = calloc(1, sizeof(*made) + (count + 1) * sizeof(made->verdicts[0]));
	if (!made)
		return -ENOMEM;
	made->count = (uint32_t)count;
	int result = matcher_fill(made, rules, default_verdict, socket);
	if (result) {
		rule_matcher_free(made);
		return result;
	}
	*matcher = made;
	return 0;
}

void rule_matcher_free(struct rule_matcher *matcher)
{
	if (!matcher)
		return;
	for (unsigned family = 0; family < FAMILIES; family++)
		rte_acl_free(matcher->acl[family]);
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++)
		free(matcher->by_port[protocol]);
	free(matcher);
}
