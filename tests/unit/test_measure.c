// SPDX-License-Identifier: BSD-3-Clause
// Which packets' latency is entered, and for whom: bursts with some of their packets measured.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "tests/unit/fake_worker.h"

enum { COUNT = 0, TO_DEVICE = 1, REFLECT = 2, DROP = 3, FORWARDED = 4 };

static struct latency_meter *meter(unsigned worker)
{
	return bench->runtime.workers[worker]->latency;
}

static uint64_t measured(unsigned worker, unsigned handler)
{
	return latency_packets(&meter(worker)->of[handler]);
}

static void switch_on(void)
{
	for (unsigned i = 0; i < bench->runtime.worker_count; i++) {
		struct latency_meter *made = calloc(1, latency_meter_bytes(FORWARDED));
		made->handlers = FORWARDED;
		made->sampler.one_in = 1;
		bench->runtime.workers[i]->latency = made;
	}
}

static int set_up_on(void **state)
{
	int status = set_up(state);
	switch_on();
	return status;
}

static int set_up_two_on(void **state)
{
	int status = set_up_two(state);
	switch_on();
	return status;
}

static int tear_down_on(void **state)
{
	for (unsigned i = 0; i < bench->runtime.worker_count; i++) {
		free(meter(i));
		bench->runtime.workers[i]->latency = NULL;
	}
	return tear_down(state);
}

#define WITH_LATENCY(name, set_up_fn) cmocka_unit_test_setup_teardown(name, set_up_fn, tear_down_on)

// Received so many ticks ago.
static void receive_measured(uint8_t interface, uint64_t ago, uint64_t which, unsigned count, frame_fn *fill)
{
	bench->now = rte_rdtsc() - ago;
	worker()->burst->measured = which;
	receive(worker(), interface, count, fill);
}

static uint16_t echo(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { WEB.source, WEB.destination, (uint16_t)(3000 + i), 7 };
	return frame_udp(frame, ends, 10);
}

static uint16_t discard(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { WEB.source, WEB.destination, (uint16_t)(3000 + i), 9 };
	return frame_udp(frame, ends, 10);
}

static uint16_t one_for_each(uint8_t *frame, unsigned i)
{
	frame_fn *const fill[] = { random_udp, dns_query, echo, discard };
	return fill[i % 4](frame, i);
}

static void consumed_packets_are_entered_for_their_handler(void **state)
{
	(void)state;
	receive_measured(LINK, 1000000, 0x5, 4, random_udp);
	assert_int_equal(measured(0, COUNT), 2);
	assert_true(meter(0)->of[COUNT].longest >= 1000000);
	for (unsigned other = TO_DEVICE; other <= FORWARDED; other++)
		assert_int_equal(measured(0, other), 0);
}

static void each_handler_of_a_burst_gets_its_own(void **state)
{
	(void)state;
	receive_measured(LINK, 1000, 0xff, 8, one_for_each);
	for (unsigned handler = COUNT; handler <= DROP; handler++)
		assert_int_equal(measured(0, handler), 2);
	assert_int_equal(measured(0, FORWARDED), 0);
}

static void packets_that_are_not_measured_are_not_entered(void **state)
{
	(void)state;
	receive_measured(LINK, 1000, 0, 8, one_for_each);
	for (unsigned handler = COUNT; handler <= FORWARDED; handler++)
		assert_int_equal(measured(0, handler), 0);
}

static void packets_that_rules_drop_are_not_entered(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP);
	receive_measured(LINK, 1000, 0xff, 8, one_for_each);
	for (unsigned handler = COUNT; handler <= FORWARDED; handler++)
		assert_int_equal(measured(0, handler), 0);
}

static void sent_packets_are_entered_when_the_device_took_them(void **state)
{
	(void)state;
	bench->tx_room = 3;
	receive_measured(LINK, 1000, 0xff, 8, echo);
	assert_int_equal(measured(0, REFLECT), 3);
	receive_measured(LINK, 1000, 0x80, 8, echo); // beyond what is taken
	assert_int_equal(measured(0, REFLECT), 3);
	receive_measured(LINK, 1000, 0x4, 8, echo);
	assert_int_equal(measured(0, REFLECT), 4);
}

static void what_a_device_returns_is_entered_as_forwarded(void **state)
{
	(void)state;
	receive_measured(LINK, 1000, 0, 1, dns_query);
	receive_measured(DEVICE, 1000, 1, 1, dns_reply);
	assert_int_equal(measured(0, FORWARDED), 1);
	assert_int_equal(measured(0, TO_DEVICE), 0);
}

// The packet's time goes with it, though the other worker stamps what it takes over anew.
static void a_packet_of_another_worker_is_measured_from_its_reception(void **state)
{
	(void)state;
	struct worker *other = bench->runtime.workers[1];
	receive_measured(LINK, 5000000, 0x5555555555555555, 64, random_udp);
	unsigned passed = rte_ring_dequeue_burst(other->inbox, (void **)other->burst->mbuf, BURST_MAX, NULL);
	assert_in_range(passed, 1, 63);
	for (unsigned i = 0; i < passed; i++) {
		other->burst->time[i] = rte_rdtsc();
		other->burst->interface[i] = LINK;
		traffic_add(&other->counters.passed_in, other->burst->mbuf[i]->pkt_len);
	}
	other->burst->measured = burst_passed_in(other->burst, passed);
	other->burst->from_inbox = true;
	burst_run(other, passed);
	assert_int_equal(measured(0, COUNT) + measured(1, COUNT), 32);
	assert_true(measured(1, COUNT) > 0);
	assert_true(latency_quantile(&meter(1)->of[COUNT], 1) >= 5000000);
}

// The same over the ring of a worker that has the tx queue.
static void a_packet_that_another_worker_sends_is_entered_there(void **state)
{
	(void)state;
	struct worker *other = bench->runtime.workers[1];
	struct rte_ring *ring = rte_ring_create("egress", 64, -1, RING_F_SC_DEQ);
	struct wiring mine = *worker()->wiring, its = *other->wiring;
	mine.wire[LINK] = (struct wire){ .kind = WIRE_RELAY, .ring = ring };
	its.wire[LINK].ring = ring;
	its.drains = 1u << LINK;
	bench->runtime.worker_count = 1; // all flows are worker 0's
	worker()->steers = false;
	worker()->wiring = &mine, other->wiring = &its;
	receive_measured(LINK, 5000000, 0x5, 8, echo);
	assert_int_equal(egress_flush(other), 8);
	assert_int_equal(measured(0, REFLECT), 0);
	assert_int_equal(measured(1, REFLECT), 2);
	assert_true(latency_quantile(&meter(1)->of[REFLECT], 1) >= 5000000);
	bench->runtime.worker_count = WORKERS;
	rte_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LATENCY(consumed_packets_are_entered_for_their_handler, set_up_on),
		WITH_LATENCY(each_handler_of_a_burst_gets_its_own, set_up_on),
		WITH_LATENCY(packets_that_are_not_measured_are_not_entered, set_up_on),
		WITH_LATENCY(packets_that_rules_drop_are_not_entered, set_up_on),
		WITH_LATENCY(sent_packets_are_entered_when_the_device_took_them, set_up_on),
		WITH_LATENCY(what_a_device_returns_is_entered_as_forwarded, set_up_on),
		WITH_LATENCY(a_packet_of_another_worker_is_measured_from_its_reception, set_up_two_on),
		WITH_LATENCY(a_packet_that_another_worker_sends_is_entered_there, set_up_two_on),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
