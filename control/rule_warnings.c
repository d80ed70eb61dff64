// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_warnings.h"

#include <stdio.h>

#include "control/policy_rules.h"
#include "control/stats.h"

static void log_warnings(const struct lint *lint)
{
	for (size_t i = 0; i < lint->count; i++)
		fprintf(stderr, "portier: warning: %s\n", lint->finding[i].text);
	if (lint->left_out)
		fprintf(stderr, "portier: warning: and %zu more of the same kinds\n", lint->left_out);
}

static void look_over(struct runtime *runtime, const struct rule_list *list, size_t focus)
{
	const struct lint_input input = { .entry = list->entry,
		.count = list->count,
		.default_verdict = rule_store_default(runtime->rules),
		.config = runtime->config,
		.by_id = focus != SIZE_MAX,
		.focus = focus };
	rule_warnings_none(runtime);
	// Rules that were there before are other entries in this list.
	for (size_t i = 0; i < list->count; i++)
		policy_rules_resolve(list->entry[i], runtime->config);
	if (rule_lint(&input, &runtime->lint) == 0)
		log_warnings(&runtime->lint);
}

void rule_warnings_list(struct runtime *runtime, const struct rule_list *list)
{
	look_over(runtime, list, SIZE_MAX);
}

void rule_warnings_rule(struct runtime *runtime, size_t position)
{
	struct rule_list list;
	struct error error;
	rule_warnings_none(runtime);
	if (rule_store_list(runtime->rules, &list, &error))
		return;
	look_over(runtime, &list, position);
	rule_list_free(&list);
}

void rule_warnings_none(struct runtime *runtime)
{
	rule_lint_free(&runtime->lint);
}

static json_t *id_of(const struct rule_store *rules, uint32_t position)
{
	if (!rules || position >= rule_store_count(rules))
		return json_null();
	return json_integer(rule_store_at(rules, position)->entry->rule.slot);
}

json_t *rule_warnings_put(const struct lint *lint, const struct rule_store *rules, json_t *result)
{
	json_t *array = json_array();
	for (size_t i = 0; i < lint->count; i++) {
		const struct lint_finding *finding = &lint->finding[i];
		json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o}", "kind", lint_kind_name(finding->kind),
			"text", stats_text(finding->text), "rule", id_of(rules, finding->rule),
			"other", id_of(rules, finding->other)));
	}
	json_object_set_new(result, "warnings", array);
	json_object_set_new(result, "more_warnings", json_integer((json_int_t)lint->left_out));
	return result;
}
