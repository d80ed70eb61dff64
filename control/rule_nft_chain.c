// SPDX-License-Identifier: BSD-3-Clause
// Base chains: where one is hooked, its policy, its rules. portier judges what comes in, wherever nft would hook the chain;
// type, hook, device and priority have to make sense to nft, and are left aside.
#include <string.h>

#include "control/rule_nft_table.h"

// Hooks, and the priorities that have names there.

static const char expected_incoming[] = "expected a hook of packets that come in: input, forward, prerouting or ingress";

static bool is_outgoing(const struct nft_parser *parser)
{
	return nft_is(parser, "output") || nft_is(parser, "postrouting");
}

static bool is_hook(const struct nft_parser *parser, enum nft_family family)
{
	if (nft_is(parser, "ingress"))
		return family == NFT_FAMILY_NETDEV || family == NFT_FAMILY_INET;
	return family != NFT_FAMILY_NETDEV && (is_outgoing(parser) || nft_is(parser, "input") || nft_is(parser, "forward") ||
						      nft_is(parser, "prerouting"));
}

static int refuse_hook(struct nft_parser *parser)
{
	if (is_outgoing(parser) || nft_is(parser, "egress"))
		return nft_unexpected(parser, expected_incoming);
	return nft_unexpected(parser, parser->table.family == NFT_FAMILY_NETDEV ? "expected 'ingress'" :
									  "expected input, forward, prerouting or ingress");
}

static int read_device_name(struct nft_parser *parser)
{
	const char *name;
	struct nft_token at = parser->token;
	if (parser->token.kind == '$')
		return nft_read_variable(parser) ? 0 : -1;
	if (nft_type_interface(parser, &at, &name))
		return -1;
	nft_next(parser);
	return 0;
}

static int read_devices(struct nft_parser *parser)
{
	if (nft_expect(parser, '=', "expected '='") || nft_expect(parser, '{', "expected '{'"))
		return -1;
	do {
		if (read_device_name(parser))
			return -1;
	} while (nft_take_kind(parser, ','));
	return nft_expect(parser, '}', "expected ',' or '}'");
}

static int read_device(struct nft_parser *parser)
{
	if (!parser->chain->ingress)
		return 0;
	if (nft_take(parser, "device"))
		return read_device_name(parser);
	if (nft_take(parser, "devices"))
		return read_devices(parser);
	return nft_unexpected(parser, "expected 'device' and its name: nft wants one at ingress");
}

static bool is_priority(const struct nft_parser *parser)
{
	enum nft_family family = parser->table.family;
	if (nft_is(parser, "filter"))
		return true;
	if (nft_is(parser, "dstnat"))
		return nft_token_is(&parser->chain->hook, "prerouting");
	if (nft_is(parser, "srcnat"))
		return nft_token_is(&parser->chain->hook, "postrouting");
	if (family == NFT_FAMILY_NETDEV || family == NFT_FAMILY_BRIDGE || parser->chain->ingress)
		return false;
	return nft_is(parser, "raw") || nft_is(parser, "mangle") || nft_is(parser, "security");
}

static int read_priority(struct nft_parser *parser)
{
	if (!nft_take(parser, "priority"))
		return nft_unexpected(parser, "expected 'priority'");
	bool named = is_priority(parser);
	if (named)
		nft_next(parser);
	if (named && parser->token.kind != '+' && parser->token.kind != '-')
		return 0;
	if (named || parser->token.kind == '-')
		nft_next(parser);
	if (parser->token.kind == NFT_NUMBER && parser->token.number > INT32_MAX / 2)
		return nft_unexpected(parser, "expected a smaller number");
	return nft_expect(parser, NFT_NUMBER, "expected a number, or a priority's name that nft has at this hook");
}

static int read_type(struct nft_parser *parser)
{
	struct nft_chain *chain = parser->chain;
	if (chain->hook.length)
		return nft_unexpected(parser, "expected the chain's type once");
	if (!nft_take(parser, "filter"))
		return nft_unexpected(parser, "expected 'filter': portier neither translates nor routes");
	if (!nft_take(parser, "hook"))
		return nft_unexpected(parser, "expected 'hook'");
	if (!is_hook(parser, parser->table.family))
		return refuse_hook(parser);
	chain->hook = parser->token;
	chain->ingress = nft_is(parser, "ingress");
	chain->outgoing = is_outgoing(parser);
	nft_next(parser);
	if (read_device(parser) || read_priority(parser))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line");
}

// Policy

static int take_policy(struct nft_parser *parser, const struct nft_token *word)
{
	struct nft_chain *chain = parser->chain;
	struct nft_token bare = *word;
	if (bare.kind == NFT_STRING) // a definition's is in quotes
		bare.kind = NFT_WORD;
	bool drop = nft_token_is(&bare, "drop");
	if (!drop && !nft_token_is(&bare, "accept"))
		return nft_unexpected_at(parser, word, "expected accept or drop");
	chain->policy = drop ? VERDICT_DROP : VERDICT_ACCEPT;
	chain->has_policy = true;
	return 0;
}

