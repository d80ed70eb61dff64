// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "control/rule_iptables_rule.h"

// What is left to choose when an iptables rule becomes several.
struct choice {
	const struct address_range *address[IPTABLES_SIDES]; // NULL: any
	bool second; // the other half of what takes two rules
};

static const enum rule_field address_fields[] = { RULE_SOURCE, RULE_DESTINATION };
static const enum rule_field port_fields[] = { RULE_SOURCE_PORT, RULE_DESTINATION_PORT };

static enum ip_family family_of(const struct iptables_rule *rule)
{
	return rule->rule.ip4 ? FAMILY_IP4 : FAMILY_IP6;
}

// Addresses

static int side_addresses(const struct iptables_rule *rule, const struct iptables_side *side,
			  const struct address_range *one, struct address_ranges *set)
{
	enum ip_family family = family_of(rule);
	if (one && address_ranges_add(set, &one->low, &one->high))
		return -1;
	if ((!one || side->list_negated) && address_ranges_negate(set, family)) // of none: all
		return -1;
	return side->has_range ? address_ranges_intersect(set, &side->range, family) : 0;
}

static int put_address_set(struct rule_draft *draft, enum rule_field field, const struct address_ranges *set)
{
	int result = 0;
	rule_draft_rule(draft)->asks |= (uint16_t)field; // an empty set too
	for (size_t i = 0; i < set->count && result == 0; i++)
		result = rule_draft_addresses(draft, field, &set->range[i].low, &set->range[i].high);
	return result;
}

static int put_addresses(struct rule_draft *draft, const struct iptables_rule *rule, const struct choice *choice,
			 unsigned side)
{
	struct address_ranges set = { 0 };
	if (!choice->address[side] && !rule->side[side].has_range)
		return 0;
	int result = side_addresses(rule, &rule->side[side], choice->address[side], &set);
	if (result == 0)
		result = put_address_set(draft, address_fields[side], &set);
	address_ranges_free(&set);
	return result;
}

// Ports

static int put_port_set(struct rule_draft *draft, enum rule_field field, const struct port_ranges *set)
{
	int result = 0;
	rule_draft_rule(draft)->asks |= (uint16_t)field;
	for (size_t i = 0; i < set->count && result == 0; i++)
		result = rule_draft_ports(draft, field, set->range[i].low, set->range[i].high);
	return result;
}

static int add_ports(struct port_ranges *to, const struct port_ranges *from)
{
	int result = 0;
	for (size_t i = 0; i < from->count && result == 0; i++)
		result = port_ranges_add(to, from->range[i].low, from->range[i].high);
	return result;
}

// One of the two rules of --ports: the first has the source port in the set; the second has it out of the set, so that no
// packet is counted by both, and the destination port in it.
static int limit_ports(const struct iptables_rule *rule, const struct choice *choice, unsigned side,
		       struct port_ranges *set)
{
	struct port_ranges either = { 0 };
	int result = add_ports(&either, &rule->either);
	if (result == 0 && choice->second && side == IPTABLES_SOURCE)
		result = port_ranges_negate(&either, UINT16_MAX);
	if (result == 0)
		result = port_ranges_intersect(set, &either);
	port_ranges_free(&either);
	return result;
}

static int put_ports(struct rule_draft *draft, const struct iptables_rule *rule, const struct choice *choice, unsigned side)
{
	const struct iptables_side *of = &rule->side[side];
	bool limited = rule->has_either && (side == IPTABLES_SOURCE || choice->second);
	struct port_ranges set = { 0 };
	if (!of->has_ports && !limited)
		return 0;
	int result = of->has_ports ? add_ports(&set, &of->ports) : port_ranges_add(&set, 0, UINT16_MAX);
	if (result == 0 && limited)
		result = limit_ports(rule, choice, side, &set);
	if (result == 0)
		result = put_port_set(draft, port_fields[side], &set);
	port_ranges_free(&set);
	return result;
}

// "-p tcp -m tcp" wants a TCP header and asks nothing of it: any port will do.
static int put_header(struct rule_draft *draft, const struct iptables_rule *rule)
{
	enum { OF_HEADER = RULE_SOURCE_PORT | RULE_DESTINATION_PORT | RULE_TCP_FLAGS | RULE_ICMP_TYPE };
	if (!rule->needs_header || rule_draft_rule(draft)->asks & OF_HEADER)
		return 0;
	return rule_draft_ports(draft, RULE_DESTINATION_PORT, 0, UINT16_MAX);
}

