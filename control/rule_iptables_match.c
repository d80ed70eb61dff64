// SPDX-License-Identifier: BSD-3-Clause
// What a rule asks for.
#include <string.h>

#include "control/rule_iptables_names.h"
#include "control/rule_iptables_parser.h"
#include "control/rule_iptables_values.h"
#include "control/services.h"

enum {
	BURST_MAX = 10000,
	MODULES_WITH_PORT = MODULES_OF_PORTS | MODULE_MULTIPORT,
};

static int unexpected(const struct iptables_parser *parser, const struct iptables_word *word, const char *expected)
{
	return iptables_unexpected(parser->reader, word, expected);
}

static enum ip_family family_of(const struct iptables_parser *parser)
{
	return parser->command->family;
}

static void negate_bytes(struct byte_set *set)
{
	for (unsigned i = 0; i < sizeof(set->word) / sizeof(set->word[0]); i++)
		set->word[i] = ~set->word[i];
}

// -p

// ip6tables looks behind these, so that none of them is ever the protocol.
static bool is_extension_header(int protocol)
{
	return protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60;
}

static int read_protocol_word(const struct iptables_parser *parser, const struct iptables_word *word)
{
	uint32_t number;
	int protocol = -1;
	if (!word->end)
		protocol = iptables_number(word->text, UINT8_MAX, &number) ? (int)number : iptables_protocol(word->text);
	if (protocol < 0)
		return unexpected(parser, word, "expected a protocol: tcp, udp, icmp, icmpv6, sctp, dccp, udplite, another name "
				  "of /etc/protocols, all, or a number from 0 to 255");
	if (protocol == 0 && parser->negated)
		return unexpected(parser, word, "expected a protocol: no packet is of none");
	if (family_of(parser) == FAMILY_IP6 && is_extension_header(protocol))
		return unexpected(parser, word, "expected no extension header of IPv6, which is never the protocol");
	return protocol;
}

static int read_protocol(struct iptables_parser *parser)
{
	struct rule *rule = &parser->rule->rule;
	int protocol = read_protocol_word(parser, iptables_take(parser->reader));
	if (protocol <= 0) // all, or an error
		return protocol;
	rule->asks |= RULE_PROTOCOL;
	byte_set_add(&rule->protocols, (uint8_t)protocol);
	if (parser->negated) {
		negate_bytes(&rule->protocols);
		return 0;
	}
	parser->protocol = protocol;
	iptables_imply_modules(parser);
	return 0;
}

// -s, -d, -m iprange

static int read_address_list(struct iptables_parser *parser, unsigned side)
{
	struct iptables_side *of = &parser->rule->side[side];
	struct iptables_word rest = *iptables_take(parser->reader), part;
	of->list_negated = parser->negated;
	while (iptables_part(&rest, ',', &part)) {
		struct address_range range;
		if (of->list.count && parser->negated)
			return unexpected(parser, &part, "expected one address only where there is a '!'");
		if (iptables_addresses(parser->reader, &part, family_of(parser), &range))
			return -1;
		if (address_ranges_add(&of->list, &range.low, &range.high))
			return iptables_no_memory(parser);
	}
	return 0;
}

static int read_source(struct iptables_parser *parser)
{
	return read_address_list(parser, IPTABLES_SOURCE);
}

static int read_destination(struct iptables_parser *parser)
{
	return read_address_list(parser, IPTABLES_DESTINATION);
}

static int read_range(struct iptables_parser *parser, unsigned side)
{
	struct iptables_side *of = &parser->rule->side[side];
	struct address_range range;
	if (iptables_address_range(parser->reader, iptables_take(parser->reader), family_of(parser), &range))
		return -1;
	of->has_range = true;
	if (address_ranges_add(&of->range, &range.low, &range.high) ||
	    (parser->negated && address_ranges_negate(&of->range, family_of(parser))))
		return iptables_no_memory(parser);
	return 0;
}

static int read_source_range(struct iptables_parser *parser)
{
	return read_range(parser, IPTABLES_SOURCE);
}

static int read_destination_range(struct iptables_parser *parser)
{
	return read_range(parser, IPTABLES_DESTINATION);
}

// -i

