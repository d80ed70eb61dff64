// SPDX-License-Identifier: BSD-3-Clause
// Pairs of rules that share packets, with opposite verdicts, where neither contains the other: what becomes of the shared
// ones hangs on the order alone. A block list in front of what is let in is no such accident.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/rule_lint_private.h"

enum { MORE_MAX = 99 }; // rules that overlap one, and are counted

static const uint64_t PAIRS_MAX = 100000000; // that are compared

// As much of a rule as tells most pairs apart: hulls of its sets.
struct hull {
	uint64_t source[2], destination[2]; // the first 64 bits, low and high
	uint16_t source_port[2], destination_port[2];
	uint32_t position;
	uint8_t family;   // bits: IPv4, IPv6
	uint8_t protocol; // the only one, or 0: several
	bool accepts;
};

static uint64_t address_head(const struct ip_address *address)
{
	uint64_t head = 0;
	for (unsigned i = 0; i < 8; i++)
		head = head << 8 | address->byte[i];
	return head;
}

static void hull_addresses(const struct address_set *set, bool asked, uint64_t hull[2])
{
	hull[0] = 0;
	hull[1] = UINT64_MAX;
	if (asked && set->count) {
		hull[0] = address_head(&set->range[0].low);
		hull[1] = address_head(&set->range[set->count - 1].high);
	}
}

static void hull_ports(const struct port_set *set, bool asked, uint16_t hull[2])
{
	hull[0] = 0;
	hull[1] = UINT16_MAX;
	if (asked && set->count) {
		hull[0] = set->range[0].low;
		hull[1] = set->range[set->count - 1].high;
	}
}

static uint8_t only_protocol(const struct rule *rule)
{
	unsigned count = 0, last = 0;
	if (!(rule->asks & RULE_PROTOCOL))
		return 0;
	for (unsigned word = 0; word < 4; word++) {
		count += (unsigned)__builtin_popcountll(rule->protocols.word[word]);
		if (rule->protocols.word[word])
			last = 64 * word + (unsigned)__builtin_ctzll(rule->protocols.word[word]);
	}
	return count == 1 ? (uint8_t)last : 0;
}

static struct hull hull_of(const struct rule *rule, uint32_t position)
{
	struct hull hull = {
		.position = position,
		.family = (uint8_t)(rule->ip4 | rule->ip6 << 1),
		.protocol = only_protocol(rule),
		.accepts = rule->verdict == VERDICT_ACCEPT,
	};
	hull_addresses(&rule->sources, rule->asks & RULE_SOURCE, hull.source);
	hull_addresses(&rule->destinations, rule->asks & RULE_DESTINATION, hull.destination);
	hull_ports(&rule->source_ports, rule->asks & RULE_SOURCE_PORT, hull.source_port);
	hull_ports(&rule->destination_ports, rule->asks & RULE_DESTINATION_PORT, hull.destination_port);
	return hull;
}

static bool hulls_meet(const struct hull *a, const struct hull *b)
{
	return (a->family & b->family) &&
	       (a->protocol == b->protocol || !a->protocol || !b->protocol) &&
	       a->destination_port[0] <= b->destination_port[1] && b->destination_port[0] <= a->destination_port[1] &&
	       a->source[0] <= b->source[1] && b->source[0] <= a->source[1] &&
	       a->destination[0] <= b->destination[1] && b->destination[0] <= a->destination[1] &&
	       a->source_port[0] <= b->source_port[1] && b->source_port[0] <= a->source_port[1];
}

// Rules of interfaces and of the state of flows stand in front of others as a matter of course; what a limit leaves over
// goes on to the next.
static bool worth_a_look(const struct linter *linter, size_t at)
{
	const struct rule *rule = &linter->input->entry[at]->rule;
	return !linter->dead[at] && rule->verdict != VERDICT_NONE && rule->limit.rate == 0 &&
	       !(rule->asks & (RULE_INTERFACE | RULE_CONNECTION));
}

// How the earlier rule stands to the later one, over all fields, in the families that both speak of: a rule of iptables' is no
// exception from one for both.
struct stance {
	bool crossing, within, around;
};

static struct stance stance_of(struct linter *linter, const struct region *a, const struct region *b)
{
	struct stance stance = { 0 };
	for (unsigned field = REGION_FAMILY + 1; field < REGION_FIELDS; field++) {
		enum region_relation relation = region_relation(&linter->room, a, b, field);
		stance.crossing |= relation == REGION_CROSSING;
		stance.within |= relation == REGION_WITHIN;
		stance.around |= relation == REGION_AROUND;
	}
	return stance;
}

static bool is_surprise(const struct stance *stance, bool earlier_accepts)
{
	if (!stance->crossing && !(stance->within && stance->around))
		return false; // one contains the other
	return stance->crossing || earlier_accepts;
}

