// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_value.h"

#include <string.h>

enum { DEPTH_MAX = 64 }; // of values in values: nobody writes more, and whoever does must not use up the stack

static const char expected_value[] = "expected a value";

static unsigned depth_of(const struct nft_value *value)
{
	return value ? value->depth : 0;
}

static struct nft_value *new_value(struct nft_parser *parser, enum nft_value_kind kind, const struct nft_token *at)
{
	struct nft_value *value = nft_allocate(parser, sizeof(*value));
	if (value) {
		value->kind = kind;
		value->at = *at;
		value->depth = 1;
	}
	return value;
}

static struct nft_value *new_pair(struct nft_parser *parser, enum nft_value_kind kind, const struct nft_value *a,
				  const struct nft_value *b)
{
	struct nft_value *value = a && b ? new_value(parser, kind, &a->at) : NULL;
	if (!value)
		return NULL;
	value->a = a;
	value->b = b;
	value->depth = 1 + (depth_of(a) > depth_of(b) ? depth_of(a) : depth_of(b));
	if (value->depth > DEPTH_MAX) {
		nft_unexpected_at(parser, &a->at, "expected fewer values within values: at most 64");
		return NULL;
	}
	return value;
}

// Definitions

static struct nft_define *find_define(const struct nft_parser *parser, const struct nft_token *name)
{
	for (struct nft_define *define = parser->defines; define; define = define->next) {
		if (nft_same(&define->name, name))
			return define;
	}
	return NULL;
}

const struct nft_value *nft_read_variable(struct nft_parser *parser)
{
	nft_next(parser);
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected a name that 'define' gave"))
		return NULL;
	const struct nft_define *define = find_define(parser, &name);
	if (!define)
		nft_unexpected_at(parser, &name, "expected a name that 'define' gave: there is none of this name here");
	return define ? define->value : NULL;
}

void nft_scope_close(struct nft_parser *parser)
{
	while (parser->defines && parser->defines->scope == parser->scope)
		parser->defines = parser->defines->next;
	parser->scope--;
}

static int define_name(struct nft_parser *parser, const struct nft_token *name, const struct nft_value *value)
{
	struct nft_define *define = nft_allocate(parser, sizeof(*define));
	if (!define)
		return -1;
	*define = (struct nft_define){ .name = *name, .value = value, .scope = parser->scope, .next = parser->defines };
	parser->defines = define;
	return 0;
}

int nft_read_define(struct nft_parser *parser, bool again)
{
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected a name to define"))
		return -1;
	const struct nft_define *old = find_define(parser, &name);
	if (old && old->scope == parser->scope && !again)
		return nft_unexpected_at(parser, &name, "expected a new name: it is defined already ('redefine' may do it)");
	if (nft_expect(parser, '=', "expected '='"))
		return -1;
	const struct nft_value *value = nft_read_value(parser);
	if (!value || define_name(parser, &name, value))
		return -1;
	return nft_expect_separator(parser, false, "expected end of line behind the definition");
}

int nft_read_undefine(struct nft_parser *parser)
{
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected a name that 'define' gave"))
		return -1;
	for (struct nft_define **at = &parser->defines; *at && (*at)->scope == parser->scope; at = &(*at)->next) {
		if (nft_same(&(*at)->name, &name)) {
			*at = (*at)->next;
			return nft_expect_separator(parser, false, "expected end of line");
		}
	}
	return nft_unexpected_at(parser, &name, "expected a name that was defined in this block");
}

// Values of one word, and how they are put together. '&' binds more tightly than '^', and that more than '|'.

// nft's own words that are values nevertheless.
static bool is_value_word(const struct nft_token *token)
{
	static const char *const words[] = { "tcp", "udp", "udplite", "esp", "ah", "icmp", "igmp", "icmpv6", "comp", "dccp",
					     "sctp", "redirect", "ecn", "gre" };
	if (!nft_is_reserved(token))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (nft_token_is(token, words[i]))
			return true;
	}
	return false;
}

