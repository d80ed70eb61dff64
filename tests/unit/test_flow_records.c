// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/random.h"

enum { READERS = 3 };

static struct rte_rcu_qsbr *make_readers(unsigned count)
{
	size_t bytes = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(READERS), 64);
	struct rte_rcu_qsbr *readers = aligned_alloc(64, bytes);

	assert_non_null(readers);
	assert_int_equal(rte_rcu_qsbr_init(readers, READERS), 0);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(rte_rcu_qsbr_thread_register(readers, i), 0);
		rte_rcu_qsbr_thread_online(readers, i);
	}
	return readers;
}

static void quiescent(struct rte_rcu_qsbr *readers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		rte_rcu_qsbr_quiescent(readers, i);
}

static struct flow_records make_records(uint32_t capacity, struct rte_rcu_qsbr *readers)
{
	size_t bytes = RTE_ALIGN_CEIL(records_bytes(capacity), 64);
	void *memory = aligned_alloc(64, bytes);
	struct flow_records records;

	assert_non_null(memory);
	memset(memory, 0, bytes);
	records_init(&records, memory, capacity, readers);
	return records;
}

static void give_back(struct flow_records *records)
{
	free(records->hot);
	free(records->readers);
}

static void take_all(struct flow_records *records)
{
	bool *taken = calloc(records->capacity, sizeof(*taken));

	for (uint32_t i = 0; i < records->capacity; i++) {
		uint32_t flow = records_take(records);

		assert_true(flow < records->capacity);
		assert_false(taken[flow]);
		taken[flow] = true;
	}
	assert_int_equal(records_take(records), FLOW_NONE);
	free(taken);
}

static void every_record_is_handed_out_once_then_none(void **state)
{
	static const uint32_t capacity[] = { 1, 2, 7, 1000 };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned with_readers = 0; with_readers < 2; with_readers++) {
			struct flow_records records = make_records(capacity[i], with_readers ? make_readers(1) : NULL);

			take_all(&records);
			assert_int_equal(records_take(&records), FLOW_NONE);
			give_back(&records);
		}
}

static void without_readers_the_last_one_given_is_the_next_one_taken(void **state)
{
	struct flow_records records = make_records(5, NULL);

	(void)state;
	take_all(&records);
	for (unsigned round = 0; round < 10; round++) {
		records_give(&records, 3);
		records_give(&records, 0);
		records_give(&records, 4);
		assert_int_equal(records_waiting(&records), 0);
		assert_int_equal(records_take(&records), 4);
		assert_int_equal(records_take(&records), 0);
		records_give(&records, 1);
		assert_int_equal(records_take(&records), 1);
		assert_int_equal(records_take(&records), 3);
		assert_int_equal(records_take(&records), FLOW_NONE);
	}
	give_back(&records);
}

static void with_readers_a_record_waits_for_all_of_them(void **state)
{
	struct rte_rcu_qsbr *readers = make_readers(READERS);
	struct flow_records records = make_records(2, readers);

	(void)state;
	take_all(&records);
	quiescent(readers, READERS); // before it is given back: does not count
	records_give(&records, 1);
	assert_int_equal(records_waiting(&records), 1);
	assert_int_equal(records_take(&records), FLOW_NONE);
	quiescent(readers, READERS - 1);
	assert_int_equal(records_take(&records), FLOW_NONE);
	assert_int_equal(records_waiting(&records), 1);
	rte_rcu_qsbr_quiescent(readers, READERS - 1);
	assert_int_equal(records_take(&records), 1);
	assert_int_equal(records_waiting(&records), 0);
	assert_int_equal(records_take(&records), FLOW_NONE);
	give_back(&records);
}

// One token is under way at a time: what is given later has to wait for the next one, which asks again.
static void record_that_is_given_while_another_waits_is_not_covered_by_its_token(void **state)
{
	struct rte_rcu_qsbr *readers = make_readers(1);
	struct flow_records records = make_records(2, readers);

	(void)state;
	take_all(&records);
	records_give(&records, 0);
	rte_rcu_qsbr_quiescent(readers, 0);
	records_give(&records, 1); // the reader may have looked 1 up since
	assert_int_equal(records_take(&records), 0);
	assert_int_equal(records_take(&records), FLOW_NONE);
	assert_int_equal(records_waiting(&records), 1);
	rte_rcu_qsbr_quiescent(readers, 0);
	assert_int_equal(records_take(&records), 1);
	give_back(&records);
}

