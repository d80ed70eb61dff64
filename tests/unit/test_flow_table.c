// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/memory.h"

static struct flow_table *make_table(uint32_t capacity)
{
	struct flow_table_params params = { .capacity = capacity, .socket = -1 };
	struct flow_table *table;

	assert_int_equal(hash_secret_draw(&params.secret), 0);
	table = flow_table_create(&params);
	assert_non_null(table);
	return table;
}

static struct flow_key key_number(uint32_t number)
{
	struct flow_key key = { .protocol = 6, .family = FAMILY_IP4 };

	memcpy(key.address[1].byte, &number, sizeof(number));
	return key;
}

static struct flow_key wide_key_number(uint32_t number)
{
	struct flow_key key = key_number(number);

	key.family = FAMILY_IP6;
	return key;
}

static uint32_t insert(struct flow_table *table, uint32_t number)
{
	struct flow_key key = key_number(number);

	return flow_table_insert(table, &key);
}

static uint32_t lookup(const struct flow_table *table, uint32_t number)
{
	struct flow_key key = key_number(number);

	return flow_table_lookup(table, &key);
}

static void absurd_capacities_are_refused(void **state)
{
	static const uint32_t capacity[] = { 0, (1 << 26) + 1, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct flow_table_params params = { .capacity = capacity[i], .socket = -1 };

		errno = 0;
		assert_null(flow_table_create(&params));
		assert_int_equal(errno, EINVAL);
	}
}

static void memory_that_is_not_there_is_enomem(void **state)
{
	static const size_t bytes[] = { (size_t)1 << 60, SIZE_MAX / 2, SIZE_MAX - 100, SIZE_MAX };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		errno = 0;
		assert_null(memory_take("test", bytes[i], -1));
		assert_int_equal(errno, ENOMEM);
	}
	memory_give(NULL);
}

static void memory_is_zeroed_aligned_and_writable_to_its_end(void **state)
{
	static const size_t bytes[] = { 1, 63, 64, 4032, 4033, 100000, (2 << 20) - 64, (2 << 20) - 63, 5 << 20 };

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		uint8_t *memory = memory_take("test", bytes[i], 0);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % 128, 0);
		for (size_t b = 0; b < bytes[i]; b++)
			assert_int_equal(memory[b], 0);
		memset(memory, 0xff, bytes[i]);
		memory_give(memory);
	}
}

static void bytes_hold_the_records_and_the_table(void **state)
{
	static const uint32_t capacity[] = { 1, 100, 65536, 1 << 20, 1 << 26 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		size_t bytes = flow_table_bytes(&(struct flow_table_params){ .capacity = capacity[i] });

		assert_true(bytes >= capacity[i] * (sizeof(struct flow) + sizeof(struct flow_cold) + 6ul));
		assert_true(bytes <= capacity[i] * 210ul + 16384);
	}
}

static void inserted_flow_is_found_until_it_is_removed(void **state)
{
	struct flow_table *table = make_table(100);
	uint32_t flow;

	(void)state;
	assert_int_equal(lookup(table, 1), FLOW_NONE);
	flow = insert(table, 1);
	assert_true(flow < 100);
	assert_int_equal(lookup(table, 1), flow);
	assert_int_equal(lookup(table, 2), FLOW_NONE);
	flow_table_remove(table, flow);
	assert_int_equal(lookup(table, 1), FLOW_NONE);
	flow_table_destroy(table);
}

// Behind an IPv4 address there are only zeroes.
static bool is_part_of_key(const struct flow_key *key, unsigned byte)
{
	return key->family != FAMILY_IP4 || byte >= offsetof(struct flow_key, port) || byte % sizeof(struct ip_address) < 4;
}

