// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_match.h"

#include <stdio.h>
#include <string.h>

enum { EXPECTED_MAX = 256 };

static const struct nft_field fields[] = {
	{ "ip", "saddr", NFT_TYPE_IP4, RULE_SOURCE, FAMILY_IP4, 0 },
	{ "ip", "daddr", NFT_TYPE_IP4, RULE_DESTINATION, FAMILY_IP4, 0 },
	{ "ip", "protocol", NFT_TYPE_PROTOCOL, RULE_PROTOCOL, FAMILY_IP4, 0 },
	{ "ip6", "saddr", NFT_TYPE_IP6, RULE_SOURCE, FAMILY_IP6, 0 },
	{ "ip6", "daddr", NFT_TYPE_IP6, RULE_DESTINATION, FAMILY_IP6, 0 },
	{ "ip6", "nexthdr", NFT_TYPE_PROTOCOL, RULE_NEXT_HEADER, FAMILY_IP6, 0 },
	{ "meta", "l4proto", NFT_TYPE_PROTOCOL, RULE_PROTOCOL, 0, 0 },
	{ "meta", "nfproto", NFT_TYPE_FAMILY, 0, 0, 0 },
	{ "meta", "iifname", NFT_TYPE_INTERFACE, RULE_INTERFACE, 0, 0 },
	{ NULL, "iifname", NFT_TYPE_INTERFACE, RULE_INTERFACE, 0, 0 },
	{ "meta", "iif", NFT_TYPE_INTERFACE, RULE_INTERFACE, 0, 0 },
	{ NULL, "iif", NFT_TYPE_INTERFACE, RULE_INTERFACE, 0, 0 }, // by number in nft, so one that is there, by its whole name
	{ "tcp", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 6 },
	{ "tcp", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 6 },
	{ "tcp", "flags", NFT_TYPE_TCP_FLAGS, RULE_TCP_FLAGS, 0, 6 },
	{ "udp", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 17 },
	{ "udp", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 17 },
	{ "sctp", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 132 },
	{ "sctp", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 132 },
	{ "dccp", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 33 },
	{ "dccp", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 33 },
	{ "udplite", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 136 },
	{ "udplite", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 136 },
	{ "th", "sport", NFT_TYPE_PORT, RULE_SOURCE_PORT, 0, 0 },
	{ "th", "dport", NFT_TYPE_PORT, RULE_DESTINATION_PORT, 0, 0 },
	{ "icmp", "type", NFT_TYPE_ICMP_TYPE, RULE_ICMP_TYPE, 0, 1 },
	{ "icmp", "code", NFT_TYPE_ICMP_CODE, RULE_ICMP_CODE, 0, 1 },
	{ "icmpv6", "type", NFT_TYPE_ICMPV6_TYPE, RULE_ICMP_TYPE, 0, 58 },
	{ "icmpv6", "code", NFT_TYPE_ICMPV6_CODE, RULE_ICMP_CODE, 0, 58 },
	{ "vlan", "id", NFT_TYPE_VLAN, RULE_VLAN, 0, 0 },
	{ "ct", "state", NFT_TYPE_CT_STATE, RULE_CONNECTION, 0, 0 },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

// Reading

static bool begins_field(const struct nft_parser *parser, const struct nft_field *field)
{
	return nft_is(parser, field->header ? field->header : field->name);
}

bool nft_at_match(const struct nft_parser *parser)
{
	for (size_t i = 0; i < FIELDS; i++) {
		if (begins_field(parser, &fields[i]))
			return true;
	}
	return false;
}

// "expected 'saddr', 'daddr' or 'protocol' behind 'ip'": all that this header has here.
static const struct nft_field *no_field(struct nft_parser *parser, const char *header)
{
	char expected[EXPECTED_MAX];
	int used = snprintf(expected, sizeof(expected), "expected");
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].header && strcmp(fields[i].header, header) == 0)
			used += snprintf(expected + used, sizeof(expected) - (size_t)used, " '%s',", fields[i].name);
	}
	expected[used - 1] = '\0'; // the last comma
	snprintf(expected + used - 1, sizeof(expected) - (size_t)used + 1, ": other parts of '%s' are not supported", header);
	nft_unexpected(parser, expected);
	return NULL;
}

const struct nft_field *nft_read_field(struct nft_parser *parser)
{
	const char *header = NULL;
	for (size_t i = 0; i < FIELDS; i++) {
		if (!header && begins_field(parser, &fields[i])) {
			nft_next(parser);
			if (!fields[i].header)
				return &fields[i];
			header = fields[i].header;
		}
		if (header && fields[i].header && strcmp(fields[i].header, header) == 0 && nft_take(parser, fields[i].name))
			return &fields[i];
	}
	if (header)
		return no_field(parser, header);
	nft_unexpected(parser, "expected a field: of ip, ip6, meta, iifname, iif, tcp, udp, sctp, dccp, udplite, th, icmp, icmpv6, "
			       "vlan or ct");
	return NULL;
}

static int read_steps(struct nft_parser *parser, struct nft_match *match)
{
	static const char operators[] = "&^|"; // the tighter ones come first, as in "flags & a | b"
	struct nft_step **last = &match->steps;
	for (const char *operator = operators; *operator; operator++) {
		struct nft_token at = parser->token;
		while (nft_take_kind(parser, *operator)) {
			struct nft_step *step = nft_allocate(parser, sizeof(*step));
			if (!step)
				return -1;
			if (!nft_type_is_bits(match->field->type))
				return nft_unexpected_at(parser, &at, "expected a comparison: only bits of TCP flags and ct states "
								      "can be picked out");
			step->operator = *operator;
			step->value = nft_read_operand(parser, *operator);
			if (!step->value)
				return -1;
			*last = step;
			last = &step->next;
		}
	}
	return 0;
}

static bool is_comparison(int kind)
{
	return kind == NFT_EQ || kind == NFT_NE || kind == NFT_LE || kind == NFT_GE || kind == '<' || kind == '>' || kind == '!';
}

static int refuse_map(struct nft_parser *parser)
{
	if (nft_is(parser, "vmap") || nft_is(parser, "map"))
		return nft_unexpected(parser, "expected a value: maps are not supported");
	if (parser->token.kind == '.')
		return nft_unexpected(parser, "expected a value: several fields put together are not supported");
	return 0;
}

struct nft_match *nft_read_match(struct nft_parser *parser)
{
	struct nft_match *match = nft_allocate(parser, sizeof(*match));
	if (!match)
		return NULL;
	match->at = parser->token;
	match->field = nft_read_field(parser);
	if (!match->field || read_steps(parser, match) || refuse_map(parser))
		return NULL;
	match->operator_at = parser->token;
	if (is_comparison(parser->token.kind)) {
		match->operator = parser->token.kind;
		nft_next(parser);
	}
	match->value = nft_read_value(parser);
	return match->value ? match : NULL;
}
