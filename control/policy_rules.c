// SPDX-License-Identifier: BSD-3-Clause
#include "control/policy_rules.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/interface.h"

static_assert(INTERFACE_MAX <= 64, "a bit each");

int policy_rules_wrong(const struct rule_entry *entry, struct error *error, const char *format, ...)
{
	char what[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (entry->place.file && entry->place.line)
		return error_at(error, entry->place.file, entry->place.line, entry->place.column, "%s: %.300s", what,
			entry->text);
	return error_set(error, "%s: %.300s", what, entry->text);
}

// Interfaces

static bool name_matches(const char *pattern, size_t length, const char *name)
{
	if (length > 0 && pattern[length - 1] == '*')
		return strncmp(pattern, name, length - 1) == 0;
	return strncmp(pattern, name, length) == 0 && name[length] == '\0';
}

static uint64_t interfaces_named(const struct config *config, const char *pattern, size_t length)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < config->interface_count && i < INTERFACE_MAX; i++)
		if (name_matches(pattern, length, config->interfaces[i].name))
			bits |= UINT64_C(1) << i;
	return bits;
}

void policy_rules_resolve(struct rule_entry *entry, const struct config *config)
{
	if (!entry->interfaces)
		return;
	const char *pattern = entry->interfaces;
	bool none_of = *pattern == '!';
	uint64_t bits = 0;
	for (pattern += none_of; *pattern;) {
		size_t length = strcspn(pattern, "|");
		bits |= interfaces_named(config, pattern, length);
		pattern += length + (pattern[length] == '|');
	}
	bits = none_of ? ~bits : bits;
	if (entry->rule.interfaces != bits) // workers may read a rule that stays: it was looked up before, to the same
		entry->rule.interfaces = bits;
}

// Compiling

static int refuse(const struct rule_list *list, int status, const struct rule_trouble *trouble, struct error *error)
{
	if (status == -ENOMEM || trouble->rule >= list->count)
		return error_set(error, "the rules can't be compiled: %s", strerror(-status));
	const struct rule_entry *entry = list->entry[trouble->rule];
	if (status == -E2BIG && trouble->entries)
		return policy_rules_wrong(entry, error, "the rules up to this one become %" PRIu64 " entries of the matcher, "
			"more than the %d that there may be; fewer sets and ranges in one rule make fewer", trouble->entries,
			RULE_EXPANSION_MAX);
	return policy_rules_wrong(entry, error, "this rule can't be compiled: %s", strerror(-status));
}

static int build(struct policy_rules *rules, const struct rule_list *list, struct error *error)
{
	const struct rule **view = malloc((list->count + 1) * sizeof(*view));
	if (!view)
		return error_set(error, "no memory to compile the rules");
	for (size_t i = 0; i < list->count; i++)
		view[i] = &list->entry[i]->rule;
	struct rule_trouble trouble = { .rule = SIZE_MAX };
	enum verdict verdict = list->has_default ? list->default_verdict : VERDICT_ACCEPT;
	int status = rule_matcher_build(view, list->count, verdict, -1, &rules->matcher, &trouble);
	free(view);
	return status ? refuse(list, status, &trouble, error) : 0;
}

int policy_rules_compile(struct policy_rules *rules, struct rule_list *list, const struct config *config,
			 struct error *error)
{
	*rules = (struct policy_rules){ 0 };
	for (size_t i = 0; i < list->count; i++)
		policy_rules_resolve(list->entry[i], config);
	if (build(rules, list, error))
		return -1;
	rules->list = *list;
	*list = (struct rule_list){ 0 };
	return 0;
}

void policy_rules_free(struct policy_rules *rules)
{
	rule_matcher_free(rules->matcher);
	rule_list_free(&rules->list);
	*rules = (struct policy_rules){ 0 };
}
