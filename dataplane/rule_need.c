// SPDX-License-Identifier: BSD-3-Clause
// What a rule asks of the packets of one family that have, or lack, a transport header.
#include "dataplane/rule_compile.h"

enum {
	ASKS_PORTS = RULE_SOURCE_PORT | RULE_DESTINATION_PORT,
	ASKS_ICMP = RULE_ICMP_TYPE | RULE_ICMP_CODE,
	ASKS_TRANSPORT = ASKS_PORTS | ASKS_ICMP | RULE_TCP_FLAGS,
};

static bool byte_set_empty(const struct byte_set *set)
{
	return (set->word[0] | set->word[1] | set->word[2] | set->word[3]) == 0;
}

static bool byte_set_full(const struct byte_set *set)
{
	return (set->word[0] & set->word[1] & set->word[2] & set->word[3]) == UINT64_MAX;
}

static bool port_set_full(const struct port_set *set)
{
	return set->count == 1 && set->range[0].low == 0 && set->range[0].high == PORTS - 1;
}

static void keep(struct byte_set *set, struct byte_set of)
{
	for (unsigned i = 0; i < 4; i++)
		set->word[i] &= of.word[i];
}

static struct byte_set with_ports(void)
{
	struct byte_set set = { 0 };
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		if (protocol_has_ports((uint8_t)protocol))
			byte_set_add(&set, (uint8_t)protocol);
	}
	return set;
}

static struct byte_set only(uint8_t value)
{
	struct byte_set set = { 0 };
	byte_set_add(&set, value);
	return set;
}

// Protocols that have the fields which the rule asks for.
static struct byte_set protocols_asked(const struct rule *rule, uint8_t family)
{
	struct byte_set set = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	if (rule->asks & RULE_PROTOCOL)
		keep(&set, rule->protocols);
	if (rule->asks & RULE_NEXT_HEADER && family == FAMILY_IP4)
		keep(&set, rule->next_headers);
	if (rule->asks & ASKS_PORTS)
		keep(&set, with_ports());
	if (rule->asks & ASKS_ICMP)
		keep(&set, only(icmp_of(family)));
	if (rule->asks & RULE_TCP_FLAGS)
		keep(&set, only(PROTO_TCP));
	return set;
}

// Fields that every packet answers which has them at all.
static uint16_t fields_open(const struct rule *rule, uint8_t family)
{
	uint16_t open = RULE_PROTOCOL;
	if (family == FAMILY_IP4 || byte_set_full(&rule->next_headers))
		open |= RULE_NEXT_HEADER;
	if (port_set_full(&rule->source_ports))
		open |= RULE_SOURCE_PORT;
	if (port_set_full(&rule->destination_ports))
		open |= RULE_DESTINATION_PORT;
	if (byte_set_full(&rule->tcp_flags))
		open |= RULE_TCP_FLAGS;
	if (byte_set_full(&rule->icmp_types))
		open |= RULE_ICMP_TYPE;
	if (byte_set_full(&rule->icmp_codes))
		open |= RULE_ICMP_CODE;
	return open;
}

bool rule_need(const struct rule *rule, unsigned view, struct rule_need *need)
{
	uint8_t family = view_family(view);
	if (!(family == FAMILY_IP4 ? rule->ip4 : rule->ip6))
		return false;
	if (view_portless(view) && rule->asks & ASKS_TRANSPORT)
		return false;
	need->protocols = protocols_asked(rule, family);
	need->asks = rule->asks & (uint16_t)~fields_open(rule, family);
	return !byte_set_empty(&need->protocols);
}

bool rule_need_is_tabled(const struct rule_need *need)
{
	return need->asks == 0 || need->asks == RULE_DESTINATION_PORT || need->asks == RULE_ICMP_TYPE;
}

// Validity

static bool ports_valid(const struct port_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->range[i].low > set->range[i].high || (i && set->range[i].low <= set->range[i - 1].high))
			return false;
	}
	return true;
}

static bool addresses_valid(const struct address_set *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		const struct address_range *range = &set->range[i];
		if (memcmp(&range->low, &range->high, sizeof(range->low)) > 0 ||
			(i && memcmp(&range->low, &range[-1].high, sizeof(range->low)) <= 0))
			return false;
	}
	return true;
}

bool rule_valid(const struct rule *rule)
{
	if (rule->asks & (RULE_SOURCE | RULE_DESTINATION) && rule->ip4 && rule->ip6)
		return false;
	if (rule->limit_state && (!rule->limit.rate || !rule->limit.period_sec))
		return false;
	return rule->asks < 1 << RULE_FIELDS && rule->verdict <= VERDICT_NONE && rule->answer <= ANSWER_ICMP_CODE &&
	       ports_valid(&rule->source_ports) && ports_valid(&rule->destination_ports) && ports_valid(&rule->vlans) &&
	       addresses_valid(&rule->sources) && addresses_valid(&rule->destinations);
}
