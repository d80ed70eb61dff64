// SPDX-License-Identifier: BSD-3-Clause
// What a rule's matches and statements come to.
#include <string.h>

#include "control/rule_nft_rule.h"
#include "dataplane/protocol.h"

enum {
	KNOWN_NONE = -1, // nothing is known of the packet's family or protocol
	KNOWN_SEVERAL = -2,
	FAMILY_NUMBER_IP4 = 2,
	FAMILY_NUMBER_IP6 = 10,
};

// What a rule comes to while its matches are taken one after the other: a field that is asked for twice has to satisfy both.
// family and protocol are what nft knows of the packet by the matches so far, and checks later ones against.
struct builder {
	struct nft_parser *parser;
	enum nft_family table;
	bool ingress;
	uint16_t asks; // enum rule_field
	bool ip4, ip6;
	bool inside;   // beyond the link header: a VLAN can't be asked for any more
	int family, protocol;
	struct port_ranges numbers[RULE_FIELDS];
	struct address_ranges addresses[2]; // sources, destinations
	const char *interfaces;
};

static unsigned bit_of(uint16_t field)
{
	return (unsigned)__builtin_ctz(field);
}

static unsigned most_of(uint16_t field)
{
	if (field == RULE_VLAN)
		return 4095;
	return field & (RULE_SOURCE_PORT | RULE_DESTINATION_PORT) ? UINT16_MAX : UINT8_MAX;
}

static void builder_free(struct builder *builder)
{
	for (size_t i = 0; i < RULE_FIELDS; i++)
		port_ranges_free(&builder->numbers[i]);
	address_ranges_free(&builder->addresses[0]);
	address_ranges_free(&builder->addresses[1]);
}

static int no_memory(const struct builder *builder)
{
	return error_set(builder->parser->error, "no memory for the rules");
}

// Both: the complement of the two complements together. other is taken over.
static int intersect_numbers(struct port_ranges *set, struct port_ranges *other, unsigned most)
{
	int result = port_ranges_negate(set, (uint16_t)most) || port_ranges_negate(other, (uint16_t)most);
	for (size_t i = 0; i < other->count && result == 0; i++)
		result = port_ranges_add(set, other->range[i].low, other->range[i].high);
	port_ranges_free(other);
	return result || port_ranges_negate(set, (uint16_t)most) ? -1 : 0;
}

static int intersect_addresses(struct address_ranges *set, struct address_ranges *other, enum ip_family family)
{
	int result = address_ranges_negate(set, family) || address_ranges_negate(other, family);
	for (size_t i = 0; i < other->count && result == 0; i++)
		result = address_ranges_add(set, &other->range[i].low, &other->range[i].high);
	address_ranges_free(other);
	return result || address_ranges_negate(set, family) ? -1 : 0;
}

static int ask_numbers(struct builder *builder, uint16_t field, struct port_ranges *numbers)
{
	struct port_ranges *set = &builder->numbers[bit_of(field)];
	bool again = builder->asks & field;
	builder->asks |= field;
	if (again)
		return intersect_numbers(set, numbers, most_of(field)) ? no_memory(builder) : 0;
	*set = *numbers;
	return 0;
}

static int ask_addresses(struct builder *builder, uint16_t field, struct address_ranges *addresses)
{
	struct address_ranges *set = &builder->addresses[field == RULE_DESTINATION];
	bool again = builder->asks & field;
	builder->asks |= field;
	if (again)
		return intersect_addresses(set, addresses, builder->ip4 ? FAMILY_IP4 : FAMILY_IP6) ? no_memory(builder) : 0;
	*set = *addresses;
	return 0;
}

static int ask_protocol(struct builder *builder, uint8_t protocol)
{
	struct port_ranges numbers = { 0 };
	if (port_ranges_add(&numbers, protocol, protocol))
		return no_memory(builder);
	return ask_numbers(builder, RULE_PROTOCOL, &numbers);
}

// What nft knows of a packet, and what it refuses by it

static void restrict_family(struct builder *builder, enum ip_family family)
{
	builder->ip4 &= family == FAMILY_IP4;
	builder->ip6 &= family == FAMILY_IP6;
	builder->family = (int)family;
}

static int check_possible(const struct builder *builder, const struct nft_token *at)
{
	return builder->ip4 || builder->ip6 ? 0 :
		nft_unexpected_at(builder->parser, at, "expected a match of the other family: no packet is of both");
}

