// SPDX-License-Identifier: BSD-3-Clause
// Two workers that get the same packets: the straight line for usual packets against the long way, which takes all packets where
// somebody wants to know of each; and bursts against packets one by one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/random.h"
#include "tests/unit/fake_worker.h"

enum { PAIRS = 96, BURSTS = 4000 }; // more than there may be embryonic flows: they push each other out

static uint64_t seed, number; // of the burst
static unsigned first;        // packet of it

static struct frame_ends ends_of(unsigned pair)
{
	static const uint16_t ports[] = { 80, 53, 7, 9, 4000, 60000 };
	struct frame_ends ends = { 0xc0a80100 + pair, 0xcb007132, (uint16_t)(900 + 2500 * pair), ports[pair % 6] };

	return pair % 5 == 4 ? frame_reverse(ends) : ends;
}

// Mostly what a connection in its midst sends, so that its state goes forth; and now and then anything.
static uint8_t flags_of(uint64_t *state)
{
	static const uint8_t rare[] = { SYN, SYN, SYN | ACK, RTE_TCP_FIN_FLAG | ACK, RTE_TCP_RST_FLAG, RTE_TCP_RST_FLAG | ACK, 0,
		RTE_TCP_PSH_FLAG | ACK };

	return random_below(state, 12) ? ACK : rare[random_below(state, sizeof(rare))];
}

// The same for both workers.
static uint16_t any_frame(uint8_t *frame, unsigned i)
{
	uint64_t state = seed + number * BURST_MAX + first + i;
	const uint32_t kind = random_below(&state, 32);
	struct frame_ends ends = ends_of(random_below(&state, PAIRS));
	const uint32_t sequence = 100 + (uint32_t)number * 10 + random_below(&state, 40), ack = sequence + random_below(&state, 9000);

	if (random_below(&state, 3) == 0)
		ends = frame_reverse(ends);
	if (kind == 0)
		return frame_unreachable(frame, ends);
	if (kind < 12)
		return frame_udp(frame, ends, (uint16_t)random_below(&state, 40));
	uint16_t length = frame_tcp(frame, ends, flags_of(&state), sequence, ack);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	if (kind == 12) { // a first fragment, or a later one
		ip->fragment_offset = htons(random_below(&state, 2) ? RTE_IPV4_HDR_MF_FLAG : 100);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	return length;
}

static void same_flow(const struct worker *straight, const struct worker *winding, unsigned pair, uint8_t protocol)
{
	uint32_t index[2] = { flow_of(straight, ends_of(pair), protocol), flow_of(winding, ends_of(pair), protocol) };

	assert_int_equal(index[0] == FLOW_NONE, index[1] == FLOW_NONE);
	if (index[0] == FLOW_NONE)
		return;
	assert_memory_equal(flow_table_flow(straight->flows, index[0]), flow_table_flow(winding->flows, index[1]), sizeof(struct flow));
	assert_int_equal(flow_table_cold(straight->flows, index[0])->word[0], flow_table_cold(winding->flows, index[1])->word[0]);
}

static void same_counters_and_flows(const struct worker *straight, const struct worker *winding)
{
	assert_memory_equal(&straight->counters, &winding->counters, sizeof(straight->counters));
	assert_memory_equal(straight->rule_counters, winding->rule_counters, RULES_MAX * sizeof(struct traffic));
	for (uint32_t id = 0; id < bench->runtime.listener_count; id++) {
		assert_memory_equal(&straight->listener_counters[id], &winding->listener_counters[id], sizeof(struct traffic));
		assert_int_equal(straight->listener_flows[id], winding->listener_flows[id]);
	}
	for (uint16_t id = 0; id < bench->runtime.handler_count; id++)
		assert_memory_equal(&straight->handler_counters[id], &winding->handler_counters[id], sizeof(struct handler_counters));
	for (unsigned pair = 0; pair < PAIRS; pair++) {
		same_flow(straight, winding, pair, TCP);
		same_flow(straight, winding, pair, UDP);
	}
}

static void same_fates(const struct worker *straight, const struct worker *winding, unsigned count)
{
	assert_memory_equal(straight->burst->handler, winding->burst->handler, count);
	assert_memory_equal(straight->burst->fate, winding->burst->fate, count * sizeof(struct fate));
	same_counters_and_flows(straight, winding);
}

// Time goes on; now and then back, or on until flows are over.
static void let_time_pass(uint64_t *state)
{
	const uint32_t chance = random_below(state, 64);

	if (chance == 0)
		bench->now += SECOND * random_below(state, 600);
	else if (chance == 1)
		bench->now -= SECOND * random_below(state, 3);
	else
		bench->now += random_below(state, (uint32_t)(SECOND / 10));
}

static void usual_packets_fare_as_on_the_long_way(void **state)
{
	struct worker *straight = bench->runtime.workers[0], *winding = bench->runtime.workers[1];
	uint64_t steps = seed = (uint64_t)getpid();

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	straight->steers = winding->steers = false;
	winding->times = calloc(1024, sizeof(*winding->times)); // by it somebody wants to know
	assert_non_null(winding->times);
	for (number = 0; number < BURSTS; number++) {
		const unsigned count = 1 + random_below(&steps, BURST_MAX);

		let_time_pass(&steps);
		if (number == BURSTS / 2)
			PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 4000, VERDICT_DROP), rule_port(TCP, 80, VERDICT_ACCEPT));
		receive(straight, LINK, count, any_frame);
		receive(winding, LINK, count, any_frame);
		same_fates(straight, winding, count);
	}
	assert_true(straight->counters.flows_opened > 100);
	free(winding->times);
	winding->times = NULL;
}

// Rules of which some may judge an opener's packets differently, for flows or for packets; ever in another order.
static void change_rules(const struct rule rule[], uint32_t generation)
{
	struct rule list[7];

	for (unsigned i = 0; i < 7; i++)
		list[i] = rule[(i * (1 + generation % 6) + generation) % 7];
	publish(list, 3 + generation % 5, generation % 2 ? VERDICT_ACCEPT : VERDICT_DROP, generation);
	bench->policy[generation % 2].by_packet = generation % 7 == 6;
}

static void burst_fares_as_its_packets_one_by_one(void **state)
{
	struct worker *together = bench->runtime.workers[0], *alone = bench->runtime.workers[1];
	const struct rule rules[] = { rule_flags(SYN | ACK, SYN, VERDICT_ACCEPT), rule_port(TCP, 80, VERDICT_ACCEPT),
		rule_port(UDP, 53, VERDICT_ACCEPT), rule_port(TCP, 4000, VERDICT_DROP), rule_port(TCP, 9, VERDICT_REJECT),
		rule_connection(CONNECTION_NEW, VERDICT_ACCEPT), rule_connection(CONNECTION_ESTABLISHED, VERDICT_DROP) };
	uint64_t steps = seed = (uint64_t)getpid();
	uint32_t generation = 1;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	together->steers = alone->steers = false;
	for (number = 0; number < BURSTS; number++) {
		const unsigned count = 1 + random_below(&steps, BURST_MAX);

		let_time_pass(&steps);
		if (random_below(&steps, 8) == 0)
			change_rules(rules, ++generation);
		receive(together, LINK, count, any_frame);
		for (; first < count; first++)
			receive(alone, LINK, 1, any_frame);
		first = 0;
		same_counters_and_flows(together, alone);
	}
	assert_true(together->counters.flows_opened > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(usual_packets_fare_as_on_the_long_way, set_up_two),
		WITH(burst_fares_as_its_packets_one_by_one, set_up_two),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
