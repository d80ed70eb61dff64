// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "dataplane/ageing.h"

enum {
	CAPACITY = 5000,
	TICK = 128,
	ALL = 1 << 30, // a budget that is never used up
	TURN = 1024 * TICK,
	CALLS_A_TURN = 1024 / 64,
	SYN_TIMEOUT = 30000,
	UDP_TIMEOUT = 10000,
	ESTABLISHED_TIMEOUT = 1000000,
	REPLIED_TIMEOUT = 20000,
};

struct fixture {
	struct flow_table *table;
	struct ageing *ageing;
	uint32_t next_number;
	unsigned ended[FLOW_END_RUN + 1];
	uint32_t last_number; // of the flow that ended last
	uint64_t now;         // of the last advance
	uint8_t end_of[2 * CAPACITY]; // by number: 1 + enum flow_end
};

static struct flow *hot(const struct fixture *fixture, uint32_t flow)
{
	return flow_table_flow(fixture->table, flow);
}

static uint32_t number_of(const struct fixture *fixture, uint32_t flow)
{
	uint32_t number;

	memcpy(&number, flow_table_cold(fixture->table, flow)->key.port, sizeof(number));
	return number;
}

static void note_end(void *context, uint32_t flow, enum flow_end why)
{
	struct fixture *fixture = context;

	// The records are still in place.
	assert_int_equal(flow_table_lookup(fixture->table, &flow_table_cold(fixture->table, flow)->key), flow);
	fixture->last_number = number_of(fixture, flow);
	fixture->ended[why]++;
	assert_int_equal(fixture->end_of[fixture->last_number], 0);
	if (why == FLOW_END_TIMEOUT)
		assert_true(ageing_expired(fixture->ageing, hot(fixture, flow), fixture->now));
	fixture->end_of[fixture->last_number] = (uint8_t)(1 + why);
}

static struct fixture *make(uint32_t quota)
{
	struct flow_table_params table = { .capacity = CAPACITY, .socket = -1 };
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct ageing_params params = {
		.timeout = {
			[FLOW_TCP_SYN_SENT] = SYN_TIMEOUT,
			[FLOW_TCP_ESTABLISHED] = ESTABLISHED_TIMEOUT,
			[FLOW_TCP_CLOSED] = 1000,
			[FLOW_TCP_TIME_WAIT] = UINT64_MAX,
			[FLOW_UDP_UNREPLIED] = UDP_TIMEOUT,
			[FLOW_UDP_REPLIED] = REPLIED_TIMEOUT,
			[FLOW_ICMP_UNREPLIED] = 5,
			[FLOW_OTHER_UNREPLIED] = 7000,
		},
		.tick = TICK, .embryonic_quota = quota, .on_end = note_end, .context = fixture, .socket = -1,
	};

	fixture->table = params.table = flow_table_create(&table);
	assert_non_null(fixture->table);
	fixture->ageing = ageing_create(&params);
	assert_non_null(fixture->ageing);
	return fixture;
}

static void give_back(struct fixture *fixture)
{
	ageing_destroy(fixture->ageing);
	flow_table_destroy(fixture->table);
	free(fixture);
}

static uint32_t add(struct fixture *fixture, enum flow_state state, bool embryonic, uint64_t now)
{
	struct flow_key key = { .family = FAMILY_IP4 };
	uint32_t flow;

	memcpy(key.port, &fixture->next_number, sizeof(fixture->next_number));
	fixture->next_number++;
	flow = flow_table_insert(fixture->table, &key);
	assert_true(flow != FLOW_NONE);
	hot(fixture, flow)->state = state;
	hot(fixture, flow)->embryonic = embryonic;
	ageing_add(fixture->ageing, flow, now);
	return flow;
}

static uint32_t used(const struct fixture *fixture)
{
	struct flow_table_stats stats;

	flow_table_stats(fixture->table, &stats);
	return stats.used;
}

