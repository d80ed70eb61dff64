// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/random.h"

enum {
	BITS_MAX = 20,
	BURST_MAX = FLOW_LOOKUP_MAX,
};

static const struct narrow_form *form_number(unsigned number)
{
	struct flow_table_params params = { .capacity = 1, .socket = -1, .form = (enum flow_table_form)number };
	struct flow_table *table = flow_table_create(&params);
	const struct narrow_form *form = table != NULL ? table->form.narrow : &narrow_plain;

	flow_table_destroy(table);
	return form;
}

// An index alone, with what was put into it: key i is flow i times stride.
struct index {
	struct flow_narrow narrow;
	struct flow_key4 *key;
	uint32_t count, stride;
	uint64_t random;
	const struct narrow_form *form[FLOW_TABLE_FORMS]; // that there are here, and plain again for the others
};

static uint32_t edge_word(uint64_t *random)
{
	static const uint32_t edge[] = { 0, 1, UINT32_MAX, 0x80000000, 0x00010000, 0xffff };
	uint32_t choice = random_below(random, 12);

	return choice < 6 ? edge[choice] : (uint32_t)random_next(random);
}

// Made of zeroes, ones and chance.
static struct flow_key4 edge_key(uint64_t *random)
{
	struct flow_key4 key = { .family = FAMILY_IP4 };

	for (unsigned end = 0; end < 2; end++) {
		key.address[end] = edge_word(random);
		key.port[end] = (uint16_t)edge_word(random);
	}
	key.protocol = (uint8_t)edge_word(random);
	return key;
}

static struct flow_key4 random_key(uint64_t *random)
{
	uint64_t word = random_next(random);

	return (struct flow_key4){ { (uint32_t)word, (uint32_t)(word >> 32) }, { (uint16_t)random_next(random), (uint16_t)random_next(random) },
				   0, 6, FAMILY_IP4 };
}

static uint32_t find(const struct flow_narrow *narrow, const struct flow_key4 *key)
{
	const struct narrow_target target = narrow_target(narrow, key);

	return narrow_find(narrow, &target);
}

static void make_empty(struct index *index, unsigned bits, uint32_t index_max, uint64_t seed)
{
	uint32_t capacity = ((1u << bits) - 1) * NARROW_SLOTS * 61 / 64 - 32; // the most for so many buckets
	struct hash_secret secret;

	*index = (struct index){ .random = seed };
	for (unsigned form = 0; form < FLOW_TABLE_FORMS; form++)
		index->form[form] = form_number(form);
	for (unsigned w = 0; w < 8; w++)
		secret.word[w] = random_next(&index->random);
	size_t bytes = narrow_bytes(capacity, index_max);
	void *buckets = aligned_alloc(64, bytes);
	assert_non_null(buckets);
	memset(buckets, 0, bytes);
	narrow_init(&index->narrow, buckets, capacity, index_max, &secret);
	index->key = malloc(bytes / 64 * NARROW_SLOTS * sizeof(index->key[0]));
	index->stride = index_max / ((index->narrow.mask + 1) * NARROW_SLOTS);
	if (index->stride == 0)
		index->stride = 1;
}

static uint32_t slots(const struct index *index)
{
	return (index->narrow.mask + 1) * NARROW_SLOTS;
}

// Some keys more. false: no room.
static bool add(struct index *index, struct flow_key4 (*make_key)(uint64_t *random), uint32_t count)
{
	while (count > 0) {
		struct flow_key4 key = make_key(&index->random);

		if (find(&index->narrow, &key) != FLOW_NONE)
			continue;
		if (!narrow_insert(&index->narrow, &key, index->count * index->stride))
			return false;
		index->key[index->count++] = key;
		count--;
	}
	return true;
}

static void give_back(struct index *index)
{
	free(index->narrow.bucket);
	free(index->key);
}

static void unsupported_forms_are_refused_and_supported_ones_work(void **state)
{
	static const unsigned forms[] = { FLOW_TABLE_FORM_BEST, FLOW_TABLE_FORM_PLAIN, FLOW_TABLE_FORM_AVX2,
					  FLOW_TABLE_FORM_AVX512, FLOW_TABLE_FORMS, 99, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct flow_table_params params = { .capacity = 10, .socket = -1, .form = (enum flow_table_form)forms[i] };
		struct flow_table *table;

		errno = 0;
		table = flow_table_create(&params);
		assert_true(flow_table_form_supported(params.form) == (table != NULL));
		if (table == NULL)
			assert_int_equal(errno, ENOTSUP);
		flow_table_destroy(table);
	}
	assert_true(flow_table_form_supported(FLOW_TABLE_FORM_BEST));
	assert_true(flow_table_form_supported(FLOW_TABLE_FORM_PLAIN));
	assert_false(flow_table_form_supported(FLOW_TABLE_FORMS));
}

