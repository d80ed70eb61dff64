// SPDX-License-Identifier: BSD-3-Clause
// The stages of a burst with a worker that is real but for its devices: these are functions of the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_eal.h>

#include "tests/unit/fake_worker.h"

static const struct frame_ends ECHO = { 0xc0a80164, 0xcb007135, 40000, 7 };
static const struct frame_ends DISCARD = { 0xc0a80164, 0xcb007135, 40000, 9 };

static uint16_t many_syns(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { 0x0a000000 + (uint32_t)(bench->now / SECOND) * 64 + i, 0xcb007132, 1024, 80 };
	return frame_tcp(frame, ends, RTE_TCP_SYN_FLAG, 1, 0);
}

static uint16_t echo(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_udp(frame, ECHO, 10);
}

static uint16_t discard(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_udp(frame, DISCARD, 10);
}

static uint16_t truncated(uint8_t *frame, unsigned i)
{
	(void)i;
	return (uint16_t)(frame_udp(frame, DNS, 100) - 20);
}

static struct flow *web_flow(void)
{
	uint32_t index = flow_of(worker(), WEB, IPPROTO_TCP);
	assert_int_not_equal(index, FLOW_NONE);
	return flow_table_flow(worker()->flows, index);
}

static uint64_t handed(uint16_t id)
{
	return worker()->handler_counters[id].handed.packets;
}

static void second_packet_of_new_flow_in_same_burst_hits(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	assert_int_equal(worker()->counters.flows_opened, 1);
	const struct flow *flow = web_flow();
	assert_int_equal(flow->traffic[FLOW_ORIG].packets, 2);
	assert_int_equal(flow->traffic[FLOW_RESP].packets, 1);
	assert_int_equal(flow->state, FLOW_TCP_ESTABLISHED);
	assert_int_equal(worker()->counters.flows_by_state[FLOW_TCP_ESTABLISHED], 1);
	assert_int_equal(worker()->counters.flows_by_state[FLOW_TCP_SYN_SENT], 0);
	assert_int_equal(flow->embryonic, 0);
	assert_int_equal(handed(0), 3);
}

static void reply_seen_first_is_the_responders_if_it_listens(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_reply);
	const struct flow *flow = flow_table_flow(worker()->flows, flow_of(worker(), DNS, IPPROTO_UDP));
	assert_int_equal(flow->traffic[FLOW_ORIG].packets, 0);
	assert_int_equal(flow->traffic[FLOW_RESP].packets, 1);
	assert_int_equal(flow->embryonic, 1);
	receive(worker(), LINK, 1, dns_query);
	assert_int_equal(flow->traffic[FLOW_ORIG].packets, 1);
	assert_int_equal(flow->embryonic, 0);
	assert_int_equal(flow->state, FLOW_UDP_REPLIED);
}

static void icmp_error_counts_for_the_quoted_flow_and_does_not_prolong_it(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	struct flow *flow = flow_table_flow(worker()->flows, flow_of(worker(), DNS, IPPROTO_UDP));
	uint64_t seen = flow->last_seen;
	bench->now += SECOND;
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(flow->traffic[FLOW_RESP].packets, 1);
	assert_int_equal(flow->last_seen, seen);
	assert_int_equal(flow->embryonic, 1);
	assert_int_equal(worker()->counters.flows_opened, 1);
}

static void icmp_error_about_nothing_is_unrelated(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_error);
	assert_int_equal(worker()->counters.drops[DROP_ICMP_UNRELATED].packets, 1);
	assert_int_equal(worker()->counters.flows_opened, 0);
}

static void flow_whose_time_is_over_ends_and_a_new_one_opens(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	bench->now += HOUR * SECOND;
	receive(worker(), LINK, 2, dns_query);
	assert_int_equal(worker()->counters.flows_opened, 2);
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_TIMEOUT], 1);
	const struct flow *flow = flow_table_flow(worker()->flows, flow_of(worker(), DNS, IPPROTO_UDP));
	assert_int_equal(flow->traffic[FLOW_ORIG].packets, 2);
}

