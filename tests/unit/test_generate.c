// SPDX-License-Identifier: BSD-3-Clause
// Generated traffic: frames that others understand, conversations in order, ports as hosts allocate them, flows as often
// as was asked for, replies told apart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/generate_check.h"
#include "dataplane/generate_stream.h"
#include "dataplane/parse.h"
#include "dataplane/protocol.h"

enum { KEY = 12345, FLOWS = 64 };

static const struct ip_address source4 = { { 10, 0, 0, 0 } }, destination4 = { { 198, 18, 0, 0 } };
static const struct ip_address source6 = { { 0x20, 0x01, 0x0d, 0xb8, 0, 1 } };
static const struct ip_address destination6 = { { 0x20, 0x01, 0x0d, 0xb8, 0, 2 } };

static struct generate_stream_params params_of(uint8_t family, uint8_t kind)
{
	return (struct generate_stream_params){ .link = { .source = { 2, 0, 0, 0, 0, 1 }, .destination = { 2, 0, 0, 0, 0, 2 } },
		.family = family, .kind = kind, .both_sides = kind == GENERATE_TCP, .stamped = true,
		.source = family == FAMILY_IP4 ? source4 : source6,
		.destination = family == FAMILY_IP4 ? destination4 : destination6, .sources = 256, .destinations = 4,
		.source_low = 32768, .source_high = 60999, .port_low = 80, .port_high = 81, .flows = FLOWS,
		.size = { { 100, 100, 1 } }, .sizes = 1, .first_slot = 7 };
}

static enum drop_reason parse(const uint8_t *frame, uint32_t length, struct packet_meta *meta)
{
	static const struct parse_options options = { .truncated_drop = true, .checksum = CHECKSUM_VERIFY };
	const struct parse_input input = { .frame = frame, .captured = length, .on_wire = length };
	struct fragment_info fragment;
	return parse_frame(&input, &options, meta, &fragment);
}

static void check_frame(const struct generate_template *template, const struct generate_packet *packet)
{
	uint8_t frame[2048];
	struct packet_meta meta;
	memset(frame, 0xa5, sizeof(frame)); // what an earlier packet left in the buffer
	generate_frame_write(template, packet, KEY, 99, frame);
	assert_int_equal(parse(frame, packet->length, &meta), DROP_NONE);
	assert_int_equal(meta.protocol, template->protocol);
	bool back = packet->side == GENERATE_SERVER;
	assert_int_equal(rte_be_to_cpu_16(meta.source_port), back ? packet->destination_port : packet->source_port);
	assert_int_equal(rte_be_to_cpu_16(meta.destination_port), back ? packet->source_port : packet->destination_port);
	struct ip_address from, to;
	packet_addresses(frame, &meta, &from, &to);
	unsigned last = template->family == FAMILY_IP4 ? 3 : 15;
	assert_int_equal((back ? to : from).byte[last], packet->source);
	assert_int_equal((back ? from : to).byte[last], packet->destination);
	if (template->protocol == PROTO_TCP)
		assert_int_equal(meta.tcp_flags, packet->tcp_flags);
}

static void frames_of_every_kind_and_length_parse_with_right_checksums(void **state)
{
	(void)state;
	static const uint8_t families[] = { FAMILY_IP4, FAMILY_IP6 }, protocols[] = { PROTO_UDP, PROTO_TCP };
	for (unsigned i = 0; i < 12; i++) {
		struct generate_link link = { .source = { 2 }, .destination = { 4 }, .vlan = { 100, 7 }, .vlans = i / 4 };
		struct generate_template template;
		uint8_t family = families[i & 1], protocol = protocols[i >> 1 & 1];
		generate_template_make(&template, &link, family, protocol, family == FAMILY_IP4 ? &source4 : &source6,
			family == FAMILY_IP4 ? &destination4 : &destination6);
		for (uint16_t length = generate_frame_least(&template, true); length <= 1514; length++) {
			struct generate_packet packet = { .source = length % 251, .destination = 3, .source_port = 40000,
				.destination_port = 80, .length = length, .side = length & 1, .stamped = true,
				.tcp_flags = TCP_PSH | TCP_ACK, .tcp_sequence = length * 77777u, .slot = length, .sequence = i };
			check_frame(&template, &packet);
		}
	}
}