static unsigned advance_by(struct fixture *fixture, uint64_t now, unsigned budget)
{
	fixture->now = now;
	return ageing_advance(fixture->ageing, now, budget);
}

// As often as it takes the wheel to come round.
static unsigned advance(struct fixture *fixture, uint64_t now)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < CALLS_A_TURN; i++)
		ended += advance_by(fixture, now, ALL);
	return ended;
}

static void nonsense_is_refused(void **state)
{
	struct ageing_params params = { .tick = 1 };

	(void)state;
	errno = 0;
	assert_null(ageing_create(&params));
	assert_int_equal(errno, EINVAL);
	ageing_destroy(NULL);
	assert_true(ageing_bytes() > 1024);
}

static void answered_flow_ends_within_a_slot_after_its_timeout(void **state)
{
	static const uint64_t start[] = { 0, 1, 12345678, 1ull << 50 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct fixture *fixture = make(100);
		uint64_t end = start[i] + REPLIED_TIMEOUT;

		add(fixture, FLOW_UDP_REPLIED, false, start[i]);
		for (uint64_t now = start[i]; now < end; now += 100)
			assert_int_equal(advance(fixture, now), 0);
		assert_int_equal(advance(fixture, end - 1), 0);
		assert_int_equal(advance(fixture, end + TICK), 1);
		assert_int_equal(fixture->ended[FLOW_END_TIMEOUT], 1);
		assert_int_equal(used(fixture), 0);
		give_back(fixture);
	}
}

static void expiry_is_exact_whatever_the_wheel_did(void **state)
{
	struct fixture *fixture = make(100);
	struct flow *flow = hot(fixture, add(fixture, FLOW_UDP_REPLIED, false, 500));

	(void)state;
	assert_false(ageing_expired(fixture->ageing, flow, 500 + REPLIED_TIMEOUT - 1));
	assert_true(ageing_expired(fixture->ageing, flow, 500 + REPLIED_TIMEOUT));
	assert_false(ageing_expired(fixture->ageing, flow, 0)); // the clock went back
	flow->state = FLOW_TCP_CLOSED;
	assert_true(ageing_expired(fixture->ageing, flow, 1500));
	flow->state = FLOW_TCP_TIME_WAIT; // the timeout: for ever
	assert_false(ageing_expired(fixture->ageing, flow, UINT64_MAX - 1));
	give_back(fixture);
}

static void touched_flow_lives_on(void **state)
{
	struct fixture *fixture = make(100);
	uint32_t flow = add(fixture, FLOW_UDP_REPLIED, false, 0);
	uint64_t now;

	(void)state;
	for (now = 0; now < 50 * REPLIED_TIMEOUT; now += REPLIED_TIMEOUT / 3) {
		hot(fixture, flow)->last_seen = now;
		assert_int_equal(advance(fixture, now), 0);
	}
	assert_int_equal(advance(fixture, hot(fixture, flow)->last_seen + REPLIED_TIMEOUT - 1), 0);
	assert_int_equal(advance(fixture, hot(fixture, flow)->last_seen + REPLIED_TIMEOUT + TICK), 1);
	give_back(fixture);
}

static void timeout_of_many_turns_is_kept(void **state)
{
	struct fixture *fixture = make(100);

	(void)state;
	add(fixture, FLOW_TCP_ESTABLISHED, false, 77);
	for (uint64_t now = 77; now < 77 + ESTABLISHED_TIMEOUT; now += 333)
		assert_int_equal(advance(fixture, now), 0);
	assert_int_equal(advance(fixture, 77 + ESTABLISHED_TIMEOUT + TICK), 1);
	give_back(fixture);
}

static void shorter_timeout_counts_within_a_slot_if_told_else_within_a_turn(void **state)
{
	struct fixture *fixture = make(100);
	uint32_t told = add(fixture, FLOW_TCP_ESTABLISHED, false, 0);
	uint32_t untold = add(fixture, FLOW_TCP_ESTABLISHED, false, 0);

	(void)state;
	hot(fixture, told)->state = FLOW_TCP_CLOSED;
	ageing_state_changed(fixture->ageing, told);
	hot(fixture, untold)->state = FLOW_TCP_CLOSED;
	assert_int_equal(advance(fixture, 1000 + TICK), 1);
	assert_int_equal(advance(fixture, 1000 + TURN + TICK), 1);
	give_back(fixture);
}

