// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_store.h"
#include "tests/unit/seconds.h"

// A rule of its own text for each number.
static struct rule_entry *rule_on(unsigned number)
{
	struct error error;
	struct rule_draft *draft = rule_draft_create();
	struct ip_address from = { { (uint8_t)(number >> 17), 1, 2, 3 } };
	rule_draft_rule(draft)->ip6 = false;
	rule_draft_rule(draft)->verdict = number >> 16 & 1;
	rule_draft_byte(draft, RULE_PROTOCOL, 6);
	assert_int_equal(rule_draft_ports(draft, RULE_DESTINATION_PORT, (uint16_t)number, (uint16_t)number), 0);
	assert_int_equal(rule_draft_addresses(draft, RULE_SOURCE, &from, &from), 0);
	struct rule_entry *entry = rule_draft_finish(draft, &(struct rule_place){ .file = "f", .line = 1 }, &error);
	assert_non_null(entry);
	rule_draft_free(draft);
	return entry;
}

static unsigned number_of(const struct rule_entry *entry)
{
	return entry->rule.destination_ports.range[0].low;
}

static struct rule_list list_of(const unsigned *numbers, size_t count)
{
	struct error error;
	struct rule_list list = { 0 };
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rule_list_append(&list, rule_on(numbers ? numbers[i] : 0), &error), 0);
	return list;
}

static void replace(struct rule_store *store, const unsigned *numbers, size_t count)
{
	struct error error;
	struct rule_list list = list_of(numbers, count);
	assert_int_equal(rule_store_replace(store, &list, &error), 0);
	rule_list_free(&list);
}

static uint32_t add(struct rule_store *store, unsigned number, size_t position, struct error *error)
{
	struct rule_entry *entry = rule_on(number);
	uint32_t id = rule_store_add(store, entry, position, error);
	rule_entry_drop(entry);
	return id;
}

// What holds whatever was done: ids are unique and found, places too.
static void check(const struct rule_store *store)
{
	uint8_t *seen = calloc(FLOW_RULE_MAX, 1);
	for (size_t i = 0; i < rule_store_count(store); i++) {
		const struct stored_rule *stored = rule_store_at(store, i);
		uint32_t id = stored->entry->rule.slot;
		assert_true(id > 0 && id < FLOW_RULE_MAX);
		assert_false(seen[id]++);
		assert_ptr_equal(rule_store_find(store, id), stored);
		assert_int_equal(rule_store_position(store, id), i);
	}
	free(seen);
}

static void expect_ids(const struct rule_store *store, const uint32_t *ids, size_t count)
{
	check(store);
	assert_int_equal(rule_store_count(store), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rule_store_at(store, i)->entry->rule.slot, ids[i]);
}

static void rule_with_the_same_text_keeps_its_id_and_baseline(void **state)
{
	(void)state;
	struct rule_store *store = rule_store_create();
	replace(store, (unsigned[]){ 80, 443, 22 }, 3);
	expect_ids(store, (uint32_t[]){ 1, 2, 3 }, 3);
	rule_store_set_baseline(store, 2, 10, 1000);
	replace(store, (unsigned[]){ 53, 22, 443 }, 3);
	expect_ids(store, (uint32_t[]){ 4, 3, 2 }, 3);
	assert_int_equal(rule_store_find(store, 2)->baseline.packets, 10);
	assert_int_equal(rule_store_find(store, 2)->baseline.bytes, 1000);
	assert_int_equal(rule_store_find(store, 4)->baseline.packets, 0);
	assert_null(rule_store_find(store, 1));
	rule_store_destroy(store);
}

static void equal_rules_keep_their_ids_in_order(void **state)
{
	(void)state;
	struct rule_store *store = rule_store_create();
	replace(store, (unsigned[]){ 80, 22, 80, 80 }, 4);
	expect_ids(store, (uint32_t[]){ 1, 2, 3, 4 }, 4);
	replace(store, (unsigned[]){ 80, 80 }, 2);
	expect_ids(store, (uint32_t[]){ 1, 3 }, 2);
	replace(store, (unsigned[]){ 80, 80, 80 }, 3);
	expect_ids(store, (uint32_t[]){ 1, 3, 5 }, 3);
	rule_store_destroy(store);
}

static void id_of_a_deleted_rule_is_not_handed_out_again_soon(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	for (uint32_t i = 1; i < FLOW_RULE_MAX; i++) {
		assert_int_equal(add(store, 80, SIZE_MAX, &error), i);
		assert_int_equal(rule_store_delete(store, i, &error), 0);
	}
	assert_int_equal(add(store, 80, SIZE_MAX, &error), 1);
	check(store);
	rule_store_destroy(store);
}

