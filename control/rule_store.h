// SPDX-License-Identifier: BSD-3-Clause
// The rules in force, in order, with ids that stay as long as a rule's text does. Control thread only.
#pragma once

#include "control/rule_list.h"
#include "dataplane/counters.h"

struct rule_store;

// What the store knows of one rule. The entry's slot is its id.
struct stored_rule {
	struct rule_entry *entry; // a reference of the store's
	struct traffic baseline;  // what the counter slot stood at when the rule got it
};

// Empty, default policy accept. NULL without memory.
struct rule_store *rule_store_create(void);
void rule_store_destroy(struct rule_store *store);

// A copy to change aside, of the same entries (NULL without memory); commit by swapping, roll back by destroying.
struct rule_store *rule_store_copy(const struct rule_store *store);

// Replaces all rules: for those whose text is in the store already, its entry stays (each at most once), with its id,
// its counter and what its limit has left; others get new ids. A default policy in the list is set too. 0, or -1 with a
// text (too many rules) and nothing has changed. The list remains the caller's.
int rule_store_replace(struct rule_store *store, const struct rule_list *list, struct error *error);

// Adds one rule (a reference of its own) before position (0: first; SIZE_MAX: last). Returns its id, or 0 with a text.
// An id is reused as late as possible.
uint32_t rule_store_add(struct rule_store *store, struct rule_entry *entry, size_t position, struct error *error);

// Puts a rule in the place of another. Returns its id, which is the old one if the text is the same; 0 with a text.
uint32_t rule_store_exchange(struct rule_store *store, uint32_t id, struct rule_entry *entry, struct error *error);

// 0, or -1: no such id.
int rule_store_delete(struct rule_store *store, uint32_t id, struct error *error);

void rule_store_set_default(struct rule_store *store, enum verdict verdict);
enum verdict rule_store_default(const struct rule_store *store);

size_t rule_store_count(const struct rule_store *store);
const struct stored_rule *rule_store_at(const struct rule_store *store, size_t position);
const struct stored_rule *rule_store_find(const struct rule_store *store, uint32_t id);

// The place of a rule that is in the store, from 0.
size_t rule_store_position(const struct rule_store *store, uint32_t id);

// Ids that are in the store and not in the older one, or of another rule there: their counters start now, and the caller
// sets their baseline.
void rule_store_set_baseline(struct rule_store *store, uint32_t id, uint64_t packets, uint64_t bytes);
bool rule_store_is_new(const struct rule_store *store, const struct rule_store *older, uint32_t id);

// The rules as a list, for what looks at lists: has a default, and references of its own. -1 with a text.
int rule_store_list(const struct rule_store *store, struct rule_list *list, struct error *error);