static void embryonic_flows_end_at_their_own_timeouts(void **state)
{
	struct fixture *fixture = make(100);

	(void)state;
	add(fixture, FLOW_TCP_SYN_SENT, true, 0);
	add(fixture, FLOW_UDP_UNREPLIED, true, 0);
	add(fixture, FLOW_OTHER_UNREPLIED, true, 0);
	assert_int_equal(ageing_embryonic(fixture->ageing), 3);
	assert_int_equal(advance(fixture, 6999), 0);
	assert_int_equal(advance(fixture, 7000), 1);
	assert_int_equal(advance(fixture, UDP_TIMEOUT), 1);
	assert_int_equal(advance(fixture, SYN_TIMEOUT - 1), 0);
	assert_int_equal(advance(fixture, SYN_TIMEOUT), 1);
	assert_int_equal(ageing_embryonic(fixture->ageing), 0);
	give_back(fixture);
}

static void quota_pushes_out_the_oldest_embryonic_flow_and_no_other(void **state)
{
	struct fixture *fixture = make(3);

	(void)state;
	add(fixture, FLOW_UDP_REPLIED, false, 0);   // 0: answered, stays
	add(fixture, FLOW_UDP_UNREPLIED, true, 10); // 1
	add(fixture, FLOW_TCP_SYN_SENT, true, 20);  // 2
	add(fixture, FLOW_UDP_UNREPLIED, true, 30); // 3
	assert_int_equal(fixture->ended[FLOW_END_EVICTED], 0);
	for (uint32_t i = 1; i < 50; i++) {
		add(fixture, i % 2 ? FLOW_OTHER_UNREPLIED : FLOW_TCP_SYN_SENT, true, 30 + i);
		assert_int_equal(fixture->ended[FLOW_END_EVICTED], i);
		assert_int_equal(fixture->last_number, i);
		assert_int_equal(ageing_embryonic(fixture->ageing), 3);
	}
	assert_int_equal(fixture->end_of[0], 0);
	give_back(fixture);
}

static void answer_takes_a_flow_out_of_the_quota(void **state)
{
	struct fixture *fixture = make(2);
	uint32_t flow = add(fixture, FLOW_UDP_UNREPLIED, true, 0);

	(void)state;
	hot(fixture, flow)->state = FLOW_UDP_REPLIED;
	ageing_answered(fixture->ageing, flow, 5000);
	assert_int_equal(hot(fixture, flow)->embryonic, 0);
	assert_int_equal(ageing_embryonic(fixture->ageing), 0);
	ageing_answered(fixture->ageing, flow, 5000); // twice does no harm
	assert_int_equal(ageing_embryonic(fixture->ageing), 0);
	for (unsigned i = 0; i < 10; i++)
		add(fixture, FLOW_UDP_UNREPLIED, true, 5000);
	assert_int_equal(fixture->end_of[0], 0);
	assert_int_equal(advance(fixture, 5000 + REPLIED_TIMEOUT - 1), 2);
	assert_int_equal(advance(fixture, 5000 + REPLIED_TIMEOUT + TICK), 1);
	assert_int_equal(fixture->end_of[0], 1 + FLOW_END_TIMEOUT);
	give_back(fixture);
}

