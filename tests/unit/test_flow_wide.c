// SPDX-License-Identifier: BSD-3-Clause
// The wide index: its buckets, keys that look alike, and lookups through a pipe.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/flow_table_private.h"

static struct flow_table *make_table_of(uint32_t capacity, enum flow_table_form form)
{
	struct flow_table_params params = { .capacity = capacity, .socket = -1, .form = form };
	struct flow_table *table;

	assert_int_equal(hash_secret_draw(&params.secret), 0);
	table = flow_table_create(&params);
	assert_non_null(table);
	return table;
}

static struct flow_table *make_table(uint32_t capacity)
{
	return make_table_of(capacity, FLOW_TABLE_FORM_BEST);
}

static struct flow_key wide_key_number(uint32_t number)
{
	struct flow_key key = { .protocol = 6, .family = FAMILY_IP6 };

	memcpy(key.address[1].byte, &number, sizeof(number));
	return key;
}

typedef void each_form_fn(struct flow_table *table);

// Forms that the processor does not have are left out.
static void with_each_form(uint32_t capacity, each_form_fn *run)
{
	for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++) {
		if (!flow_table_form_supported((enum flow_table_form)form))
			continue;
		struct flow_table *table = make_table_of(capacity, (enum flow_table_form)form);
		run(table);
		flow_table_destroy(table);
	}
}

// Keys that differ in one word of five.
static struct flow_key key_by_word(unsigned word, uint32_t number)
{
	struct flow_key key = { .protocol = 6, .family = FAMILY_IP6 };

	memcpy((char *)&key + word * sizeof(uint64_t), &number, sizeof(number));
	return key;
}

// Finds two numbers whose keys have the same first bucket and tag.
static void find_twins(const struct flow_table *table, unsigned word, uint32_t *a, uint32_t *b)
{
	uint32_t *seen = calloc((table->wide.bucket_mask + 1ul) << 16, sizeof(*seen));

	for (*b = 1;; ++*b) {
		struct flow_key key = key_by_word(word, *b);
		uint64_t hash = flow_key_hash(&key, &table->wide.secret);
		size_t place = (size_t)bucket_first(&table->wide, hash) << 16 | flow_tag(hash);

		*a = seen[place];
		seen[place] = *b;
		if (*a != 0)
			break;
	}
	free(seen);
}

// Both keys, in every way that there is.
static void assert_found(struct flow_table *table, const struct flow_key key[2], uint32_t a, uint32_t b)
{
	const struct flow_key *pointer[2] = { &key[0], &key[1] };
	uint32_t burst[2], shared[2], piped[2];
	struct flow_pipe pipe;

	flow_table_lookup_burst(table, pointer, 2, burst, false);
	flow_table_lookup_burst_shared(table, pointer, 2, shared);
	flow_pipe_init(&pipe);
	flow_table_pipe_push(table, &pipe, key, 2, piped, false);
	for (unsigned i = 1; i < FLOW_PIPE_BURSTS; i++)
		flow_table_pipe_push(table, &pipe, NULL, 0, NULL, false);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t expected = i == 0 ? a : b;

		assert_int_equal(flow_table_lookup(table, &key[i]), expected);
		assert_int_equal(burst[i], expected);
		assert_int_equal(shared[i], expected);
		assert_int_equal(piped[i], expected);
	}
}

static void twins_are_told_apart(struct flow_table *table)
{
	for (unsigned word = 0; word < FLOW_KEY_WORDS; word++) {
		uint32_t a, b, of_a, of_b;

		find_twins(table, word, &a, &b);
		const struct flow_key key[2] = { key_by_word(word, a), key_by_word(word, b) };
		of_a = flow_table_insert(table, &key[0]);
		assert_found(table, key, of_a, FLOW_NONE);
		of_b = flow_table_insert(table, &key[1]);
		assert_found(table, key, of_a, of_b);
		flow_table_remove(table, of_a);
		assert_found(table, key, FLOW_NONE, of_b);
		flow_table_remove(table, of_b);
	}
}

static void two_keys_with_one_tag_in_one_bucket_are_told_apart(void **state)
{
	(void)state;
	with_each_form(10, twins_are_told_apart);
}