static bool at_scalar(const struct nft_parser *parser)
{
	const struct nft_token *token = &parser->token;
	if (token->kind == NFT_WORD)
		return is_value_word(token);
	return token->kind == NFT_NUMBER || token->kind == NFT_WILDCARD || token->kind == NFT_STRING;
}

static const struct nft_value *read_binary(struct nft_parser *parser, int operator, unsigned depth);

static const struct nft_value *read_parentheses(struct nft_parser *parser, unsigned depth)
{
	if (depth > DEPTH_MAX) {
		nft_unexpected(parser, "expected fewer parentheses");
		return NULL;
	}
	nft_next(parser);
	const struct nft_value *value = read_binary(parser, '|', depth + 1);
	if (value && nft_expect(parser, ')', "expected ')'"))
		return NULL;
	return value;
}

static const struct nft_value *read_primary(struct nft_parser *parser, unsigned depth)
{
	if (parser->token.kind == '(')
		return read_parentheses(parser, depth);
	if (parser->token.kind == '$')
		return nft_read_variable(parser);
	if (!at_scalar(parser)) {
		nft_unexpected(parser, parser->token.kind == '*' ? "expected a value: sets that hold all else are not supported"
								  : expected_value);
		return NULL;
	}
	const struct nft_value *value = new_value(parser, NFT_VALUE_SCALAR, &parser->token);
	nft_next(parser);
	return value;
}

static const struct nft_value *read_tighter(struct nft_parser *parser, int operator, unsigned depth)
{
	if (operator == '&')
		return read_primary(parser, depth);
	return read_binary(parser, operator == '|' ? '^' : '&', depth);
}

static const struct nft_value *read_binary(struct nft_parser *parser, int operator, unsigned depth)
{
	const struct nft_value *value = read_tighter(parser, operator, depth);
	while (value && parser->token.kind == operator) {
		nft_next(parser);
		struct nft_value *pair =
			new_pair(parser, NFT_VALUE_BINARY, value, read_tighter(parser, operator, depth));
		if (pair)
			pair->operator = operator;
		value = pair;
	}
	return value;
}

const struct nft_value *nft_read_basic(struct nft_parser *parser)
{
	return read_binary(parser, '|', 0);
}

const struct nft_value *nft_read_operand(struct nft_parser *parser, int operator)
{
	return read_tighter(parser, operator, 0);
}

// Lists and sets

static int add_item(struct nft_parser *parser, struct nft_value *value, struct nft_item ***last,
		    const struct nft_value *member)
{
	struct nft_item *item = member ? nft_allocate(parser, sizeof(*item)) : NULL;
	if (!item)
		return -1;
	if (depth_of(member) >= DEPTH_MAX)
		return nft_unexpected_at(parser, &member->at, "expected fewer values within values: at most 64");
	item->value = member;
	**last = item;
	*last = &item->next;
	if (value->depth <= member->depth)
		value->depth = member->depth + 1;
	return 0;
}

// Goes on with a list whose first member was read.
static const struct nft_value *read_list(struct nft_parser *parser, const struct nft_value *first)
{
	struct nft_value *list = first ? new_value(parser, NFT_VALUE_LIST, &first->at) : NULL;
	struct nft_item **last = list ? &list->items : NULL;
	if (!list || add_item(parser, list, &last, first))
		return NULL;
	while (nft_take_kind(parser, ',')) {
		if (add_item(parser, list, &last, nft_read_basic(parser)))
			return NULL;
	}
	return list;
}

const struct nft_value *nft_read_list(struct nft_parser *parser)
{
	const struct nft_value *first = nft_read_basic(parser);
	if (first && parser->token.kind != ',' && first->kind != NFT_VALUE_LIST) {
		nft_unexpected(parser, "expected ',': behind '/' nft wants at least two flags");
		return NULL;
	}
	return first && parser->token.kind == ',' ? read_list(parser, first) : first;
}

static const struct nft_value *read_prefix(struct nft_parser *parser, const struct nft_value *address)
{
	struct nft_value *prefix = new_value(parser, NFT_VALUE_PREFIX, &address->at);
	if (!prefix)
		return NULL;
	prefix->a = address;
	prefix->bits = parser->token.number;
	prefix->depth = 1 + address->depth;
	nft_next(parser);
	return prefix;
}