static void full_table_gets_room_from_embryonic_flows_only(void **state)
{
	struct fixture *fixture = make(100);

	(void)state;
	assert_false(ageing_evict(fixture->ageing));
	add(fixture, FLOW_UDP_REPLIED, false, 0);
	assert_false(ageing_evict(fixture->ageing));
	add(fixture, FLOW_TCP_SYN_SENT, true, 9);
	add(fixture, FLOW_UDP_UNREPLIED, true, 8);
	assert_true(ageing_evict(fixture->ageing));
	assert_int_equal(fixture->last_number, 2);
	assert_true(ageing_evict(fixture->ageing));
	assert_int_equal(fixture->last_number, 1);
	assert_false(ageing_evict(fixture->ageing));
	assert_int_equal(used(fixture), 1);
	give_back(fixture);
}

static void sender_that_goes_on_unanswered_does_not_hold_up_those_behind_it(void **state)
{
	struct fixture *fixture = make(100);
	uint32_t noisy = add(fixture, FLOW_TCP_SYN_SENT, true, 0);
	uint64_t now;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		add(fixture, FLOW_TCP_SYN_SENT, true, 1);
	for (now = 0; now < SYN_TIMEOUT + SYN_TIMEOUT / 4 + 100; now += 100) {
		hot(fixture, noisy)->last_seen = now;
		advance(fixture, now);
	}
	assert_int_equal(fixture->ended[FLOW_END_TIMEOUT], 20);
	assert_int_equal(fixture->end_of[0], 0);
	assert_int_equal(ageing_embryonic(fixture->ageing), 1);
	give_back(fixture);
}

static void small_budget_ends_everything_in_the_end(void **state)
{
	struct fixture *fixture = make(CAPACITY);
	unsigned calls = 0, ended = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		add(fixture, FLOW_UDP_REPLIED, false, 0);
		add(fixture, FLOW_UDP_UNREPLIED, true, 0);
		add(fixture, FLOW_TCP_SYN_SENT, true, 0);
	}
	while (ended < 3000) {
		unsigned n = advance_by(fixture, 10 * SYN_TIMEOUT, 1);

		assert_true(n <= 1);
		ended += n;
		assert_true(++calls < 20000);
	}
	assert_int_equal(used(fixture), 0);
	give_back(fixture);
}

static void flood_of_embryonic_flows_does_not_starve_the_wheel(void **state)
{
	struct fixture *fixture = make(CAPACITY);

	(void)state;
	advance(fixture, TURN); // the wheel's hand is where it is in a run
	add(fixture, FLOW_UDP_REPLIED, false, TURN);
	for (unsigned i = 0; i < 4000; i++)
		add(fixture, FLOW_UDP_UNREPLIED, true, TURN);
	for (unsigned i = 0; i < 20; i++)
		advance_by(fixture, TURN + 2 * REPLIED_TIMEOUT, 8);
	assert_int_equal(fixture->end_of[0], 1 + FLOW_END_TIMEOUT);
	give_back(fixture);
}

// Flows of every kind, all over at once. Each call looks at no more than it may, ends as many as it may as long as there
// are any, and so all of them in as few calls as can be, but for those in which the wheel comes up.
static void call_ends_as_many_flows_as_it_may_and_no_more(void **state)
{
	static const unsigned budgets[] = { 1, 2, 3, 5, 32, 64, 1000 };

	(void)state;
	for (unsigned b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++) {
		struct fixture *fixture = make(CAPACITY);
		unsigned ended = 0, calls = 0;

		for (unsigned i = 0; i < 500; i++) {
			add(fixture, FLOW_UDP_REPLIED, false, i % 7);
			add(fixture, FLOW_OTHER_UNREPLIED, true, i % 7);
			add(fixture, FLOW_UDP_UNREPLIED, true, i % 7);
			add(fixture, FLOW_TCP_SYN_SENT, true, i % 7);
		}
		for (; ended < 2000; calls++) {
			unsigned n = advance_by(fixture, SYN_TIMEOUT + TICK, budgets[b]);

			assert_true(n <= budgets[b]);
			assert_true(calls <= 2000 / budgets[b] + CALLS_A_TURN);
			ended += n;
		}
		assert_int_equal(used(fixture), 0);
		give_back(fixture);
	}
}