// All but one type and code: other types with any code, or this type with other codes.
static int put_not_type_code(struct rule_draft *draft, const struct choice *choice)
{
	struct rule *rule = rule_draft_rule(draft);
	if (choice->second)
		return rule_draft_negate(draft, RULE_ICMP_CODE);
	rule->asks &= (uint16_t)~RULE_ICMP_CODE;
	rule->icmp_codes = (struct byte_set){ { 0 } };
	return rule_draft_negate(draft, RULE_ICMP_TYPE);
}

static int put_texts(struct rule_draft *draft, const struct iptables_rule *rule)
{
	if (rule->comment && rule_draft_comment(draft, rule->comment))
		return -1;
	if (rule->log && rule_draft_log(draft, rule->log_prefix))
		return -1;
	return rule->interfaces[0] ? rule_draft_interfaces(draft, rule->interfaces) : 0;
}

static int put_rule(struct rule_draft *draft, const struct iptables_rule *rule, const struct choice *choice)
{
	*rule_draft_rule(draft) = rule->rule;
	for (unsigned side = 0; side < IPTABLES_SIDES; side++) {
		if (put_addresses(draft, rule, choice, side) || put_ports(draft, rule, choice, side))
			return -1;
	}
	if (rule->not_type_code && put_not_type_code(draft, choice))
		return -1;
	return put_header(draft, rule) || put_texts(draft, rule) ? -1 : 0;
}

// All of the choices

struct making {
	const struct iptables_rule *rule;
	const struct rule_place *place;
	struct rule_draft *draft;
	iptables_take_rule *take;
	void *context;
	struct error *error;
};

static int make_rule(const struct making *making, const struct choice *choice)
{
	if (put_rule(making->draft, making->rule, choice))
		return error_set(making->error, "%s: no memory for the rules", making->place->file);
	struct rule_entry *entry = rule_draft_finish(making->draft, making->place, making->error);
	return entry ? making->take(making->context, entry) : -1;
}

static int make_halves(const struct making *making, struct choice choice)
{
	bool halves = making->rule->has_either || making->rule->not_type_code;
	choice.second = halves && making->rule->backwards;
	int result = make_rule(making, &choice);
	choice.second = !choice.second;
	return result || !halves ? result : make_rule(making, &choice);
}

static bool is_everything(const struct address_range *range, enum ip_family family)
{
	for (unsigned i = 0; i < (family == FAMILY_IP4 ? 4 : 16); i++) {
		if (range->low.byte[i] != 0 || range->high.byte[i] != 0xff)
			return false;
	}
	return true;
}

// "-s 0.0.0.0/0" asks for nothing.
static const struct address_range *address_at(const struct iptables_rule *rule, unsigned side, size_t i)
{
	const struct iptables_side *of = &rule->side[side];
	if (of->list.count == 0 || (!of->list_negated && is_everything(&of->list.range[i], family_of(rule))))
		return NULL;
	return &of->list.range[i];
}

static int make_all(const struct making *making)
{
	const struct iptables_rule *rule = making->rule;
	size_t i = 0, j;
	do {
		j = 0;
		do {
			struct choice choice = { .address = { address_at(rule, IPTABLES_SOURCE, i),
							      address_at(rule, IPTABLES_DESTINATION, j) } };
			if (make_halves(making, choice))
				return -1;
		} while (++j < rule->side[IPTABLES_DESTINATION].list.count);
	} while (++i < rule->side[IPTABLES_SOURCE].list.count);
	return 0;
}

int iptables_rule_build(const struct iptables_rule *rule, const struct rule_place *place, iptables_take_rule *take,
			void *context, struct error *error)
{
	struct making making = { rule, place, rule_draft_create(), take, context, error };
	if (!making.draft)
		return error_set(error, "%s: no memory for the rules", place->file);
	int result = make_all(&making);
	rule_draft_free(making.draft);
	return result;
}

void iptables_rule_free(struct iptables_rule *rule)
{
	for (unsigned side = 0; side < IPTABLES_SIDES; side++) {
		address_ranges_free(&rule->side[side].list);
		address_ranges_free(&rule->side[side].range);
		port_ranges_free(&rule->side[side].ports);
	}
	port_ranges_free(&rule->either);
}
