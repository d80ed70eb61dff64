// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_compile.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/flow.h"
#include "dataplane/memory.h"
#include "dataplane/rule_passing.h"

// One set

static void set_free(struct rule_set *set)
{
	if (!set)
		return;
	for (unsigned view = 0; view < VIEWS; view++) {
		for (unsigned i = 0; i < set->view[view].pieces; i++)
			rte_acl_free(set->view[view].piece[i].acl);
	}
	for (unsigned end = 0; end < ENDS; end++)
		address_classes_free(set->classes[end]);
	for (unsigned i = 0; i < set->tables; i++)
		memory_give(set->owned[i].position);
	memory_give(set);
}

static int set_build(struct rule_set **set, uint32_t none, const struct rule_choice *choice, int socket)
{
	*set = memory_take("rule set", sizeof(**set), socket);
	if (!*set)
		return -ENOMEM;
	(*set)->none = none;
	(*set)->bytes = sizeof(**set);
	int result = rule_tables_build(*set, choice, socket);
	if (result == 0)
		result = rule_classes_build(*set, choice, socket);
	for (unsigned view = 0; result == 0 && view < VIEWS; view++)
		result = rule_acl_build(*set, view, choice, socket);
	return result;
}

// Choosing the rules of a set

static int choice_make(struct rule_choice *choice, size_t most)
{
	choice->count = 0;
	choice->rule = calloc(most + 1, sizeof(*choice->rule));
	choice->position = calloc(most + 1, sizeof(*choice->position));
	return choice->rule && choice->position ? 0 : -ENOMEM;
}

static void choice_free(struct rule_choice *choice)
{
	free(choice->rule);
	free(choice->position);
}

static void choose(struct rule_choice *choice, const struct rule *rule, uint32_t position)
{
	choice->rule[choice->count] = rule;
	choice->position[choice->count] = position;
	choice->count++;
}

static void choose_by_passing(struct rule_choice *choice, const struct rule_matcher *matcher, bool passing)
{
	for (uint32_t i = 0; i < matcher->count; i++) {
		if (rule_passes(matcher->rule[i]) == passing)
			choose(choice, matcher->rule[i], i);
	}
}

static bool rule_varies(const struct rule *rule)
{
	return rule->asks & RULE_FIELDS_OF_PACKET || rule->limit_state;
}

// What remains of a rule where only the flow is known. That it asked for a protocol's fields still asks for the protocol.
static struct rule relaxed(const struct rule *rule)
{
	static const struct byte_set any = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	struct rule made = *rule;
	made.tcp_flags = made.icmp_types = made.icmp_codes = any;
	made.asks &= (uint16_t)~(RULE_NEXT_HEADER | RULE_CONNECTION);
	return made;
}

static int build_varying(struct rule_matcher *matcher, int socket)
{
	struct rule_choice choice;
	struct rule *copy = calloc(matcher->count + 1, sizeof(*copy));
	int result = choice_make(&choice, matcher->count);
	if (!copy)
		result = -ENOMEM;
	for (uint32_t i = 0; result == 0 && i < matcher->count; i++) {
		if (!rule_varies(matcher->rule[i]))
			continue;
		copy[choice.count] = relaxed(matcher->rule[i]);
		choose(&choice, &copy[choice.count], i);
	}
	if (result == 0 && choice.count)
		result = set_build(&matcher->varying, matcher->count, &choice, socket);
	choice_free(&choice);
	free(copy);
	return result;
}

static int build_passing(struct rule_matcher *matcher, int socket)
{
	struct rule_choice choice;
	int result = choice_make(&choice, matcher->count);
	if (result == 0)
		choose_by_passing(&choice, matcher, true);
	matcher->passing_at = choice.position; // all that is left of it
	matcher->passing_count = (uint32_t)choice.count;
	if (result == 0 && choice.count)
		result = set_build(&matcher->passing, matcher->count, &choice, socket);
	if (result == 0)
		result = passing_index_make(choice.rule, matcher->passing_count, &matcher->passing_index);
	free(choice.rule);
	return result;
}