// Flows that are found alive count too: a call that puts a million of them further on would be as long as one that ends them.
static void flow_that_is_found_alive_counts_as_looked_at(void **state)
{
	struct fixture *fixture = make(CAPACITY);
	uint32_t flow[1001];
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		flow[i] = add(fixture, FLOW_UDP_REPLIED, false, 0);
	flow[1000] = add(fixture, FLOW_UDP_REPLIED, false, 0);
	for (unsigned i = 0; i < 1000; i++)
		hot(fixture, flow[i])->last_seen = REPLIED_TIMEOUT;
	while (fixture->end_of[1000] == 0) {
		assert_true(calls < 1000);
		assert_true(advance_by(fixture, REPLIED_TIMEOUT + TICK, 10) <= 1);
		calls++;
	}
	assert_true(calls >= 1001 / 4 / 10); // of several lists it was last in one
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(fixture->end_of[i], 0);
	give_back(fixture);
}

// However the clock jumps, a call makes no more than 64 slots come up; the flows in them wait no longer than a turn of
// calls.
static void far_jump_of_the_clock_is_worked_off_over_several_calls(void **state)
{
	struct fixture *fixture = make(CAPACITY);
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		add(fixture, FLOW_UDP_REPLIED, false, i * TICK);
	for (unsigned ended = 0, n; ended < 1000; ended += n, calls++) {
		n = advance_by(fixture, 3 * TURN, ALL);
		assert_true(n <= 64);
		assert_true(calls <= CALLS_A_TURN);
	}
	give_back(fixture);
}

static void far_jump_of_the_clock_ends_all_at_the_cost_of_a_turn(void **state)
{
	struct fixture *fixture = make(CAPACITY);

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		add(fixture, i % 2 ? FLOW_TCP_ESTABLISHED : FLOW_UDP_REPLIED, false, i * 97);
	assert_int_equal(advance(fixture, UINT64_MAX / 2), 2000); // slot by slot this would take years
	assert_int_equal(advance(fixture, UINT64_MAX), 0);
	give_back(fixture);
}

static void clock_that_went_back_ends_nothing_and_goes_on_from_there(void **state)
{
	struct fixture *fixture = make(100);
	uint64_t far = 1ull << 60;

	(void)state;
	advance(fixture, far);
	add(fixture, FLOW_UDP_REPLIED, false, far);
	assert_int_equal(advance(fixture, 5000), 0);
	add(fixture, FLOW_UDP_REPLIED, false, 5000);
	add(fixture, FLOW_UDP_UNREPLIED, true, 5000);
	assert_int_equal(advance(fixture, 5000 + UDP_TIMEOUT), 1);
	assert_int_equal(advance(fixture, 5000 + REPLIED_TIMEOUT + TICK), 1);
	assert_int_equal(fixture->end_of[1], 1 + FLOW_END_TIMEOUT);
	assert_int_equal(fixture->end_of[0], 0);
	assert_int_equal(advance(fixture, far + REPLIED_TIMEOUT + TURN), 1);
	give_back(fixture);
}

static void end_tells_why_and_takes_the_flow_out_of_its_list(void **state)
{
	struct fixture *fixture = make(100);
	uint32_t answered = add(fixture, FLOW_UDP_REPLIED, false, 0), embryonic = add(fixture, FLOW_UDP_UNREPLIED, true, 0);

	(void)state;
	add(fixture, FLOW_UDP_UNREPLIED, true, 0);
	ageing_end(fixture->ageing, answered, FLOW_END_DENIED);
	ageing_end(fixture->ageing, embryonic, FLOW_END_CLOSED);
	assert_int_equal(fixture->ended[FLOW_END_DENIED], 1);
	assert_int_equal(fixture->ended[FLOW_END_CLOSED], 1);
	assert_int_equal(ageing_embryonic(fixture->ageing), 1);
	assert_int_equal(advance(fixture, TURN), 1);
	assert_int_equal(used(fixture), 0);
	give_back(fixture);
}

