// SPDX-License-Identifier: BSD-3-Clause
// What the linter says of rules that have just come into force: logged, and kept in runtime->lint for who asked for the
// change. Control thread only.
#pragma once

#include <jansson.h>

#include "control/runtime.h"

// Of all rules, which came from this list: it has the places where they were written.
void rule_warnings_list(struct runtime *runtime, const struct rule_list *list);

// Of the rule at a place, which was put among the others.
void rule_warnings_rule(struct runtime *runtime, size_t position);

// A rule was taken away: nothing is said.
void rule_warnings_none(struct runtime *runtime);

// Puts findings into a result: "warnings", a list of {"kind", "text", "rule", "other"}, and "more_warnings", how many are left
// out. rules: whose ids the rules' places are given as; NULL: none, and null stands for them. Returns the result.
json_t *rule_warnings_put(const struct lint *lint, const struct rule_store *rules, json_t *result);
