// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_thash.h>

#include "dataplane/interface.h"

enum { FRAMES = 5, FRAME_BYTES = 60, POOL_MBUFS = 8191 };

struct world {
	struct rte_mempool *pool;
	char capture[64];
	char folder[32];
};

static struct rte_mempool *pool_of(void *context, uint16_t queue)
{
	(void)queue;
	return ((struct world *)context)->pool;
}

static void write_capture(const char *file)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(dead, file);
	uint8_t frame[FRAME_BYTES] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00 };
	struct pcap_pkthdr header = { .caplen = FRAME_BYTES, .len = FRAME_BYTES };
	for (unsigned i = 0; i < FRAMES; i++)
		pcap_dump((u_char *)dumper, &header, frame);
	pcap_dump_close(dumper);
	pcap_close(dead);
}

static int world_set_up(void **state)
{
	static struct world world = { .folder = "/tmp/portier-test-XXXXXX" };
	char name[] = "test_interface", prefix[64];
	char *arguments[] = { name, (char[]){ "--no-huge" }, (char[]){ "-m" }, (char[]){ "64" }, (char[]){ "--no-pci" },
		(char[]){ "--no-shconf" }, (char[]){ "--no-telemetry" }, (char[]){ "--log-level=3" }, prefix,
		(char[]){ "--lcores=0" } };
	snprintf(prefix, sizeof(prefix), "--file-prefix=test_interface_%d", (int)getpid());
	if (rte_eal_init(sizeof(arguments) / sizeof(*arguments), arguments) < 0)
		return -1;
	world.pool = rte_pktmbuf_pool_create("test", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!world.pool || !mkdtemp(world.folder))
		return -1;
	snprintf(world.capture, sizeof(world.capture), "%s/in.pcap", world.folder);
	write_capture(world.capture);
	*state = &world;
	return 0;
}

static int world_tear_down(void **state)
{
	struct world *world = *state;
	char file[96];
	snprintf(file, sizeof(file), "%s/out.pcap", world->folder);
	unlink(file);
	unlink(world->capture);
	rmdir(world->folder);
	rte_mempool_free(world->pool);
	rte_eal_cleanup();
	return 0;
}

static int open_device(struct world *world, const char *device, unsigned workers, struct interface *interface,
		       char error[INTERFACE_ERROR_MAX])
{
	struct interface_params params = { .name = "wan0", .device = device, .workers = (uint16_t)workers,
		.pool = pool_of, .context = world, .promiscuous = true };
	error[0] = '\0';
	return interface_open(interface, &params, error);
}

static void must_open(struct world *world, const char *device, unsigned workers, struct interface *interface)
{
	char error[INTERFACE_ERROR_MAX];
	int result = open_device(world, device, workers, interface, error);
	if (result != 0)
		fail_msg("%s: %d %s", device, result, error);
}

static unsigned ports(void)
{
	return rte_eth_dev_count_total();
}

static void device_opens_closes_and_opens_again(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		struct interface interface;
		must_open(*state, "net_null7", 1, &interface);
		assert_string_equal(interface.name, "wan0");
		assert_string_equal(interface.driver, "net_null");
		assert_int_equal(interface.rx_queues, 1);
		assert_int_equal(interface.steering, STEER_NONE);
		assert_true(interface.rx_descriptors > 0);
		struct rte_mbuf *mbuf[4];
		uint16_t got = rte_eth_rx_burst(interface.port_id, 0, mbuf, 4);
		assert_int_equal(got, 4);
		rte_pktmbuf_free_bulk(mbuf, got);
		interface_close(&interface);
		interface_close(&interface); // twice is harmless
		assert_int_equal(ports(), 0);
	}
}

static void device_that_claims_rss_but_does_not_hash_is_steered_in_software(void **state)
{
	struct interface interface;
	must_open(*state, "net_null0", 3, &interface);
	assert_int_equal(interface.rx_queues, 3);
	assert_int_equal(interface.tx_queues, 3);
	assert_int_equal(interface.steering, STEER_SOFTWARE);
	assert_non_null(strstr(interface.steering_text, "does not hash"));
	interface_close(&interface);
}