static void age_at(uint64_t now)
{
	worker()->now = now;
	worker_age(worker());
}

static void after_a_burst_as_many_flows_may_end_as_it_opened(void **state)
{
	(void)state;
	uint64_t *ended = &worker()->counters.flows_ended[FLOW_END_TIMEOUT];
	receive(worker(), LINK, BURST_MAX, many_syns);
	assert_int_equal(worker()->counters.flows_opened, BURST_MAX);
	age_at(bench->now + HOUR * SECOND);
	assert_int_equal(*ended, BURST_MAX);
	receive(worker(), LINK, BURST_MAX, many_syns);
	age_at(bench->now);
	age_at(bench->now + HOUR * SECOND); // nothing was opened since the last time
	assert_int_equal(*ended, BURST_MAX + AGEING_BUDGET_MIN);
}

static void flood_of_syns_does_not_push_out_an_established_flow(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	for (unsigned i = 0; i < 32; i++) {
		bench->now += SECOND / 1000;
		receive(worker(), LINK, BURST_MAX, many_syns);
		bench->now += SECOND;
	}
	assert_int_equal(web_flow()->state, FLOW_TCP_ESTABLISHED);
	assert_true(worker()->counters.flows_ended[FLOW_END_EVICTED] > 0);
	assert_true(ageing_embryonic(worker()->ageing) <= 64); // 25 % of 256
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 3);
}

static void denied_packet_makes_no_flow(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	receive(worker(), LINK, 2, web_syn);
	assert_int_equal(worker()->counters.flows_opened, 0);
	assert_int_equal(worker()->counters.drops[DROP_RULE].packets, 2);
}

static void new_rules_end_a_live_flow_at_its_next_packet(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_DROP));
	receive(worker(), LINK, 2, web_ack);
	assert_int_equal(worker()->counters.drops[DROP_RULE].packets, 2);
	assert_int_equal(worker()->counters.flows_ended[FLOW_END_DENIED], 1);
	assert_int_equal(flow_of(worker(), WEB, IPPROTO_TCP), FLOW_NONE);
}

static uint16_t web_from_server(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, frame_reverse(WEB), RTE_TCP_ACK_FLAG, 901, 101);
}

static void recheck_judges_the_flow_in_the_direction_of_its_opener(void **state)
{
	(void)state;
	receive(worker(), LINK, 3, web_conversation);
	PUBLISH(2, VERDICT_DROP, rule_port(TCP, 80, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, web_from_server); // its own destination port is 54321
	assert_int_equal(web_flow()->traffic[FLOW_RESP].packets, 2);
	assert_int_equal(web_flow()->generation, 2);
}

static void rejected_packet_is_answered_once_the_limit_allows(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_REJECT));
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(worker()->counters.answered.packets, 1);
	assert_int_equal(bench->sent[LINK], 1);
	const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(bench->last[LINK], struct rte_tcp_hdr *, FRAME_IP4);
	assert_int_equal(tcp->tcp_flags, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG);
	assert_int_equal(tcp->recv_ack, htonl(101));
	for (unsigned i = 0; i < 4; i++)
		receive(worker(), LINK, BURST_MAX, web_syn);
	const struct worker_counters *counters = &worker()->counters;
	assert_true(counters->answers_limited > 0);
	assert_int_equal(counters->answers_limited, counters->drops[DROP_REJECT_UNANSWERED].packets);
	assert_int_equal(counters->answered.packets + counters->answers_limited, 1 + 4 * BURST_MAX);
}

static uint16_t ping(uint8_t *frame, uint8_t type, struct frame_ends ends, uint16_t identifier)
{
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)frame_ip4(frame, &ends, IPPROTO_ICMP, sizeof(*icmp));
	icmp->icmp_type = type;
	icmp->icmp_ident = htons(identifier);
	return (uint16_t)(FRAME_IP4 + sizeof(*icmp));
}

