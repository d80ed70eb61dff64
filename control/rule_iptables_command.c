// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_command.h"

#include <string.h>

#include "control/rule_iptables_values.h"
#include "dataplane/flow.h"

enum { SECONDS_MAX = 1000000 };

static const struct {
	const char *name;
	enum iptables_action action;
	bool needs_chain;
} actions[] = {
	{ "-A", IPTABLES_APPEND, true },
	{ "--append", IPTABLES_APPEND, true },
	{ "-I", IPTABLES_INSERT, true },
	{ "--insert", IPTABLES_INSERT, true },
	{ "-P", IPTABLES_POLICY, true },
	{ "--policy", IPTABLES_POLICY, true },
	{ "-F", IPTABLES_FLUSH, false },
	{ "--flush", IPTABLES_FLUSH, false },
	{ "-N", IPTABLES_NEW_CHAIN, true },
	{ "--new-chain", IPTABLES_NEW_CHAIN, true },
	{ "-X", IPTABLES_DELETE_CHAIN, false },
	{ "--delete-chain", IPTABLES_DELETE_CHAIN, false },
	{ "-Z", IPTABLES_ZERO, false },
	{ "--zero", IPTABLES_ZERO, false },
};

enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

// Options that may stand anywhere

static int read_table(struct iptables_reader *reader, struct iptables_command *command)
{
	struct iptables_word *option = iptables_take(reader);
	if (command->in_table)
		return iptables_unexpected(reader, option, "expected no table: the line \"*TABLE\" above says it");
	if (command->table_word)
		return iptables_unexpected(reader, option, "expected one table only");
	command->table_word = iptables_take(reader);
	if (command->table_word->end)
		return iptables_unexpected(reader, command->table_word, "expected the name of a table, such as filter");
	command->table = command->table_word->text;
	return 1;
}

static int read_family(struct iptables_reader *reader, struct iptables_command *command, enum ip_family family)
{
	struct iptables_word *option = iptables_take(reader);
	if (command->began)
		return iptables_unexpected(reader, option, "expected it in front of the options of the rule");
	command->family = family;
	return 1;
}

// "-w" and "-w 5".
static int read_wait(struct iptables_reader *reader)
{
	uint32_t seconds;
	iptables_take(reader);
	if (iptables_number(iptables_peek(reader)->text, SECONDS_MAX, &seconds))
		iptables_take(reader);
	return 1;
}

static int read_wait_interval(struct iptables_reader *reader)
{
	uint32_t microseconds;
	iptables_take(reader);
	struct iptables_word *word = iptables_take(reader);
	if (!iptables_number(word->text, SECONDS_MAX, &microseconds))
		return iptables_unexpected(reader, word, "expected a number of microseconds");
	return 1;
}

static bool at_either(const struct iptables_reader *reader, const char *one, const char *other)
{
	return iptables_at(reader, one) || iptables_at(reader, other);
}

int iptables_common_option(struct iptables_reader *reader, struct iptables_command *command)
{
	if (at_either(reader, "-t", "--table"))
		return read_table(reader, command);
	if (at_either(reader, "-4", "--ipv4"))
		return read_family(reader, command, FAMILY_IP4);
	if (at_either(reader, "-6", "--ipv6"))
		return read_family(reader, command, FAMILY_IP6);
	if (at_either(reader, "-w", "--wait"))
		return read_wait(reader);
	if (at_either(reader, "-W", "--wait-interval"))
		return read_wait_interval(reader);
	if (!at_either(reader, "-v", "--verbose"))
		return 0;
	iptables_take(reader);
	return 1;
}

static int read_common_options(struct iptables_reader *reader, struct iptables_command *command)
{
	int found;
	do
		found = iptables_common_option(reader, command);
	while (found > 0);
	return found;
}

// What is to be done

static int read_action(struct iptables_reader *reader, struct iptables_command *command)
{
	command->word = iptables_take(reader);
	for (unsigned i = 0; i < ACTIONS && !command->word->end; i++) {
		if (strcmp(actions[i].name, command->word->text) != 0)
			continue;
		command->action = actions[i].action;
		const struct iptables_word *chain = iptables_peek(reader);
		if (!chain->end && chain->text[0] != '-')
			command->chain = iptables_take(reader);
		else if (actions[i].needs_chain)
			return iptables_unexpected(reader, chain, "expected the name of a chain");
		return 0;
	}
	return iptables_unexpected(reader, command->word, "expected -A, -I, -P, -F, -N, -X or -Z: what else iptables can do is "
				   "not known here");
}

static int read_number(struct iptables_reader *reader, struct iptables_command *command)
{
	const struct iptables_word *word = iptables_peek(reader);
	command->number = 1;
	if (word->end || word->text[0] < '0' || word->text[0] > '9')
		return 0;
	if (!iptables_number(word->text, FLOW_RULE_MAX, &command->number) || command->number == 0)
		return iptables_unexpected(reader, word, "expected the number of a rule, from 1");
	iptables_take(reader);
	return 0;
}

static int read_end(struct iptables_reader *reader, struct iptables_command *command)
{
	if (command->action == IPTABLES_POLICY)
		command->target = iptables_take(reader);
	if (read_common_options(reader, command))
		return -1;
	if (!iptables_peek(reader)->end)
		return iptables_unexpected(reader, iptables_peek(reader), "expected end of line");
	return 0;
}

int iptables_command_read(struct iptables_reader *reader, struct iptables_command *command)
{
	if (read_common_options(reader, command) || read_action(reader, command))
		return -1;
	if (command->action == IPTABLES_APPEND)
		return 0;
	return command->action == IPTABLES_INSERT ? read_number(reader, command) : read_end(reader, command);
}
