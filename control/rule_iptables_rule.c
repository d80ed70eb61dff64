// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_rule.h"

#include <string.h>

#include "control/rule_iptables_parser.h"

int iptables_no_memory(const struct iptables_parser *parser)
{
	return error_set(parser->reader->error, "%s: no memory for the rules", parser->reader->file);
}

// Extensions

static const struct {
	const char *name;
	enum iptables_module module;
	int protocol;          // that has to be there; IPTABLES_NO_PROTOCOL: none has to
	enum ip_family family; // FAMILY_NONE: both
	const char *expected;  // without the protocol
} modules[] = {
	{ "tcp", MODULE_TCP, 6, FAMILY_NONE, "expected -p tcp in front of -m tcp" },
	{ "udp", MODULE_UDP, 17, FAMILY_NONE, "expected -p udp in front of -m udp" },
	{ "sctp", MODULE_SCTP, 132, FAMILY_NONE, "expected -p sctp in front of -m sctp" },
	{ "dccp", MODULE_DCCP, 33, FAMILY_NONE, "expected -p dccp in front of -m dccp" },
	{ "icmp", MODULE_ICMP, 1, FAMILY_IP4, "expected iptables, and -p icmp in front of -m icmp" },
	{ "icmp6", MODULE_ICMP6, 58, FAMILY_IP6, "expected ip6tables, and -p icmpv6 in front of -m icmp6" },
	{ "icmpv6", MODULE_ICMP6, 58, FAMILY_IP6, "expected ip6tables, and -p icmpv6 in front of -m icmpv6" },
	{ "multiport", MODULE_MULTIPORT, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
	{ "state", MODULE_STATE, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
	{ "conntrack", MODULE_CONNTRACK, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
	{ "limit", MODULE_LIMIT, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
	{ "comment", MODULE_COMMENT, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
	{ "iprange", MODULE_IPRANGE, IPTABLES_NO_PROTOCOL, FAMILY_NONE, NULL },
};

enum {
	MODULES = sizeof(modules) / sizeof(modules[0]),
	MODULES_THAT_MAY_IDLE = MODULES_OF_PORTS | MODULE_LIMIT, // mean something without an option
};

static bool module_fits(const struct iptables_parser *parser, unsigned i)
{
	return (modules[i].protocol == IPTABLES_NO_PROTOCOL || modules[i].protocol == parser->protocol) &&
	       (modules[i].family == FAMILY_NONE || modules[i].family == parser->command->family);
}

void iptables_imply_modules(struct iptables_parser *parser)
{
	for (unsigned i = 0; i < MODULES; i++) {
		if (modules[i].protocol != IPTABLES_NO_PROTOCOL && module_fits(parser, i))
			parser->modules |= modules[i].module;
	}
}

// A match that has been named must have been used before the next is.
static int check_idle(const struct iptables_parser *parser)
{
	if (!(parser->idle & ~MODULES_THAT_MAY_IDLE))
		return 0;
	return iptables_unexpected(parser->reader, parser->module_word, "expected an option of this match behind it");
}

static void name_module(struct iptables_parser *parser, enum iptables_module module)
{
	static const struct rule_limit limit = { .rate = 3, .burst = 5, .period_sec = 3600 }; // xt_limit's own
	parser->modules |= module;
	parser->idle |= module;
	if (module & MODULES_OF_PORTS)
		parser->rule->needs_header = true;
	if (module == MODULE_LIMIT && parser->rule->rule.limit.rate == 0)
		parser->rule->rule.limit = limit;
}

int iptables_read_module(struct iptables_parser *parser)
{
	struct iptables_word *word = iptables_take(parser->reader);
	if (check_idle(parser))
		return -1;
	for (unsigned i = 0; i < MODULES && !word->end; i++) {
		if (strcmp(modules[i].name, word->text) != 0)
			continue;
		if (!module_fits(parser, i))
			return iptables_unexpected(parser->reader, word, modules[i].expected);
		parser->module_word = word;
		name_module(parser, modules[i].module);
		return 0;
	}
	return iptables_unexpected(parser->reader, word, "expected a match that is known here: tcp, udp, sctp, dccp, icmp, "
				   "icmp6, multiport, state, conntrack, limit, comment or iprange");
}

// Options

static const struct iptables_option *find_in(const struct iptables_option *table, const struct iptables_word *word,
					     const struct iptables_parser *parser, const struct iptables_option **named)
{
	for (const struct iptables_option *option = table; option->name; option++) {
		if (strcmp(option->name, word->text) != 0 &&
		    (!option->other_name || strcmp(option->other_name, word->text) != 0))
			continue;
		if (option->modules == 0 || option->modules & parser->modules)
			return option;
		*named = option; // but its match is not there
	}
	return NULL;
}

// NULL with an error.
static const struct iptables_option *find_option(const struct iptables_parser *parser, const struct iptables_word *word)
{
	const struct iptables_option *named = NULL, *option = NULL;
	if (!word->end)
		option = find_in(iptables_matches, word, parser, &named);
	if (!word->end && !option)
		option = find_in(iptables_targets, word, parser, &named);
	if (option && option->read)
		return option;
	iptables_unexpected(parser->reader, word, option ? option->expected : named ? named->expected :
			    "expected an option of a rule: -p, -s, -d, -i, -m, -j, or one of a match that -m names");
	return NULL;
}

static int check_option(struct iptables_parser *parser, const struct iptables_option *option)
{
	if (parser->negated && !option->negates)
		return iptables_unexpected(parser->reader, parser->option, "expected no '!' in front of it");
	if (option->sets != SETS_OFTEN && parser->seen & UINT32_C(1) << option->sets)
		return iptables_unexpected(parser->reader, parser->option, "expected it once a rule");
	parser->seen |= UINT32_C(1) << option->sets;
	parser->idle &= ~option->modules;
	return 0;
}

static bool take_not(struct iptables_parser *parser)
{
	bool there = iptables_at(parser->reader, "!");
	if (there)
		iptables_take(parser->reader);
	return there;
}

// The '!' may stand in front of the option or, as it once did, behind it.
static int read_option(struct iptables_parser *parser)
{
	parser->negated = take_not(parser);
	parser->option = iptables_take(parser->reader);
	const struct iptables_option *option = find_option(parser, parser->option);
	if (!option)
		return -1;
	if (option->negates && !parser->negated)
		parser->negated = take_not(parser);
	parser->command->began = true;
	return check_option(parser, option) ? -1 : option->read(parser);
}

static int read_options(struct iptables_parser *parser)
{
	while (!iptables_peek(parser->reader)->end) {
		int common = iptables_common_option(parser->reader, parser->command);
		if (common < 0 || (common == 0 && read_option(parser)))
			return -1;
	}
	return check_idle(parser);
}

// What can be told only at the end.
static int check_rule(const struct iptables_parser *parser)
{
	const struct iptables_rule *rule = parser->rule;
	if (parser->reset_word && parser->protocol != 6)
		return iptables_unexpected(parser->reader, parser->reset_word, "expected -p tcp in the rule: only TCP is reset");
	if (rule->rule.limit.rate && (rule->has_either || rule->not_type_code))
		return iptables_unexpected(parser->reader, parser->command->word, "expected no limit in a rule that takes two "
					   "here (--ports, or '!' with an ICMP type and code): they could not share it");
	return 0;
}

int iptables_rule_read(struct iptables_reader *reader, struct iptables_command *command, struct iptables_rule *rule)
{
	struct iptables_parser parser = {
		.reader = reader, .command = command, .rule = rule, .protocol = IPTABLES_NO_PROTOCOL,
	};
	*rule = (struct iptables_rule){ .rule.verdict = VERDICT_NONE };
	if (read_options(&parser))
		return -1;
	rule->rule.ip4 = command->family == FAMILY_IP4;
	rule->rule.ip6 = command->family == FAMILY_IP6;
	return check_rule(&parser);
}