static void forms_have_names(void **state)
{
	(void)state;
	assert_string_equal(flow_table_form_name(FLOW_TABLE_FORM_PLAIN), "plain");
	assert_string_equal(flow_table_form_name(FLOW_TABLE_FORM_AVX2), "avx2");
	assert_string_equal(flow_table_form_name(FLOW_TABLE_FORM_AVX512), "avx512");
	assert_string_equal(flow_table_form_name(FLOW_TABLE_FORMS), "?");
}

// How often bursts met what is worth meeting.
struct met {
	uint64_t second, hinted_miss, plain_miss, first;
};

static unsigned make_burst(struct index *index, struct flow_key4 key[], uint32_t expected[], struct met *met)
{
	unsigned n = 1 + random_below(&index->random, BURST_MAX);

	for (unsigned i = 0; i < n; i++) {
		uint32_t member = random_below(&index->random, index->count), choice = random_below(&index->random, 4);

		key[i] = choice == 0 ? edge_key(&index->random) : choice == 1 ? random_key(&index->random) : index->key[member];
		expected[i] = find(&index->narrow, &key[i]);
		if (choice > 1)
			assert_int_equal(expected[i], member * index->stride);
		const struct narrow_target target = narrow_target(&index->narrow, &key[i]);
		bool hinted = narrow_hinted(&index->narrow.bucket[target.first], target.hint);
		met->hinted_miss += expected[i] == FLOW_NONE && hinted;
		met->plain_miss += expected[i] == FLOW_NONE && !hinted;
	}
	return n;
}

static void assert_targets_are_the_plain_ones(const struct index *index, const struct flow_lookup *lookup,
					      const struct flow_key4 key[], unsigned n)
{
	assert_int_equal(lookup->count, n);
	for (unsigned i = 0; i < n; i++) {
		const struct narrow_target target = narrow_target(&index->narrow, &key[i]);

		assert_true(lookup->target[i][0] == target.low);
		assert_true(lookup->target[i][1] == target.high);
		assert_int_equal(lookup->first[i], target.first);
		assert_int_equal(lookup->sum[i], target.sum);
		assert_int_equal(lookup->hint[i], target.hint);
	}
}

static void compare_form(struct index *index, const struct narrow_form *form, const struct flow_key4 key[], unsigned n,
			 const uint32_t expected[])
{
	uint32_t flow[BURST_MAX + 1], shared[BURST_MAX + 1];
	struct flow_lookup lookup;

	memset(&lookup, 0x5a, sizeof(lookup));
	flow[n] = shared[n] = 0x5a5a5a5a;
	form->begin(&index->narrow, key, n, &lookup);
	assert_targets_are_the_plain_ones(index, &lookup, key, n);
	form->end(&index->narrow, &lookup, flow, NULL);
	form->begin(&index->narrow, key, n, &lookup);
	form->end_shared(&index->narrow, &lookup, shared);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(flow[i], expected[i]);
		assert_int_equal(shared[i], expected[i]);
	}
	assert_true(flow[n] == 0x5a5a5a5a && shared[n] == 0x5a5a5a5a); // nothing is written behind the burst
}

// Woven into a burst of another length, before it or behind it.
static void compare_form_woven(struct index *index, const struct narrow_form *form, const struct flow_key4 key[], unsigned n,
			       const uint32_t expected[], unsigned other)
{
	uint32_t flow[BURST_MAX + 1], before[BURST_MAX + 1];
	struct flow hot[1]; // nothing is read there
	struct flow_lookup now, next;

	memset(&next, 0x5a, sizeof(next));
	flow[n] = before[other] = 0x5a5a5a5a;
	form->begin(&index->narrow, key, other, &now);
	form->next(&index->narrow, key, n, &next, &now, before, NULL);
	assert_targets_are_the_plain_ones(index, &next, key, n);
	form->end(&index->narrow, &now, before, NULL);
	form->next(&index->narrow, key, other, &now, &next, flow, hot);
	form->end(&index->narrow, &next, flow, hot);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(flow[i], expected[i]);
	for (unsigned i = 0; i < other; i++)
		assert_int_equal(before[i], expected[i]);
	assert_true(flow[n] == 0x5a5a5a5a && before[other] == 0x5a5a5a5a);
}