// "-" and "/" make a range and a prefix; another "/" is the match's.
static const struct nft_value *read_interval(struct nft_parser *parser, bool in_set)
{
	const struct nft_value *value = nft_read_basic(parser);
	if (value && nft_take_kind(parser, '-'))
		return new_pair(parser, NFT_VALUE_RANGE, value, nft_read_basic(parser));
	if (!value || parser->token.kind != '/' || value->depth >= DEPTH_MAX)
		return value;
	struct nft_token slash = parser->token;
	nft_next(parser);
	if (parser->token.kind == NFT_NUMBER)
		return read_prefix(parser, value);
	if (in_set) {
		nft_unexpected(parser, "expected the length of a prefix");
		return NULL;
	}
	struct nft_value *masked = new_pair(parser, NFT_VALUE_BINARY, value, nft_read_list(parser));
	if (masked)
		masked->operator = slash.kind;
	return masked;
}

static const struct nft_value *read_set(struct nft_parser *parser, unsigned depth);

static const struct nft_value *read_member(struct nft_parser *parser, unsigned depth)
{
	const char *comment;
	if (depth > DEPTH_MAX) {
		nft_unexpected(parser, "expected fewer sets within sets");
		return NULL;
	}
	const struct nft_value *member = parser->token.kind == '{' ? read_set(parser, depth) : read_interval(parser, true);
	if (!member || nft_take_comment(parser, &comment))
		return NULL;
	return member;
}

// nft takes one end of line at each place, and no empty line.
static int read_members(struct nft_parser *parser, struct nft_value *set, unsigned depth)
{
	struct nft_item **last = &set->items;
	nft_take_kind(parser, NFT_NEWLINE);
	do {
		if (add_item(parser, set, &last, read_member(parser, depth + 1)))
			return -1;
		nft_take_kind(parser, NFT_NEWLINE);
		if (!nft_take_kind(parser, ','))
			break;
		nft_take_kind(parser, NFT_NEWLINE);
	} while (parser->token.kind != '}');
	if (parser->token.kind == '.')
		return nft_unexpected(parser, "expected ',' or '}': sets of several fields are not supported");
	if (parser->token.kind == ':')
		return nft_unexpected(parser, "expected ',' or '}': maps are not supported");
	return nft_expect(parser, '}', "expected ',' or '}' of the set");
}

static const struct nft_value *read_set(struct nft_parser *parser, unsigned depth)
{
	struct nft_value *set = new_value(parser, NFT_VALUE_SET, &parser->token);
	nft_next(parser);
	return set && read_members(parser, set, depth) == 0 ? set : NULL;
}

const struct nft_value *nft_read_set(struct nft_parser *parser)
{
	if (parser->token.kind == '{')
		return read_set(parser, 0);
	if (parser->token.kind != '$') {
		nft_unexpected(parser, "expected '{'");
		return NULL;
	}
	struct nft_token at = parser->token;
	const struct nft_value *set = nft_read_variable(parser);
	if (set && set->kind != NFT_VALUE_SET) {
		nft_unexpected_at(parser, &at, "expected a definition of a set: { ... }");
		return NULL;
	}
	return set;
}

static const struct nft_value *read_named(struct nft_parser *parser)
{
	nft_next(parser);
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected the name of a set"))
		return NULL;
	return new_value(parser, NFT_VALUE_NAMED, &name);
}

const struct nft_value *nft_read_value(struct nft_parser *parser)
{
	if (parser->token.kind == '{')
		return read_set(parser, 0);
	if (parser->token.kind == '@')
		return read_named(parser);
	const struct nft_value *value = read_interval(parser, false);
	if (!value || parser->token.kind != ',')
		return value;
	const struct nft_value *list = read_list(parser, value);
	if (!list || !nft_take_kind(parser, '/'))
		return list;
	struct nft_value *masked = new_pair(parser, NFT_VALUE_BINARY, list, nft_read_list(parser));
	if (masked)
		masked->operator = '/';
	return masked;
}