static void device_that_is_trusted_to_steer_needs_a_queue_for_each_worker(void **state)
{
	struct interface interface;
	char error[INTERFACE_ERROR_MAX];
	struct interface_params params = { .name = "wan0", .device = "net_null0", .workers = 3, .device_steers = true,
		.pool = pool_of, .context = *state };
	assert_int_equal(interface_open(&interface, &params, error), 0);
	assert_int_equal(interface.steering, STEER_DEVICE);
	assert_non_null(strstr(interface.steering_text, "not verified"));
	interface_close(&interface);
	params.queues = 2;
	assert_int_equal(interface_open(&interface, &params, error), -ENOTSUP);
	assert_non_null(strstr(error, "2 rx queues, expected one for each of 3 workers"));
	assert_int_equal(ports(), 0);
	params.workers = 1;
	assert_int_equal(interface_open(&interface, &params, error), 0);
	assert_int_equal(interface.steering, STEER_NONE);
	interface_close(&interface);
}

static void queues_asked_for_are_bounded_by_workers(void **state)
{
	static const struct {
		uint16_t queues, workers, expect;
	} cases[] = { { 2, 3, 2 }, { 5, 3, 3 }, { 1, 3, 1 }, { 0, 1, 1 }, { 0, 2, 2 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct interface interface;
		char error[INTERFACE_ERROR_MAX];
		struct interface_params params = { .name = "wan0", .device = "net_null0", .workers = cases[i].workers,
			.queues = cases[i].queues, .pool = pool_of, .context = *state };
		assert_int_equal(interface_open(&interface, &params, error), 0);
		assert_int_equal(interface.rx_queues, cases[i].expect);
		interface_close(&interface);
	}
}

static void capture_is_read_to_its_end_and_file_is_written(void **state)
{
	struct world *world = *state;
	struct interface interface;
	struct rte_mbuf *mbuf[32];
	char device[256], error[PCAP_ERRBUF_SIZE], out[128];
	snprintf(out, sizeof(out), "%s/out.pcap", world->folder);
	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,tx_pcap=%s", world->capture, out);
	must_open(world, device, 2, &interface);
	assert_int_equal(interface.rx_queues, 1);
	assert_int_equal(interface.steering, STEER_SOFTWARE);
	assert_non_null(strstr(interface.steering_text, "fewer queues than workers"));
	uint16_t got = rte_eth_rx_burst(interface.port_id, 0, mbuf, 32);
	assert_int_equal(got, FRAMES);
	assert_int_equal(rte_eth_tx_burst(interface.port_id, 0, mbuf, got), FRAMES);
	interface_close(&interface);
	struct pcap_pkthdr *header;
	const u_char *bytes;
	pcap_t *pcap = pcap_open_offline(out, error);
	assert_non_null(pcap);
	for (unsigned i = 0; i < FRAMES; i++)
		assert_int_equal(pcap_next_ex(pcap, &header, &bytes), 1);
	assert_int_equal(pcap_next_ex(pcap, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

static void file_that_is_only_written_opens(void **state)
{
	struct world *world = *state;
	struct interface interface;
	char device[256];
	snprintf(device, sizeof(device), "net_pcap1,tx_pcap=%s/out.pcap", world->folder);
	must_open(world, device, 1, &interface);
	struct rte_mbuf *mbuf;
	assert_int_equal(rte_eth_rx_burst(interface.port_id, 0, &mbuf, 1), 0);
	interface_close(&interface);
}

static void file_that_is_only_read_opens(void **state)
{
	struct world *world = *state;
	struct interface interface;
	struct rte_mbuf *mbuf[32];
	char device[256];
	snprintf(device, sizeof(device), "net_pcap2,rx_pcap=%s", world->capture);
	must_open(world, device, 1, &interface);
	uint16_t got = rte_eth_rx_burst(interface.port_id, 0, mbuf, 32);
	assert_int_equal(got, FRAMES);
	rte_pktmbuf_free_bulk(mbuf, got);
	interface_close(&interface);
}

static void ring_gives_back_what_was_sent(void **state)
{
	struct world *world = *state;
	struct interface interface;
	must_open(world, "net_ring0", 1, &interface);
	assert_string_equal(interface.driver, "net_ring");
	struct rte_mbuf *sent = rte_pktmbuf_alloc(world->pool), *got = NULL;
	rte_pktmbuf_append(sent, FRAME_BYTES);
	assert_int_equal(rte_eth_tx_burst(interface.port_id, 0, &sent, 1), 1);
	assert_int_equal(rte_eth_rx_burst(interface.port_id, 0, &got, 1), 1);
	assert_ptr_equal(sent, got);
	rte_pktmbuf_free(got);
	uint32_t speed;
	assert_true(interface_link_up(&interface, &speed));
	interface_close(&interface);
	assert_false(interface_link_up(&interface, &speed));
	assert_int_equal(speed, 0);
}

static void device_in_use_is_refused_and_stays_in_use(void **state)
{
	struct interface first, second;
	char error[INTERFACE_ERROR_MAX];
	must_open(*state, "net_null0", 1, &first);
	assert_int_equal(open_device(*state, "net_null0,copy=1", 1, &second, error), -EBUSY);
	assert_non_null(strstr(error, "in use by 'wan0' already"));
	interface_close(&second);
	struct rte_mbuf *mbuf;
	assert_int_equal(rte_eth_rx_burst(first.port_id, 0, &mbuf, 1), 1);
	rte_pktmbuf_free(mbuf);
	interface_close(&first);
}

static void two_devices_of_one_driver_are_two(void **state)
{
	struct interface first, second;
	must_open(*state, "net_null1", 1, &first);
	must_open(*state, "net_null10", 1, &second);
	assert_int_not_equal(first.port_id, second.port_id);
	interface_close(&first);
	interface_close(&second);
	assert_int_equal(ports(), 0);
}

static void every_failure_says_what_to_do_and_leaves_nothing(void **state)
{
	static const struct {
		const char *device, *contains;
	} cases[] = {
		{ "ffff:1f:1f.7", "there is no PCI device ffff:1f:1f.7" },
		{ "net_nosuch0", "driver of this DPDK" },
		{ "nonsense", "'nonsense' is no device, expected a PCI address" },
		{ "lo", "'lo' is a kernel interface, expected a DPDK device: net_af_packet0,iface=lo" },
		{ "", "no device" },
		{ "net_af_packet0", "names no kernel interface" },
		{ "net_af_packet0,iface=nosuchif0", "there is no kernel interface 'nosuchif0'" },
		{ "net_tap0,iface=this_name_is_too_long", "too long, expected at most 15" },
		{ "net_pcap0,rx_pcap=/nonexistent.pcap", "'/nonexistent.pcap' can't be read: No such file" },
		{ "net_pcap0,rx_iface=nosuchif0", "there is no kernel interface 'nosuchif0'" },
		{ "net_null0,nosuch=1", "arguments" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct interface interface;
		char error[INTERFACE_ERROR_MAX];
		int result = open_device(*state, cases[i].device, 1, &interface, error);
		if (result >= 0 || !strstr(error, cases[i].contains))
			fail_msg("%s: %d '%s', expected: %s", cases[i].device, result, error, cases[i].contains);
		assert_int_equal(ports(), 0);
		interface_close(&interface);
	}
}

static struct rte_mempool *no_pool(void *context, uint16_t queue)
{
	(void)context;
	(void)queue;
	return NULL;
}

static void failure_half_way_gives_the_device_back(void **state)
{
	struct interface interface;
	char error[INTERFACE_ERROR_MAX];
	struct interface_params params = { .name = "wan0", .device = "net_null0", .workers = 1, .pool = no_pool };
	assert_int_equal(interface_open(&interface, &params, error), -ENOMEM);
	assert_non_null(strstr(error, "more memory"));
	assert_int_equal(ports(), 0);
	params = (struct interface_params){ .name = "wan0", .device = "net_null0", .workers = 1, .pool = pool_of,
		.context = *state, .mtu = 10 };
	assert_true(interface_open(&interface, &params, error) < 0);
	assert_non_null(strstr(error, "mtu 10 "));
	assert_int_equal(ports(), 0);
	must_open(*state, "net_null0", 1, &interface);
	interface_close(&interface);
}

static void mtu_as_told_is_the_interfaces(void **state)
{
	struct interface interface;
	char error[INTERFACE_ERROR_MAX];
	struct interface_params params = { .name = "wan0", .device = "net_null0", .workers = 1, .pool = pool_of,
		.context = *state, .mtu = 1400 };
	assert_int_equal(interface_open(&interface, &params, error), 0);
	assert_int_equal(interface.mtu, 1400);
	interface_close(&interface);
	must_open(*state, "net_null0", 1, &interface);
	assert_int_equal(interface.mtu, 1500);
	interface_close(&interface);
}

// Without a device: what a NIC with the repeated key would do.
static struct interface nic(const uint8_t *key, unsigned queues, uint64_t types)
{
	struct interface interface = { .rss_key_length = 40, .reta_size = 128, .rss_types = types };
	for (unsigned i = 0; i < 40; i++)
		interface.rss_key[i] = key ? key[i] : i % 2 ? 0x5a : 0x6d;
	for (unsigned i = 0; i < 128; i++)
		interface.reta[i] = (uint16_t)(i % queues);
	return interface;
}

static const uint64_t types_tcp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;

// Microsoft's key and test vectors, "Verifying the RSS hash calculation".
static const uint8_t microsoft_key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43,
	0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

static void repeated_key_is_symmetric_and_others_are_not(void **state)
{
	(void)state;
	struct interface good = nic(NULL, 4, types_tcp), bad = nic(microsoft_key, 4, types_tcp);
	assert_true(interface_rss_symmetric(&good, 10000));
	assert_false(interface_rss_symmetric(&bad, 10000));
	good.reta_size = 0;
	assert_false(interface_rss_symmetric(&good, 1));
}

static void owner_is_what_microsofts_vectors_say(void **state)
{
	(void)state;
	// 66.9.149.187:2794 -> 161.142.100.80:1766: 0x51ccc178 with ports, 0x323e8fc2 without.
	struct flow_key key = { .family = FAMILY_IP4, .protocol = IPPROTO_TCP,
		.address = { { { 66, 9, 149, 187 } }, { { 161, 142, 100, 80 } } },
		.port = { rte_cpu_to_be_16(2794), rte_cpu_to_be_16(1766) } };
	struct interface interface = nic(microsoft_key, 128, types_tcp);
	assert_int_equal(interface_rss_owner(&interface, &key), 0x51ccc178 % 128);
	interface.rss_types = RTE_ETH_RSS_IPV4;
	assert_int_equal(interface_rss_owner(&interface, &key), 0x323e8fc2 % 128);
	// 3ffe:2501:200:1fff::7:2794 -> 3ffe:2501:200:3::1:1766: 0x40207d3d with ports, 0x2cc18cd5 without.
	struct flow_key six = { .family = FAMILY_IP6, .protocol = IPPROTO_TCP,
		.address = { { { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 } },
			{ { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1 } } },
		.port = { rte_cpu_to_be_16(2794), rte_cpu_to_be_16(1766) } };
	assert_int_equal(interface_rss_owner(&interface, &six), 0x2cc18cd5 % 128);
	interface.rss_types = types_tcp;
	assert_int_equal(interface_rss_owner(&interface, &six), 0x40207d3d % 128);
}

static void owner_spreads_flows_over_all_queues(void **state)
{
	(void)state;
	struct interface interface = nic(NULL, 4, types_tcp);
	unsigned flows[4] = { 0 };
	for (unsigned i = 0; i < 4000; i++) {
		struct flow_key key = { .family = FAMILY_IP4, .protocol = IPPROTO_TCP,
			.address = { { { 10, 0, 0, 1 } }, { { 192, 0, 2, 1 } } },
			.port = { rte_cpu_to_be_16((uint16_t)(10000 + i)), rte_cpu_to_be_16(80) } };
		flows[interface_rss_owner(&interface, &key)]++;
	}
	for (unsigned q = 0; q < 4; q++)
		assert_in_range(flows[q], 600, 1400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_opens_closes_and_opens_again),
		cmocka_unit_test(device_that_claims_rss_but_does_not_hash_is_steered_in_software),
		cmocka_unit_test(device_that_is_trusted_to_steer_needs_a_queue_for_each_worker),
		cmocka_unit_test(queues_asked_for_are_bounded_by_workers),
		cmocka_unit_test(capture_is_read_to_its_end_and_file_is_written),
		cmocka_unit_test(file_that_is_only_written_opens),
		cmocka_unit_test(file_that_is_only_read_opens),
		cmocka_unit_test(ring_gives_back_what_was_sent),
		cmocka_unit_test(device_in_use_is_refused_and_stays_in_use),
		cmocka_unit_test(two_devices_of_one_driver_are_two),
		cmocka_unit_test(every_failure_says_what_to_do_and_leaves_nothing),
		cmocka_unit_test(failure_half_way_gives_the_device_back),
		cmocka_unit_test(mtu_as_told_is_the_interfaces),
		cmocka_unit_test(repeated_key_is_symmetric_and_others_are_not),
		cmocka_unit_test(owner_is_what_microsofts_vectors_say),
		cmocka_unit_test(owner_spreads_flows_over_all_queues),
	};
	return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