static bool surprises(struct linter *linter, const struct hull *earlier, const struct hull *later)
{
	struct region first, second, both;
	bool exact_first, exact_second;
	region_room_reset(&linter->room);
	if (!region_of_rule(&linter->room, &linter->input->entry[earlier->position]->rule, &first, &exact_first) ||
	    !region_of_rule(&linter->room, &linter->input->entry[later->position]->rule, &second, &exact_second) ||
	    !exact_first || !exact_second || !region_intersect(&linter->room, &first, &second, &both))
		return false;
	struct stance stance = stance_of(linter, &first, &second);
	return !linter->room.failed && is_surprise(&stance, earlier->accepts);
}

// One finding for a rule, whatever the number of others.
static void say(struct linter *linter, const struct hull *later, const struct hull *earlier, size_t more)
{
	const struct rule_entry *a = linter->input->entry[earlier->position], *b = linter->input->entry[later->position];
	char label[LINT_LABEL_MAX], others[64] = "";
	if (more)
		snprintf(others, sizeof(others), " and %zu more like it", more);
	lint_say(linter, LINT_OVERLAP, later->position, earlier->position,
		"'%.180s' does not have all that it names: packets that both match are %s by %s%s", b->text,
		earlier->accepts ? "accepted" : a->rule.verdict == VERDICT_DROP ? "dropped" : "rejected",
		lint_label(linter, earlier->position, label), others);
}

// Rules that came before, in groups that can't all meet: by verdict and protocol.
enum { GROUP_TCP = 0, GROUP_UDP, GROUP_OTHER, GROUPS }; // the last: also of several protocols

struct earlier {
	struct hull *hull[2][GROUPS];
	size_t count[2][GROUPS];
	uint64_t pairs; // that were compared
};

static unsigned group_of(const struct hull *hull)
{
	return hull->protocol == IPPROTO_TCP ? GROUP_TCP : hull->protocol == IPPROTO_UDP ? GROUP_UDP : GROUP_OTHER;
}

// What overlaps a later rule: the first of it, and how much more there is.
struct overlap {
	const struct hull *first;
	size_t more;
};

// Sets make a comparison longer.
static uint64_t ranges_of(const struct linter *linter, size_t position)
{
	const struct rule *rule = &linter->input->entry[position]->rule;
	return (uint64_t)rule->sources.count + rule->destinations.count;
}

static void compare_group(struct linter *linter, struct earlier *earlier, unsigned group, const struct hull *later,
			  struct overlap *overlap)
{
	const struct hull *hull = earlier->hull[!later->accepts][group];
	size_t count = earlier->count[!later->accepts][group], focus = linter->input->focus;
	bool all = focus == SIZE_MAX || later->position == focus;
	earlier->pairs += count;
	for (size_t i = 0; i < count && overlap->more < MORE_MAX && earlier->pairs <= PAIRS_MAX; i++) {
		if (!hulls_meet(&hull[i], later) || (!all && hull[i].position != focus))
			continue;
		earlier->pairs += ranges_of(linter, hull[i].position) + ranges_of(linter, later->position);
		if (!surprises(linter, &hull[i], later))
			continue;
		overlap->more += overlap->first != NULL;
		if (!overlap->first || hull[i].position < overlap->first->position)
			overlap->first = &hull[i];
	}
}

static void compare(struct linter *linter, struct earlier *earlier, const struct hull *later)
{
	struct overlap overlap = { 0 };
	unsigned own = group_of(later);
	for (unsigned group = 0; group < GROUPS; group++)
		if (group == own || group == GROUP_OTHER || own == GROUP_OTHER)
			compare_group(linter, earlier, group, later, &overlap);
	if (overlap.first)
		say(linter, later, overlap.first, overlap.more);
	earlier->hull[later->accepts][own][earlier->count[later->accepts][own]++] = *later;
}

static void compare_all(struct linter *linter, struct earlier *earlier)
{
	for (size_t at = 0; at < linter->input->count; at++) {
		if (!worth_a_look(linter, at))
			continue;
		if (earlier->pairs > PAIRS_MAX) {
			lint_say(linter, LINT_INCOMPLETE, LINT_NOWHERE, LINT_NOWHERE, "there are too many rules to hold each "
				"against each: overlaps behind the first %zu were not looked for", at);
			return;
		}
		const struct hull later = hull_of(&linter->input->entry[at]->rule, (uint32_t)at);
		compare(linter, earlier, &later);
		if (linter->lint->found[LINT_OVERLAP] > LINT_KIND_MAX)
			return; // there are more, and they would look the same
	}
}

static bool make_room(struct earlier *earlier, size_t count)
{
	bool made = true;
	for (unsigned i = 0; i < 2 * GROUPS; i++) {
		earlier->hull[i / GROUPS][i % GROUPS] = malloc((count + 1) * sizeof(struct hull));
		made &= earlier->hull[i / GROUPS][i % GROUPS] != NULL;
	}
	return made;
}

void lint_overlaps(struct linter *linter)
{
	struct earlier earlier = { 0 };
	if (make_room(&earlier, linter->input->count))
		compare_all(linter, &earlier);
	else
		linter->failed = true;
	for (unsigned i = 0; i < 2 * GROUPS; i++)
		free(earlier.hull[i / GROUPS][i % GROUPS]);
}
