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
	uint32_t *position;         // by id, or NOWHERE
	size_t count;
	size_t room;
	uint32_t last_id; // handed out last: the search for a free one begins behind it, so that none is reused soon
	enum verdict default_verdict;
};

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
	for (size_t i = 0; i < store->count; i++)
		rule_entry_drop(store->stored[i].entry);
	free(store->stored);
	free(store->position);
	free(store);
}

static bool store_reserve(struct rule_store *store, size_t room)
{
	if (room <= store->room)
		return true;
	struct stored_rule *stored = realloc(store->stored, room * sizeof(*stored));
	if (!stored)
		return false;
	store->stored = stored;
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
	for (size_t i = 0; i < store->count; i++) {
		copy->stored[i] = store->stored[i];
		rule_entry_keep(copy->stored[i].entry);
	}
	memcpy(copy->position, store->position, IDS * sizeof(*store->position));
	copy->count = store->count;
	copy->last_id = store->last_id;
	copy->default_verdict = store->default_verdict;
	return copy;
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

// Rules of the older store by what they say: chains in order, from which each is taken once.
struct finder {
	uint32_t *head; // by hash: position, or NOWHERE
	uint32_t *next; // by position
	size_t mask;
};

static size_t text_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return (size_t)(hash ^ hash >> 32);
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
		uint32_t *head = &finder->head[text_hash(store->stored[i].entry->text) & finder->mask];
		finder->next[i] = *head;
		*head = (uint32_t)i;
	}
	return true;
}

// Takes the first rule that says the same out of the finder. NULL: there is none left.
static const struct stored_rule *finder_take(struct finder *finder, const struct rule_store *store, const char *text)
{
	uint32_t *link = &finder->head[text_hash(text) & finder->mask];
	while (*link != NOWHERE && strcmp(store->stored[*link].entry->text, text) != 0)
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

static void store_put(struct rule_store *store, size_t position, const struct stored_rule *stored)
{
	store->stored[position] = *stored;
	rule_entry_keep(stored->entry);
	if (stored->entry->rule.slot)
		store->position[stored->entry->rule.slot] = (uint32_t)position;
}

static void store_fill(struct rule_store *store, const struct rule_list *list, struct finder *finder,
		       const struct rule_store *older)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct stored_rule *known = finder_take(finder, older, list->entry[i]->text);
		const struct stored_rule fresh = { .entry = list->entry[i] };
		store_put(store, i, known ? known : &fresh);
	}
	store->count = list->count;
}

// New ids are those that neither list uses, so that a flow's old rule is not taken for a new one; only a store that is
// more than half full may have to take what the replaced list sets free. On failure no entry keeps an id that it was
// given here.
static bool store_give_ids(struct rule_store *store, const struct rule_store *older)
{
	size_t i;
	for (i = 0; i < store->count; i++) {
		struct rule_entry *entry = store->stored[i].entry;
		if (entry->rule.slot != 0)
			continue;
		entry->rule.slot = store_next_id(store, older);
		if (entry->rule.slot == 0 && older) {
			older = NULL;
			entry->rule.slot = store_next_id(store, older);
		}
		if (entry->rule.slot == 0)
			return false;
		store->position[entry->rule.slot] = (uint32_t)i;
	}
	return true;
}

static int store_replaced(struct rule_store *store, const struct rule_list *list, const struct rule_store *older,
			  struct error *error)
{
	struct finder finder = { 0 };
	int result = -1;
	if (list->count >= IDS)
		return error_set(error, no_ids);
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
		store->position[store->stored[i].entry->rule.slot] = (uint32_t)i;
}

uint32_t rule_store_add(struct rule_store *store, struct rule_entry *entry, size_t position, struct error *error)
{
	if (store->count == store->room && !store_reserve(store, 2 * store->count + 8)) {
		error_set(error, no_memory);
		return 0;
	}
	uint32_t id = store_next_id(store, NULL);
	if (id == 0) {
		error_set(error, no_ids);
		return 0;
	}
	if (position > store->count)
		position = store->count;
	size_t behind = store->count++ - position;
	memmove(store->stored + position + 1, store->stored + position, behind * sizeof(*store->stored));
	entry->rule.slot = id;
	store->stored[position] = (struct stored_rule){ .entry = rule_entry_keep(entry) };
	store_number(store, position);
	return id;
}

static int no_such_rule(uint32_t id, struct error *error)
{
	return error_set(error, "there is no rule %u; 'rules list' shows the ids", id);
}

uint32_t rule_store_exchange(struct rule_store *store, uint32_t id, struct rule_entry *entry, struct error *error)
{
	const struct stored_rule *old = rule_store_find(store, id);
	if (!old) {
		no_such_rule(id, error);
		return 0;
	}
	if (strcmp(old->entry->text, entry->text) == 0)
		return id;
	uint32_t fresh = rule_store_add(store, entry, store->position[id], error);
	if (fresh)
		rule_store_delete(store, id, error);
	return fresh;
}

int rule_store_delete(struct rule_store *store, uint32_t id, struct error *error)
{
	if (!rule_store_find(store, id))
		return no_such_rule(id, error);
	size_t position = store->position[id];
	size_t behind = --store->count - position;
	rule_entry_drop(store->stored[position].entry);
	memmove(store->stored + position, store->stored + position + 1, behind * sizeof(*store->stored));
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

size_t rule_store_position(const struct rule_store *store, uint32_t id)
{
	return store->position[id];
}

void rule_store_set_baseline(struct rule_store *store, uint32_t id, uint64_t packets, uint64_t bytes)
{
	if (rule_store_find(store, id))
		store->stored[store->position[id]].baseline = (struct traffic){ .packets = packets, .bytes = bytes };
}

bool rule_store_is_new(const struct rule_store *store, const struct rule_store *older, uint32_t id)
{
	const struct stored_rule *here = rule_store_find(store, id), *there = rule_store_find(older, id);
	return here && (!there || here->entry != there->entry);
}

int rule_store_list(const struct rule_store *store, struct rule_list *list, struct error *error)
{
	*list = (struct rule_list){ .default_verdict = (uint8_t)store->default_verdict, .has_default = true };
	for (size_t i = 0; i < store->count; i++) {
		if (rule_list_append(list, rule_entry_keep(store->stored[i].entry), error)) {
			rule_list_free(list);
			return -1;
		}
	}
	return 0;
}
