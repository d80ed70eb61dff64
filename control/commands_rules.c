// SPDX-License-Identifier: BSD-3-Clause
// Rule changes: a copy is changed aside and published whole, or thrown away.
#include <stdlib.h>
#include <string.h>

#include "control/commands.h"
#include "control/rule_warnings.h"
#include "control/stats.h"

json_t *command_rules_list(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	int native = 0;
	if (command_arguments(arguments, error, "{s?b !}", "native", &native))
		return NULL;
	return native ? stats_rules_native(runtime) : stats_rules(runtime);
}

// Publishes the copy with the listeners as they are. Takes the copy; -1 with a text, and all is as it was.
static int publish(struct runtime *runtime, struct rule_store *copy, struct error *error)
{
	if (runtime_publish(runtime, copy, runtime->listeners, runtime->listener_count, error) == 0)
		return 0;
	rule_store_destroy(copy);
	return -1;
}

static struct rule_store *copy_rules(const struct runtime *runtime, struct error *error)
{
	struct rule_store *copy = rule_store_copy(runtime->rules);
	if (!copy)
		error_set(error, "no memory for a copy of the rules");
	return copy;
}

static json_t *published(const struct runtime *runtime)
{
	json_int_t generation = runtime->policy ? runtime->policy->generation : 0;
	return rule_warnings_put(&runtime->lint, runtime->rules, json_pack("{s:I, s:I}", "rules",
		(json_int_t)rule_store_count(runtime->rules), "generation", generation));
}

// Publishes a copy in which the rule has this id, and tells of it.
static json_t *publish_rule(struct runtime *runtime, struct rule_store *copy, uint32_t id, struct error *error)
{
	if (!id) {
		rule_store_destroy(copy);
		return NULL;
	}
	if (publish(runtime, copy, error))
		return NULL;
	size_t position = rule_store_position(runtime->rules, id);
	rule_warnings_rule(runtime, position);
	json_t *result = published(runtime);
	json_object_set_new(result, "id", json_integer(id));
	json_object_set_new(result, "position", json_integer((json_int_t)position + 1));
	json_object_set_new(result, "text", json_string(rule_store_find(runtime->rules, id)->entry->text));
	return result;
}

// position: 0 is first, SIZE_MAX last.
static json_t *add_rule(struct runtime *runtime, const char *text, size_t position, struct error *error)
{
	struct rule_entry *entry = rule_list_parse_rule("rule", text, error);
	struct rule_store *copy = entry ? copy_rules(runtime, error) : NULL;
	json_t *result = NULL;
	if (copy)
		result = publish_rule(runtime, copy, rule_store_add(copy, entry, position, error), error);
	rule_entry_drop(entry);
	return result;
}

json_t *command_rules_add(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	const char *text;
	json_int_t at = 0;
	if (command_arguments(arguments, error, "{s:s, s?I !}", "text", &text, "at", &at))
		return NULL;
	json_int_t last = (json_int_t)rule_store_count(runtime->rules) + 1;
	if (json_object_get(arguments, "at") && (at < 1 || at > last)) {
		error_set(error, "there is no place %lld among the rules: 1 to %lld was expected", (long long)at,
			  (long long)last);
		return NULL;
	}
	return add_rule(runtime, text, at ? (size_t)at - 1 : SIZE_MAX, error);
}

json_t *command_rules_insert(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	const char *text;
	if (command_arguments(arguments, error, "{s:s !}", "text", &text))
		return NULL;
	return add_rule(runtime, text, 0, error);
}

// Says what was typed, not what was made of it: columns in errors count the verb too.
static json_t *add_verdict(struct runtime *runtime, const char *verb, const json_t *arguments, struct error *error)
{
	const char *match;
	int last = 0;
	if (command_arguments(arguments, error, "{s:s, s?b !}", "match", &match, "last", &last))
		return NULL;
	char *text = malloc(strlen(verb) + strlen(match) + 2);
	if (!text) {
		error_set(error, "no memory for the rule's text");
		return NULL;
	}
	sprintf(text, "%s %s", verb, match);
	json_t *result = add_rule(runtime, text, last ? SIZE_MAX : 0, error);
	free(text);
	return result;
}

json_t *command_allow(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return add_verdict(runtime, "allow", arguments, error);
}

json_t *command_deny(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return add_verdict(runtime, "deny", arguments, error);
}

json_t *command_reject(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return add_verdict(runtime, "reject", arguments, error);
}

static int check_id(const struct runtime *runtime, json_int_t id, struct error *error)
{
	if (id >= 1 && id < FLOW_RULE_MAX && rule_store_find(runtime->rules, (uint32_t)id))
		return 0;
	return error_set(error, "there is no rule %lld: 'portierctl rules list' shows the ids", (long long)id);
}

json_t *command_rules_replace(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	json_int_t id;
	const char *text;
	if (command_arguments(arguments, error, "{s:I, s:s !}", "id", &id, "text", &text) ||
	    check_id(runtime, id, error))
		return NULL;
	struct rule_entry *entry = rule_list_parse_rule("rule", text, error);
	struct rule_store *copy = entry ? copy_rules(runtime, error) : NULL;
	json_t *result = NULL;
	if (copy)
		result = publish_rule(runtime, copy, rule_store_exchange(copy, (uint32_t)id, entry, error), error);
	rule_entry_drop(entry);
	return result;
}

json_t *command_rules_delete(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	json_int_t id;
	if (command_arguments(arguments, error, "{s:I !}", "id", &id) || check_id(runtime, id, error))
		return NULL;
	struct rule_store *copy = copy_rules(runtime, error);
	if (!copy)
		return NULL;
	if (rule_store_delete(copy, (uint32_t)id, error)) {
		rule_store_destroy(copy);
		return NULL;
	}
	if (publish(runtime, copy, error))
		return NULL;
	rule_warnings_none(runtime);
	return published(runtime);
}

json_t *command_rules_load(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	const char *text, *file = "rules";
	size_t length;
	struct rule_list list = { 0 };
	if (command_arguments(arguments, error, "{s:s%, s?s !}", "text", &text, &length, "file", &file) ||
	    rule_list_parse(file, text, length, &list, error))
		return NULL;
	struct rule_store *copy = copy_rules(runtime, error);
	json_t *result = NULL;
	if (copy && rule_store_replace(copy, &list, error)) {
		rule_store_destroy(copy);
	} else if (copy && publish(runtime, copy, error) == 0) {
		rule_warnings_list(runtime, &list);
		result = published(runtime);
	}
	rule_list_free(&list);
	return result;
}
