// SPDX-License-Identifier: BSD-3-Clause
// How much a call does, and what it does when the clock jumps.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/ageing_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_budget_ends_everything_in_the_end),
		cmocka_unit_test(flood_of_embryonic_flows_does_not_starve_the_wheel),
		cmocka_unit_test(call_ends_as_many_flows_as_it_may_and_no_more),
		cmocka_unit_test(flow_that_is_found_alive_counts_as_looked_at),
		cmocka_unit_test(far_jump_of_the_clock_is_worked_off_over_several_calls),
		cmocka_unit_test(far_jump_of_the_clock_ends_all_at_the_cost_of_a_turn),
		cmocka_unit_test(clock_that_went_back_ends_nothing_and_goes_on_from_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