// Its identifier looks like the type of an echo request.
static uint16_t ping_reply(uint8_t *frame, unsigned i)
{
	(void)i;
	return ping(frame, 0, frame_reverse(WEB), 8);
}

static uint16_t ping_request(uint8_t *frame, unsigned i)
{
	(void)i;
	return ping(frame, 8, WEB, 8);
}

static void ping_reply_is_judged_by_its_own_type_and_was_asked_for(void **state)
{
	(void)state;
	PUBLISH(2, VERDICT_DROP, rule_icmp(8, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, ping_reply);
	assert_int_equal(worker()->counters.drops[DROP_DEFAULT_POLICY].packets, 1);
	PUBLISH(3, VERDICT_DROP, rule_icmp(0, VERDICT_ACCEPT), rule_icmp(8, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, ping_reply);
	PUBLISH(4, VERDICT_DROP, rule_icmp(0, VERDICT_ACCEPT), rule_icmp(8, VERDICT_ACCEPT));
	receive(worker(), LINK, 1, ping_request); // judged again, as its opener was: a reply
	assert_int_equal(worker()->counters.flows_opened, 1);
	struct frame_ends asker = { WEB.source, WEB.destination, 8, 8 };
	const struct flow *flow = flow_table_flow(worker()->flows, flow_of(worker(), asker, IPPROTO_ICMP));
	assert_int_equal(flow->traffic[FLOW_ORIG].packets, 1);
	assert_int_equal(flow->traffic[FLOW_RESP].packets, 1);
	assert_int_equal(flow->rule, 1);
}

static uint16_t syn_ack(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, frame_reverse(WEB), RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 900, 101);
}

static void syn_ack_seen_first_comes_from_the_responder(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, syn_ack);
	assert_int_equal(web_flow()->traffic[FLOW_RESP].packets, 1);
	assert_int_equal(web_flow()->state, FLOW_TCP_SYN_RCVD);
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(web_flow()->state, FLOW_TCP_ESTABLISHED);
}

static void closed_interface_takes_nothing_and_says_so(void **state)
{
	(void)state;
	struct wiring closed = *worker()->wiring;
	closed.wire[DEVICE].kind = WIRE_NONE;
	const struct wiring *open = worker()->wiring;
	worker()->wiring = &closed;
	receive(worker(), LINK, 3, dns_query);
	assert_int_equal(worker()->handler_counters[1].drops[DROP_TX_CLOSED].packets, 3);
	worker()->wiring = open;
}

static void no_answers_a_second_are_none(void **state)
{
	(void)state;
	worker()->answers = (struct answer_limit){ .interval = 0 };
	PUBLISH(2, VERDICT_ACCEPT, rule_port(TCP, 80, VERDICT_REJECT));
	receive(worker(), LINK, 1, web_syn);
	assert_int_equal(worker()->counters.answered.packets, 0);
	assert_int_equal(worker()->counters.drops[DROP_REJECT_UNANSWERED].packets, 1);
}

static void strict_pickup_wants_a_syn(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, web_ack);
	assert_int_equal(worker()->counters.drops[DROP_TCP_NOT_SYN].packets, 1);
	receive(worker(), LINK, 3, web_conversation);
	assert_int_equal(web_flow()->traffic[FLOW_ORIG].packets, 2);
}

static void device_that_takes_part_of_a_burst_costs_its_handler_the_rest(void **state)
{
	(void)state;
	for (unsigned room = 0; room <= 3; room++) {
		bench->tx_room = room;
		receive(worker(), LINK, 3, dns_query);
	}
	const struct handler_counters *device = &worker()->handler_counters[1];
	assert_int_equal(device->handed.packets, 12);
	assert_int_equal(device->transmitted.packets, 0 + 1 + 2 + 3);
	assert_int_equal(device->drops[DROP_HANDLER_FULL].packets, 3 + 2 + 1);
	assert_int_equal(worker()->counters.handed.packets, 12);
}

