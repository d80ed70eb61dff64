// SPDX-License-Identifier: BSD-3-Clause
// Rules that can never match. A packet of the rule is looked for that no earlier rule decides on: each earlier rule that
// takes one away is subtracted, until a packet is left over or nothing is.
#include "control/rule_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_lint_private.h"

enum {
	PIECES_MAX = 128,     // that a rule is in, while earlier ones are subtracted
	STEPS_MAX = 256,      // earlier rules that are subtracted from one
	SHOWN_MAX = 3,        // of them in a text
	FOCUS_MAX = 10000,    // rules, beyond which one new rule is not held against all later ones
};

static const uint64_t BUDGET = 60000000;

static const char *const kind_names[] = {
	[LINT_EMPTY] = "empty",
	[LINT_DUPLICATE] = "duplicate",
	[LINT_SHADOWED] = "shadowed",
	[LINT_REDUNDANT] = "redundant",
	[LINT_OVERLAP] = "overlap",
	[LINT_WIDE] = "wide",
	[LINT_NO_LISTENER] = "no_listener",
	[LINT_UNREACHED] = "unreached",
	[LINT_INCOMPLETE] = "incomplete",
};

const char *lint_kind_name(enum lint_kind kind)
{
	return kind_names[kind];
}

// Findings

const char *lint_place(const struct linter *linter, size_t rule, char label[LINT_LABEL_MAX])
{
	const struct rule_entry *entry = linter->input->entry[rule];
	if (linter->input->by_id && entry->rule.slot)
		snprintf(label, LINT_LABEL_MAX, "rule %u", entry->rule.slot);
	else if (entry->place.file && entry->place.line)
		snprintf(label, LINT_LABEL_MAX, "%.300s:%u", entry->place.file, entry->place.line);
	else
		snprintf(label, LINT_LABEL_MAX, "rule at place %zu", rule + 1);
	return label;
}

const char *lint_label(const struct linter *linter, size_t rule, char label[LINT_LABEL_MAX])
{
	char place[LINT_LABEL_MAX];
	lint_place(linter, rule, place);
	snprintf(label, LINT_LABEL_MAX, "%.320s: '%.180s'", place, linter->input->entry[rule]->text);
	return label;
}

void lint_say(struct linter *linter, enum lint_kind kind, uint32_t rule, uint32_t other, const char *format, ...)
{
	struct lint *lint = linter->lint;
	char place[LINT_LABEL_MAX], what[1536], *text = NULL;
	lint->found[kind]++;
	if (lint->found[kind] > LINT_KIND_MAX) {
		lint->left_out++;
		return;
	}
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	int length = rule == LINT_NOWHERE ? asprintf(&text, "%s", what) :
					    asprintf(&text, "%s: %s", lint_place(linter, rule, place), what);
	if (length < 0) {
		linter->failed = true;
		return;
	}
	lint->finding[lint->count++] = (struct lint_finding){ .kind = kind, .rule = rule, .other = other, .text = text };
}

bool lint_spent(const struct linter *linter)
{
	return linter->looked_at > linter->budget;
}

// Reach

struct pieces {
	struct region region[PIECES_MAX];
	unsigned count;
};

// Takes a rule out of all pieces. false: there are too many.
static bool subtract_rule(struct linter *linter, struct pieces *pieces, const struct region *rule)
{
	struct pieces rest;
	rest.count = 0;
	for (unsigned i = 0; i < pieces->count; i++) {
		if (rest.count + REGION_FIELDS > PIECES_MAX)
			return false;
		rest.count += region_subtract(&linter->room, &pieces->region[i], rule, &rest.region[rest.count]);
	}
	linter->looked_at += pieces->count;
	pieces->count = rest.count;
	memcpy(pieces->region, rest.region, rest.count * sizeof(rest.region[0]));
	return true;
}

// The first rule before the position that takes a packet of the piece, the one of the lowest or that of the highest values.
// SIZE_MAX: one of them gets through.
static size_t find_taker(struct linter *linter, const struct region *piece, size_t before)
{
	struct packet_tuple tuple;
	region_packet(piece, true, &tuple);
	size_t high = rule_index_first(linter->index, &tuple, before, &linter->looked_at);
	if (high == SIZE_MAX)
		return SIZE_MAX;
	region_packet(piece, false, &tuple);
	size_t low = rule_index_first(linter->index, &tuple, before, &linter->looked_at);
	return low == SIZE_MAX ? SIZE_MAX : low < high ? low : high;
}

