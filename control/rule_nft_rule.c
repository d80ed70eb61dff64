// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_rule.h"

static bool is_empty(const struct nft_rule *rule)
{
	return !rule->matches && !rule->counter && !rule->log && !rule->limit.rate && rule->verdict == VERDICT_NONE;
}

static int read_statements(struct nft_parser *parser, struct nft_rule *rule)
{
	while (!nft_at_separator(parser) && !nft_is(parser, "comment")) {
		if (nft_read_statement(parser, rule))
			return -1;
	}
	if (is_empty(rule))
		return nft_unexpected(parser, "expected a rule");
	return nft_take_comment(parser, &rule->comment);
}

struct nft_rule *nft_read_rule(struct nft_parser *parser, enum nft_family family, bool ingress)
{
	struct nft_rule *rule = nft_allocate(parser, sizeof(*rule));
	if (!rule)
		return NULL;
	*rule = (struct nft_rule){ .at = parser->token, .family = family, .ingress = ingress, .verdict = VERDICT_NONE };
	rule->last_match = &rule->matches;
	return read_statements(parser, rule) ? NULL : rule;
}