static void compare_forms(struct index *index, unsigned bursts, struct met *met)
{
	for (unsigned b = 0; b < bursts; b++) {
		uint32_t expected[BURST_MAX];
		struct flow_key4 key[BURST_MAX];
		unsigned n = make_burst(index, key, expected, met);

		// A copy that ends where the burst ends: what reads behind it is found by the sanitizer.
		struct flow_key4 *exact = malloc(n * sizeof(*exact));
		memcpy(exact, key, n * sizeof(*exact));
		for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++) {
			compare_form(index, index->form[form], exact, n, expected);
			compare_form_woven(index, index->form[form], exact, n, expected, b % (n + 1));
		}
		free(exact);
	}
}

static void all_forms_say_the_same_in_tables_of_all_sizes(void **state)
{
	struct met met = { 0 };

	(void)state;
	for (unsigned bits = NARROW_BITS_MIN; bits <= BITS_MAX; bits += bits < 12 ? 1 : 2)
		for (unsigned i = 0; i < (bits <= 12 ? 4 : 1); i++) {
			struct index index;

			make_empty(&index, bits, RTE_MIN(((4u + 20 * i) << bits) - 2, (1u << 26) - 1), 1 + bits * 4 + i);
			assert_int_equal(index.narrow.bits, bits);
			add(&index, edge_key, slots(&index) / 3);
			add(&index, random_key, slots(&index) * 9 / 10 - index.count);
			met.second += index.narrow.in_second;
			assert_true(index.count > slots(&index) / 2);
			compare_forms(&index, 500, &met);
			give_back(&index);
		}
	assert_true(met.second > 1000);
	assert_true(met.hinted_miss > 1000);
	assert_true(met.plain_miss > 1000);
}

static void burst_of_every_length_is_answered(void **state)
{
	struct met met = { 0 };
	struct index index;

	(void)state;
	make_empty(&index, 8, 2000, 99);
	add(&index, random_key, 900);
	for (unsigned n = 1; n <= BURST_MAX; n++)
		for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++) {
			uint32_t expected[BURST_MAX];
			struct flow_key4 key[BURST_MAX];

			while (make_burst(&index, key, expected, &met) < n)
				;
			compare_form(&index, index.form[form], key, n, expected);
		}
	give_back(&index);
}

static void burst_of_no_keys_writes_nothing(void **state)
{
	struct flow_key4 key = { .family = FAMILY_IP4 };
	struct index index;

	(void)state;
	make_empty(&index, 4, 100, 1);
	for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++)
		compare_form(&index, index.form[form], &key, 0, NULL);
	give_back(&index);
}

// An empty slot is all zeroes, and so may a key be.
static void key_of_zeroes_is_not_an_empty_slot(void **state)
{
	struct flow_key4 zero = { .family = FAMILY_IP4 };
	struct index index;

	(void)state;
	make_empty(&index, 4, 100, 1);
	for (unsigned round = 0; round < 3; round++) {
		uint32_t expected = round == 1 ? 0 : FLOW_NONE;

		if (round == 1)
			assert_true(narrow_insert(&index.narrow, &zero, 0));
		if (round == 2)
			assert_true(narrow_remove(&index.narrow, &zero, 0));
		assert_int_equal(find(&index.narrow, &zero), expected);
		for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++)
			compare_form(&index, index.form[form], &zero, 1, &expected);
	}
	give_back(&index);
}

static void greatest_flow_index_comes_back_whole(void **state)
{
	static const uint32_t index_max[] = { 0, 1, 2, 62, 63, 64, 65534, 65535, (1 << 20) - 2, (1 << 20) - 1, (1 << 26) - 1 };

	(void)state;
	for (unsigned i = 0; i < sizeof(index_max) / sizeof(index_max[0]); i++) {
		struct index index;
		struct flow_key4 key;

		make_empty(&index, 4, index_max[i], i);
		key = edge_key(&index.random);
		assert_true(narrow_insert(&index.narrow, &key, index_max[i]));
		for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++)
			compare_form(&index, index.form[form], &key, 1, &index_max[i]);
		give_back(&index);
	}
}

static int compare_targets(const void *a, const void *b)
{
	return memcmp(a, b, 3 * sizeof(uint64_t));
}

