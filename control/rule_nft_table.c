// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_table.h"

#include <string.h>

static const char *const family_words[NFT_FAMILIES] = {
	[NFT_FAMILY_IP] = "ip", [NFT_FAMILY_IP6] = "ip6", [NFT_FAMILY_INET] = "inet", [NFT_FAMILY_BRIDGE] = "bridge",
	[NFT_FAMILY_NETDEV] = "netdev",
};

// Names

static enum nft_family read_family(struct nft_parser *parser)
{
	for (enum nft_family family = 0; family < NFT_FAMILIES; family++) {
		if (nft_take(parser, family_words[family]))
			return family;
	}
	return NFT_FAMILY_IP; // as nft has it
}

static int read_table_name(struct nft_parser *parser, enum nft_family *family, struct nft_token *name)
{
	*family = read_family(parser);
	return nft_expect_name(parser, name, "expected ip, ip6, inet, bridge, netdev or a table's name");
}

static bool is_table(const struct nft_parser *parser, enum nft_family family, const struct nft_token *name)
{
	return parser->table.name.length && parser->table.family == family && nft_same(&parser->table.name, name);
}

// "inet filter" in front of a chain's or set's name.
static int expect_table(struct nft_parser *parser)
{
	enum nft_family family;
	struct nft_token name;
	if (read_table_name(parser, &family, &name))
		return -1;
	return is_table(parser, family, &name) ? 0 : nft_unexpected_at(parser, &name, "expected the table that is declared above");
}

static int declare_table(struct nft_parser *parser)
{
	enum nft_family family;
	struct nft_token name;
	if (read_table_name(parser, &family, &name))
		return -1;
	if (parser->table.name.length && !is_table(parser, family, &name))
		return nft_unexpected_at(parser, &name, "expected no second table: portier has one");
	parser->table.name = name;
	parser->table.family = family;
	return 0;
}

// Where the chain hangs, or would: NULL.
static struct nft_chain **find_chain(struct nft_parser *parser, const struct nft_token *name)
{
	struct nft_chain **at = &parser->table.chains;
	while (*at && !nft_same(&(*at)->name, name))
		at = &(*at)->next;
	return at;
}

static int declare_chain(struct nft_parser *parser)
{
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected the chain's name"))
		return -1;
	struct nft_chain **at = find_chain(parser, &name);
	if (!*at)
		*at = nft_allocate(parser, sizeof(**at));
	if (!*at)
		return -1;
	(*at)->name = name;
	parser->chain = *at;
	parser->table.touched = true;
	return 0;
}

// Blocks

int nft_read_common(struct nft_parser *parser, bool *taken)
{
	*taken = true;
	if (nft_take(parser, "define"))
		return nft_read_define(parser, false);
	if (nft_take(parser, "redefine"))
		return nft_read_define(parser, true);
	if (nft_take(parser, "undefine"))
		return nft_read_undefine(parser);
	*taken = nft_take(parser, "include");
	if (!*taken)
		return 0;
	struct nft_token name = parser->token;
	if (nft_expect(parser, NFT_STRING, "expected a file's name in quotes"))
		return -1;
	if (!nft_at_separator(parser) || parser->token.kind == NFT_END)
		return nft_unexpected(parser, "expected end of line behind the file's name");
	if (nft_lexer_include(&parser->lexer, &name))
		return -1;
	nft_next(parser);
	return 0;
}

int nft_read_lines(struct nft_parser *parser, nft_read_line *read_line, void *context)
{
	while (parser->token.kind != '}') {
		bool common = nft_at_separator(parser) && parser->token.kind != NFT_END;
		if (common)
			nft_next(parser);
		else if (nft_read_common(parser, &common) || (!common && read_line(parser, context)))
			return -1;
	}
	nft_next(parser);
	return 0;
}

static int read_block_comment(struct nft_parser *parser)
{
	const char *comment;
	if (nft_take_comment(parser, &comment))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line");
}

