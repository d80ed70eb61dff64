// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_load.h"

#include <stdio.h>
#include <string.h>

#include "control/rule_list.h"

static const char *const hooks[] = { "INPUT", "FORWARD", "OUTPUT" };

static int unexpected(const struct iptables_loading *loading, const struct iptables_word *word, const char *expected)
{
	return iptables_unexpected(&loading->reader, word, expected);
}

struct iptables_family *iptables_family_of(struct iptables_loading *loading, enum ip_family family)
{
	return &loading->family[family == FAMILY_IP6];
}

static enum iptables_hook find_hook(const struct iptables_word *word)
{
	unsigned i = 0;
	while (i < HOOKS && (word->end || strcmp(hooks[i], word->text) != 0))
		i++;
	return i;
}

static bool is_filter(const char *table)
{
	return strcmp(table, "filter") == 0;
}

// Rules

int iptables_load_rule(void *context, struct rule_entry *entry)
{
	struct iptables_loading *loading = context;
	bool last = loading->place == SIZE_MAX;
	if (loading->chain.count == RULE_LIST_MAX) {
		rule_entry_drop(entry);
		return unexpected(loading, loading->word, "expected no more rules: there are 262142 already");
	}
	if (iptables_chain_insert(&loading->chain, last ? loading->chain.count : loading->place, entry))
		return error_set(loading->reader.error, "%s: no memory for the rules", loading->reader.file);
	return 0;
}

static int build_rule(struct iptables_loading *loading, struct iptables_command *command)
{
	struct iptables_reader *reader = &loading->reader;
	struct rule_place place = { reader->file, command->word->line, command->word->column };
	struct iptables_rule rule;
	int result = iptables_rule_read(reader, command, &rule);
	rule.backwards = loading->place != SIZE_MAX;
	if (result == 0)
		result = iptables_rule_build(&rule, &place, iptables_load_rule, loading, reader->error);
	iptables_rule_free(&rule);
	return result;
}

static int check_hook(struct iptables_loading *loading, const struct iptables_command *command)
{
	char expected[128];
	enum iptables_hook hook = find_hook(command->chain);
	if (hook != HOOK_INPUT && hook != HOOK_FORWARD)
		return unexpected(loading, command->chain, hook == HOOK_OUTPUT ?
			"expected INPUT or FORWARD: packets are judged where they come in" :
			"expected INPUT or FORWARD: a chain of one's own is not supported");
	if (loading->chain.count == 0) {
		loading->hook = hook;
		loading->hook_line = command->chain->line;
	}
	if (hook == loading->hook)
		return 0;
	snprintf(expected, sizeof(expected), "expected %s, which has rules since line %u: only one chain can have rules",
		 hooks[loading->hook], loading->hook_line);
	return unexpected(loading, command->chain, expected);
}

// Rules of a table that is none of ours would go unheeded.
static int check_table(struct iptables_loading *loading, const struct iptables_command *command)
{
	if (is_filter(command->table))
		return 0;
	return unexpected(loading, command->table_word ? command->table_word : command->word,
			  "expected a rule of the table filter: other tables are not supported");
}

static int add_rule(struct iptables_loading *loading, struct iptables_command *command)
{
	loading->place = SIZE_MAX;
	if (check_table(loading, command) || check_hook(loading, command))
		return -1;
	if (command->action == IPTABLES_INSERT &&
	    !iptables_chain_find(&loading->chain, command->family, command->number, &loading->place))
		return unexpected(loading, command->word, "expected a number no larger than one more than there are rules");
	return build_rule(loading, command) || check_table(loading, command) ? -1 : 0; // -t may stand last
}

// Policies

int iptables_set_policy(struct iptables_loading *loading, const struct iptables_command *command, const struct iptables_word *target)
{
	enum iptables_hook hook = find_hook(command->chain);
	bool accept = !target->end && strcmp(target->text, "ACCEPT") == 0;
	if (!accept && (target->end || strcmp(target->text, "DROP") != 0))
		return unexpected(loading, target, "expected ACCEPT or DROP");
	if (!is_filter(command->table))
		return accept ? 0 : unexpected(loading, target, "expected ACCEPT in a table that is not filter: others are not "
					       "supported");
	if (hook == HOOK_NONE)
		return unexpected(loading, command->chain, "expected INPUT, FORWARD or OUTPUT: only they have a policy");
	iptables_family_of(loading, command->family)->policy[hook] =
		(struct iptables_policy){ accept ? VERDICT_ACCEPT : VERDICT_DROP, target->line };
	return 0;
}

// Other commands

static void flush(struct iptables_loading *loading, const struct iptables_command *command)
{
	bool ours = is_filter(command->table) && (!command->chain || find_hook(command->chain) == loading->hook);
	if (ours)
		iptables_chain_flush(&loading->chain, command->family);
}

int iptables_run(struct iptables_loading *loading, struct iptables_command *command)
{
	loading->word = command->word;
	switch (command->action) {
	case IPTABLES_APPEND:
	case IPTABLES_INSERT:
		return add_rule(loading, command);
	case IPTABLES_POLICY:
		return iptables_set_policy(loading, command, command->target);
	case IPTABLES_FLUSH:
		flush(loading, command);
		return 0;
	default: // chains of one's own, which are an error where they are used; and counters, of which there are none yet
		return 0;
	}
}