// Exact: what an entry and its place say together is said by no other key.
static void keys_that_differ_in_ports_alone_differ_in_bucket_or_entry(void **state)
{
	enum { KEYS = 1 << 16 };
	uint64_t (*target)[3] = calloc(KEYS, sizeof(*target));

	(void)state;
	for (unsigned bits = NARROW_BITS_MIN; bits <= BITS_MAX; bits += 4) {
		struct index index;
		struct flow_key4 key;

		make_empty(&index, bits, RTE_MIN((64u << bits) - 2, (1u << 26) - 1), bits);
		key = edge_key(&index.random);
		for (uint32_t i = 0; i < KEYS; i++) {
			uint32_t ports = bits % 8 ? i << 8 : i * 0x9e3779b1;

			memcpy(key.port, &ports, sizeof(ports));
			const struct narrow_target its = narrow_target(&index.narrow, &key);
			target[i][0] = its.first;
			target[i][1] = its.low;
			target[i][2] = its.high;
		}
		qsort(target, KEYS, sizeof(*target), compare_targets);
		for (uint32_t i = 1; i < KEYS; i++)
			assert_true(compare_targets(target[i - 1], target[i]) != 0);
		give_back(&index);
	}
	free(target);
}

static void removing_needs_the_right_flow(void **state)
{
	struct index index;

	(void)state;
	make_empty(&index, 6, 1000, 5);
	add(&index, random_key, 200);
	for (uint32_t i = 0; i < 200; i++) {
		assert_false(narrow_remove(&index.narrow, &index.key[i], (i + 1) * index.stride));
		assert_int_equal(find(&index.narrow, &index.key[i]), i * index.stride);
		assert_true(narrow_remove(&index.narrow, &index.key[i], i * index.stride));
		assert_false(narrow_remove(&index.narrow, &index.key[i], i * index.stride));
		assert_int_equal(find(&index.narrow, &index.key[i]), FLOW_NONE);
	}
	assert_int_equal(index.narrow.used, 0);
	assert_int_equal(index.narrow.in_second, 0);
	give_back(&index);
}

static void full_index_refuses_and_keeps_what_it_has(void **state)
{
	struct index index;

	(void)state;
	make_empty(&index, 10, 10000, 6);
	assert_false(add(&index, random_key, slots(&index) + 1));
	assert_true(index.count >= slots(&index) * 95 / 100);
	assert_int_equal(index.narrow.used, index.count);
	for (uint32_t i = 0; i < index.count; i++)
		assert_int_equal(find(&index.narrow, &index.key[i]), i * index.stride);
	give_back(&index);
}

// The version has 16 bits: they must neither stop nor spill.
static void bucket_may_change_more_often_than_its_version_counts(void **state)
{
	struct index index;

	(void)state;
	make_empty(&index, 4, 100, 7);
	add(&index, random_key, 8);
	for (unsigned round = 0; round < 70000; round++) {
		assert_true(narrow_remove(&index.narrow, &index.key[round & 7], (round & 7) * index.stride));
		assert_true(narrow_insert(&index.narrow, &index.key[round & 7], (round & 7) * index.stride));
	}
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(find(&index.narrow, &index.key[i]), i * index.stride);
	assert_int_equal(index.narrow.used, 8);
	give_back(&index);
}

// Buckets with hints; those of them that need none are counted apart.
static unsigned hinting(const struct flow_narrow *narrow, unsigned *in_vain)
{
	unsigned count = 0;

	*in_vain = 0;
	for (uint32_t b = 0; b <= narrow->mask; b++) {
		const struct narrow_bucket *bucket = &narrow->bucket[b];
		bool hints = narrow_spare(bucket, SPARE_HINT) || narrow_spare(bucket, SPARE_HINT + 1);

		count += hints;
		*in_vain += hints && narrow_spare(bucket, SPARE_OVERFLOW) == 0;
	}
	return count;
}