static int enter_family(struct builder *builder, const struct nft_match *match)
{
	enum ip_family family = match->field->family;
	if (family == FAMILY_NONE)
		return 0;
	if (builder->family != KNOWN_NONE && builder->family != (int)family)
		return nft_unexpected_at(builder->parser, &match->at, "expected a match of the family that is known by what stands before "
								      "(the table, or an earlier match)");
	restrict_family(builder, family);
	builder->inside = true;
	return check_possible(builder, &match->at);
}

// "icmp type" says IPv4 too, unless the family or the protocol was told before.
static int enter_icmp(struct builder *builder, const struct nft_match *match)
{
	uint8_t protocol = match->field->protocol;
	if (!protocol_is_icmp(protocol) || builder->protocol != KNOWN_NONE)
		return 0;
	if (builder->family == KNOWN_SEVERAL)
		return nft_unexpected_at(builder->parser, &match->at, "expected one family before it");
	if (builder->family != KNOWN_NONE)
		return 0;
	restrict_family(builder, protocol == PROTO_ICMP ? FAMILY_IP4 : FAMILY_IP6);
	builder->inside = true;
	return check_possible(builder, &match->at);
}

static int enter_protocol(struct builder *builder, const struct nft_match *match)
{
	uint8_t protocol = match->field->protocol;
	if (protocol == 0)
		return 0;
	if (builder->protocol != KNOWN_NONE && builder->protocol != protocol)
		return nft_unexpected_at(builder->parser, &match->at, "expected a match of the protocol that stands before; several "
								      "protocols' ports are 'th sport' and 'th dport'");
	builder->protocol = protocol;
	return ask_protocol(builder, protocol);
}