// As Linux has names, and in letters that can be printed; '|', '!' and '*' mean something in a list of names.
static bool is_interface(const struct iptables_word *word)
{
	for (const char *at = word->text; *at; at++) {
		if (*at <= ' ' || *at > '~' || strchr("!|*/\\\"'", *at))
			return false;
	}
	return !word->end && word->length > 0 && word->length < IPTABLES_INTERFACE_MAX;
}

// "eth+" is "eth*" here; a '+' that does not end the name is a letter of it.
static int read_interface(struct iptables_parser *parser)
{
	const struct iptables_word *word = iptables_take(parser->reader);
	char *names = parser->rule->interfaces;
	bool any = !word->end && strcmp(word->text, "+") == 0;
	if (!is_interface(word) || (any && parser->negated))
		return unexpected(parser, word, "expected the name of an interface, of at most 15 bytes, or how it begins and '+'");
	if (any)
		return 0;
	if (parser->negated)
		*names++ = '!';
	memcpy(names, word->text, word->length + 1);
	if (names[word->length - 1] == '+')
		names[word->length - 1] = '*';
	return 0;
}

// Ports

static int copy_ports(struct port_ranges *to, const struct port_ranges *from)
{
	int result = 0;
	for (size_t i = 0; i < from->count && result == 0; i++)
		result = port_ranges_add(to, from->range[i].low, from->range[i].high);
	return result;
}

// What is asked for already has to hold too.
static int narrow_ports(struct iptables_parser *parser, unsigned side, const struct port_ranges *set)
{
	struct iptables_side *of = &parser->rule->side[side];
	int result = of->has_ports ? port_ranges_intersect(&of->ports, set) : copy_ports(&of->ports, set);
	of->has_ports = true;
	return result ? iptables_no_memory(parser) : 0;
}

static int finish_ports(struct iptables_parser *parser, struct port_ranges *set)
{
	port_ranges_normalise(set);
	return parser->negated && port_ranges_negate(set, UINT16_MAX) ? iptables_no_memory(parser) : 0;
}

static int read_port_list(struct iptables_parser *parser, struct port_ranges *set)
{
	if (parser->protocol < 0 || !protocol_has_ports((uint8_t)parser->protocol))
		return unexpected(parser, parser->option, "expected -p tcp, udp, sctp, dccp or udplite in front of it");
	if (iptables_port_list(parser->reader, iptables_take(parser->reader), (uint8_t)parser->protocol, set))
		return -1;
	return finish_ports(parser, set);
}

static int read_ports_of(struct iptables_parser *parser, bool source, bool destination)
{
	struct port_ranges set = { 0 };
	int result = read_port_list(parser, &set);
	if (result == 0 && source)
		result = narrow_ports(parser, IPTABLES_SOURCE, &set);
	if (result == 0 && destination)
		result = narrow_ports(parser, IPTABLES_DESTINATION, &set);
	port_ranges_free(&set);
	return result;
}

static int read_source_ports(struct iptables_parser *parser)
{
	return read_ports_of(parser, true, false);
}

static int read_destination_ports(struct iptables_parser *parser)
{
	return read_ports_of(parser, false, true);
}

static int read_one_port(struct iptables_parser *parser, unsigned side)
{
	struct port_ranges set = { 0 };
	struct port_range range;
	if (iptables_ports(parser->reader, iptables_take(parser->reader), (uint8_t)parser->protocol, &range))
		return -1;
	int result = port_ranges_add(&set, range.low, range.high) ? iptables_no_memory(parser) : finish_ports(parser, &set);
	if (result == 0)
		result = narrow_ports(parser, side, &set);
	port_ranges_free(&set);
	return result;
}

// Behind -m multiport iptables takes "--dport 80,443" for its --dports, cut short.
static bool at_list(const struct iptables_parser *parser)
{
	return parser->modules & MODULE_MULTIPORT && strchr(iptables_peek(parser->reader)->text, ',');
}

static int read_source_port(struct iptables_parser *parser)
{
	return at_list(parser) ? read_source_ports(parser) : read_one_port(parser, IPTABLES_SOURCE);
}

static int read_destination_port(struct iptables_parser *parser)
{
	return at_list(parser) ? read_destination_ports(parser) : read_one_port(parser, IPTABLES_DESTINATION);
}

// Negated it is neither of the two.
static int read_either_ports(struct iptables_parser *parser)
{
	if (parser->negated)
		return read_ports_of(parser, true, true);
	parser->rule->has_either = true;
	return read_port_list(parser, &parser->rule->either);
}