static int build_deciding(struct rule_matcher *matcher, int socket)
{
	struct rule_choice choice;
	int result = choice_make(&choice, matcher->count);
	if (result == 0) {
		choose_by_passing(&choice, matcher, false);
		result = set_build(&matcher->deciding, matcher->count, &choice, socket);
	}
	choice_free(&choice);
	return result;
}

// The whole

static struct rule_verdict verdict_of(const struct rule *rule, uint32_t position)
{
	return (struct rule_verdict){
		.slot = rule->slot,
		.position = position,
		.log_slot = rule->log ? rule->slot : 0,
		.verdict = rule->verdict,
		.answer = rule->answer,
		.answer_code = rule->answer_code,
		.log = rule->log,
	};
}

// Checks all rules and counts what they become, before anything large is made.
static int check(const struct rule *const rules[], size_t count, struct rule_trouble *trouble)
{
	uint64_t sum = 0;
	if (count >= FLOW_RULE_MAX) {
		*trouble = (struct rule_trouble){ count - 1, count };
		return -E2BIG;
	}
	for (size_t i = 0; i < count; i++) {
		trouble->rule = i;
		if (!rule_valid(rules[i]))
			return -EINVAL;
		bool over = __builtin_add_overflow(sum, rule_acl_entries(rules[i]), &sum);
		trouble->entries = over ? UINT64_MAX : sum;
		if (trouble->entries > RULE_EXPANSION_MAX)
			return -E2BIG;
	}
	return 0;
}

static int matcher_fill(struct rule_matcher *matcher, const struct rule *const rules[], enum verdict default_verdict)
{
	matcher->rule = calloc(matcher->count + 1, sizeof(*matcher->rule));
	if (!matcher->rule)
		return -ENOMEM;
	for (uint32_t i = 0; i < matcher->count; i++) {
		matcher->rule[i] = rules[i];
		matcher->verdicts[i] = verdict_of(rules[i], i);
	}
	matcher->verdicts[matcher->count] = (struct rule_verdict){
		.slot = RULE_DEFAULT, .position = matcher->count, .verdict = (uint8_t)default_verdict,
	};
	return 0;
}

static int matcher_compile(struct rule_matcher *matcher, const struct rule *const rules[], enum verdict default_verdict,
			   int socket)
{
	int result = matcher_fill(matcher, rules, default_verdict);
	if (result == 0)
		result = build_deciding(matcher, socket);
	if (result == 0)
		result = build_passing(matcher, socket);
	if (result == 0)
		result = build_varying(matcher, socket);
	return result;
}

int rule_matcher_build(const struct rule *const rules[], size_t count, enum verdict default_verdict, int socket,
		       struct rule_matcher **matcher, struct rule_trouble *trouble)
{
	*trouble = (struct rule_trouble){ 0 };
	if (default_verdict >= VERDICT_NONE)
		return -EINVAL;
	int result = check(rules, count, trouble);
	if (result)
		return result;
	struct rule_matcher *made = calloc(1, sizeof(*made) + (count + 1) * sizeof(made->verdicts[0]));
	if (!made)
		return -ENOMEM;
	made->count = (uint32_t)count;
	result = matcher_compile(made, rules, default_verdict, socket);
	if (result)
		rule_matcher_free(made);
	else
		*matcher = made;
	return result;
}

void rule_matcher_free(struct rule_matcher *matcher)
{
	if (!matcher)
		return;
	set_free(matcher->deciding);
	set_free(matcher->passing);
	set_free(matcher->varying);
	passing_index_free(matcher->passing_index);
	free(matcher->passing_at);
	free(matcher->rule);
	free(matcher);
}

size_t rule_matcher_bytes(const struct rule_matcher *matcher)
{
	const struct rule_set *const sets[] = { matcher->deciding, matcher->passing, matcher->varying };
	size_t sum = sizeof(*matcher) + (matcher->count + 1) * (sizeof(matcher->verdicts[0]) + sizeof(*matcher->rule));
	sum += passing_index_bytes(matcher->passing_index);
	for (unsigned i = 0; i < 3; i++)
		sum += sets[i] ? sets[i]->bytes : 0;
	return sum;
}