static void the_smallest_frames_hold_a_stamp_with_udp_over_ip4_and_a_vlan_tag(void **state)
{
	(void)state;
	struct generate_link link = { .vlans = 1, .vlan = { 5 } };
	struct generate_template template;
	generate_template_make(&template, &link, FAMILY_IP4, PROTO_UDP, &source4, &destination4);
	assert_int_equal(generate_frame_least(&template, true), GENERATE_FRAME_MIN);
	link.vlans = 0;
	generate_template_make(&template, &link, FAMILY_IP6, PROTO_UDP, &source6, &destination6);
	assert_int_equal(generate_frame_least(&template, true), 14 + 40 + 8 + 14);
}

static void one_connection_opens_talks_and_closes_as_both_ends_would(void **state)
{
	(void)state;
	static const struct {
		uint8_t side, flags;
	} expected[] = { { GENERATE_CLIENT, TCP_SYN }, { GENERATE_SERVER, TCP_SYN | TCP_ACK }, { GENERATE_CLIENT, TCP_ACK },
		{ GENERATE_CLIENT, TCP_PSH | TCP_ACK }, { GENERATE_SERVER, TCP_PSH | TCP_ACK },
		{ GENERATE_CLIENT, TCP_FIN | TCP_ACK }, { GENERATE_SERVER, TCP_FIN | TCP_ACK }, { GENERATE_CLIENT, TCP_ACK },
		{ GENERATE_CLIENT, TCP_SYN } };
	uint64_t random = 1;
	struct generate_stream stream;
	struct generate_stream_params params = params_of(FAMILY_IP4, GENERATE_TCP);
	params.flows = 1;
	params.packets_per_flow = 2;
	assert_int_equal(generate_stream_init(&stream, &params, &random), 0);
	uint32_t next[GENERATE_SIDES] = { 0 };
	for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct generate_packet packet;
		assert_true(generate_stream_step(&stream, 0, &random, &packet));
		assert_int_equal(packet.side, expected[i].side);
		assert_int_equal(packet.tcp_flags, expected[i].flags);
		bool first = packet.tcp_flags & TCP_SYN;
		if (!first) // each side goes on where it was, and acknowledges all that the other said
			assert_int_equal(packet.tcp_sequence, next[packet.side]);
		if (packet.tcp_flags & TCP_ACK)
			assert_int_equal(packet.tcp_acknowledgment, next[!packet.side]);
		uint32_t bytes = packet.tcp_flags & TCP_PSH ? packet.length - stream.template.payload : 0;
		next[packet.side] = packet.tcp_sequence + bytes + ((packet.tcp_flags & (TCP_SYN | TCP_FIN)) != 0);
	}
	assert_int_equal(stream.counters.opened, 2);
	assert_int_equal(stream.counters.closed, 1);
	generate_stream_free(&stream);
}

static void open_conversations_never_share_a_tuple(void **state)
{
	(void)state;
	uint64_t random = 3;
	struct generate_stream stream;
	struct generate_stream_params params = params_of(FAMILY_IP6, GENERATE_UDP);
	params.sources = 1;
	params.destinations = 1;
	params.port_high = 80;
	params.source_high = params.source_low + 99;
	params.flows = 75; // three quarters of what there is
	params.packets_per_flow = 3;
	for (uint8_t allocation = GENERATE_PORTS_SEQUENTIAL; allocation <= GENERATE_PORTS_DOUBLE_HASH; allocation++) {
		params.allocation = allocation;
		assert_int_equal(generate_stream_init(&stream, &params, &random), 0);
		for (unsigned round = 0; round < 50; round++) {
			bool used[100] = { false };
			struct generate_packet packet;
			for (uint32_t slot = 0; slot < params.flows; slot++)
				assert_true(generate_stream_step(&stream, slot, &random, &packet));
			for (uint32_t slot = 0; slot < params.flows; slot++) {
				bool *port = &used[stream.flows[slot].tuple.source_port - params.source_low];
				assert_false(*port);
				*port = true;
			}
		}
		assert_int_equal(stream.counters.opened, 75 * 17); // 50 packets each, of which 3 are of one conversation
		assert_int_equal(stream.counters.unopened, 0);
		generate_stream_free(&stream);
	}
}