static void rules_are_added_at_a_position_and_deleted_by_id(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	assert_int_equal(add(store, 80, SIZE_MAX, &error), 1);
	assert_int_equal(add(store, 443, 0, &error), 2);
	assert_int_equal(add(store, 22, 1, &error), 3);
	assert_int_equal(add(store, 53, 99, &error), 4);
	expect_ids(store, (uint32_t[]){ 2, 3, 1, 4 }, 4);
	assert_int_equal(rule_store_delete(store, 3, &error), 0);
	expect_ids(store, (uint32_t[]){ 2, 1, 4 }, 3);
	const uint32_t absent[] = { 0, 3, 5, FLOW_RULE_MAX, UINT32_MAX };
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(rule_store_delete(store, absent[i], &error), -1);
		assert_non_null(strstr(error.text, "no rule"));
	}
	expect_ids(store, (uint32_t[]){ 2, 1, 4 }, 3);
	rule_store_destroy(store);
}

static void copy_changes_alone(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	replace(store, (unsigned[]){ 80, 443 }, 2);
	rule_store_set_default(store, VERDICT_DROP);
	struct rule_store *copy = rule_store_copy(store);
	assert_int_equal(rule_store_default(copy), VERDICT_DROP);
	assert_int_equal(rule_store_delete(copy, 1, &error), 0);
	assert_int_equal(add(copy, 22, 0, &error), 3);
	rule_store_set_default(copy, VERDICT_REJECT);
	expect_ids(store, (uint32_t[]){ 1, 2 }, 2);
	expect_ids(copy, (uint32_t[]){ 3, 2 }, 2);
	assert_int_equal(rule_store_default(store), VERDICT_DROP);
	assert_true(rule_store_is_new(copy, store, 3));
	assert_false(rule_store_is_new(copy, store, 2));
	assert_false(rule_store_is_new(copy, store, 1));
	rule_store_destroy(store);
	rule_store_destroy(copy);
	rule_store_destroy(NULL);
}

static void list_sets_the_default_that_it_has(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	assert_int_equal(rule_store_default(store), VERDICT_ACCEPT);
	struct rule_list list = { .default_verdict = VERDICT_DROP, .has_default = true };
	assert_int_equal(rule_store_replace(store, &list, &error), 0);
	assert_int_equal(rule_store_default(store), VERDICT_DROP);
	list = (struct rule_list){ .default_verdict = VERDICT_REJECT };
	assert_int_equal(rule_store_replace(store, &list, &error), 0);
	assert_int_equal(rule_store_default(store), VERDICT_DROP);
	rule_store_destroy(store);
}

static void full_store_refuses_and_stays_as_it_was(void **state)
{
	(void)state;
	enum { FULL = FLOW_RULE_MAX - 1 };
	struct error error;
	struct rule_store *store = rule_store_create();
	unsigned *ports = calloc(FULL + 1, sizeof(*ports));
	for (unsigned i = 0; i <= FULL; i++)
		ports[i] = i;
	replace(store, ports, FULL);
	assert_int_equal(add(store, 1, 0, &error), 0);
	assert_non_null(strstr(error.text, "too many rules"));

	struct rule_list list = list_of(ports, FULL);
	list.count++; // one more than there are ids
	list.entry = realloc(list.entry, list.count * sizeof(*list.entry));
	list.entry[FULL] = rule_on(FULL);
	assert_int_equal(rule_store_replace(store, &list, &error), -1);
	assert_non_null(strstr(error.text, "too many rules"));
	assert_int_equal(rule_store_count(store), FULL);
	check(store);
	rule_list_free(&list);

	// All others: only what the older list sets free is left.
	struct rule_store *older = rule_store_copy(store);
	list = list_of(NULL, FULL);
	assert_int_equal(rule_store_replace(store, &list, &error), 0);
	check(store);
	assert_true(rule_store_is_new(store, older, 2));
	rule_list_free(&list);
	rule_store_destroy(store);
	rule_store_destroy(older);
	free(ports);
}

// What a limit has left, and who reads it, hangs on the entry.
static void rule_that_stays_keeps_its_entry_and_others_are_let_go(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	replace(store, (unsigned[]){ 80, 443 }, 2);
	struct rule_entry *first = rule_entry_keep(rule_store_at(store, 0)->entry);
	struct rule_entry *second = rule_entry_keep(rule_store_at(store, 1)->entry);
	assert_int_equal(first->references, 2);
	struct rule_store *copy = rule_store_copy(store);
	assert_int_equal(first->references, 3);
	replace(copy, (unsigned[]){ 22, 80 }, 2);
	assert_ptr_equal(rule_store_at(copy, 1)->entry, first);
	assert_int_equal(first->references, 3);
	assert_int_equal(second->references, 2);
	rule_store_destroy(store);
	assert_int_equal(second->references, 1);
	struct rule_list list;
	assert_int_equal(rule_store_list(copy, &list, &error), 0);
	assert_int_equal(list.count, 2);
	assert_ptr_equal(list.entry[1], first);
	rule_store_destroy(copy);
	assert_int_equal(first->references, 2);
	rule_list_free(&list);
	assert_int_equal(first->references, 1);
	rule_entry_drop(first);
	rule_entry_drop(second);
}

