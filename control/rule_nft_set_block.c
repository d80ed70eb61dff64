// SPDX-License-Identifier: BSD-3-Clause
// What stands between the braces of a named set.
#include <string.h>

#include "control/rule_nft_table.h"

static int end_of_line(struct nft_parser *parser)
{
	return nft_expect_separator(parser, false, "expected ';' or end of line");
}

static int check_one_type(struct nft_parser *parser, const struct nft_set *set)
{
	if (set->type != NFT_TYPES)
		return nft_unexpected(parser, "expected the set's type once");
	return 0;
}

static int refuse_fields(struct nft_parser *parser)
{
	return parser->token.kind != '.' ? 0 :
		nft_unexpected(parser, "expected ';' or end of line: sets of several fields are not supported");
}

static int read_type(struct nft_parser *parser, struct nft_set *set)
{
	if (check_one_type(parser, set))
		return -1;
	set->type = nft_type_find(&parser->token);
	if (set->type == NFT_TYPES)
		return nft_unexpected(parser, "expected ipv4_addr, ipv6_addr, inet_service, inet_proto, icmp_type, icmpv6_type, "
					      "icmp_code, icmpv6_code, tcp_flag, ct_state or ifname: other types are not supported");
	nft_next(parser);
	return refuse_fields(parser) ? -1 : end_of_line(parser);
}

static int read_typeof(struct nft_parser *parser, struct nft_set *set)
{
	if (check_one_type(parser, set))
		return -1;
	const struct nft_field *field = nft_read_field(parser);
	if (!field)
		return -1;
	if (strcmp(field->name, "iif") == 0)
		return nft_unexpected(parser, "expected a set of other values: interfaces' numbers are not supported in sets");
	set->type = field->type;
	return refuse_fields(parser) ? -1 : end_of_line(parser);
}

static int read_flags(struct nft_parser *parser, struct nft_set *set)
{
	do {
		if (nft_is(parser, "interval"))
			set->interval = true;
		else if (!nft_is(parser, "constant"))
			return nft_unexpected(parser, "expected interval or constant: other flags of sets are not supported");
		nft_next(parser);
	} while (nft_take_kind(parser, ','));
	return end_of_line(parser);
}

static int read_size(struct nft_parser *parser, struct nft_set *set)
{
	set->sized = true;
	set->size = parser->token.number;
	if (nft_expect(parser, NFT_NUMBER, "expected a number"))
		return -1;
	return end_of_line(parser);
}

// How nft is to hold the set: nothing to portier.
static int read_policy(struct nft_parser *parser)
{
	if (!nft_take(parser, "performance") && !nft_take(parser, "memory"))
		return nft_unexpected(parser, "expected performance or memory");
	return end_of_line(parser);
}

static int read_elements(struct nft_parser *parser, struct nft_set *set)
{
	if (set->items)
		return nft_unexpected(parser, "expected the elements once");
	if (nft_expect(parser, '=', "expected '='"))
		return -1;
	return nft_set_add(parser, set, nft_read_set(parser));
}

static int read_comment(struct nft_parser *parser)
{
	const char *comment;
	return nft_take_comment(parser, &comment) ? -1 : end_of_line(parser);
}

static int read_line(struct nft_parser *parser, void *context)
{
	struct nft_set *set = context;
	if (nft_take(parser, "type"))
		return read_type(parser, set);
	if (nft_take(parser, "typeof"))
		return read_typeof(parser, set);
	if (nft_take(parser, "flags"))
		return read_flags(parser, set);
	if (nft_take(parser, "elements"))
		return read_elements(parser, set);
	if (nft_take(parser, "size"))
		return read_size(parser, set);
	if (nft_take(parser, "policy"))
		return read_policy(parser);
	if (nft_is(parser, "comment"))
		return read_comment(parser);
	if (!nft_take(parser, "auto-merge"))
		return nft_unexpected(parser, "expected type, typeof, flags, elements, auto-merge, size, policy, comment or '}': others "
					      "are not supported");
	set->merge = true;
	return 0;
}

int nft_read_set_block(struct nft_parser *parser, struct nft_set *set)
{
	if (nft_expect(parser, '{', "expected '{'"))
		return -1;
	return nft_read_lines(parser, read_line, set);
}
