// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "control/stats.h"
#include "tests/unit/fake_runtime.h"

enum { PACKETS = 32 };

// net_null makes packets of its own.
static void receive(struct rte_mempool *pool)
{
	struct rte_mbuf *packets[PACKETS];
	const struct rte_eth_conf conf = { 0 };
	assert_int_equal(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(0), 0);
	assert_int_equal(rte_eth_rx_burst(0, 0, packets, PACKETS), PACKETS);
	rte_pktmbuf_free_bulk(packets, PACKETS);
}

static int start_eal(void **state)
{
	static char *arguments[] = { "test_stats", "--no-huge", "-m", "64", "--no-pci", "--no-shconf", "--no-telemetry",
		"--file-prefix=test_stats", "-l", "0", "--log-level=error", "--vdev=net_null0" };
	if (rte_eal_init(sizeof(arguments) / sizeof(*arguments), arguments) < 0)
		return -1;
	struct rte_mempool *pool = rte_pktmbuf_pool_create("p", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	*state = pool;
	return pool ? 0 : -1;
}

static int end_eal(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

static json_int_t number_at(const json_t *array, size_t position, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(array, position), key));
}

static void an_interface_that_is_not_open_does_not_show_the_counters_of_another(void **state)
{
	static struct fake_runtime fake;
	fake_runtime_fill(&fake, 1);
	receive(*state);
	fake.runtime.interface_count = 2;
	fake.runtime.interfaces[0].open = true; // both have port 0: the one's, and none
	json_t *all = stats_interfaces(&fake.runtime);
	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(number_at(all, 0, "rx_packets"), PACKETS);
	assert_true(json_is_true(json_object_get(json_array_get(all, 0), "link_up")));
	assert_int_equal(number_at(all, 1, "rx_packets"), 0);
	assert_false(json_is_true(json_object_get(json_array_get(all, 1), "link_up")));
	json_decref(all);
	fake_runtime_free(&fake);
}

static void latency_is_told_by_handler_over_all_workers(void **state)
{
	(void)state;
	enum { HANDLERS = 2 };
	static struct fake_runtime fake;
	fake_runtime_fill(&fake, 2);
	fake_runtime_handler(&fake, "web");
	fake_runtime_handler(&fake, "rest");
	fake.runtime.options.latency = 100;
	for (unsigned i = 0; i < 2; i++) {
		fake.workers[i].latency = calloc(1, latency_meter_bytes(HANDLERS));
		fake.workers[i].latency->handlers = HANDLERS;
		latency_add(&fake.workers[i].latency->of[1], i ? rte_get_tsc_hz() / 1000 : 0);
	}
	latency_add(&fake.workers[1].latency->of[HANDLERS], rte_get_tsc_hz() / 1000000);
	json_t *told = stats_latency(&fake.runtime), *handlers = json_object_get(told, "handlers");
	const json_t *forwarded = json_object_get(told, "forwarded");
	assert_int_equal(json_integer_value(json_object_get(told, "one_in")), 100);
	assert_int_equal(json_array_size(handlers), 2);
	assert_int_equal(number_at(handlers, 0, "packets"), 0);
	assert_int_equal(number_at(handlers, 1, "packets"), 2);
	assert_int_equal(number_at(handlers, 1, "p50_ns"), 0);
	assert_in_range(number_at(handlers, 1, "p99_ns"), 999000, 1000000);
	assert_in_range(number_at(handlers, 1, "max_ns"), 999000, 1000000);
	assert_int_equal(json_array_size(json_object_get(json_array_get(handlers, 1), "distribution")), 2);
	assert_int_equal(json_integer_value(json_object_get(forwarded, "packets")), 1);
	assert_in_range(json_integer_value(json_object_get(forwarded, "max_ns")), 999, 1000);
	json_decref(told);
	for (unsigned i = 0; i < 2; i++)
		free(fake.workers[i].latency);
	fake_runtime_free(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latency_is_told_by_handler_over_all_workers),
		cmocka_unit_test(an_interface_that_is_not_open_does_not_show_the_counters_of_another),
	};
	return cmocka_run_group_tests(tests, start_eal, end_eal);
}
