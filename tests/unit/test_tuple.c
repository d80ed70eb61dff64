// SPDX-License-Identifier: BSD-3-Clause
// What rules are shown of packets, against what their headers say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/random.h"
#include "dataplane/tuple.h"
#include "tests/unit/fake_worker.h"
#include "tests/unit/random_frames.h"

enum { BURSTS = 500 };

static uint8_t frames[BURST_MAX][256];
static uint16_t lengths[BURST_MAX];
static unsigned later_fragments; // seen

static uint16_t any_frame(uint8_t *frame, unsigned i)
{
	memcpy(frame, frames[i], lengths[i]);
	return lengths[i];
}

static void ports_are_those_of(const struct packet_tuple *tuple, const uint8_t *header)
{
	assert_int_equal(tuple->source_port, header[0] << 8 | header[1]);
	assert_int_equal(tuple->destination_port, header[2] << 8 | header[3]);
	assert_int_equal(tuple->tcp_flags, tuple->protocol == TCP ? header[13] : 0);
}

static void tells_ip4(const struct packet_tuple *tuple, const uint8_t *ip)
{
	const struct ip_address zero = { 0 };

	assert_int_equal(tuple->family, FAMILY_IP4);
	assert_int_equal(tuple->protocol, ip[9]);
	assert_int_equal(tuple->next_header, ip[9]);
	assert_memory_equal(&tuple->source, ip + 12, 4);
	assert_memory_equal(&tuple->destination, ip + 16, 4);
	assert_memory_equal(tuple->source.byte + 4, &zero, 12);
	assert_memory_equal(tuple->destination.byte + 4, &zero, 12);
	if (ip[7]) // a later fragment, which has its first's
		assert_true(tuple->source_port == CUT_UP.source_port && tuple->destination_port == CUT_UP.destination_port);
	else if (protocol_has_ports(ip[9]))
		ports_are_those_of(tuple, ip + 20);
	else
		assert_true(tuple->source_port == 0 && tuple->destination_port == 0);
	later_fragments += ip[7] != 0;
	assert_int_equal(tuple->icmp_type, ip[9] == IPPROTO_ICMP ? ip[20] : 0);
	assert_int_equal(tuple->icmp_code, ip[9] == IPPROTO_ICMP ? ip[21] : 0);
}

static void tells_ip6(const struct packet_tuple *tuple, const uint8_t *ip)
{
	const uint8_t *header = ip + 40 + (ip[6] == 0 ? 8 : 0);

	assert_int_equal(tuple->family, FAMILY_IP6);
	assert_int_equal(tuple->protocol, TCP);
	assert_int_equal(tuple->next_header, ip[6]);
	assert_memory_equal(&tuple->source, ip + 8, 16);
	assert_memory_equal(&tuple->destination, ip + 24, 16);
	ports_are_those_of(tuple, header);
}

static void is_sealed(const struct packet_tuple *tuple)
{
	struct packet_tuple again = *tuple;

	assert_true(tuple->sealed);
	again.acl_port[0] = again.acl_port[1] = again.acl_vlan = again.acl_unused = 0xaaaa;
	again.sealed = false;
	packet_tuple_seal(&again);
	assert_memory_equal(again.acl_port, tuple->acl_port, 8);
}

// Listeners are asked the same, whichever way.
static void asks_for_the_flows_ends(struct burst *burst, unsigned at, const struct packet_tuple *tuple)
{
	struct packet_tuple key, own;

	burst->tuple[at] = *tuple;
	tuple_of_key(burst, at, &key);
	for (unsigned source = 0; source < 2; source++) {
		struct listener_query want = policy_listener_query(&key, source),
			asked = policy_listener_query(tuple_for_listener(burst, at, &own), source);
		assert_memory_equal(&asked.address, &want.address, sizeof(want.address));
		assert_true(asked.family == want.family && asked.protocol == want.protocol && asked.interface == want.interface);
		assert_true(asked.vlan == want.vlan && asked.port == want.port && asked.portless == want.portless);
	}
}

static void tells(const struct packet_tuple *tuple, const uint8_t *frame)
{
	const bool tagged = frame[12] == 0x81;

	assert_int_equal(tuple->tagged, tagged);
	assert_int_equal(tuple->vlan, tagged ? (frame[14] << 8 | frame[15]) & 0xfff : 0);
	assert_int_equal(tuple->asked_type, 0);
	assert_false(tuple->portless);
	if (frame[(tagged ? 4 : 0) + 14] >> 4 == 4)
		tells_ip4(tuple, frame + (tagged ? 4 : 0) + 14);
	else
		tells_ip6(tuple, frame + (tagged ? 4 : 0) + 14);
	is_sealed(tuple);
}