// TCP flags

static void set_flags(struct iptables_parser *parser, uint8_t mask, uint8_t comparison)
{
	struct rule *rule = &parser->rule->rule;
	rule->asks |= RULE_TCP_FLAGS;
	for (unsigned flags = 0; flags <= UINT8_MAX; flags++) {
		if ((flags & mask) == comparison)
			byte_set_add(&rule->tcp_flags, (uint8_t)flags);
	}
	if (parser->negated)
		negate_bytes(&rule->tcp_flags);
}

static int read_syn(struct iptables_parser *parser)
{
	set_flags(parser, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4, 1 << 1); // FIN, SYN, RST, ACK
	return 0;
}

static int read_tcp_flags(struct iptables_parser *parser)
{
	uint8_t mask, comparison;
	if (iptables_tcp_flags(parser->reader, iptables_take(parser->reader), &mask) ||
	    iptables_tcp_flags(parser->reader, iptables_take(parser->reader), &comparison))
		return -1;
	set_flags(parser, mask, comparison);
	return 0;
}

// ICMP

static bool read_type_numbers(char *text, struct iptables_icmp_type *type)
{
	uint32_t number = 0, code = 0;
	char *slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	bool good = iptables_number(text, UINT8_MAX, &number) && (!slash || iptables_number(slash + 1, UINT8_MAX, &code));
	if (slash)
		*slash = '/';
	*type = (struct iptables_icmp_type){ .type = (uint8_t)number, .code = (uint8_t)code, .has_code = slash };
	return good;
}

static void fill_bytes(struct byte_set *set)
{
	memset(set, 0xff, sizeof(*set));
}

static void set_type(struct iptables_parser *parser, const struct iptables_icmp_type *type)
{
	struct rule *rule = &parser->rule->rule;
	rule->asks |= RULE_ICMP_TYPE;
	if (type->any)
		fill_bytes(&rule->icmp_types);
	else
		byte_set_add(&rule->icmp_types, type->type);
	if (type->has_code && !type->any) {
		rule->asks |= RULE_ICMP_CODE;
		byte_set_add(&rule->icmp_codes, type->code);
		parser->rule->not_type_code = parser->negated;
	} else if (parser->negated) {
		negate_bytes(&rule->icmp_types);
	}
}

static int read_icmp(struct iptables_parser *parser)
{
	struct iptables_icmp_type type = { .name = NULL };
	struct iptables_word *word = iptables_take(parser->reader);
	const struct iptables_icmp_type *named = iptables_icmp_type(word->text, family_of(parser));
	if (named)
		type = *named;
	else if (!read_type_numbers(word->text, &type))
		return unexpected(parser, word, family_of(parser) == FAMILY_IP4 ?
			"expected an ICMP type: a number, TYPE/CODE, any, or a name such as echo-request" :
			"expected an ICMPv6 type: a number, TYPE/CODE, or a name such as echo-request");
	// To xt_icmp 255 is any type, whatever code stands behind it.
	type.any |= family_of(parser) == FAMILY_IP4 && type.type == UINT8_MAX;
	set_type(parser, &type);
	return 0;
}

// The rest

static int read_state(struct iptables_parser *parser)
{
	enum { ALL = CONNECTION_UNTRACKED * 2 - 1 };
	struct rule *rule = &parser->rule->rule;
	rule->asks |= RULE_CONNECTION;
	if (iptables_states(parser->reader, iptables_take(parser->reader), &rule->connection))
		return -1;
	if (parser->negated)
		rule->connection ^= ALL;
	return 0;
}

static int read_rate(struct iptables_parser *parser)
{
	return iptables_rate(parser->reader, iptables_take(parser->reader), &parser->rule->rule.limit);
}

static int read_burst(struct iptables_parser *parser)
{
	uint32_t burst;
	const struct iptables_word *word = iptables_take(parser->reader);
	if (!iptables_number(word->text, BURST_MAX, &burst) || burst == 0)
		return unexpected(parser, word, "expected a number of packets from 1 to 10000");
	parser->rule->rule.limit.burst = burst;
	return 0;
}

static int read_comment(struct iptables_parser *parser)
{
	const struct iptables_word *word = iptables_take(parser->reader);
	if (word->end)
		return unexpected(parser, word, "expected a comment");
	parser->rule->comment = word->length ? word->text : NULL;
	return iptables_text(parser->reader, word);
}