static void what_comes_back_from_a_device_leaves_where_the_flow_came_from(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, dns_query);
	receive(worker(), DEVICE, 1, dns_reply);
	assert_int_equal(bench->sent[DEVICE], 1);
	assert_int_equal(bench->sent[LINK], 1);
	assert_int_equal(worker()->counters.forwarded.packets, 1);
	assert_int_equal(worker()->counters.flows_opened, 1);
	bench->tx_room = 0;
	receive(worker(), DEVICE, 1, dns_reply);
	assert_int_equal(worker()->counters.drops[DROP_TX_FULL].packets, 1);
}

static void flow_opened_behind_a_device_is_judged_by_no_rule_and_gets_its_replies(void **state)
{
	(void)state;
	publish(NULL, 0, VERDICT_DROP, 2);
	receive(worker(), DEVICE, 1, random_udp);
	assert_int_equal(worker()->counters.forwarded.packets, 1);
	assert_int_equal(worker()->counters.flows_opened, 1);
	publish(NULL, 0, VERDICT_DROP, 3);
	struct frame_ends ends = { 0x0a000000, 0xcb007132, 1024, 4000 };
	uint32_t index = flow_of(worker(), ends, IPPROTO_UDP);
	assert_int_equal(flow_table_flow(worker()->flows, index)->local_origin, 1);
	assert_int_equal(flow_table_flow(worker()->flows, index)->handler, 1);
}

static void frame_longer_than_the_mtu_is_not_sent(void **state)
{
	(void)state;
	bench->runtime.interfaces[DEVICE].max_frame = 40;
	receive(worker(), LINK, 2, dns_query);
	assert_int_equal(worker()->handler_counters[1].drops[DROP_TX_TOO_LONG].packets, 2);
	assert_int_equal(bench->sent[DEVICE], 0);
}

static void reflect_swaps_both_ends(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, echo);
	assert_int_equal(bench->sent[LINK], 1);
	uint8_t expected[128];
	uint16_t length = frame_udp(expected, frame_reverse(ECHO), 10);
	assert_int_equal(bench->last[LINK]->pkt_len, length);
	const uint8_t *got = rte_pktmbuf_mtod(bench->last[LINK], uint8_t *);
	assert_memory_equal(got + sizeof(struct rte_ether_hdr), expected + sizeof(struct rte_ether_hdr),
		length - sizeof(struct rte_ether_hdr));
}

static void drop_handler_drops_on_its_own_account(void **state)
{
	(void)state;
	receive(worker(), LINK, 5, discard);
	assert_int_equal(handed(3), 5);
	assert_int_equal(worker()->handler_counters[3].drops[DROP_HANDLER_DROP].packets, 5);
	assert_int_equal(worker()->counters.drops[DROP_HANDLER_DROP].packets, 0);
}

static void live_frame_that_is_cut_is_dropped_as_truncated(void **state)
{
	(void)state;
	receive(worker(), LINK, 1, truncated);
	assert_int_equal(worker()->counters.drops[DROP_TRUNCATED].packets, 1);
	assert_int_equal(worker()->counters.flows_opened, 0);
}

static uint16_t mixed(uint8_t *frame, unsigned i)
{
	static frame_fn *const kinds[] = { web_ack, dns_query, echo, discard, random_udp, truncated, dns_error };
	return kinds[i % 7](frame, i);
}