static void note_used(struct reach *reach, size_t rule)
{
	unsigned at = reach->used_count < REACH_USED_MAX ? reach->used_count : REACH_USED_MAX - 1;
	if (reach->used_count < REACH_USED_MAX || rule < reach->used[at]) {
		for (; at > 0 && reach->used[at - 1] > rule; at--)
			reach->used[at] = reach->used[at - 1];
		reach->used[at] = (uint32_t)rule;
	}
	reach->used_count++;
}

// One rule that takes all makes the others needless.
static void simplify_used(struct linter *linter, const struct region *region, struct reach *reach)
{
	for (unsigned i = 0; i < reach->used_count && i < REACH_USED_MAX; i++) {
		struct region rule;
		if (region_of_rule(&linter->room, &linter->input->entry[reach->used[i]]->rule, &rule, NULL) &&
		    region_covers(&linter->room, &rule, region)) {
			reach->used[0] = reach->used[i];
			reach->used_count = 1;
			return;
		}
	}
}

void lint_reach(struct linter *linter, const struct region *region, size_t before, struct reach *reach)
{
	struct pieces pieces; // too large to be cleared each time
	pieces.region[0] = *region;
	pieces.count = 1;
	*reach = (struct reach){ .answer = REACH_UNKNOWN };
	for (unsigned step = 0; pieces.count > 0; step++) {
		struct region rule;
		bool exact;
		size_t taker = find_taker(linter, &pieces.region[pieces.count - 1], before);
		if (taker == SIZE_MAX) {
			reach->answer = REACH_YES;
			return;
		}
		if (step == STEPS_MAX || lint_spent(linter) || linter->room.failed ||
		    !region_of_rule(&linter->room, &linter->input->entry[taker]->rule, &rule, &exact) || !exact ||
		    !subtract_rule(linter, &pieces, &rule))
			return;
		note_used(reach, taker);
	}
	if (linter->room.failed)
		return;
	reach->answer = REACH_NO;
	simplify_used(linter, region, reach);
}

// Rules that can never match

static const char *doing(uint8_t verdict)
{
	return verdict == VERDICT_ACCEPT ? "accepted" : verdict == VERDICT_DROP ? "dropped" : "rejected";
}

static bool same_verdict(const struct linter *linter, const struct reach *reach, const struct rule *rule)
{
	for (unsigned i = 0; i < reach->used_count && i < REACH_USED_MAX; i++)
		if (linter->input->entry[reach->used[i]]->rule.verdict != rule->verdict)
			return false;
	return true;
}

static void say_one(struct linter *linter, uint32_t at, uint32_t other, const struct region *region)
{
	const struct rule_entry *here = linter->input->entry[at], *there = linter->input->entry[other];
	char label[LINT_LABEL_MAX];
	struct region larger;
	bool same = here->rule.verdict == there->rule.verdict;
	bool equal = region_of_rule(&linter->room, &there->rule, &larger, NULL) &&
		     region_covers(&linter->room, region, &larger);
	lint_label(linter, other, label);
	if (same && equal)
		lint_say(linter, LINT_DUPLICATE, at, other, "'%.180s' can never match: it says again what %s says",
			here->text, label);
	else
		lint_say(linter, same ? LINT_REDUNDANT : LINT_SHADOWED, at, other,
			"'%.180s' can never match: all of it is %s%s by %s", here->text, same ? "already " : "",
			doing(there->rule.verdict), label);
}

static void say_several(struct linter *linter, uint32_t at, const struct reach *reach)
{
	const struct rule_entry *here = linter->input->entry[at];
	char list[2 * LINT_LABEL_MAX] = "", label[LINT_LABEL_MAX];
	unsigned shown = reach->used_count < SHOWN_MAX ? reach->used_count : SHOWN_MAX;
	for (unsigned i = 0; i < shown; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%.300s", i ? ", " : "", lint_label(linter, reach->used[i], label));
	}
	size_t used = strlen(list);
	if (reach->used_count > shown)
		snprintf(list + used, sizeof(list) - used, " and %u more", reach->used_count - shown);
	lint_say(linter, same_verdict(linter, reach, &here->rule) ? LINT_REDUNDANT : LINT_SHADOWED, at, reach->used[0],
		"'%.180s' can never match: earlier rules decide on all of it: %s", here->text, list);
}

