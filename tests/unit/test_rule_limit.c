// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include <cmocka.h>

#include "dataplane/rule_match.h"

static const uint64_t second_ns = 1000000000;

struct limited {
	struct rule rule;
	struct rule_limit_state state;
};

static void limit_set(struct limited *limited, struct rule_limit limit)
{
	*limited = (struct limited){ .rule = { .limit = limit } };
	limited->rule.limit_state = &limited->state;
}

// How many of count packets that come at once match.
static unsigned taken(const struct limited *limited, unsigned count, uint64_t bytes, uint64_t now_ns)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < count; i++)
		sum += rule_limit_take(&limited->rule, bytes, now_ns);
	return sum;
}

static void burst_comes_at_once_and_then_the_rate(void **state)
{
	(void)state;
	struct limited limited;
	static const struct {
		uint64_t at_ms;
		unsigned taken;
	} cases[] = { { 10000, 3 }, { 10000, 0 }, { 10099, 0 }, { 10100, 1 }, { 10250, 1 }, { 10300, 1 }, { 99000, 3 } };
	limit_set(&limited, (struct rule_limit){ .rate = 10, .burst = 3, .period_sec = 1 });
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(taken(&limited, 100, 1500, cases[i].at_ms * 1000000), cases[i].taken);
}

static void burst_of_packets_is_five_where_none_is_given(void **state)
{
	(void)state;
	struct limited limited;
	limit_set(&limited, (struct rule_limit){ .rate = 1, .period_sec = 86400 });
	assert_int_equal(taken(&limited, 100, 60, second_ns), 5);
}

// nft: so many bytes beyond those of one period.
static void bytes_are_those_of_a_period_and_the_burst(void **state)
{
	(void)state;
	struct limited limited;
	limit_set(&limited, (struct rule_limit){ .rate = 10000, .burst = 5000, .period_sec = 1, .bytes = true });
	assert_int_equal(taken(&limited, 100, 1000, second_ns), 15);
	assert_int_equal(taken(&limited, 100, 1000, second_ns + second_ns / 2), 5);
	assert_int_equal(taken(&limited, 1, 20000, 100 * second_ns), 0); // larger than all that there is ever room for
	assert_int_equal(taken(&limited, 1, 15000, 100 * second_ns), 1);
}

static void over_matches_what_is_too_much(void **state)
{
	(void)state;
	struct limited limited;
	limit_set(&limited, (struct rule_limit){ .rate = 1, .burst = 7, .period_sec = 60, .over = true });
	assert_int_equal(taken(&limited, 10, 60, second_ns), 3);
	assert_int_equal(taken(&limited, 10, 60, 61 * second_ns), 9);
}

// Workers read their clocks a little apart.
static void clock_that_goes_back_a_little_gives_nothing_away(void **state)
{
	(void)state;
	struct limited limited;
	limit_set(&limited, (struct rule_limit){ .rate = 1, .burst = 2, .period_sec = 1 });
	assert_int_equal(taken(&limited, 10, 60, 10 * second_ns), 2);
	assert_int_equal(taken(&limited, 10, 60, 10 * second_ns - 1000), 0);
	assert_int_equal(taken(&limited, 10, 60, 11 * second_ns), 1);
}

static void extreme_rates_do_not_overflow(void **state)
{
	(void)state;
	struct limited limited;
	limit_set(&limited, (struct rule_limit){ .rate = 1, .burst = UINT64_MAX, .period_sec = 604800 });
	assert_int_equal(taken(&limited, 100, 60, second_ns), 100);
	limit_set(&limited, (struct rule_limit){ .rate = UINT64_MAX, .burst = UINT64_MAX, .period_sec = 1, .bytes = true });
	assert_int_equal(taken(&limited, 100, UINT64_MAX, second_ns), 1);
	limit_set(&limited, (struct rule_limit){ .rate = 1, .burst = 1, .period_sec = 604800, .bytes = true });
	assert_int_equal(taken(&limited, 100, UINT64_MAX, second_ns), 0);
}

enum { THREADS = 4, EACH = 50000, BURST = 30000 };

static void *take_many(void *context)
{
	return (void *)(uintptr_t)taken(context, EACH, 60, second_ns);
}

static void several_workers_together_get_exactly_the_burst(void **state)
{
	(void)state;
	struct limited limited;
	pthread_t thread[THREADS];
	uintptr_t sum = 0;
	limit_set(&limited, (struct rule_limit){ .rate = 1, .burst = BURST, .period_sec = 1 });
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, take_many, &limited), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *got;
		assert_int_equal(pthread_join(thread[i], &got), 0);
		sum += (uintptr_t)got;
	}
	assert_int_equal(sum, BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_comes_at_once_and_then_the_rate),
		cmocka_unit_test(burst_of_packets_is_five_where_none_is_given),
		cmocka_unit_test(bytes_are_those_of_a_period_and_the_burst),
		cmocka_unit_test(over_matches_what_is_too_much),
		cmocka_unit_test(clock_that_goes_back_a_little_gives_nothing_away),
		cmocka_unit_test(extreme_rates_do_not_overflow),
		cmocka_unit_test(several_workers_together_get_exactly_the_burst),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