static int read_policy(struct nft_parser *parser)
{
	struct nft_token word = parser->token;
	if (parser->chain->has_policy)
		return nft_unexpected(parser, "expected the policy once");
	if (word.kind == '$') {
		const struct nft_value *value = nft_read_variable(parser);
		if (!value)
			return -1;
		word = value->at;
	} else if (word.kind == NFT_WORD) {
		nft_next(parser);
	}
	if (take_policy(parser, &word))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line");
}

// Rules

static const struct nft_match *match_of_set(const struct nft_rule *rule, const struct nft_match *match)
{
	match = match ? match->next : rule->matches;
	while (match && match->value->kind != NFT_VALUE_NAMED)
		match = match->next;
	return match;
}

// A command's rule may only ask for sets that are there already, unlike one in a block.
static int check_sets(struct nft_parser *parser, const struct nft_rule *rule)
{
	for (const struct nft_match *match = match_of_set(rule, NULL); match; match = match_of_set(rule, match)) {
		if (!nft_set_find(parser, &match->value->at))
			return nft_unexpected_at(parser, &match->value->at, "expected a set that is declared above");
	}
	return 0;
}

// Its place is kept for a rule that asks for a set, as the set may still grow.
static int wait_for_sets(struct nft_parser *parser, struct nft_rule *rule)
{
	rule->position = parser->list->count;
	*parser->last_rule = rule;
	parser->last_rule = &rule->next;
	return rule_list_append(parser->list, NULL, parser->error);
}

static int build(struct nft_parser *parser, struct nft_rule *rule)
{
	struct rule_entry *entry = nft_build_rule(parser, rule, parser->draft);
	return entry ? rule_list_append(parser->list, entry, parser->error) : -1;
}

int nft_append_rule(struct nft_parser *parser, bool command)
{
	if (parser->list->count == RULE_LIST_MAX)
		return nft_unexpected(parser, "expected no more rules: there are 262142 already");
	struct nft_mark mark = nft_mark(parser);
	struct nft_rule *rule = nft_read_rule(parser, parser->table.family, parser->chain->ingress);
	if (!rule || (command && check_sets(parser, rule)))
		return -1;
	parser->chain->has_rules = true;
	if (match_of_set(rule, NULL))
		return wait_for_sets(parser, rule);
	int result = build(parser, rule);
	nft_release(parser, mark);
	return result;
}

static int read_chain_comment(struct nft_parser *parser)
{
	const char *comment;
	if (nft_take_comment(parser, &comment))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line");
}

static int read_chain_line(struct nft_parser *parser, void *context)
{
	(void)context;
	if (nft_take(parser, "type"))
		return read_type(parser);
	if (nft_take(parser, "policy"))
		return read_policy(parser);
	if (nft_is(parser, "comment"))
		return read_chain_comment(parser);
	if (nft_is(parser, "flags"))
		return nft_unexpected(parser, "expected a rule: flags of chains are not supported");
	if (nft_append_rule(parser, false))
		return -1;
	return nft_expect_separator(parser, false, "expected ';' or end of line behind the rule");
}

int nft_read_chain_block(struct nft_parser *parser)
{
	struct nft_token at = parser->token;
	if (nft_expect(parser, '{', "expected '{'"))
		return -1;
	parser->scope++;
	if (nft_read_lines(parser, read_chain_line, NULL))
		return -1;
	nft_scope_close(parser);
	return parser->chain->hook.length ? 0 :
		nft_unexpected_at(parser, &at, "expected a chain with 'type filter hook ... priority ...;': portier has base chains "
					       "and no others");
}

// The one that counts

static bool says_something(const struct nft_chain *chain)
{
	return chain->has_rules || (chain->has_policy && chain->policy != VERDICT_ACCEPT);
}

// The one that says something, else the first one of packets that come in, else the first.
static const struct nft_chain *find_telling(struct nft_parser *parser)
{
	const struct nft_chain *chosen = NULL, *told = NULL;
	for (const struct nft_chain *chain = parser->table.chains; chain; chain = chain->next) {
		bool tells = says_something(chain);
		if (tells && told) {
			nft_unexpected_at(parser, &chain->name, "expected no second chain with rules or with policy drop: portier has one");
			return NULL;
		}
		told = tells ? chain : told;
		if (!chosen || (chosen->outgoing && !chain->outgoing))
			chosen = chain;
	}
	return told ? told : chosen;
}

static int check_chain(struct nft_parser *parser, const struct nft_chain *chain)
{
	if (chain->outgoing)
		return nft_unexpected_at(parser, &chain->hook, expected_incoming);
	if (!chain->has_policy)
		return nft_unexpected_at(parser, &chain->name, "expected a chain with 'policy accept;' or 'policy drop;': what becomes "
							       "of packets that no rule matches has to be said");
	return 0;
}

const struct nft_chain *nft_choose_chain(struct nft_parser *parser)
{
	if (!parser->table.chains) {
		nft_unexpected(parser, "expected a table with a chain: table inet filter { chain input { type filter hook input "
				       "priority filter; policy drop; ... } }");
		return NULL;
	}
	const struct nft_chain *chain = find_telling(parser);
	return chain && check_chain(parser, chain) == 0 ? chain : NULL;
}