static bool concerns(const struct linter *linter, size_t rule, const struct reach *reach)
{
	size_t focus = linter->input->focus;
	if (focus == SIZE_MAX || focus == rule)
		return true;
	for (unsigned i = 0; i < reach->used_count && i < REACH_USED_MAX; i++)
		if (reach->used[i] == focus)
			return true;
	return false;
}

static void look_at_rule(struct linter *linter, uint32_t at)
{
	const struct rule_entry *entry = linter->input->entry[at];
	struct region region, possible;
	struct reach reach = { .answer = REACH_NO };
	bool exact;
	region_room_reset(&linter->room);
	if (linter->input->config && entry->rule.asks & RULE_INTERFACE && entry->rule.interfaces == 0) {
		linter->dead[at] = 1;
		if (concerns(linter, at, &reach))
			lint_say(linter, LINT_EMPTY, at, LINT_NOWHERE,
				"'%.180s' matches no packet: no configured interface has this name", entry->text);
		return;
	}
	if (!region_of_rule(&linter->room, &entry->rule, &region, &exact)) {
		linter->dead[at] = 1;
		if (concerns(linter, at, &reach))
			lint_say(linter, LINT_EMPTY, at, LINT_NOWHERE, "'%.180s' matches no packet at all", entry->text);
		return;
	}
	possible = region;
	if (region_drop_impossible(&linter->room, &possible))
		lint_reach(linter, &possible, at, &reach);
	if (reach.answer != REACH_NO || reach.used_count == 0)
		return;
	linter->dead[at] = 1;
	if (!concerns(linter, at, &reach))
		return;
	if (reach.used_count == 1)
		say_one(linter, at, reach.used[0], &region);
	else
		say_several(linter, at, &reach);
}

static void look_at_rules(struct linter *linter)
{
	if (linter->input->focus != SIZE_MAX && linter->input->count > FOCUS_MAX) {
		look_at_rule(linter, (uint32_t)linter->input->focus);
		return;
	}
	for (uint32_t at = 0; at < linter->input->count && !linter->failed; at++) {
		if (lint_spent(linter)) {
			lint_say(linter, LINT_INCOMPLETE, LINT_NOWHERE, LINT_NOWHERE, "there are too many rules alike to look for "
				"those that can never match: only the first %u were looked at", at);
			return;
		}
		look_at_rule(linter, at);
	}
}

// All together

static int by_rule(const void *a, const void *b)
{
	const struct lint_finding *one = a, *other = b;
	if (one->rule != other->rule)
		return one->rule < other->rule ? -1 : 1;
	return (one->kind > other->kind) - (one->kind < other->kind);
}

int rule_lint(const struct lint_input *input, struct lint *lint)
{
	struct linter linter = { .input = input, .lint = lint, .budget = BUDGET };
	*lint = (struct lint){ .finding = calloc((size_t)LINT_KINDS * LINT_KIND_MAX, sizeof(*lint->finding)) };
	linter.index = rule_index_build(input->entry, input->count);
	linter.dead = calloc(input->count + 1, 1);
	linter.failed = !lint->finding || !linter.index || !linter.dead;
	if (!linter.failed) {
		look_at_rules(&linter);
		if (input->config)
			lint_listeners(&linter);
		lint_wide(&linter);
		lint_overlaps(&linter);
		qsort(lint->finding, lint->count, sizeof(*lint->finding), by_rule);
	}
	region_room_free(&linter.room);
	rule_index_free(linter.index);
	free(linter.dead);
	if (linter.failed)
		rule_lint_free(lint);
	return linter.failed ? -1 : 0;
}

void rule_lint_free(struct lint *lint)
{
	for (size_t i = 0; i < lint->count; i++)
		free(lint->finding[i].text);
	free(lint->finding);
	*lint = (struct lint){ 0 };
}
