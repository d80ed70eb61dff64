// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_store.h"

#include <stdlib.h>
#include <string.h>

enum {
	NOWHERE = UINT32_MAX,
	IDS = FLOW_RULE_MAX, // 1 to IDS - 1; 0 is the default policy
};

static const char no_memory[] = "no memory for the rules";
static const char no_ids[] = "too many rules: there is room for 262142";

struct rule_store {
	struct stored_rule *stored; // in order
	struct rule *rules;         // the same, as they are compiled
	uint32_t *position;         // by id, or NOWHERE
	size_t count;
	size_t room;
	uint32_t last_id; // handed out last: the search for a free one begins behind it, so that none is reused soon
	enum verdict default_verdict;
};

// All of a rule that its text shows.
enum { RULE_BYTES = offsetof(struct rule, slot) };
static_assert(RULE_BYTES == 2 * sizeof(struct prefix) + 2 * sizeof(struct port_range) + 4, "compares as bytes");

static bool rule_equal(const struct rule *a, const struct rule *b)
{
	return memcmp(a, b, RULE_BYTES) == 0;
}

struct rule_store *rule_store_create(void)
{
	struct rule_store *store = calloc(1, sizeof(*store));
	uint32_t *position = malloc(IDS * sizeof(*position));
	if (!store || !position) {
		free(store);
		free(position);
		return NULL;
	}
	memset(position, 0xff, IDS * sizeof(*position));
	store->position = position;
	store->default_verdict = VERDICT_ACCEPT;
	return store;
}

void rule_store_destroy(struct rule_store *store)
{
	if (!store)
		return;
	free(store->stored);
	free(store->rules);
	free(store->position);
	free(store);
}

static bool store_reserve(struct rule_store *store, size_t room)
{
	if (room <= store->room)
		return true;
	struct stored_rule *stored = realloc(store->stored, room * sizeof(*stored));
	store->stored = stored ? stored : store->stored;
	struct rule *rules = realloc(store->rules, room * sizeof(*rules));
	store->rules = rules ? rules : store->rules;
	if (!stored || !rules)
		return false;
	store->room = room;
	return true;
}

struct rule_store *rule_store_copy(const struct rule_store *store)
{
	struct rule_store *copy = rule_store_create();
	if (!copy || !store_reserve(copy, store->count)) {
		rule_store_destroy(copy);
		return NULL;
	}
	if (store->count) {
		memcpy(copy->stored, store->stored, store->count * sizeof(*store->stored));
		memcpy(copy->rules, store->rules, store->count * sizeof(*store->rules));
	}
	memcpy(copy->position, store->position, IDS * sizeof(*store->position));
	copy->count = store->count;
	copy->last_id = store->last_id;
	copy->default_verdict = store->default_verdict;
	return copy;
}

static void store_put(struct rule_store *store, size_t position, const struct stored_rule *stored)
{
	store->stored[position] = *stored;
	store->rules[position] = stored->rule;
	store->position[stored->rule.slot] = (uint32_t)position;
}

// A free id, or 0. also: another store whose ids are taken too; may be NULL.
static uint32_t store_next_id(struct rule_store *store, const struct rule_store *also)
{
	for (uint32_t tries = 1; tries < IDS; tries++) {
		store->last_id = store->last_id % (IDS - 1) + 1;
		if (store->position[store->last_id] == NOWHERE &&
		    (!also || also->position[store->last_id] == NOWHERE))
			return store->last_id;
	}
	return 0;
}

// Rules of the older store by what they say: chains in order, from which each id is taken once.
struct finder {
	uint32_t *head; // by hash: position, or NOWHERE
	uint32_t *next; // by position
	size_t mask;
};

static size_t rule_hash(const struct rule *rule)
{
	uint64_t hash = 0, word;
	static_assert(RULE_BYTES % sizeof(word) == 0, "whole words");
	for (size_t i = 0; i < RULE_BYTES; i += sizeof(word)) {
		memcpy(&word, (const char *)rule + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return (size_t)hash;
}

static bool finder_make(struct finder *finder, const struct rule_store *store)
{
	size_t heads = 1;
	while (heads < store->count)
		heads *= 2;
	*finder = (struct finder){
		.head = malloc(heads * sizeof(*finder->head)),
		.next = malloc((store->count + 1) * sizeof(*finder->next)),
		.mask = heads - 1,
	};
	if (!finder->head || !finder->next)
		return false;
	memset(finder->head, 0xff, heads * sizeof(*finder->head));
	for (size_t i = store->count; i-- > 0;) {
		uint32_t *head = &finder->head[rule_hash(&store->rules[i]) & finder->mask];
		finder->next[i] = *head;
		*head = (uint32_t)i;
	}
	return true;
}

// Takes the first rule that says the same out of the finder. NULL: there is none left.
static const struct stored_rule *finder_take(struct finder *finder, const struct rule_store *store,
					     const struct rule *rule)
{
	uint32_t *link = &finder->head[rule_hash(rule) & finder->mask];
	while (*link != NOWHERE && !rule_equal(&store->rules[*link], rule))
		link = &finder->next[*link];
	if (*link == NOWHERE)
		return NULL;
	const struct stored_rule *found = &store->stored[*link];
	*link = finder->next[*link];
	return found;
}

static void finder_free(struct finder *finder)
{
	free(finder->head);
	free(finder->next);
}

// New ids are those that neither list uses, so that a flow's old rule is not taken for a new one; only a store that is
// more than half full may have to take what the replaced list sets free.
static bool store_give_ids(struct rule_store *store, const struct rule_store *older)
{
	for (size_t i = 0; i < store->count; i++) {
		struct stored_rule *stored = &store->stored[i];
		if (stored->rule.slot != 0)
			continue;
		stored->rule.slot = store_next_id(store, older);
		if (stored->rule.slot == 0 && older) {
			older = NULL;
			stored->rule.slot = store_next_id(store, older);
		}
		if (stored->rule.slot == 0)
			return false;
		store_put(store, i, stored);
	}
	return true;
}

static void store_fill(struct rule_store *store, const struct rule_list *list, struct finder *finder,
		       const struct rule_store *older)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct stored_rule *known = finder_take(finder, older, &list->rules[i]);
		if (known) {
			store_put(store, i, known);
			continue;
		}
		store->stored[i] = (struct stored_rule){ .rule = list->rules[i] };
		store->stored[i].rule.slot = 0;
	}
	store->count = list->count;
}

