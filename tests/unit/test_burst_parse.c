// SPDX-License-Identifier: BSD-3-Clause
// The stage that parses a burst, against parse_any, which knows no straight line.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/datagram.h"
#include "tests/unit/fake_worker.h"
#include "tests/unit/random_frames.h"

enum { BURSTS = 20000, BURST_LARGEST = 6 }; // small: many are of one family

static unsigned packed_bursts, other_bursts, straight_bursts, dropped, swapped, tagged_in_key;

// A few of them with some byte of their headers changed, or cut off.
static uint16_t drawn_frame(uint8_t *frame)
{
	uint16_t length = random_frame(frame);

	if (random_below(&draws, 4) == 0)
		frame[random_below(&draws, 64)] ^= (uint8_t)(1 + random_below(&draws, 255));
	return random_below(&draws, 8) ? length : (uint16_t)(1 + random_below(&draws, length));
}

static unsigned receive_drawn(void)
{
	const unsigned count = 1 + random_below(&draws, BURST_LARGEST);

	for (unsigned i = 0; i < count; i++) {
		uint8_t frame[256] = { 0 };
		const uint16_t length = drawn_frame(frame);

		put_frame(i, frame, length, (uint8_t)(i % 2));
	}
	return count;
}

static void is_what_parse_any_says(const struct burst *burst, unsigned at)
{
	const struct rte_mbuf *mbuf = burst->mbuf[at];
	const struct parse_input input = { .frame = rte_pktmbuf_mtod(mbuf, const uint8_t *), .captured = mbuf->pkt_len,
		.on_wire = mbuf->pkt_len };
	struct fragment_info fragment;
	struct packet_meta want;

	memset(&want, 0xaa, sizeof(want));
	const enum drop_reason reason = parse_any(&input, &worker()->wiring->parse_options[burst->interface[at]], &want, &fragment);

	assert_int_equal(burst->length[at], mbuf->pkt_len);
	if (want.flags & PACKET_FRAGMENT)
		return; // its first has told its ports, or is not known
	assert_int_equal(burst->meta[at].reason, reason);
	dropped += reason != DROP_NONE;
	if (reason == DROP_NONE)
		assert_memory_equal(&burst->meta[at], &want, sizeof(want));
}

static void is_packed_if_all_fit(const struct burst *burst)
{
	bool fit = true;

	for (unsigned i = 0; i < burst->count; i++)
		fit &= !(burst->meta[i].flags & PACKET_FRAGMENT);
	for (unsigned i = 0; i < burst->live_count; i++)
		fit &= flow_key_fits_ip4(&burst->meta[burst->live[i]].key);
	assert_int_equal(burst->packed_count, fit ? burst->live_count : 0);
	for (unsigned i = 0; i < burst->packed_count; i++) {
		const struct flow_key4 want = flow_key_pack(&burst->meta[burst->live[i]].key);

		assert_memory_equal(&burst->packed[i], &want, sizeof(want));
	}
	packed_bursts += fit && burst->live_count > 1;
	straight_bursts += burst->flags == 0; // nobody left the straight line
	other_bursts += !fit;
}

static void any_frame_is_parsed_as_without_the_straight_line(void **state)
{
	struct burst *burst = worker()->burst;

	(void)state;
	for (unsigned round = 0; round < BURSTS; round++) {
		const unsigned count = receive_drawn();

		burst_begin(worker(), count);
		burst_parse(worker(), burst);
		for (unsigned i = 0; i < count; i++) {
			is_what_parse_any_says(burst, i);
			swapped += !!(burst->meta[i].flags & PACKET_SOURCE_IS_END1);
			tagged_in_key += burst->meta[i].key.vlan != 0;
		}
		is_packed_if_all_fit(burst);
		rte_pktmbuf_free_bulk(burst->mbuf, count);
	}
	assert_true(packed_bursts > BURSTS / 10 && other_bursts > BURSTS / 10 && straight_bursts > BURSTS / 20);
	assert_true(dropped > BURSTS / 10 && swapped > BURSTS / 10 && tagged_in_key > BURSTS / 100);
}

// Whether the keys were packed or not, whoever is looked up is found.
static void what_was_opened_is_found_packed_or_not(void **state)
{
	struct burst *burst = worker()->burst;
	unsigned found = 0;

	(void)state;
	for (unsigned round = 0; round < BURSTS / 20; round++) {
		const unsigned count = receive_drawn();

		burst_begin(worker(), count);
		burst_parse(worker(), burst);
		for (unsigned i = 0; i < burst->live_count; i += 2)
			if (flow_table_lookup(worker()->flows, &burst->meta[burst->live[i]].key) == FLOW_NONE)
				flow_table_insert(worker()->flows, &burst->meta[burst->live[i]].key);
		burst_look_up(worker(), burst);
		for (unsigned i = 0; i < burst->live_count; i++) {
			const uint32_t flow = flow_table_lookup(worker()->flows, &burst->meta[burst->live[i]].key);
			assert_int_equal(burst->flow[i], flow);
			found += flow != FLOW_NONE;
		}
		for (uint32_t flow = 0; flow < flow_table_bound(worker()->flows); flow++)
			if (flow_table_lives(worker()->flows, flow))
				flow_table_remove(worker()->flows, flow);
		rte_pktmbuf_free_bulk(burst->mbuf, count);
	}
	assert_true(found > BURSTS / 40);
}

// The tag is part of the key on one of the two interfaces.
static int set_up_trunk(void **state)
{
	static struct wiring wiring;

	if (set_up(state) != 0)
		return -1;
	wiring = *worker()->wiring;
	wiring.parse_options[1].vlan_in_key = true;
	worker()->wiring = &wiring;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(any_frame_is_parsed_as_without_the_straight_line, set_up_trunk),
		WITH(what_was_opened_is_found_packed_or_not, set_up_trunk),
	};
	draws = (uint64_t)getpid();
	print_message("seed %llu\n", (unsigned long long)draws);
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
