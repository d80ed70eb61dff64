// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdlib.h>

#include "dataplane/rule_layout.h"
#include "dataplane/rule_match.h"

// The fields of a rule in rte_acl.
enum {
	FIELD_PROTOCOL = 0,
	FIELD_PORTED,
	FIELD_SOURCE_PORT,
	FIELD_DESTINATION_PORT,
	FIELD_ADDRESSES,
	FIELDS_MAX = FIELD_ADDRESSES + 2 * ADDRESS_WORDS_MAX,
};

RTE_ACL_RULE_DEF(acl_rule, FIELDS_MAX);

static unsigned field_count(unsigned family)
{
	return FIELD_ADDRESSES + 2 * address_words(family);
}

static bool rule_asks_ports(const struct rule *rule)
{
	return !range_any(&rule->source_port) || !range_any(&rule->destination_port);
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

// rte_acl_create gives out an older context of the same name: no two matchers that live have one address.
static void acl_name(const struct rule_matcher *matcher, unsigned family, char name[RTE_ACL_NAMESIZE])
{
	static_assert(RTE_ACL_NAMESIZE > 2 + 2 * sizeof(uintptr_t), "room for every digit");
	*name++ = family == 0 ? '4' : '6';
	for (uintptr_t rest = (uintptr_t)matcher; rest; rest >>= 4)
		*name++ = "0123456789abcdef"[rest & 15];
	*name = '\0';
}

static int acl_build(struct rule_matcher *matcher, unsigned family, const struct rule *rules, int socket)
{
	uint32_t count = acl_count(matcher, family, rules);
	if (count == 0)
		return 0;
	char name[RTE_ACL_NAMESIZE];
	acl_name(matcher, family, name);
	struct rte_acl_param param = {
		.name = name,
		.socket_id = socket,
		.rule_size = RTE_ACL_RULE_SZ(field_count(family)),
		.max_rule_num = count,
	};
	matcher->acl[family] = rte_acl_create(&param);
	return matcher->acl[family] ? acl_fill(matcher, family, rules) : -ENOMEM;
}

static bool prefix_valid(const struct prefix *prefix)
{
	return prefix->family == FAMILY_NONE || (prefix->family == FAMILY_IP4 && prefix->bits <= 32) ||
	       (prefix->family == FAMILY_IP6 && prefix->bits <= 128);
}

static bool rule_valid(const struct rule *rule)
{
	return prefix_valid(&rule->source) && prefix_valid(&rule->destination) &&
	       (rule->protocol < PROTOCOLS || rule->protocol == RULE_ANY_PROTOCOL) &&
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
