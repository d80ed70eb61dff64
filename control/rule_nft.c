// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft.h"

#include <string.h>

#include "control/rule_nft_table.h"

// Which word begins what.
static const struct {
	const char *word;
	int (*read)(struct nft_parser *parser);
} commands[] = {
	{ "table", nft_read_table }, { "chain", nft_read_chain }, { "set", nft_read_named_set },
	{ "element", nft_read_elements }, { "rule", nft_read_rule_command },
};

static int read_declaration(struct nft_parser *parser)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (nft_take(parser, commands[i].word))
			return commands[i].read(parser);
	}
	return nft_unexpected(parser, "expected table, chain, set, element, rule, add, flush, delete, define or include: others are "
				      "not supported");
}

static int read_command(struct nft_parser *parser)
{
	bool common;
	int result = nft_read_common(parser, &common);
	if (result || common)
		return result;
	if (nft_take(parser, "flush"))
		return nft_read_flush(parser);
	if (nft_take(parser, "delete"))
		return nft_read_delete(parser);
	nft_take(parser, "add");
	return read_declaration(parser);
}

static int read_line(struct nft_parser *parser)
{
	bool declared = !nft_is(parser, "define") && !nft_is(parser, "redefine") && !nft_is(parser, "undefine") &&
			!nft_is(parser, "include"); // these take their end of line themselves
	if (read_command(parser))
		return -1;
	return declared ? nft_expect_separator(parser, true, "expected ';' or end of line") : 0;
}

static int read_file(struct nft_parser *parser)
{
	nft_next(parser);
	while (parser->token.kind != NFT_END) {
		if (nft_at_separator(parser))
			nft_next(parser);
		else if (read_line(parser))
			return -1;
	}
	return 0;
}

static int resolve_sets(struct nft_parser *parser)
{
	for (struct nft_set *set = parser->sets; set; set = set->next) {
		if (nft_set_resolve(parser, set))
			return -1;
	}
	return 0;
}

// The rules that had to wait for sets.
static int build_rules(struct nft_parser *parser)
{
	for (struct nft_rule *rule = parser->first_rule; rule; rule = rule->next) {
		struct rule_entry *entry = nft_build_rule(parser, rule, parser->draft);
		if (!entry)
			return -1;
		parser->list->entry[rule->position] = entry;
	}
	return 0;
}

static int begin(struct nft_parser *parser, const char *file, const char *text, size_t length, struct error *error)
{
	nft_parser_init(parser, error);
	parser->draft = rule_draft_create();
	if (!parser->draft)
		return error_set(error, "no memory for the rules");
	return nft_lexer_push(&parser->lexer, file, text, length);
}

static int parse(struct nft_parser *parser, struct rule_list *list)
{
	parser->list = list;
	if (read_file(parser))
		return -1;
	const struct nft_chain *chain = nft_choose_chain(parser);
	if (!chain || resolve_sets(parser) || build_rules(parser))
		return -1;
	list->default_verdict = chain->policy;
	list->has_default = true;
	return 0;
}

int rule_nft_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error)
{
	struct nft_parser parser;
	int result = begin(&parser, file, text, length, error) ? -1 : parse(&parser, list);
	nft_sets_free(&parser);
	nft_parser_free(&parser);
	return result;
}

static struct rule_entry *parse_rule(struct nft_parser *parser)
{
	nft_next(parser);
	struct nft_rule *rule = nft_read_rule(parser, NFT_FAMILY_INET, false);
	if (!rule)
		return NULL;
	if (parser->token.kind != NFT_END) {
		nft_unexpected(parser, "expected end of the rule");
		return NULL;
	}
	return nft_build_rule(parser, rule, parser->draft);
}

struct rule_entry *rule_nft_parse_rule(const char *source, const char *text, struct error *error)
{
	struct nft_parser parser;
	struct rule_entry *entry = NULL;
	if (begin(&parser, source, text, strlen(text), error) == 0)
		entry = parse_rule(&parser);
	nft_parser_free(&parser);
	return entry;
}