static void a_tuple_tells_what_the_headers_say(void **state)
{
	struct burst *burst = worker()->burst;

	(void)state;
	for (unsigned round = 0; round < BURSTS; round++) {
		for (unsigned i = 0; i < BURST_MAX; i++) {
			lengths[i] = random_frame(frames[i]);
			put_frame(i, frames[i], lengths[i], (uint8_t)(i % 2));
		}
		burst_begin(worker(), BURST_MAX);
		burst_parse(worker(), burst);
		assert_true(burst->live_count > BURST_MAX / 2);
		for (unsigned i = 0; i < burst->live_count; i++) {
			const unsigned at = burst->live[i];
			const enum connection_state connection = random_below(&draws, 2) ? CONNECTION_NEW : CONNECTION_INVALID;
			struct packet_tuple tuple;
			memset(&tuple, 0xaa, sizeof(tuple));
			tuple_of_packet(worker(), burst, at, connection, &tuple);
			tells(&tuple, frames[at]);
			assert_int_equal(tuple.interface, at % 2);
			assert_int_equal(tuple.connection, connection);
			asks_for_the_flows_ends(burst, at, &tuple);
		}
		rte_pktmbuf_free_bulk(burst->mbuf, BURST_MAX);
	}
	assert_true(later_fragments > BURSTS / 4);
}

// Whole bursts of new sources, by rules of many kinds: each fares as the first rule that matches says.

// Parts of 10.0.0.0/8, by the second byte.
static const struct address_range lowest = { { { 10, 0 } }, { { 10, 15, 255, 255 } } },
	second = { { { 10, 16 } }, { { 10, 31, 255, 255 } } },
	third = { { { 10, 32 } }, { { 10, 47, 255, 255 } } }, fourth = { { { 10, 48 } }, { { 10, 63, 255, 255 } } },
	both_behind = { { { 10, 32 } }, { { 10, 63, 255, 255 } } };

enum { OWN_RULES = 7 };

static struct frame_ends source_of(unsigned i)
{
	return (struct frame_ends){ 0x0a000000 + (random_below(&draws, 8) << 20) + i, WEB.destination, (uint16_t)(2000 + i), 4000 };
}

static uint16_t new_source(uint8_t *frame, unsigned i)
{
	lengths[i] = random_below(&draws, 2) ? frame_udp(frames[i], source_of(i), 30) : frame_tcp(frames[i], source_of(i), SYN, 1, 0);
	return any_frame(frame, i);
}

static unsigned first_match(const struct rule rule[], const uint8_t *frame)
{
	struct packet_tuple tuple = { .family = FAMILY_IP4, .protocol = frame[23], .next_header = frame[23],
		.source_port = (uint16_t)(frame[34] << 8 | frame[35]), .destination_port = (uint16_t)(frame[36] << 8 | frame[37]),
		.tcp_flags = frame[23] == TCP ? frame[47] : 0, .connection = CONNECTION_NEW };
	uint16_t failed;
	unsigned at = 0;

	memcpy(&tuple.source, frame + 26, 4);
	memcpy(&tuple.destination, frame + 30, 4);
	while (at < OWN_RULES && !rule_matches(&rule[at], &tuple, &failed))
		at++;
	return at;
}

static void a_burst_without_flows_fares_by_the_first_rule_that_matches_each(void **state)
{
	struct worker_counters *counters = &worker()->counters;
	const struct rule rule[OWN_RULES] = { rule_source(&lowest, VERDICT_DROP), rule_port(TCP, 80, VERDICT_DROP),
		rule_source(&second, VERDICT_ACCEPT), rule_source(&third, VERDICT_REJECT),
		rule_source(&fourth, VERDICT_NONE), rule_source(&both_behind, VERDICT_DROP),
		rule_protocol(UDP, VERDICT_ACCEPT) };
	uint64_t packets[OWN_RULES + 1] = { 0 }, dropped = 0, opened = 0;

	(void)state;
	publish(rule, OWN_RULES, VERDICT_DROP, 2);
	for (unsigned round = 0; round < 20; round++) {
		receive(worker(), LINK, BURST_MAX, new_source);
		for (unsigned i = 0; i < BURST_MAX; i++) {
			unsigned at = first_match(rule, frames[i]);
			if (at < OWN_RULES && rule[at].verdict == VERDICT_NONE) {
				packets[at]++; // goes on, to the drop behind it
				at++;
			}
			packets[at]++;
			dropped += at == OWN_RULES || rule[at].verdict == VERDICT_DROP;
			opened += at < OWN_RULES && rule[at].verdict == VERDICT_ACCEPT;
		}
	}
	for (unsigned at = 0; at <= OWN_RULES; at++)
		assert_int_equal(worker()->rule_counters[at < OWN_RULES ? at + 1 : RULE_DEFAULT].packets, packets[at]);
	assert_int_equal(counters->drops[DROP_RULE].packets + counters->drops[DROP_DEFAULT_POLICY].packets, dropped);
	assert_int_equal(counters->drops[DROP_DEFAULT_POLICY].packets, packets[OWN_RULES]);
	assert_true(counters->flows_opened > 0 && counters->flows_opened <= opened);
	assert_true(dropped > BURST_MAX && opened > BURST_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_tuple_tells_what_the_headers_say, set_up),
		WITH(a_burst_without_flows_fares_by_the_first_rule_that_matches_each, set_up),
	};
	draws = (uint64_t)getpid();
	print_message("seed %llu\n", (unsigned long long)draws);
	return cmocka_run_group_tests(tests, start_eal, NULL);
}
