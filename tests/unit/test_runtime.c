// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_launch.h>

#include "control/runtime.h"
#include "control/workers.h"

enum { WORKERS = 3 };

// Stand in for DPDK's: the executable's own come before the library's.
int rte_eal_remote_launch(lcore_function_t *run, void *worker, unsigned lcore)
{
	(void)run;
	if (lcore == mock_type(unsigned))
		return -EBUSY;
	atomic_store(&((struct worker *)worker)->running, true);
	return 0;
}

void rte_eal_mp_wait_lcore(void)
{
	function_called();
}

static int set_up(void **state)
{
	struct runtime *runtime = calloc(1, sizeof(*runtime));
	runtime->worker_count = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		runtime->workers[i] = aligned_alloc(_Alignof(struct worker), sizeof(struct worker));
		memset(runtime->workers[i], 0, sizeof(struct worker));
		runtime->workers[i]->lcore = i + 1;
	}
	*state = runtime;
	return 0;
}

static int tear_down(void **state)
{
	struct runtime *runtime = *state;
	for (unsigned i = 0; i < WORKERS; i++)
		free(runtime->workers[i]);
	free(runtime);
	return 0;
}

static void workers_that_are_launched_run(void **state)
{
	struct runtime *runtime = *state;
	struct error error = { "" };
	will_return_count(rte_eal_remote_launch, 0, WORKERS);
	assert_int_equal(runtime_launch(runtime, &error), 0);
	assert_true(runtime->workers_running);
	assert_false(atomic_load(&runtime->workers[WORKERS - 1]->stop));
}

static void a_worker_that_cannot_be_launched_is_an_error_and_the_others_end(void **state)
{
	struct runtime *runtime = *state;
	struct error error = { "" };
	will_return_count(rte_eal_remote_launch, 2, 2);
	expect_function_call(rte_eal_mp_wait_lcore);
	assert_int_equal(runtime_launch(runtime, &error), -1);
	assert_string_equal(error.text, "worker 1 can't be launched on lcore 2: Device or resource busy");
	assert_false(runtime->workers_running);
	assert_true(atomic_load(&runtime->workers[0]->stop));
}

// A worker more needs room for what it has in hand, not as much again as all others.
static void memory_of_a_replay_grows_with_its_workers_not_with_their_square(void **state)
{
	(void)state;
	const struct runtime_options replay = { .mode = RUNTIME_REPLAY };
	struct config config;
	assert_int_equal(config_default(&config, NULL), 0);
	size_t one = workers_heap_megabytes(&config, &replay, 1), all = workers_heap_megabytes(&config, &replay, 64);
	assert_true(all - one < 64 * 8);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_a_replay_grows_with_its_workers_not_with_their_square),
		cmocka_unit_test_setup_teardown(workers_that_are_launched_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_worker_that_cannot_be_launched_is_an_error_and_the_others_end, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