static void reader_that_is_offline_or_gone_is_not_waited_for(void **state)
{
	struct rte_rcu_qsbr *readers = make_readers(2);
	struct flow_records records = make_records(1, readers);

	(void)state;
	take_all(&records);
	records_give(&records, 0);
	rte_rcu_qsbr_quiescent(readers, 0);
	assert_int_equal(records_take(&records), FLOW_NONE);
	rte_rcu_qsbr_thread_offline(readers, 1);
	assert_int_equal(records_take(&records), 0);
	rte_rcu_qsbr_thread_online(readers, 1);
	records_give(&records, 0);
	rte_rcu_qsbr_quiescent(readers, 1);
	assert_int_equal(records_take(&records), FLOW_NONE);
	rte_rcu_qsbr_thread_unregister(readers, 0);
	assert_int_equal(records_take(&records), 0);
	give_back(&records);
}

static void readers_that_nobody_joined_hold_nothing(void **state)
{
	struct flow_records records = make_records(3, make_readers(0));

	(void)state;
	take_all(&records);
	for (unsigned round = 0; round < 100; round++) {
		records_give(&records, round % 3);
		assert_int_equal(records_take(&records), round % 3);
	}
	give_back(&records);
}

// The naive rule: a record may come back only when each reader was quiescent after it was given.
struct model {
	uint64_t now, quiet_at[READERS], given_at[64];
	bool out[64];
	unsigned outside;
};

static void model_take(struct model *model, struct flow_records *records)
{
	uint32_t flow = records_take(records);

	if (flow == FLOW_NONE) {
		assert_true(model->outside == records->capacity || records_waiting(records) > 0);
		return;
	}
	assert_true(flow < records->capacity);
	assert_false(model->out[flow]);
	for (unsigned r = 0; r < READERS; r++)
		assert_true(model->given_at[flow] == 0 || model->quiet_at[r] > model->given_at[flow]);
	model->out[flow] = true;
	model->outside++;
}

static void model_give(struct model *model, struct flow_records *records, uint32_t flow)
{
	if (!model->out[flow])
		return;
	model->out[flow] = false;
	model->outside--;
	model->given_at[flow] = model->now;
	records_give(records, flow);
}

static void records_come_back_after_a_grace_period_whatever_the_order(void **state)
{
	static const uint32_t capacity[] = { 1, 2, 5, 64 };
	uint64_t random = 4711;

	(void)state;
	for (unsigned c = 0; c < 4; c++) {
		struct rte_rcu_qsbr *readers = make_readers(READERS);
		struct flow_records records = make_records(capacity[c], readers);
		struct model model = { 0 };
		uint64_t takes = 0;

		for (model.now = 1; model.now < 200000; model.now++) {
			uint32_t what = random_below(&random, 8), which = (uint32_t)random_next(&random);

			if (what < 3) {
				model_take(&model, &records);
			} else if (what < 6) {
				model_give(&model, &records, which % capacity[c]);
			} else {
				rte_rcu_qsbr_quiescent(readers, which % READERS);
				model.quiet_at[which % READERS] = model.now;
			}
		}
		// All of them come back in the end.
		for (uint32_t flow = 0; flow < capacity[c]; flow++)
			model_give(&model, &records, flow);
		for (unsigned round = 0; round < 3 * capacity[c] && model.outside < capacity[c]; round++) {
			model.now++;
			quiescent(readers, READERS);
			for (unsigned r = 0; r < READERS; r++)
				model.quiet_at[r] = model.now;
			model_take(&model, &records);
			takes++;
		}
		assert_int_equal(model.outside, capacity[c]);
		assert_in_range(takes, capacity[c], capacity[c] + 2);
		give_back(&records);
	}
}

static void snapshot_is_of_records_that_live(void **state)
{
	struct flow_records records = make_records(2, NULL);
	const struct flow_key key = { .protocol = 17, .family = FAMILY_IP6, .port = { 1, 2 } };
	struct flow_cold cold;
	struct flow hot;

	(void)state;
	assert_false(record_snapshot(&records, 0, &hot, &cold));
	for (unsigned life = 0; life < 3; life++) {
		record_begin(&records, 0, &key);
		assert_true(record_snapshot(&records, 0, &hot, &cold));
		assert_true(flow_key_equal(&cold.key, &key));
		assert_false(record_snapshot(&records, 1, &hot, &cold));
		record_end(&records, 0);
		assert_false(record_snapshot(&records, 0, &hot, &cold));
	}
	assert_false(record_snapshot(&records, 2, &hot, &cold));
	assert_false(record_snapshot(&records, FLOW_NONE, &hot, &cold));
	give_back(&records);
}

static struct flow_key key_number(uint32_t number, uint8_t family)
{
	struct flow_key key = { .protocol = 6, .family = family };