static void scrubbing_brings_entries_home_and_takes_hints_back(void **state)
{
	struct index index;
	unsigned in_vain;

	(void)state;
	make_empty(&index, 10, 10000, 8);
	add(&index, random_key, slots(&index) * 95 / 100);
	assert_true(index.narrow.in_second > index.count / 5);
	assert_true(hinting(&index.narrow, &in_vain) > index.narrow.mask / 3);
	while (index.count > slots(&index) / 8) {
		index.count--;
		assert_true(narrow_remove(&index.narrow, &index.key[index.count], index.count * index.stride));
	}
	for (unsigned round = 0; round < 3; round++)
		narrow_scrub(&index.narrow, index.narrow.mask + 1);
	// An eighth of the slots: hardly any bucket has five.
	assert_true(index.narrow.in_second <= 3);
	assert_true(hinting(&index.narrow, &in_vain) <= 3);
	assert_int_equal(in_vain, 0);
	for (uint32_t i = 0; i < index.count; i++)
		assert_int_equal(find(&index.narrow, &index.key[i]), i * index.stride);
	give_back(&index);
}

// Begun before the table changes, ended after: answers what the table says at the end.
static void lookup_may_be_begun_before_the_table_changes(void **state)
{
	struct index index;

	(void)state;
	make_empty(&index, 6, 1000, 9);
	add(&index, random_key, 230);
	for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++) {
		const struct narrow_form *its = index.form[form];
		uint32_t flow[BURST_MAX];
		struct flow_lookup lookup;

		its->begin(&index.narrow, index.key, BURST_MAX, &lookup);
		for (uint32_t i = 0; i < BURST_MAX; i += 2)
			assert_true(narrow_remove(&index.narrow, &index.key[i], i * index.stride));
		narrow_scrub(&index.narrow, index.narrow.mask + 1);
		its->end(&index.narrow, &lookup, flow, NULL);
		for (uint32_t i = 0; i < BURST_MAX; i++)
			assert_int_equal(flow[i], i % 2 ? i * index.stride : FLOW_NONE);
		for (uint32_t i = 0; i < BURST_MAX; i += 2)
			assert_true(narrow_insert(&index.narrow, &index.key[i], i * index.stride));
	}
	give_back(&index);
}

// From its second bucket back to its first, after the first was looked into and before the second.
static void key_that_moves_between_the_halves_of_a_woven_lookup_is_found(void **state)
{
	struct index index;

	(void)state;
	make_empty(&index, 6, 1000, 9);
	add(&index, random_key, 240);
	for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++) {
		const struct narrow_form *its = index.form[form];
		uint64_t moved = index.narrow.displacements;
		struct flow_lookup lookup, none;
		uint32_t flow[BURST_MAX];

		assert_true(index.narrow.in_second > 20);
		for (unsigned from = 0; from + BURST_MAX <= 240; from += 16) {
			its->begin(&index.narrow, &index.key[from], BURST_MAX, &lookup);
			its->next(&index.narrow, index.key, 0, &none, &lookup, flow, NULL);
			for (uint32_t i = 0; i < 240; i++) // makes room in first buckets
				if (i < from || i >= from + BURST_MAX)
					assert_true(narrow_remove(&index.narrow, &index.key[i], i * index.stride));
			narrow_scrub(&index.narrow, index.narrow.mask + 1);
			its->end(&index.narrow, &lookup, flow, NULL);
			for (uint32_t i = 0; i < BURST_MAX; i++)
				assert_int_equal(flow[i], (from + i) * index.stride);
			for (uint32_t i = 0; i < 240; i++)
				if (i < from || i >= from + BURST_MAX)
					assert_true(narrow_insert(&index.narrow, &index.key[i], i * index.stride));
		}
		assert_true(index.narrow.displacements > moved);
	}
	give_back(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_that_moves_between_the_halves_of_a_woven_lookup_is_found),
		cmocka_unit_test(unsupported_forms_are_refused_and_supported_ones_work),
		cmocka_unit_test(forms_have_names),
		cmocka_unit_test(all_forms_say_the_same_in_tables_of_all_sizes),
		cmocka_unit_test(burst_of_every_length_is_answered),
		cmocka_unit_test(burst_of_no_keys_writes_nothing),
		cmocka_unit_test(key_of_zeroes_is_not_an_empty_slot),
		cmocka_unit_test(greatest_flow_index_comes_back_whole),
		cmocka_unit_test(keys_that_differ_in_ports_alone_differ_in_bucket_or_entry),
		cmocka_unit_test(removing_needs_the_right_flow),
		cmocka_unit_test(full_index_refuses_and_keeps_what_it_has),
		cmocka_unit_test(bucket_may_change_more_often_than_its_version_counts),
		cmocka_unit_test(scrubbing_brings_entries_home_and_takes_hints_back),
		cmocka_unit_test(lookup_may_be_begun_before_the_table_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