static void mixed_burst_is_grouped_by_handler_and_every_packet_is_accounted_for(void **state)
{
	(void)state;
	bench->tx_room = 7;
	for (unsigned round = 0; round < 50; round++)
		receive(worker(), LINK, BURST_MAX, mixed);
	assert_int_equal(worker()->counters.received.packets, 50 * BURST_MAX);
	struct flow_table_stats table;
	uint64_t by_state = 0;
	flow_table_stats(worker()->flows, &table);
	for (unsigned i = 0; i < FLOW_STATES; i++)
		by_state += worker()->counters.flows_by_state[i];
	assert_int_equal(by_state, table.used);
	assert_int_equal(stats_ledger_balance(&bench->runtime), 0);
	for (uint16_t id = 0; id < 4; id++) {
		const struct handler_counters *handler = &worker()->handler_counters[id];
		uint64_t ended = handler->transmitted.packets + handler->consumed.packets;
		for (unsigned reason = 0; reason < DROP_REASONS; reason++)
			ended += handler->drops[reason].packets;
		assert_true(handler->handed.packets > 0);
		assert_int_equal(handler->handed.packets, ended);
	}
}

static uint64_t heard_by(uint32_t listener)
{
	return worker()->listener_counters[listener].packets;
}

static void packets_count_for_the_listener_of_their_flow_and_for_no_other(void **state)
{
	(void)state;
	receive(worker(), LINK, 10, web_conversation);
	receive(worker(), LINK, 3, dns_query);
	assert_int_equal(heard_by(0), 10); // tcp 80
	assert_int_equal(heard_by(1), 3);  // udp 53
	assert_int_equal(heard_by(2) + heard_by(3) + heard_by(LISTENER_NONE), 0);
	assert_int_equal(worker()->listener_flows[0], 1);
	assert_int_equal(worker()->listener_flows[1], 1);
}

static void every_kind_of_handler_says_where_packets_end(void **state)
{
	(void)state;
	for (const struct handler_ops *const *kind = handler_kinds; *kind != NULL; kind++) {
		assert_true(((*kind)->fate == FATE_PENDING) == ((*kind)->process != NULL));
		assert_true(((*kind)->fate == FATE_DROP) == ((*kind)->reason != DROP_NONE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(second_packet_of_new_flow_in_same_burst_hits, set_up),
		WITH(reply_seen_first_is_the_responders_if_it_listens, set_up),
		WITH(icmp_error_counts_for_the_quoted_flow_and_does_not_prolong_it, set_up),
		WITH(icmp_error_about_nothing_is_unrelated, set_up),
		WITH(flow_whose_time_is_over_ends_and_a_new_one_opens, set_up),
		WITH(after_a_burst_as_many_flows_may_end_as_it_opened, set_up),
		WITH(flood_of_syns_does_not_push_out_an_established_flow, set_up),
		WITH(denied_packet_makes_no_flow, set_up),
		WITH(new_rules_end_a_live_flow_at_its_next_packet, set_up),
		WITH(recheck_judges_the_flow_in_the_direction_of_its_opener, set_up),
		WITH(rejected_packet_is_answered_once_the_limit_allows, set_up_strict),
		WITH(ping_reply_is_judged_by_its_own_type_and_was_asked_for, set_up),
		WITH(syn_ack_seen_first_comes_from_the_responder, set_up),
		WITH(closed_interface_takes_nothing_and_says_so, set_up),
		WITH(no_answers_a_second_are_none, set_up),
		WITH(strict_pickup_wants_a_syn, set_up_strict),
		WITH(device_that_takes_part_of_a_burst_costs_its_handler_the_rest, set_up),
		WITH(what_comes_back_from_a_device_leaves_where_the_flow_came_from, set_up),
		WITH(flow_opened_behind_a_device_is_judged_by_no_rule_and_gets_its_replies, set_up),
		WITH(frame_longer_than_the_mtu_is_not_sent, set_up),
		WITH(reflect_swaps_both_ends, set_up),
		WITH(drop_handler_drops_on_its_own_account, set_up),
		WITH(live_frame_that_is_cut_is_dropped_as_truncated, set_up),
		WITH(mixed_burst_is_grouped_by_handler_and_every_packet_is_accounted_for, set_up),
		WITH(packets_count_for_the_listener_of_their_flow_and_for_no_other, set_up),
		cmocka_unit_test(every_kind_of_handler_says_where_packets_end),
	};
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