static void end_of_the_run_ends_every_flow_wherever_it_waits(void **state)
{
	struct fixture *fixture = make(1000);

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		add(fixture, FLOW_UDP_REPLIED, false, i);
		add(fixture, i % 2 ? FLOW_TCP_SYN_SENT : FLOW_OTHER_UNREPLIED, true, i);
	}
	advance_by(fixture, REPLIED_TIMEOUT - 1, 100); // some are between the wheel and their end
	ageing_end_all(fixture->ageing, FLOW_END_RUN);
	assert_int_equal(fixture->ended[FLOW_END_RUN] + fixture->ended[FLOW_END_TIMEOUT], 1000);
	assert_int_equal(used(fixture), 0);
	assert_int_equal(ageing_embryonic(fixture->ageing), 0);
	give_back(fixture);
}

static void mixed_load_ends_no_flow_early_and_none_later_than_promised(void **state)
{
	struct fixture *fixture = make(CAPACITY);
	static uint32_t flow_of[CAPACITY];
	unsigned random = 7;
	uint64_t now = 1000000;

	(void)state;
	for (unsigned i = 0; i < CAPACITY - 1; i++)
		flow_of[i] = add(fixture, i % 3 ? FLOW_UDP_UNREPLIED : FLOW_UDP_REPLIED, i % 3, now);
	for (unsigned step = 0; step < 3000; step++) {
		now += (random >> 8) % 50;
		for (unsigned k = 0; k < 20; k++) {
			unsigned i = (random = random * 1664525 + 1013904223) >> 8;

			i %= CAPACITY - 1;
			if (fixture->end_of[i] == 0)
				hot(fixture, flow_of[i])->last_seen = now;
		}
		advance(fixture, now);
		for (unsigned i = step % 16; i < CAPACITY - 1; i += 16) {
			uint64_t late = i % 3 ? UDP_TIMEOUT + UDP_TIMEOUT / 4 : TICK;

			if (fixture->end_of[i] == 0)
				assert_false(ageing_expired(fixture->ageing, hot(fixture, flow_of[i]), now - late));
		}
	}
	assert_in_range(fixture->ended[FLOW_END_TIMEOUT], 1000, CAPACITY - 1);
	give_back(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(answered_flow_ends_within_a_slot_after_its_timeout),
		cmocka_unit_test(expiry_is_exact_whatever_the_wheel_did),
		cmocka_unit_test(touched_flow_lives_on),
		cmocka_unit_test(timeout_of_many_turns_is_kept),
		cmocka_unit_test(shorter_timeout_counts_within_a_slot_if_told_else_within_a_turn),
		cmocka_unit_test(embryonic_flows_end_at_their_own_timeouts),
		cmocka_unit_test(quota_pushes_out_the_oldest_embryonic_flow_and_no_other),
		cmocka_unit_test(answer_takes_a_flow_out_of_the_quota),
		cmocka_unit_test(full_table_gets_room_from_embryonic_flows_only),
		cmocka_unit_test(sender_that_goes_on_unanswered_does_not_hold_up_those_behind_it),
		cmocka_unit_test(small_budget_ends_everything_in_the_end),
		cmocka_unit_test(flood_of_embryonic_flows_does_not_starve_the_wheel),
		cmocka_unit_test(call_ends_as_many_flows_as_it_may_and_no_more),
		cmocka_unit_test(flow_that_is_found_alive_counts_as_looked_at),
		cmocka_unit_test(far_jump_of_the_clock_is_worked_off_over_several_calls),
		cmocka_unit_test(far_jump_of_the_clock_ends_all_at_the_cost_of_a_turn),
		cmocka_unit_test(clock_that_went_back_ends_nothing_and_goes_on_from_there),
		cmocka_unit_test(end_tells_why_and_takes_the_flow_out_of_its_list),
		cmocka_unit_test(end_of_the_run_ends_every_flow_wherever_it_waits),
		cmocka_unit_test(mixed_load_ends_no_flow_early_and_none_later_than_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
