// SPDX-License-Identifier: BSD-3-Clause
// What becomes of packets that a rule matches.
#include <string.h>
#include <strings.h>

#include "control/rule_iptables_names.h"
#include "control/rule_iptables_parser.h"
#include "control/rule_iptables_values.h"

static const struct {
	const char *name;
	enum verdict verdict;
	unsigned module;
} targets[] = {
	{ "ACCEPT", VERDICT_ACCEPT, 0 },
	{ "DROP", VERDICT_DROP, 0 },
	{ "REJECT", VERDICT_REJECT, TARGET_REJECT },
	{ "LOG", VERDICT_NONE, TARGET_LOG },
};

enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };

static int read_target(struct iptables_parser *parser)
{
	const struct iptables_word *word = iptables_take(parser->reader);
	for (unsigned i = 0; i < TARGETS && !word->end; i++) {
		if (strcmp(targets[i].name, word->text) != 0)
			continue;
		parser->rule->rule.verdict = targets[i].verdict;
		parser->rule->rule.answer = ANSWER_BY_PROTOCOL;
		parser->rule->log = targets[i].module == TARGET_LOG;
		parser->modules |= targets[i].module;
		return 0;
	}
	return iptables_unexpected(parser->reader, word, "expected ACCEPT, DROP, REJECT or LOG: there is one chain, so that no "
				   "rule can jump to another, and other targets are not known here");
}

static bool is_reset(const struct iptables_word *word)
{
	return strcasecmp(word->text, "tcp-reset") == 0 || strcasecmp(word->text, "tcp-rst") == 0;
}

static int read_answer(struct iptables_parser *parser)
{
	struct rule *rule = &parser->rule->rule;
	struct iptables_word *word = iptables_take(parser->reader);
	const struct iptables_answer *answer = iptables_answer(word->text, parser->command->family);
	if (is_reset(word)) {
		rule->answer = ANSWER_TCP_RESET;
		parser->reset_word = word;
		return 0;
	}
	if (!answer)
		return iptables_unexpected(parser->reader, word, parser->command->family == FAMILY_IP4 ?
			"expected icmp-net-unreachable, icmp-host-unreachable, icmp-port-unreachable, icmp-proto-unreachable, "
			"icmp-net-prohibited, icmp-host-prohibited, icmp-admin-prohibited or tcp-reset" :
			"expected icmp6-no-route, icmp6-adm-prohibited, icmp6-addr-unreachable, icmp6-port-unreachable, "
			"icmp6-policy-fail, icmp6-reject-route or tcp-reset");
	rule->answer = ANSWER_ICMP_CODE;
	rule->answer_code = answer->code;
	return 0;
}

static int read_log_prefix(struct iptables_parser *parser)
{
	const struct iptables_word *word = iptables_take(parser->reader);
	if (word->end)
		return iptables_unexpected(parser->reader, word, "expected a text");
	parser->rule->log_prefix = word->length ? word->text : NULL;
	return iptables_text(parser->reader, word);
}

// What is logged goes to no syslog, which alone knows levels: but for the default one they would mean nothing.
static int read_log_level(struct iptables_parser *parser)
{
	const struct iptables_word *word = iptables_take(parser->reader);
	if (strcmp(word->text, "4") == 0 || strcasecmp(word->text, "warning") == 0)
		return 0;
	return iptables_unexpected(parser->reader, word, "expected the default level, 4 (warning): what is logged here has no "
				   "level");
}

#define NEEDS_REJECT "expected -j REJECT in front of it"
#define NEEDS_LOG "expected -j LOG in front of it"
#define NO_LOG_OPTIONS "expected --log-prefix only: each packet that is logged is shown in the same way"

const struct iptables_option iptables_targets[] = {
	{ "-j", "--jump", 0, SETS_TARGET, false, read_target, NULL },
	{ "--reject-with", NULL, TARGET_REJECT, SETS_ANSWER, false, read_answer, NEEDS_REJECT },
	{ "--log-prefix", NULL, TARGET_LOG, SETS_LOG_PREFIX, false, read_log_prefix, NEEDS_LOG },
	{ "--log-level", NULL, TARGET_LOG, SETS_LOG_LEVEL, false, read_log_level, NEEDS_LOG },
	{ "--log-tcp-sequence", "--log-tcp-options", 0, SETS_OFTEN, false, NULL, NO_LOG_OPTIONS },
	{ "--log-ip-options", "--log-uid", 0, SETS_OFTEN, false, NULL, NO_LOG_OPTIONS },
	{ "--log-macdecode", NULL, 0, SETS_OFTEN, false, NULL, NO_LOG_OPTIONS },
	{ "-g", "--goto", 0, SETS_OFTEN, false, NULL, "expected -j: there is one chain, so that no rule can go on in another" },
	{ .name = NULL },
};