static void as_many_conversations_are_renewed_as_the_clock_says(void **state)
{
	(void)state;
	uint64_t random = 3;
	for (uint8_t kind = GENERATE_UDP; kind <= GENERATE_TCP; kind++) {
		struct generate_stream stream;
		struct generate_stream_params params = params_of(FAMILY_IP4, kind);
		params.new_flows = 100;
		assert_int_equal(generate_stream_init(&stream, &params, &random), 0);
		generate_stream_start(&stream, 1e6, 0);
		for (uint64_t now = 0; now < 10 * 1000 * 1000; now += 1000) { // ten seconds, 1,000 packets each
			struct generate_packet packet;
			uint32_t slot = generate_stream_choose(&stream, now, &random);
			assert_true(generate_stream_step(&stream, slot, &random, &packet));
		}
		assert_in_range(stream.counters.opened, 1000, 1000 + FLOWS);
		generate_stream_free(&stream);
	}
}

static void a_scan_goes_through_all_ports_of_one_address_after_another(void **state)
{
	(void)state;
	uint64_t random = 3;
	struct generate_stream stream;
	struct generate_stream_params params = params_of(FAMILY_IP4, GENERATE_SCAN);
	params.port_low = 1;
	params.port_high = 100;
	assert_int_equal(generate_stream_init(&stream, &params, &random), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct generate_packet packet;
		assert_true(generate_stream_step(&stream, 0, &random, &packet));
		assert_int_equal(packet.tcp_flags, TCP_SYN);
		assert_int_equal(packet.source, 0);
		assert_int_equal(packet.destination, i / 100 % 4);
		assert_int_equal(packet.destination_port, 1 + i % 100);
	}
	generate_stream_free(&stream);
}

static void a_host_under_algorithm_3_counts_up_from_an_offset_of_its_own_for_each_destination(void **state)
{
	(void)state;
	uint64_t random = 5;
	struct generate_ports ports;
	const struct generate_target target = { 2, 3, 80 }, other = { 2, 4, 80 };
	assert_int_equal(generate_ports_init(&ports, GENERATE_PORTS_HASH, 32768, 60999, 8, &random), 0);
	uint16_t first = generate_port_next(&ports, &target, &random);
	uint16_t elsewhere = generate_port_next(&ports, &other, &random);
	uint16_t third = generate_port_next(&ports, &target, &random);
	assert_int_equal((third - first + ports.count) % ports.count, 2); // one counter for all destinations
	assert_int_not_equal((elsewhere - first + ports.count) % ports.count, 1);
	generate_ports_free(&ports);
}

static void a_host_under_algorithm_4_counts_for_destinations_apart(void **state)
{
	(void)state;
	uint64_t random = 5;
	struct generate_ports ports;
	const struct generate_target target = { 2, 3, 80 };
	unsigned apart = 0;
	assert_int_equal(generate_ports_init(&ports, GENERATE_PORTS_DOUBLE_HASH, 32768, 60999, 8, &random), 0);
	for (uint32_t d = 100; d < 200; d++) {
		const struct generate_target other = { 2, d, 80 };
		uint16_t first = generate_port_next(&ports, &target, &random);
		generate_port_next(&ports, &other, &random);
		uint16_t third = generate_port_next(&ports, &target, &random);
		apart += (third - first + ports.count) % ports.count == 1;
	}
	assert_in_range(apart, 80, 99); // 15 of 16 have another counter
	generate_ports_free(&ports);
}