static void rule_in_the_place_of_another_has_an_id_of_its_own_unless_it_says_the_same(void **state)
{
	(void)state;
	struct error error;
	struct rule_store *store = rule_store_create();
	replace(store, (unsigned[]){ 80, 443, 22 }, 3);
	struct rule_entry *other = rule_on(53), *same = rule_on(22);
	assert_int_equal(rule_store_exchange(store, 2, other, &error), 4);
	expect_ids(store, (uint32_t[]){ 1, 4, 3 }, 3);
	assert_int_equal(rule_store_exchange(store, 3, same, &error), 3);
	expect_ids(store, (uint32_t[]){ 1, 4, 3 }, 3);
	assert_int_equal(rule_store_exchange(store, 2, same, &error), 0);
	assert_non_null(strstr(error.text, "no rule 2"));
	expect_ids(store, (uint32_t[]){ 1, 4, 3 }, 3);
	rule_entry_drop(other);
	rule_entry_drop(same);
	rule_store_destroy(store);
}

// Every second rule stays, in another order.
static double replace_time(unsigned count)
{
	struct rule_store *store = rule_store_create();
	unsigned *ports = calloc(count, sizeof(*ports));
	for (unsigned i = 0; i < count; i++)
		ports[i] = i;
	replace(store, ports, count);
	struct rule_store *older = rule_store_copy(store);
	for (unsigned i = 0; i < count; i++)
		ports[i] = 2 * (count - i);
	struct error error;
	struct rule_list list = list_of(ports, count);
	double start = seconds();
	assert_int_equal(rule_store_replace(store, &list, &error), 0);
	double took = seconds() - start;
	rule_list_free(&list);
	for (uint32_t id = 1; id <= count; id++)
		assert_int_equal(rule_store_find(store, id) != NULL, id % 2 == 1 && id != 1);
	check(store);
	rule_store_destroy(store);
	rule_store_destroy(older);
	free(ports);
	return took;
}

static void many_rules_are_replaced_in_time(void **state)
{
	(void)state;
	double few = replace_time(1000), many = replace_time(100000);
	print_message("1,000 rules: %.2f ms, 100,000 rules: %.2f ms\n", few * 1e3, many * 1e3);
	assert_true(few < 0.1);
	assert_true(many < 1);
}

// A model that knows no hash: texts and ids in plain arrays.
static void random_changes_agree_with_a_plain_model(void **state)
{
	(void)state;
	enum { STEPS = 3000, MOST = 40 };
	struct { unsigned port; uint32_t id; } model[2 * MOST + STEPS];
	size_t count = 0;
	struct error error;
	struct rule_store *store = rule_store_create();
	srand(1);
	for (unsigned step = 0; step < STEPS; step++) {
		if (rand() % 4 == 0) {
			unsigned ports[MOST];
			size_t size = (size_t)(rand() % MOST);
			for (size_t i = 0; i < size; i++)
				ports[i] = (unsigned)(rand() % 20);
			replace(store, ports, size);
			for (size_t i = 0; i < size; i++) {
				uint32_t id = rule_store_at(store, i)->entry->rule.slot;
				size_t old = 0;
				while (old < count && model[old].port != ports[i])
					old++;
				// The first one of the older list that says the same and is not taken yet.
				if (old < count) {
					assert_int_equal(id, model[old].id);
					model[old].port = UINT32_MAX;
				} else {
					for (size_t j = 0; j < count; j++)
						assert_int_not_equal(id, model[j].id);
				}
			}
			count = size;
		} else if (rand() % 2 || count == 0) {
			assert_true(add(store, (unsigned)(rand() % 20), (size_t)rand() % (count + 1), &error) > 0);
			count++;
		} else {
			assert_int_equal(rule_store_delete(store, model[(size_t)rand() % count].id, &error), 0);
			count--;
		}
		assert_int_equal(rule_store_count(store), count);
		for (size_t i = 0; i < count; i++) {
			model[i].port = number_of(rule_store_at(store, i)->entry);
			model[i].id = rule_store_at(store, i)->entry->rule.slot;
		}
	}
	check(store);
	rule_store_destroy(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_with_the_same_text_keeps_its_id_and_baseline),
		cmocka_unit_test(equal_rules_keep_their_ids_in_order),
		cmocka_unit_test(id_of_a_deleted_rule_is_not_handed_out_again_soon),
		cmocka_unit_test(rules_are_added_at_a_position_and_deleted_by_id),
		cmocka_unit_test(copy_changes_alone),
		cmocka_unit_test(list_sets_the_default_that_it_has),
		cmocka_unit_test(rule_that_stays_keeps_its_entry_and_others_are_let_go),
		cmocka_unit_test(rule_in_the_place_of_another_has_an_id_of_its_own_unless_it_says_the_same),
		cmocka_unit_test(full_store_refuses_and_stays_as_it_was),
		cmocka_unit_test(many_rules_are_replaced_in_time),
		cmocka_unit_test(random_changes_agree_with_a_plain_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