static void check_every_bit(struct flow_key key)
{
	struct flow_table *table = make_table(1000);
	uint32_t flow = flow_table_insert(table, &key);

	for (unsigned bit = 0; bit < 8 * sizeof(key); bit++) {
		struct flow_key other = key;
		uint32_t its;

		if (!is_part_of_key(&key, bit / 8))
			continue;

		((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(flow_table_lookup(table, &other), FLOW_NONE);
		its = flow_table_insert(table, &other);
		assert_true(its != FLOW_NONE && its != flow);
		assert_int_equal(flow_table_lookup(table, &key), flow);
	}
	flow_table_destroy(table);
}

static void keys_that_differ_in_one_bit_are_different_flows(void **state)
{
	(void)state;
	check_every_bit(key_number(1));
	check_every_bit(wide_key_number(1));
}

static void index_is_handed_out_again_with_clean_records(void **state)
{
	struct flow_table *table = make_table(1);
	struct flow_key key = key_number(2);
	const struct flow hot = { 0 };
	const struct flow_cold cold = { .key = key };
	uint32_t flow = insert(table, 1);

	(void)state;
	memset(flow_table_flow(table, flow), 0xff, sizeof(struct flow));
	memset((uint8_t *)flow_table_cold(table, flow) + sizeof(key), 0xff, sizeof(struct flow_cold) - sizeof(key));
	flow_table_remove(table, flow);
	assert_int_equal(insert(table, 2), flow);
	assert_memory_equal(flow_table_flow(table, flow), &hot, sizeof(hot));
	assert_memory_equal(flow_table_cold(table, flow), &cold, sizeof(cold));
	assert_int_equal(lookup(table, 1), FLOW_NONE);
	flow_table_destroy(table);
}

static void full_table_refuses_counts_it_and_keeps_what_it_has(void **state)
{
	struct flow_table *table = make_table(10);
	struct flow_table_stats stats;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_true(insert(table, i) != FLOW_NONE);
	assert_int_equal(insert(table, 10), FLOW_NONE);
	assert_int_equal(insert(table, 11), FLOW_NONE);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(lookup(table, i) != FLOW_NONE);
	flow_table_stats(table, &stats);
	assert_int_equal(stats.capacity, 10);
	assert_int_equal(stats.used, 10);
	assert_int_equal(stats.inserts, 10);
	assert_int_equal(stats.insert_failures, 2);
	flow_table_remove(table, lookup(table, 3));
	assert_true(insert(table, 10) != FLOW_NONE);
	flow_table_stats(table, &stats);
	assert_int_equal(stats.used, 10);
	assert_int_equal(stats.removes, 1);
	flow_table_destroy(table);
}

static void second_try_after_an_end_counts_as_the_only_one(void **state)
{
	struct flow_table *table = make_table(2);
	struct flow_table_stats stats;
	struct flow_key third = key_number(2);

	(void)state;
	insert(table, 0);
	insert(table, 1);
	assert_int_equal(flow_table_insert(table, &third), FLOW_NONE);
	assert_int_equal(flow_table_insert_again(table, &third), FLOW_NONE);
	flow_table_stats(table, &stats);
	assert_int_equal(stats.insert_failures, 1);
	flow_table_remove(table, lookup(table, 0));
	assert_true(flow_table_insert_again(table, &third) != FLOW_NONE);
	flow_table_stats(table, &stats);
	assert_int_equal(stats.insert_failures, 0);
	assert_int_equal(stats.inserts, 3);
	flow_table_destroy(table);
}

static void flow_that_is_removed_twice_is_handed_out_once(void **state)
{
	struct flow_table *table = make_table(2);
	uint32_t flow = insert(table, 1);

	(void)state;
	flow_table_remove(table, flow);
	flow_table_remove(table, flow);
	assert_true(insert(table, 2) != FLOW_NONE);
	assert_true(insert(table, 3) != FLOW_NONE);
	assert_int_equal(insert(table, 4), FLOW_NONE);
	assert_true(lookup(table, 2) != lookup(table, 3));
	flow_table_destroy(table);
}

typedef void lookup_burst_fn(const struct flow_table *, const struct flow_key *const[], unsigned, uint32_t[]);

static void lookup_burst(const struct flow_table *table, const struct flow_key *const key[], unsigned n, uint32_t flow[])
{
	flow_table_lookup_burst(table, key, n, flow, false);
}

static void lookup_burst_fetching(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
				  uint32_t flow[])
{
	flow_table_lookup_burst(table, key, n, flow, true);
}

static void burst_of_any_size_answers_as_single_lookups_do(void **state)
{
	static lookup_burst_fn *const function[] = { lookup_burst, lookup_burst_fetching, flow_table_lookup_burst_shared };
	struct flow_table *table = make_table(1176); // as full as a table gets: some are in second buckets
	const struct flow_key *pointer[64];
	struct flow_key key[64];
	uint32_t flow[65];

	(void)state;
	for (uint32_t i = 0; i < 1176; i++)
		assert_true(insert(table, i) != FLOW_NONE);
	assert_true(table->narrow.in_second > 20);
	for (unsigned n = 0; n <= 64; n++)
		for (unsigned f = 0; f < 3; f++) {
			for (unsigned i = 0; i < n; i++) {
				key[i] = key_number(n * 31 + i * (i % 3 == 0 ? 100000 : 1));
				pointer[i] = &key[i];
			}
			memset(flow, 0xaa, sizeof(flow));
			function[f](table, pointer, n, flow);
			for (unsigned i = 0; i < n; i++)
				assert_int_equal(flow[i], flow_table_lookup(table, &key[i]));
			assert_int_equal(flow[n], 0xaaaaaaaa); // nothing is written behind the burst
		}
	flow_table_destroy(table);
}

static unsigned second_percent(const struct flow_table *table)
{
	struct flow_table_stats stats;

	flow_table_stats(table, &stats);
	return 100 * stats.in_second_bucket / stats.used;
}

static void expect_tidy_when_emptied(struct flow_key key_of(uint32_t), uint32_t flows)
{
	struct flow_table *table = make_table(flows);
	uint32_t flow[8192];

	for (uint32_t i = 0; i < flows; i++) {
		struct flow_key key = key_of(i);

		flow[i] = flow_table_insert(table, &key);
		assert_true(flow[i] != FLOW_NONE);
	}
	unsigned full = second_percent(table);
	for (uint32_t i = 0; i < flows * 3 / 4; i++)
		flow_table_remove(table, flow[i]);
	assert_in_range(second_percent(table), 0, 8);
	assert_true(full > 8);
	flow_table_destroy(table);
}

static void table_that_empties_tidies_up_as_it_does(void **state)
{
	(void)state;
	expect_tidy_when_emptied(key_number, 3800);      // of 4,096 slots
	expect_tidy_when_emptied(wide_key_number, 4700); // of 5,120
}

static void same_key_many_times_in_one_burst_is_one_flow(void **state)
{
	struct flow_table *table = make_table(100);
	struct flow_key key = key_number(5);
	const struct flow_key *pointer[64];
	uint32_t flow[64], inserted = flow_table_insert(table, &key);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		pointer[i] = &key;
	flow_table_lookup_burst(table, pointer, 64, flow, true);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(flow[i], inserted);
	flow_table_destroy(table);
}

static void snapshot_is_the_flow_or_nothing(void **state)
{
	struct flow_table *table = make_table(10);
	uint32_t flow = insert(table, 1);
	struct flow_cold cold;
	struct flow hot;

	(void)state;
	flow_table_flow(table, flow)->traffic[FLOW_RESP].packets = 7;
	flow_table_cold(table, flow)->id = 99;
	assert_true(flow_table_snapshot(table, flow, &hot, &cold));
	assert_memory_equal(&hot, flow_table_flow(table, flow), sizeof(hot));
	assert_memory_equal(&cold, flow_table_cold(table, flow), sizeof(cold));
	for (uint32_t other = 0; other < 12; other++)
		assert_int_equal(flow_table_snapshot(table, other, &hot, &cold), other == flow);
	assert_false(flow_table_snapshot(table, FLOW_NONE, &hot, &cold));
	flow_table_remove(table, flow);
	assert_false(flow_table_snapshot(table, flow, &hot, &cold));
	flow_table_destroy(table);
}

static void states_have_their_rfcs_names(void **state)
{
	(void)state;
	assert_string_equal(flow_state_name(FLOW_TCP_SYN_SENT), "SYN_SENT");
	assert_string_equal(flow_state_name(FLOW_TCP_CLOSED), "CLOSED");
	assert_string_equal(flow_state_name(FLOW_UDP_UNREPLIED), "UNREPLIED");
	assert_string_equal(flow_state_name(FLOW_OTHER_REPLIED), "REPLIED");
	assert_string_equal(flow_state_name(FLOW_STATES), "?");
	for (unsigned s = 0; s < FLOW_STATES; s++)
		assert_non_null(flow_state_name(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absurd_capacities_are_refused),
		cmocka_unit_test(memory_that_is_not_there_is_enomem),
		cmocka_unit_test(memory_is_zeroed_aligned_and_writable_to_its_end),
		cmocka_unit_test(bytes_hold_the_records_and_the_table),
		cmocka_unit_test(inserted_flow_is_found_until_it_is_removed),
		cmocka_unit_test(keys_that_differ_in_one_bit_are_different_flows),
		cmocka_unit_test(index_is_handed_out_again_with_clean_records),
		cmocka_unit_test(full_table_refuses_counts_it_and_keeps_what_it_has),
		cmocka_unit_test(second_try_after_an_end_counts_as_the_only_one),
		cmocka_unit_test(flow_that_is_removed_twice_is_handed_out_once),
		cmocka_unit_test(burst_of_any_size_answers_as_single_lookups_do),
		cmocka_unit_test(table_that_empties_tidies_up_as_it_does),
		cmocka_unit_test(same_key_many_times_in_one_burst_is_one_flow),
		cmocka_unit_test(snapshot_is_the_flow_or_nothing),
		cmocka_unit_test(states_have_their_rfcs_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