static void every_algorithm_reaches_every_port_and_none_besides(void **state)
{
	(void)state;
	uint64_t random = 5;
	const struct generate_target target = { 2, 3, 80 };
	for (uint8_t allocation = GENERATE_PORTS_SEQUENTIAL; allocation <= GENERATE_PORTS_DOUBLE_HASH; allocation++) {
		struct generate_ports ports;
		bool seen[101] = { false };
		assert_int_equal(generate_ports_init(&ports, allocation, 49152, 49252, 8, &random), 0);
		unsigned draws = allocation == GENERATE_PORTS_RANDOM ? 10000 : 101;
		for (unsigned i = 0; i < draws; i++) {
			uint16_t port = generate_port_next(&ports, &target, &random);
			assert_in_range(port, 49152, 49252);
			seen[port - 49152] = true;
		}
		for (unsigned i = 0; i < 101; i++)
			assert_true(seen[i]);
		generate_ports_free(&ports);
	}
}

static void flows_are_picked_as_often_as_zipf_says(void **state)
{
	(void)state;
	enum { COUNT = 1000, DRAWS = 2000000 };
	static uint32_t drawn[COUNT];
	uint64_t random = 9;
	struct generate_pick pick;
	double sum = 0;
	assert_int_equal(generate_pick_init(&pick, GENERATE_ORDER_ZIPF, COUNT, 1.2), 0);
	for (unsigned i = 0; i < DRAWS; i++)
		drawn[generate_pick_next(&pick, &random)]++;
	for (unsigned k = 0; k < COUNT; k++)
		sum += pow(k + 1.0, -1.2);
	for (unsigned k = 0; k < COUNT; k++) {
		double expected = DRAWS * pow(k + 1.0, -1.2) / sum;
		assert_true(fabs(drawn[k] - expected) < 6 * sqrt(expected));
	}
	generate_pick_free(&pick);
}

static void an_index_that_lost_some_still_finds_the_others(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	struct generate_flow *flows = calloc(COUNT, sizeof(*flows));
	bool in[COUNT] = { false };
	uint64_t random = 11;
	struct generate_index index;
	assert_int_equal(generate_index_init(&index, COUNT, 1), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		flows[i].tuple = (struct generate_tuple){ i, 1, 2, 3 };
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t slot = random_below(&random, COUNT);
		if (in[slot])
			generate_index_remove(&index, flows, slot);
		else
			generate_index_add(&index, flows, slot);
		in[slot] = !in[slot];
		uint32_t other = random_below(&random, COUNT);
		assert_int_equal(generate_index_find(&index, flows, &flows[other].tuple), in[other] ? other : GENERATE_SLOT_NONE);
	}
	generate_index_free(&index);
	free(flows);
}

struct reply {
	uint8_t frame[256];
	uint32_t length;
};

static struct reply reply_of(uint32_t slot, uint32_t sequence, uint64_t key)
{
	struct generate_link link = { .vlans = 0 };
	struct generate_template template;
	struct reply reply = { .length = 100 };
	const struct generate_packet packet = { .source_port = 40000, .destination_port = 80, .length = 100,
		.side = GENERATE_SERVER, .stamped = true, .slot = slot, .sequence = sequence };
	generate_template_make(&template, &link, FAMILY_IP4, PROTO_UDP, &source4, &destination4);
	generate_frame_write(&template, &packet, key, 0, reply.frame);
	return reply;
}

static void take(struct generate_check *check, uint32_t slot, uint32_t sequence)
{
	struct reply reply = reply_of(slot, sequence, KEY);
	generate_check_frame(check, reply.frame, reply.length, UINT64_C(1000) << GENERATE_STAMP_SHIFT);
}

static void replies_that_are_late_twice_or_missing_are_told_apart(void **state)
{
	(void)state;
	static const uint32_t order[] = { 0, 1, 3, 2, 2, 4, 4, 200, 5 };
	struct generate_check *check = calloc(1, sizeof(*check));
	assert_int_equal(generate_check_init(check, 4, KEY), 0);
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
		take(check, 3, order[i]);
	take(check, 2, 0); // another flow has an order of its own
	assert_int_equal(check->stamped.packets, 10);
	assert_int_equal(check->duplicates, 2);
	assert_int_equal(check->reordered, 2); // 2 behind 3; 5, long behind 200
	assert_int_equal(generate_check_returned(check), 8);
	assert_int_equal(latency_packets(&check->latency), 10);
	assert_int_equal(latency_quantile(&check->latency, 500), 1000);
	assert_int_equal(check->latency_least, 1000);
	generate_check_free(check);
	free(check);
}

