// SPDX-License-Identifier: BSD-3-Clause
// Each rule until one decides, by the function that tests of the matcher take for the truth; beside it, what the matcher says.
#include <stdio.h>

#include "control/address.h"
#include "control/explain_private.h"
#include "control/policy_compile.h"
#include "control/stats.h"

enum {
	RULES_SHOWN_MAX = 1000, // that do not match; those that do are all shown
	WHY_MAX = 160,
};

static const char *field_name(uint16_t field)
{
	switch (field) {
	case 0:
		return "family";
	case RULE_PROTOCOL:
		return "protocol";
	case RULE_NEXT_HEADER:
		return "next header";
	case RULE_SOURCE:
		return "source address";
	case RULE_DESTINATION:
		return "destination address";
	case RULE_SOURCE_PORT:
		return "source port";
	case RULE_DESTINATION_PORT:
		return "destination port";
	case RULE_TCP_FLAGS:
		return "TCP flags";
	case RULE_ICMP_TYPE:
		return "ICMP type";
	case RULE_ICMP_CODE:
		return "ICMP code";
	case RULE_VLAN:
		return "VLAN id";
	case RULE_INTERFACE:
		return "interface";
	default:
		return "connection state";
	}
}

// The first rule from position on that matches, limits left aside, by looking at each; each is told.
static size_t walk(struct explained *explained, size_t position, json_t *told, size_t *left_out)
{
	const struct rule_list *list = policy_rule_list(explained->burst.policy);
	for (; position < list->count; position++) {
		const struct rule_entry *entry = list->entry[position];
		uint16_t failed = 0;
		bool matches = rule_matches(&entry->rule, &explained->tuple, &failed);
		if (!matches && json_array_size(told) >= RULES_SHOWN_MAX) {
			++*left_out;
			continue;
		}
		json_array_append_new(told, json_pack("{s:I, s:I, s:s, s:b, s:s?, s:b}",
			"position", (json_int_t)position + 1,
			"id", (json_int_t)entry->rule.slot,
			"text", entry->text,
			"matches", (int)matches,
			"failed", matches ? NULL : field_name(failed),
			"limit", entry->rule.limit.rate != 0));
		if (matches)
			break;
	}
	return position;
}

// Whether a rule that matches ends the search: its limit is taken to let the packet through, one on too many not to.
static bool decides(const struct rule *rule)
{
	return rule->verdict != VERDICT_NONE && !(rule->limit.rate && rule->limit.over);
}

static size_t decide_by_walk(struct explained *explained, json_t *told, size_t *first, size_t *left_out)
{
	const struct rule_list *list = policy_rule_list(explained->burst.policy);
	size_t position = *first = walk(explained, 0, told, left_out);
	while (position < list->count && !decides(&list->entry[position]->rule))
		position = walk(explained, position + 1, told, left_out);
	return position;
}

static json_t *position_id(const struct rule_list *list, size_t position)
{
	return position < list->count ? json_integer(list->entry[position]->rule.slot) : json_string("default");
}

static json_t *verdict_object(const struct explained *explained)
{
	const struct rule_list *list = policy_rule_list(explained->burst.policy);
	return json_pack("{s:s, s:o, s:b}", "verdict", explain_verdict_name(explained->judged.verdict),
		"rule", position_id(list, explained->judged.position), "log", (int)explained->judged.log);
}

void explain_rules(struct explained *explained)
{
	const struct policy *policy = explained->burst.policy;
	const struct rule_list *list = policy_rule_list(policy);
	const struct packet_tuple *tuple = &explained->tuple;
	json_t *told = json_array();
	size_t first, left_out = 0, walked = decide_by_walk(explained, told, &first, &left_out);
	uint32_t found;
	rule_matcher_find(policy->rules, &tuple, 1, &found);
	explained->judged = rule_matcher_review(policy->rules, tuple, found);
	bool agrees = found == first && explained->judged.position == walked;
	json_object_set_new(explained->result, "judged_by", explain_tuple(explained->runtime, tuple));
	json_object_set_new(explained->result, "rules_asked", json_boolean(explained->rules_asked));
	json_object_set_new(explained->result, "rules", told);
	json_object_set_new(explained->result, "rules_left_out", json_integer((json_int_t)left_out));
	json_object_set_new(explained->result, "rules_in_force", json_integer((json_int_t)list->count));
	json_object_set_new(explained->result, "matcher", json_pack("{s:o, s:o, s:b}", "first", position_id(list, found),
		"rule", position_id(list, explained->judged.position), "agrees", (int)agrees));
	json_object_set_new(explained->result, "verdict", verdict_object(explained));
}