#define NEEDS_PORTS "expected -p tcp, udp, sctp or dccp in front of it (without '!'), or -m multiport and a list"
#define NEEDS_TCP "expected -p tcp in front of it (without '!')"
#define NEEDS_MULTIPORT "expected -m multiport in front of it"
#define NEEDS_IPRANGE "expected -m iprange in front of it"
#define NO_FRAGMENTS "expected no -f: later fragments can't be told apart, as they belong to the flow of their first"
#define NO_COUNTERS "expected no counters: a rule begins with none"

const struct iptables_option iptables_matches[] = {
	{ "-p", "--protocol", 0, SETS_PROTOCOL, true, read_protocol, NULL },
	{ "-s", "--source", 0, SETS_SOURCE, true, read_source, NULL },
	{ "-d", "--destination", 0, SETS_DESTINATION, true, read_destination, NULL },
	{ "-i", "--in-interface", 0, SETS_INTERFACE, true, read_interface, NULL },
	{ "-m", "--match", 0, SETS_OFTEN, false, iptables_read_module, NULL },
	{ "--src", NULL, 0, SETS_SOURCE, true, read_source, NULL },
	{ "--dst", NULL, 0, SETS_DESTINATION, true, read_destination, NULL },
	{ "--proto", NULL, 0, SETS_PROTOCOL, true, read_protocol, NULL },
	{ "--sport", "--source-port", MODULES_WITH_PORT, SETS_SOURCE_PORT, true, read_source_port, NEEDS_PORTS },
	{ "--dport", "--destination-port", MODULES_WITH_PORT, SETS_DESTINATION_PORT, true, read_destination_port, NEEDS_PORTS },
	{ "--syn", NULL, MODULE_TCP, SETS_TCP_FLAGS, true, read_syn, NEEDS_TCP },
	{ "--tcp-flags", NULL, MODULE_TCP, SETS_TCP_FLAGS, true, read_tcp_flags, NEEDS_TCP },
	{ "--icmp-type", NULL, MODULE_ICMP, SETS_ICMP, true, read_icmp, "expected iptables, and -p icmp in front of it" },
	{ "--icmpv6-type", NULL, MODULE_ICMP6, SETS_ICMP, true, read_icmp, "expected ip6tables, and -p icmpv6 in front of it" },
	{ "--sports", "--source-ports", MODULE_MULTIPORT, SETS_SOURCE_PORTS, true, read_source_ports, NEEDS_MULTIPORT },
	{ "--dports", "--destination-ports", MODULE_MULTIPORT, SETS_DESTINATION_PORTS, true, read_destination_ports,
	  NEEDS_MULTIPORT },
	{ "--ports", NULL, MODULE_MULTIPORT, SETS_PORTS, true, read_either_ports, NEEDS_MULTIPORT },
	{ "--state", NULL, MODULE_STATE, SETS_STATE, true, read_state, "expected -m state in front of it" },
	{ "--ctstate", NULL, MODULE_CONNTRACK, SETS_STATE, true, read_state, "expected -m conntrack in front of it" },
	{ "--limit", NULL, MODULE_LIMIT, SETS_RATE, false, read_rate, "expected -m limit in front of it" },
	{ "--limit-burst", NULL, MODULE_LIMIT, SETS_BURST, false, read_burst, "expected -m limit in front of it" },
	{ "--comment", NULL, MODULE_COMMENT, SETS_COMMENT, false, read_comment, "expected -m comment in front of it" },
	{ "--src-range", NULL, MODULE_IPRANGE, SETS_SOURCE_RANGE, true, read_source_range, NEEDS_IPRANGE },
	{ "--dst-range", NULL, MODULE_IPRANGE, SETS_DESTINATION_RANGE, true, read_destination_range, NEEDS_IPRANGE },
	{ "-o", "--out-interface", 0, SETS_OFTEN, true, NULL, "expected no interface that packets leave by: they are judged where "
	  "they come in" },
	{ "-f", "--fragment", 0, SETS_OFTEN, true, NULL, NO_FRAGMENTS },
	{ "-c", "--set-counters", 0, SETS_OFTEN, false, NULL, NO_COUNTERS },
	{ .name = NULL },
};