static bool has_hints(const struct flow_table *table, uint32_t bucket)
{
	uint32_t hints = 0;

	for (unsigned s = 0; s < BUCKET_SLOTS; s++)
		hints |= table->wide.bucket[bucket].index[s] & BUCKET_HINT_BITS;
	return hints != 0;
}

// Entries come and go. Of a bucket that once had so many in second ones that they are not counted any more, hints stay.
static void overflow_that_got_full_stays_full_and_keeps_its_hints(void **state)
{
	enum { KEYS = 4000 };
	struct flow_table *table = make_table(KEYS);
	static uint32_t flow[KEYS];
	unsigned hinted = 0;

	(void)state;
	for (uint32_t b = 0; b <= table->wide.bucket_mask; b++)
		table->wide.bucket[b].meta = BUCKET_OVERFLOW_MAX - 1;
	for (uint32_t i = 0; i < KEYS; i++) {
		const struct flow_key key = wide_key_number(i);

		flow[i] = flow_table_insert(table, &key);
		assert_true(flow[i] != FLOW_NONE);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		flow_table_remove(table, flow[i]);
	for (uint32_t b = 0; b <= table->wide.bucket_mask; b++) {
		bool full = bucket_overflow(table->wide.bucket[b].meta) == BUCKET_OVERFLOW_MAX;

		assert_int_equal(full, has_hints(table, b));
		hinted += full;
	}
	assert_true(hinted > 0);
	flow_table_destroy(table);
}

static unsigned match_naively(const struct flow_bucket *bucket, uint16_t tag)
{
	unsigned mask = 0;

	for (unsigned s = 0; s < BUCKET_SLOTS; s++)
		mask |= (unsigned)(bucket->tag[s] == tag) << s;
	return mask;
}

static void tags_are_compared_exactly(void **state)
{
	static const uint16_t edge[] = { 0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xffff, 0xfffe, 0x0100, 0x00ff };
	struct flow_bucket bucket;
	unsigned random = 1;

	(void)state;
	memset(&bucket, 0xff, sizeof(bucket));
	for (unsigned round = 0; round < 200000; round++) {
		uint16_t tag = edge[round % 10];
		unsigned expected;

		for (unsigned s = 0; s < BUCKET_SLOTS; s++) {
			random = random * 1664525 + 1013904223;
			bucket.tag[s] = edge[(random >> 16) % 10];
		}
		bucket.index[0] = random & 1 ? 0 : UINT32_MAX; // what follows the tags must not matter
		expected = match_naively(&bucket, tag);
		assert_int_equal(bucket_match(&bucket, tag), expected);
	}
}

static void every_bucket_has_another_one_and_is_that_ones_other(void **state)
{
	struct flow_table *table = make_table(1000);

	(void)state;
	for (uint32_t b = 0; b <= table->wide.bucket_mask; b++)
		for (uint32_t tag = 1; tag < 65536; tag += 7) {
			uint32_t other = bucket_other(&table->wide, b, (uint16_t)tag);

			assert_true(other != b && other <= table->wide.bucket_mask);
			assert_int_equal(bucket_other(&table->wide, other, (uint16_t)tag), b);
		}
	flow_table_destroy(table);
}

// A pipe

enum { BEHIND = FLOW_PIPE_BURSTS - 1 };

// Inserts the keys 0 to n - 1; their flows become flow[].
static void insert_all(struct flow_table *table, struct flow_key key[], unsigned n, uint32_t flow[])
{
	for (unsigned i = 0; i < n; i++) {
		key[i] = wide_key_number(i);
		flow[i] = flow_table_insert(table, &key[i]);
		assert_true(flow[i] != FLOW_NONE);
	}
}

static void bursts_of_any_size_come_out_three_pushes_later(struct flow_table *table)
{
	enum { KEYS = 3000 };
	static struct flow_key key[KEYS];
	static uint32_t expected[KEYS], flow[KEYS];
	unsigned pushed[KEYS] = { 0 }, bursts = 0;
	struct flow_pipe pipe;

	insert_all(table, key, KEYS / 2, expected);
	for (unsigned i = KEYS / 2; i < KEYS; i++) {
		key[i] = wide_key_number(i);
		expected[i] = FLOW_NONE;
	}
	memset(flow, 0x55, sizeof(flow)); // neither a flow nor none
	flow_pipe_init(&pipe);
	for (unsigned from = 0, drained = 0; drained < BEHIND; bursts++) {
		unsigned n = bursts % (FLOW_LOOKUP_MAX + 1), end = from + n < KEYS ? from + n : KEYS;

		pushed[bursts] = from;
		flow_table_pipe_push(table, &pipe, key + from, end - from, flow + from, bursts % 2);
		drained += from == KEYS;
		from = end;
		for (unsigned i = 0; bursts >= BEHIND && i < pushed[bursts - BEHIND + 1]; i++)
			assert_int_equal(flow[i], expected[i]);
	}
	assert_memory_equal(flow, expected, sizeof(flow));
}

static void pipe_gives_each_burst_its_flows(void **state)
{
	(void)state;
	with_each_form(4000, bursts_of_any_size_come_out_three_pushes_later);
}

// Everything moves, comes and goes but for the keys that are asked for.
static void keys_that_stay_are_found_whatever_moves(struct flow_table *table)
{
	enum { STAY = FLOW_LOOKUP_MAX, OTHERS = 3900 };
	static struct flow_key key[STAY + OTHERS];
	static uint32_t expected[STAY + OTHERS];
	uint32_t flow[FLOW_PIPE_BURSTS][STAY];
	struct flow_pipe pipe;

	insert_all(table, key, STAY + OTHERS, expected);
	flow_pipe_init(&pipe);
	for (unsigned round = 0; round < 400; round++) {
		flow_table_pipe_push(table, &pipe, key, STAY, flow[round % FLOW_PIPE_BURSTS], false);
		for (unsigned i = 0; i < 150; i++) {
			unsigned other = STAY + (round * 150 + i * 7) % OTHERS;

			flow_table_remove(table, expected[other]);
			expected[other] = flow_table_insert(table, &key[other]);
		}
		if (round >= BEHIND)
			assert_memory_equal(flow[(round - BEHIND) % FLOW_PIPE_BURSTS], expected, sizeof(flow[0]));
	}
	struct flow_table_stats stats;
	flow_table_stats(table, &stats);
	assert_true(stats.displacements > 0);
}

static void key_that_stays_is_found_in_a_pipe_while_others_come_and_go(void **state)
{
	(void)state;
	with_each_form(4000, keys_that_stay_are_found_whatever_moves);
}

// Scrubbing

static void scrubbing_brings_entries_back_and_takes_hints_away(void **state)
{
	struct flow_table *table = make_table(4000);
	struct flow_table_stats before, after;
	static struct flow_key key[4000];
	static uint32_t flow[4000];

	(void)state;
	insert_all(table, key, 4000, flow);
	flow_table_stats(table, &before);
	assert_true(before.in_second_bucket > 0);
	for (unsigned i = 0; i < 4000; i++)
		if (i % 8 != 0) // what stays has room where it belongs
			flow_table_remove(table, flow[i]);
	flow_table_scrub(table, table->wide.bucket_mask + 1);
	flow_table_stats(table, &after);
	assert_int_equal(after.in_second_bucket, 0);
	for (uint32_t b = 0; b <= table->wide.bucket_mask; b++)
		assert_false(has_hints(table, b));
	for (unsigned i = 0; i < 4000; i += 8)
		assert_int_equal(flow_table_lookup(table, &key[i]), flow[i]);
	flow_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_keys_with_one_tag_in_one_bucket_are_told_apart),
		cmocka_unit_test(overflow_that_got_full_stays_full_and_keeps_its_hints),
		cmocka_unit_test(tags_are_compared_exactly),
		cmocka_unit_test(every_bucket_has_another_one_and_is_that_ones_other),
		cmocka_unit_test(pipe_gives_each_burst_its_flows),
		cmocka_unit_test(key_that_stays_is_found_in_a_pipe_while_others_come_and_go),
		cmocka_unit_test(scrubbing_brings_entries_back_and_takes_hints_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
