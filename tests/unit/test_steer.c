// SPDX-License-Identifier: BSD-3-Clause
// Two workers, of whom each gives the other the packets of its flows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_worker.h"

static void drain_inbox(struct worker *at)
{
	struct burst *burst = at->burst;
	unsigned count;
	while ((count = rte_ring_sc_dequeue_burst(at->inbox, (void **)burst->mbuf, BURST_MAX, NULL))) {
		for (unsigned i = 0; i < count; i++) {
			traffic_add(&at->counters.passed_in, burst->mbuf[i]->pkt_len);
			burst->time[i] = bench->now;
			burst->interface[i] = packet_note(burst->mbuf[i])->interface;
		}
		burst->from_inbox = true;
		burst->capture = false;
		burst_run(at, count);
		egress_flush(at);
	}
}

static void both_directions_of_a_flow_meet_on_one_worker(void **state)
{
	(void)state;
	struct worker *one = bench->runtime.workers[0], *other = bench->runtime.workers[1];
	for (unsigned round = 0; round < 8; round++) {
		receive(one, LINK, BURST_MAX, random_udp);
		receive(other, LINK, BURST_MAX, random_udp);
		drain_inbox(one);
		drain_inbox(other);
	}
	assert_int_equal(one->counters.flows_opened + other->counters.flows_opened, BURST_MAX);
	assert_true(one->counters.flows_opened > 0 && other->counters.flows_opened > 0);
	assert_int_equal(one->counters.passed_out.packets, other->counters.passed_in.packets);
	assert_int_equal(other->counters.passed_out.packets, one->counters.passed_in.packets);
	assert_int_equal(one->counters.handed.packets + other->counters.handed.packets, 16 * BURST_MAX);
}

static void full_inbox_drops_by_name(void **state)
{
	(void)state;
	struct worker *one = bench->runtime.workers[0], *other = bench->runtime.workers[1];
	for (unsigned round = 0; round < 400; round++)
		receive(one, LINK, BURST_MAX, random_udp);
	assert_true(one->counters.drops[DROP_WORKER_RING_FULL].packets > 0);
	drain_inbox(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(both_directions_of_a_flow_meet_on_one_worker, set_up_two),
		WITH(full_inbox_drops_by_name, set_up_two),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