	memcpy(key.address[1].byte, &number, sizeof(number));
	return key;
}

static uint32_t waiting(const struct flow_table *table)
{
	struct flow_table_stats stats;

	flow_table_stats(table, &stats);
	return stats.waiting;
}

static void table_full_of_waiting_flows_refuses_and_recovers(void **state)
{
	static const uint8_t family[] = { FAMILY_IP4, FAMILY_IP6 };
	enum { CAPACITY = 100 };

	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		struct rte_rcu_qsbr *readers = make_readers(2);
		struct flow_table_params params = { .capacity = CAPACITY, .socket = -1, .readers = readers };
		struct flow_table *table = flow_table_create(&params);
		struct flow_key key;

		for (uint32_t i = 0; i < CAPACITY; i++) {
			key = key_number(i, family[f]);
			assert_true(flow_table_insert(table, &key) != FLOW_NONE);
		}
		for (uint32_t i = 0; i < CAPACITY; i++) {
			key = key_number(i, family[f]);
			uint32_t flow = flow_table_lookup(table, &key);

			flow_table_remove(table, flow);
			flow_table_remove(table, flow); // not twice in the ring
			assert_int_equal(flow_table_lookup(table, &key), FLOW_NONE);
			// Its record stays what it was, for who still holds the index.
			assert_true(flow_key_equal(&flow_table_cold(table, flow)->key, &key));
			assert_int_equal(waiting(table), i + 1);
		}
		key = key_number(CAPACITY, family[f]);
		for (unsigned round = 0; round < 3; round++)
			assert_int_equal(flow_table_insert(table, &key), FLOW_NONE);
		assert_int_equal(waiting(table), CAPACITY);
		quiescent(readers, 1);
		assert_int_equal(flow_table_insert(table, &key), FLOW_NONE);
		// The first token covers the flow that was removed first, the next one all others.
		for (uint32_t i = 0; i < CAPACITY; i++) {
			quiescent(readers, 2);
			key = key_number(CAPACITY + i, family[f]);
			assert_true(flow_table_insert(table, &key) != FLOW_NONE);
		}
		assert_int_equal(flow_table_insert(table, &key), FLOW_NONE);
		assert_int_equal(waiting(table), 0);
		flow_table_destroy(table);
		free(readers);
	}
}

// An insert that finds no place in the index gives its record back, readers or not.
static void index_that_is_full_costs_no_record(void **state)
{
	(void)state;
	for (unsigned with_readers = 0; with_readers < 2; with_readers++) {
		struct rte_rcu_qsbr *readers = with_readers ? make_readers(1) : NULL;
		struct flow_table_params params = { .capacity = 5000, .ip4_capacity = 100, .socket = -1, .readers = readers };
		struct flow_table *table = flow_table_create(&params);
		struct flow_table_stats stats;
		uint32_t inserted = 0;

		for (uint32_t i = 0; i < 10000; i++) {
			struct flow_key key = key_number(i, FAMILY_IP4);

			inserted += flow_table_insert(table, &key) != FLOW_NONE;
			if (readers != NULL)
				rte_rcu_qsbr_quiescent(readers, 0);
		}
		flow_table_stats(table, &stats);
		assert_int_equal(stats.used, inserted);
		assert_int_equal(stats.insert_failures, 10000 - inserted);
		assert_in_range(inserted, stats.ip4_slots * 9 / 10, stats.ip4_slots);
		for (uint32_t i = 0; i < 5000 - inserted; i++) { // all that are left are to be had
			struct flow_key key = key_number(i, FAMILY_IP6);

			assert_true(flow_table_insert(table, &key) != FLOW_NONE);
			if (readers != NULL)
				rte_rcu_qsbr_quiescent(readers, 0);
		}
		flow_table_destroy(table);
		free(readers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_is_handed_out_once_then_none),
		cmocka_unit_test(without_readers_the_last_one_given_is_the_next_one_taken),
		cmocka_unit_test(with_readers_a_record_waits_for_all_of_them),
		cmocka_unit_test(record_that_is_given_while_another_waits_is_not_covered_by_its_token),
		cmocka_unit_test(reader_that_is_offline_or_gone_is_not_waited_for),
		cmocka_unit_test(readers_that_nobody_joined_hold_nothing),
		cmocka_unit_test(records_come_back_after_a_grace_period_whatever_the_order),
		cmocka_unit_test(snapshot_is_of_records_that_live),
		cmocka_unit_test(table_full_of_waiting_flows_refuses_and_recovers),
		cmocka_unit_test(index_that_is_full_costs_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