static bool has_ports(int protocol)
{
	return protocol < 0 || protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

static int check_place(const struct builder *builder, const struct nft_match *match)
{
	const struct nft_field *field = match->field;
	bool mixed = builder->table != NFT_FAMILY_IP && builder->table != NFT_FAMILY_IP6;
	if (field->asks == RULE_VLAN && builder->inside && mixed)
		return nft_unexpected_at(builder->parser, &match->at, "expected it in front of all that asks for addresses or a family");
	if (field->asks == 0 && builder->table != NFT_FAMILY_INET)
		return nft_unexpected_at(builder->parser, &match->at, "expected another match: nft takes this one in tables of family "
								      "inet only");
	if (field->asks == RULE_CONNECTION && builder->ingress)
		return nft_unexpected_at(builder->parser, &match->at, "expected another match: at ingress nft knows no connections");
	if (field->header && strcmp(field->header, "th") == 0 && !has_ports(builder->protocol))
		return nft_unexpected_at(builder->parser, &match->at, "expected another match: this protocol has no ports");
	return 0;
}

static int enter(struct builder *builder, const struct nft_match *match)
{
	if (check_place(builder, match) || enter_family(builder, match) || enter_icmp(builder, match))
		return -1;
	return enter_protocol(builder, match);
}

// Matches

static int take_family(struct builder *builder, const struct nft_match *match, const struct port_ranges *numbers, int single)
{
	bool ip4 = false, ip6 = false;
	for (size_t i = 0; i < numbers->count; i++) {
		const struct port_range *range = &numbers->range[i];
		ip4 |= range->low <= FAMILY_NUMBER_IP4 && range->high >= FAMILY_NUMBER_IP4;
		ip6 |= range->low <= FAMILY_NUMBER_IP6 && range->high >= FAMILY_NUMBER_IP6;
	}
	builder->ip4 &= ip4;
	builder->ip6 &= ip6;
	if (single == NFT_SEVERAL)
		builder->family = KNOWN_SEVERAL;
	else if (single != NFT_NOT_SINGLE)
		builder->family = ip4 ? FAMILY_IP4 : FAMILY_IP6;
	builder->inside |= single != NFT_NOT_SINGLE;
	return check_possible(builder, &match->at);
}

static int take_numbers(struct builder *builder, const struct nft_match *match)
{
	struct port_ranges numbers;
	int single, result = nft_match_numbers(builder->parser, match, &numbers, &single);
	uint16_t field = match->field->asks;
	if (result == 0 && field) {
		if (field & (RULE_PROTOCOL | RULE_NEXT_HEADER) && single != NFT_NOT_SINGLE)
			builder->protocol = single == NFT_SEVERAL ? KNOWN_SEVERAL : single;
		return ask_numbers(builder, field, &numbers);
	}
	if (result == 0)
		result = take_family(builder, match, &numbers, single);
	port_ranges_free(&numbers);
	return result;
}

static int take_addresses(struct builder *builder, const struct nft_match *match)
{
	struct address_ranges addresses;
	if (nft_match_addresses(builder->parser, match, &addresses) == 0)
		return ask_addresses(builder, match->field->asks, &addresses);
	address_ranges_free(&addresses);
	return -1;
}

static int take_interfaces(struct builder *builder, const struct nft_match *match)
{
	if (builder->interfaces)
		return nft_unexpected_at(builder->parser, &match->at, "expected one match of interfaces in a rule");
	builder->asks |= RULE_INTERFACE;
	builder->interfaces = nft_match_interfaces(builder->parser, match);
	return builder->interfaces ? 0 : -1;
}

static int take_match(struct builder *builder, const struct nft_match *match)
{
	if (enter(builder, match))
		return -1;
	if (match->field->type == NFT_TYPE_INTERFACE)
		return take_interfaces(builder, match);
	return nft_type_is_address(match->field->type) ? take_addresses(builder, match) : take_numbers(builder, match);
}

// Rejects

static int take_tcp_reset(struct builder *builder, const struct nft_rule *rule)
{
	if (builder->protocol != KNOWN_NONE && builder->protocol != PROTO_TCP)
		return nft_unexpected_at(builder->parser, &rule->reject_at, "expected an answer other than 'tcp reset', or only TCP "
									    "before it");
	return ask_protocol(builder, PROTO_TCP);
}

static int take_reject(struct builder *builder, const struct nft_rule *rule)
{
	enum ip_family family = rule->reject == NFT_REJECT_ICMP ? FAMILY_IP4 : FAMILY_IP6;
	if (rule->reject == NFT_REJECT_PLAIN)
		return 0;
	if (rule->reject == NFT_REJECT_TCP)
		return take_tcp_reset(builder, rule);
	if (rule->reject == NFT_REJECT_ICMPX)
		return builder->table != NFT_FAMILY_IP && builder->table != NFT_FAMILY_IP6 ? 0 :
			nft_unexpected_at(builder->parser, &rule->reject_at, "expected an answer other than 'icmpx', which nft does "
									     "not take in a table of one family");
	if (builder->family != KNOWN_NONE && builder->family != (int)family)
		return nft_unexpected_at(builder->parser, &rule->reject_at, "expected an answer of the family that stands before it");
	restrict_family(builder, family);
	return check_possible(builder, &rule->reject_at);
}

// The draft

static uint8_t answer_of(enum nft_reject reject)
{
	if (reject == NFT_REJECT_PLAIN)
		return ANSWER_BY_PROTOCOL;
	return reject == NFT_REJECT_TCP ? ANSWER_TCP_RESET : ANSWER_ICMP_CODE;
}

static int draft_ports(const struct builder *builder, struct rule_draft *draft, uint16_t field)
{
	const struct port_ranges *numbers = &builder->numbers[bit_of(field)];
	for (size_t i = 0; i < numbers->count; i++) {
		if (rule_draft_ports(draft, field, numbers->range[i].low, numbers->range[i].high))
			return no_memory(builder);
	}
	return 0;
}

static void draft_bytes(const struct builder *builder, struct rule_draft *draft, uint16_t field)
{
	const struct port_ranges *numbers = &builder->numbers[bit_of(field)];
	for (size_t i = 0; i < numbers->count; i++) {
		for (unsigned value = numbers->range[i].low; value <= numbers->range[i].high; value++)
			rule_draft_byte(draft, field, (uint8_t)value);
	}
}

static int draft_addresses(const struct builder *builder, struct rule_draft *draft, uint16_t field)
{
	const struct address_ranges *addresses = &builder->addresses[field == RULE_DESTINATION];
	for (size_t i = 0; i < addresses->count; i++) {
		if (rule_draft_addresses(draft, field, &addresses->range[i].low, &addresses->range[i].high))
			return no_memory(builder);
	}
	return 0;
}

static uint8_t connection_states(const struct builder *builder)
{
	const struct port_ranges *numbers = &builder->numbers[bit_of(RULE_CONNECTION)];
	uint8_t states = 0;
	for (uint8_t state = CONNECTION_NEW; state <= CONNECTION_UNTRACKED; state = (uint8_t)(state << 1)) {
		for (size_t i = 0; i < numbers->count; i++) {
			if (numbers->range[i].low <= state && numbers->range[i].high >= state)
				states |= state;
		}
	}
	return states;
}

static int draft_field(const struct builder *builder, struct rule_draft *draft, uint16_t field)
{
	switch (field) {
	case RULE_SOURCE:
	case RULE_DESTINATION:
		return draft_addresses(builder, draft, field);
	case RULE_SOURCE_PORT:
	case RULE_DESTINATION_PORT:
	case RULE_VLAN:
		return draft_ports(builder, draft, field);
	case RULE_INTERFACE:
		return rule_draft_interfaces(draft, builder->interfaces) ? no_memory(builder) : 0;
	case RULE_CONNECTION:
		rule_draft_rule(draft)->connection = connection_states(builder);
		return 0;
	default:
		draft_bytes(builder, draft, field);
		return 0;
	}
}

// A rule for no protocol at all matches nothing, whatever else it asks for behind the IP header.
static uint16_t asks_of(const struct builder *builder)
{
	const uint16_t transport = RULE_SOURCE_PORT | RULE_DESTINATION_PORT | RULE_TCP_FLAGS | RULE_ICMP_TYPE | RULE_ICMP_CODE;
	bool nothing = builder->asks & RULE_PROTOCOL && builder->numbers[bit_of(RULE_PROTOCOL)].count == 0;
	return nothing ? builder->asks & (uint16_t)~transport : builder->asks;
}

static void draft_rest(const struct builder *builder, const struct nft_rule *from, struct rule *rule)
{
	rule->ip4 = builder->ip4;
	rule->ip6 = builder->ip6;
	rule->verdict = from->verdict;
	rule->limit = from->limit;
	rule->asks = asks_of(builder); // empty sets too
	if (from->verdict == VERDICT_REJECT) {
		rule->answer = answer_of(from->reject);
		rule->answer_code = from->reject == NFT_REJECT_ICMPX ? ANSWER_ICMPX | from->answer_code : from->answer_code;
	}
}

static struct rule_entry *finish(const struct builder *builder, const struct nft_rule *rule, struct rule_draft *draft)
{
	struct rule_place place = { rule->at.file, rule->at.line, rule->at.column };
	draft_rest(builder, rule, rule_draft_rule(draft));
	for (unsigned bit = 0; bit < RULE_FIELDS; bit++) {
		if (asks_of(builder) & 1 << bit && draft_field(builder, draft, (uint16_t)(1 << bit)))
			return NULL;
	}
	if ((rule->comment && rule_draft_comment(draft, rule->comment)) || (rule->log && rule_draft_log(draft, rule->log_prefix))) {
		no_memory(builder);
		return NULL;
	}
	return rule_draft_finish(draft, &place, builder->parser->error);
}

static void begin(struct builder *builder, struct nft_parser *parser, const struct nft_rule *rule)
{
	*builder = (struct builder){ .parser = parser, .table = rule->family, .ingress = rule->ingress,
				     .ip4 = rule->family != NFT_FAMILY_IP6, .ip6 = rule->family != NFT_FAMILY_IP,
				     .family = KNOWN_NONE, .protocol = KNOWN_NONE };
	if (rule->family == NFT_FAMILY_IP || rule->family == NFT_FAMILY_IP6)
		builder->family = rule->family == NFT_FAMILY_IP ? FAMILY_IP4 : FAMILY_IP6;
}

struct rule_entry *nft_build_rule(struct nft_parser *parser, struct nft_rule *rule, struct rule_draft *draft)
{
	struct builder builder;
	int result = 0;
	begin(&builder, parser, rule);
	for (const struct nft_match *match = rule->matches; match && result == 0; match = match->next)
		result = take_match(&builder, match);
	if (result == 0 && rule->verdict == VERDICT_REJECT)
		result = take_reject(&builder, rule);
	struct rule_entry *entry = result ? NULL : finish(&builder, rule, draft);
	builder_free(&builder);
	return entry;
}