static int read_chain_in_table(struct nft_parser *parser)
{
	if (declare_chain(parser) || nft_read_chain_block(parser))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line behind the chain's block");
}

static int create_set(struct nft_parser *parser)
{
	struct nft_token name;
	if (nft_expect_name(parser, &name, "expected the set's name"))
		return -1;
	if (nft_set_find(parser, &name))
		return nft_unexpected_at(parser, &name, "expected a new name: there is such a set already");
	struct nft_set *set = nft_set_create(parser, &name);
	parser->table.touched = true;
	return set ? nft_read_set_block(parser, set) : -1;
}

static int read_set_in_table(struct nft_parser *parser)
{
	if (create_set(parser))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line behind the set's block");
}

static int read_table_line(struct nft_parser *parser, void *context)
{
	(void)context;
	if (nft_take(parser, "chain"))
		return read_chain_in_table(parser);
	if (nft_take(parser, "set"))
		return read_set_in_table(parser);
	if (nft_is(parser, "comment"))
		return read_block_comment(parser);
	return nft_unexpected(parser, "expected chain, set, comment, define, include or '}': others are not supported");
}

static int read_table_block(struct nft_parser *parser)
{
	nft_next(parser);
	parser->scope++;
	if (nft_read_lines(parser, read_table_line, NULL))
		return -1;
	nft_scope_close(parser);
	return 0;
}

// Commands

int nft_read_table(struct nft_parser *parser)
{
	if (declare_table(parser))
		return -1;
	return parser->token.kind == '{' ? read_table_block(parser) : 0;
}

int nft_read_chain(struct nft_parser *parser)
{
	if (expect_table(parser) || declare_chain(parser))
		return -1;
	return nft_read_chain_block(parser);
}

int nft_read_named_set(struct nft_parser *parser)
{
	return expect_table(parser) || create_set(parser) ? -1 : 0;
}

int nft_read_elements(struct nft_parser *parser)
{
	struct nft_token name;
	if (expect_table(parser) || nft_expect_name(parser, &name, "expected the set's name"))
		return -1;
	struct nft_set *set = nft_set_find(parser, &name);
	if (!set)
		return nft_unexpected_at(parser, &name, "expected a set that is declared above");
	return nft_set_add(parser, set, nft_read_set(parser));
}

int nft_read_rule_command(struct nft_parser *parser)
{
	struct nft_token name;
	if (expect_table(parser) || nft_expect_name(parser, &name, "expected the chain's name"))
		return -1;
	parser->chain = *find_chain(parser, &name);
	if (!parser->chain)
		return nft_unexpected_at(parser, &name, "expected a chain that is declared above");
	return nft_append_rule(parser, true);
}

static void forget_table(struct nft_parser *parser)
{
	parser->table = (struct nft_table){ 0 };
}

// What clears the way for the table below it, as rule files begin with. portier's rules are replaced as a whole anyway.
static int check_untouched(struct nft_parser *parser, const struct nft_token *at)
{
	return !parser->table.touched ? 0 : nft_unexpected_at(parser, at, "expected it in front of the table's chain and sets");
}

int nft_read_flush(struct nft_parser *parser)
{
	struct nft_token at = parser->token;
	if (check_untouched(parser, &at))
		return -1;
	if (nft_take(parser, "table"))
		return expect_table(parser);
	if (!nft_take(parser, "ruleset"))
		return nft_unexpected(parser, "expected 'ruleset' or 'table'");
	if (!nft_at_separator(parser))
		read_family(parser);
	forget_table(parser);
	return 0;
}

int nft_read_delete(struct nft_parser *parser)
{
	struct nft_token at = parser->token;
	if (check_untouched(parser, &at))
		return -1;
	if (!nft_take(parser, "table"))
		return nft_unexpected(parser, "expected 'table'");
	if (expect_table(parser))
		return -1;
	forget_table(parser);
	return 0;
}
