// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/ageing_fixture.h"

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
		cmocka_unit_test(end_tells_why_and_takes_the_flow_out_of_its_list),
		cmocka_unit_test(end_of_the_run_ends_every_flow_wherever_it_waits),
		cmocka_unit_test(mixed_load_ends_no_flow_early_and_none_later_than_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