static int store_replaced(struct rule_store *store, const struct rule_list *list, const struct rule_store *older,
			  struct error *error)
{
	struct finder finder = { 0 };
	int result = -1;
	if (!store_reserve(store, list->count) || !finder_make(&finder, older)) {
		error_set(error, no_memory);
	} else {
		store_fill(store, list, &finder, older);
		result = store_give_ids(store, older) ? 0 : error_set(error, no_ids);
	}
	finder_free(&finder);
	return result;
}

int rule_store_replace(struct rule_store *store, const struct rule_list *list, struct error *error)
{
	struct rule_store *made = rule_store_create();
	if (!made)
		return error_set(error, no_memory);
	made->last_id = store->last_id;
	made->default_verdict = list->has_default ? list->default_verdict : store->default_verdict;
	int result = store_replaced(made, list, store, error);
	if (result == 0) {
		struct rule_store old = *store;
		*store = *made;
		*made = old;
	}
	rule_store_destroy(made);
	return result;
}

// Positions from first on are new.
static void store_number(struct rule_store *store, size_t first)
{
	for (size_t i = first; i < store->count; i++)
		store->position[store->rules[i].slot] = (uint32_t)i;
}

uint32_t rule_store_add(struct rule_store *store, const struct rule *rule, size_t position, struct error *error)
{
	if (store->count == store->room && !store_reserve(store, 2 * store->count + 8)) {
		error_set(error, no_memory);
		return 0;
	}
	struct stored_rule added = { .rule = *rule };
	added.rule.slot = store_next_id(store, NULL);
	if (added.rule.slot == 0) {
		error_set(error, no_ids);
		return 0;
	}
	if (position > store->count)
		position = store->count;
	size_t behind = store->count++ - position;
	memmove(store->stored + position + 1, store->stored + position, behind * sizeof(*store->stored));
	memmove(store->rules + position + 1, store->rules + position, behind * sizeof(*store->rules));
	store_put(store, position, &added);
	store_number(store, position + 1);
	return added.rule.slot;
}

int rule_store_delete(struct rule_store *store, uint32_t id, struct error *error)
{
	if (!rule_store_find(store, id))
		return error_set(error, "there is no rule %u; 'rules list' shows the ids", id);
	size_t position = store->position[id];
	size_t behind = --store->count - position;
	memmove(store->stored + position, store->stored + position + 1, behind * sizeof(*store->stored));
	memmove(store->rules + position, store->rules + position + 1, behind * sizeof(*store->rules));
	store->position[id] = NOWHERE;
	store_number(store, position);
	return 0;
}

void rule_store_set_default(struct rule_store *store, enum verdict verdict)
{
	store->default_verdict = verdict;
}

enum verdict rule_store_default(const struct rule_store *store)
{
	return store->default_verdict;
}

size_t rule_store_count(const struct rule_store *store)
{
	return store->count;
}

const struct stored_rule *rule_store_at(const struct rule_store *store, size_t position)
{
	return &store->stored[position];
}

const struct stored_rule *rule_store_find(const struct rule_store *store, uint32_t id)
{
	if (id >= IDS || store->position[id] == NOWHERE)
		return NULL;
	return &store->stored[store->position[id]];
}

void rule_store_set_baseline(struct rule_store *store, uint32_t id, uint64_t packets, uint64_t bytes)
{
	if (rule_store_find(store, id))
		store->stored[store->position[id]].baseline = (struct traffic){ .packets = packets, .bytes = bytes };
}

bool rule_store_is_new(const struct rule_store *store, const struct rule_store *older, uint32_t id)
{
	const struct stored_rule *here = rule_store_find(store, id), *there = rule_store_find(older, id);
	return here && (!there || !rule_equal(&here->rule, &there->rule));
}

const struct rule *rule_store_rules(const struct rule_store *store)
{
	return store->rules;
}