static void stamps_wrap_in_order(void **state)
{
	(void)state;
	static const uint32_t order[] = { 0, UINT32_C(0x7fffffff), UINT32_MAX - 1, 0, 1, 1 }; // UINT32_MAX is lost
	struct generate_check *check = calloc(1, sizeof(*check));
	assert_int_equal(generate_check_init(check, 4, KEY), 0);
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
		take(check, 3, order[i]);
	assert_int_equal(check->reordered, 0);
	assert_int_equal(check->duplicates, 1);
	generate_check_free(check);
	free(check);
}

static uint32_t a_thousand_sent(const void *sender, uint32_t slot)
{
	(void)sender;
	return slot == 3 ? 1000 : 0;
}

static void stamps_that_were_never_sent_are_no_replies(void **state)
{
	(void)state;
	struct generate_check *check = calloc(1, sizeof(*check));
	assert_int_equal(generate_check_init(check, 4, KEY), 0);
	check->sent = a_thousand_sent;
	take(check, 3, 0);
	take(check, 3, 1000);
	take(check, 3, UINT32_C(0x7fffffff));
	take(check, 3, UINT32_C(0x80000001));
	take(check, 3, UINT32_MAX - 100);
	assert_int_equal(check->unstamped, 4);
	take(check, 3, 999);
	take(check, 3, 1);
	assert_int_equal(check->stamped.packets, 3);
	assert_int_equal(check->reordered, 1);
	generate_check_free(check);
	free(check);
}

static void packets_of_others_are_no_replies(void **state)
{
	(void)state;
	struct generate_check *check = calloc(1, sizeof(*check));
	assert_int_equal(generate_check_init(check, 4, KEY), 0);
	struct reply foreign = reply_of(1, 0, KEY + 1), beyond = reply_of(4, 0, KEY), broken = reply_of(1, 0, KEY);
	broken.frame[60] ^= 1;
	generate_check_frame(check, foreign.frame, foreign.length, 0);
	generate_check_frame(check, beyond.frame, beyond.length, 0);
	generate_check_frame(check, broken.frame, broken.length, 0);
	assert_int_equal(check->received.packets, 3);
	assert_int_equal(check->stamped.packets, 0);
	assert_int_equal(check->unstamped, 2);
	assert_int_equal(check->malformed, 1); // its checksum is wrong
	generate_check_free(check);
	free(check);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_of_every_kind_and_length_parse_with_right_checksums),
		cmocka_unit_test(the_smallest_frames_hold_a_stamp_with_udp_over_ip4_and_a_vlan_tag),
		cmocka_unit_test(one_connection_opens_talks_and_closes_as_both_ends_would),
		cmocka_unit_test(open_conversations_never_share_a_tuple),
		cmocka_unit_test(as_many_conversations_are_renewed_as_the_clock_says),
		cmocka_unit_test(a_scan_goes_through_all_ports_of_one_address_after_another),
		cmocka_unit_test(a_host_under_algorithm_3_counts_up_from_an_offset_of_its_own_for_each_destination),
		cmocka_unit_test(a_host_under_algorithm_4_counts_for_destinations_apart),
		cmocka_unit_test(every_algorithm_reaches_every_port_and_none_besides),
		cmocka_unit_test(flows_are_picked_as_often_as_zipf_says),
		cmocka_unit_test(an_index_that_lost_some_still_finds_the_others),
		cmocka_unit_test(replies_that_are_late_twice_or_missing_are_told_apart),
		cmocka_unit_test(stamps_wrap_in_order),
		cmocka_unit_test(stamps_that_were_never_sent_are_no_replies),
		cmocka_unit_test(packets_of_others_are_no_replies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
