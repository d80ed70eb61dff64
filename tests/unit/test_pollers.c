// SPDX-License-Identifier: BSD-3-Clause
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/pollers.h"

enum { BYTES = 4096, A_WHILE_USEC = 20000 };

// Memory that the interrupt thread is to unmap.
struct region {
	void *address;
	atomic_bool unmapped;
};

static void unmap(void *argument)
{
	struct region *region = argument;
	munmap(region->address, BYTES);
	atomic_store(&region->unmapped, true);
}

static void unmap_in_interrupt_thread(struct region *region)
{
	region->address = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(region->address != MAP_FAILED);
	atomic_store(&region->unmapped, false);
	assert_int_equal(rte_eal_alarm_set(1, unmap, region), 0);
}

static void wait_until_unmapped(struct region *region)
{
	for (unsigned i = 0; i < 500 && !atomic_load(&region->unmapped); i++)
		usleep(A_WHILE_USEC);
	assert_true(atomic_load(&region->unmapped));
}

static struct rte_rcu_qsbr *make_online(unsigned count)
{
	struct rte_rcu_qsbr *pollers = pollers_make(count);
	assert_non_null(pollers);
	for (unsigned i = 0; i < count; i++) {
		rte_rcu_qsbr_thread_register(pollers, i);
		rte_rcu_qsbr_thread_online(pollers, i);
	}
	return pollers;
}

static void leave(struct rte_rcu_qsbr *pollers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		rte_rcu_qsbr_thread_offline(pollers, i);
		rte_rcu_qsbr_thread_unregister(pollers, i);
	}
	pollers_free(pollers);
}

static void interrupt_thread_unmaps_once_every_poller_is_quiescent(void **state)
{
	struct region region;
	struct rte_rcu_qsbr *pollers = make_online(2);
	(void)state;
	unmap_in_interrupt_thread(&region);
	usleep(A_WHILE_USEC);
	assert_false(atomic_load(&region.unmapped));
	*(volatile char *)region.address = 1;
	rte_rcu_qsbr_quiescent(pollers, 0);
	usleep(A_WHILE_USEC);
	assert_false(atomic_load(&region.unmapped));
	rte_rcu_qsbr_quiescent(pollers, 1);
	wait_until_unmapped(&region);
	leave(pollers, 2);
}

static void pollers_that_sleep_are_not_waited_for(void **state)
{
	struct region region;
	struct rte_rcu_qsbr *pollers = make_online(1);
	(void)state;
	rte_rcu_qsbr_thread_offline(pollers, 0);
	unmap_in_interrupt_thread(&region);
	wait_until_unmapped(&region);
	leave(pollers, 1);
}

static void nobody_is_waited_for_behind_the_last_poller(void **state)
{
	struct region region;
	(void)state;
	leave(make_online(1), 1);
	pollers_free(NULL);
	unmap_in_interrupt_thread(&region);
	wait_until_unmapped(&region);
}

static void other_threads_unmap_at_once(void **state)
{
	struct rte_rcu_qsbr *pollers = make_online(1);
	void *address = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)state;
	assert_int_equal(munmap(address, BYTES), 0);
	assert_int_equal(munmap((char *)address + 1, BYTES), -1); // as libc's: not at a page's beginning
	leave(pollers, 1);
}

static void libraries_find_this_munmap(void **state)
{
	(void)state;
	assert_ptr_equal(dlsym(RTLD_DEFAULT, "munmap"), (void *)(uintptr_t)munmap);
	assert_ptr_not_equal(dlsym(RTLD_NEXT, "munmap"), (void *)(uintptr_t)munmap);
}

static int world_set_up(void **state)
{
	char name[] = "test_pollers", prefix[64];
	char *arguments[] = { name, (char[]){ "--no-huge" }, (char[]){ "-m" }, (char[]){ "32" }, (char[]){ "--no-pci" },
		(char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" }, (char[]){ "--log-level=3" }, prefix,
		(char[]){ "--lcores=0" } };
	(void)state;
	snprintf(prefix, sizeof(prefix), "--file-prefix=test_pollers_%d", (int)getpid());
	return rte_eal_init(sizeof(arguments) / sizeof(*arguments), arguments) < 0 ? -1 : 0;
}

static int world_tear_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupt_thread_unmaps_once_every_poller_is_quiescent),
		cmocka_unit_test(pollers_that_sleep_are_not_waited_for),
		cmocka_unit_test(nobody_is_waited_for_behind_the_last_poller),
		cmocka_unit_test(other_threads_unmap_at_once),
		cmocka_unit_test(libraries_find_this_munmap),
	};
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
