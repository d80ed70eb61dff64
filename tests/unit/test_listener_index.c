// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/listener_index.h"
#include "dataplane/random.h"
#include "tests/unit/seconds.h"

enum { TCP = 6, UDP = 17, ICMP = 1 };

// The oracle: every listener in turn.

static bool prefix_covers(const struct ip_address *prefix, unsigned bits, const struct ip_address *address)
{
	for (unsigned bit = 0; bit < bits; bit++) {
		if ((prefix->byte[bit / 8] ^ address->byte[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static bool listener_matches(const struct listener *listener, const struct listener_query *query)
{
	bool any_port = listener->port_low == 0 && listener->port_high == 65535;
	return listener->protocol == query->protocol &&
	       (listener->family == FAMILY_NONE || listener->family == query->family) &&
	       prefix_covers(&listener->address, listener->prefix, &query->address) &&
	       (listener->interface == LISTENER_ANY_INTERFACE || listener->interface == query->interface) &&
	       (listener->vlan == LISTENER_ANY_VLAN || listener->vlan == query->vlan) &&
	       (query->portless ? any_port : listener->port_low <= query->port && query->port <= listener->port_high);
}

static int specificity(const struct listener *listener)
{
	int given = (listener->interface != LISTENER_ANY_INTERFACE) + (listener->vlan != LISTENER_ANY_VLAN);
	return (given * 256 + listener->prefix) * 65536 + (65535 - (listener->port_high - listener->port_low));
}

static const struct listener *oracle_find(const struct listener *listeners, size_t count,
					  const struct listener_query *query)
{
	const struct listener *best = NULL;
	for (size_t i = 0; i < count; i++) {
		if (listener_matches(&listeners[i], query) &&
		    (!best || specificity(&listeners[i]) > specificity(best)))
			best = &listeners[i];
	}
	return best;
}

static bool oracle_tie(const struct listener *a, const struct listener *b)
{
	return specificity(a) == specificity(b) && a->protocol == b->protocol &&
	       (a->family == b->family || a->family == FAMILY_NONE || b->family == FAMILY_NONE) &&
	       prefix_covers(&a->address, a->prefix, &b->address) &&
	       (a->interface == b->interface || a->interface == LISTENER_ANY_INTERFACE ||
		b->interface == LISTENER_ANY_INTERFACE) &&
	       (a->vlan == b->vlan || a->vlan == LISTENER_ANY_VLAN || b->vlan == LISTENER_ANY_VLAN) &&
	       a->port_low <= b->port_high && b->port_low <= a->port_high;
}

// Small domains, so that all overlap with all.

static uint64_t random_state;

static unsigned pick(unsigned below)
{
	return random_below(&random_state, below);
}

static struct ip_address random_address(uint8_t family)
{
	struct ip_address address = { 0 };
	for (unsigned i = 0; i < (family == FAMILY_IP4 ? 4 : 16); i++)
		address.byte[i] = (uint8_t)(pick(2) ? 0x80 >> pick(8) : 0);
	return address;
}

static uint8_t random_prefix(uint8_t family)
{
	static const uint8_t bits[] = { 0, 0, 1, 2, 3, 8, 9, 24, 31, 32, 64, 65, 127, 128 };
	return bits[pick(family == FAMILY_IP4 ? 10 : 14)];
}

static struct listener random_listener(void)
{
	static const uint8_t families[] = { FAMILY_IP4, FAMILY_IP6, FAMILY_NONE };
	struct listener listener = {
		.family = families[pick(3)],
		.protocol = pick(2) ? TCP : UDP,
		.interface = pick(2) ? LISTENER_ANY_INTERFACE : (uint8_t)pick(2),
		.vlan = pick(2) ? LISTENER_ANY_VLAN : (uint16_t)pick(3),
		.port_high = 65535,
	};
	if (listener.family != FAMILY_NONE) {
		struct ip_address address = random_address(listener.family);
		listener.prefix = random_prefix(listener.family);
		for (unsigned bit = 0; bit < listener.prefix; bit++)
			listener.address.byte[bit / 8] |= address.byte[bit / 8] & (0x80 >> bit % 8);
	}
	if (pick(4)) {
		listener.port_low = (uint16_t)(pick(2) ? pick(20) : 65535 - pick(20));
		unsigned room = 65535u - listener.port_low;
		listener.port_high = (uint16_t)(listener.port_low + pick(room < 8 ? room + 1 : 8));
	}
	return listener;
}

static struct listener_query random_query(void)
{
	uint8_t family = pick(2) ? FAMILY_IP4 : FAMILY_IP6;
	return (struct listener_query){
		.address = random_address(family),
		.family = family,
		.protocol = pick(2) ? TCP : UDP,
		.interface = (uint8_t)pick(3),
		.vlan = (uint16_t)pick(4),
		.port = (uint16_t)(pick(2) ? pick(30) : 65535 - pick(30)),
		.portless = pick(8) == 0,
	};
}

static struct listener_index *build(const struct listener *listeners, size_t count)
{
	struct listener_index *index = NULL;
	size_t tie[2];
	assert_int_equal(listener_index_build(listeners, count, &index, tie), 0);
	return index;
}

static size_t random_listeners(struct listener *listeners, size_t count)
{
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		listeners[used] = random_listener();
		listeners[used].id = (uint32_t)used;
		size_t other = 0;
		while (other < used && !oracle_tie(&listeners[other], &listeners[used]))
			other++;
		used += other == used;
	}
	return used;
}

static void index_agrees_with_linear_scan(void **state)
{
	(void)state;
	enum { SETS = 200, MOST = 300, QUERIES = 3000 };
	struct listener listeners[MOST];
	unsigned found = 0;
	for (unsigned set = 0; set < SETS; set++) {
		random_state = set;
		size_t count = random_listeners(listeners, set % MOST);
		struct listener_index *index = build(listeners, count);
		for (unsigned i = 0; i < QUERIES; i++) {
			struct listener_query query = random_query();
			const struct listener *expected = oracle_find(listeners, count, &query);
			const struct listener *got = listener_index_find(index, &query);
			assert_int_equal(got == NULL, expected == NULL);
			found += got != NULL;
			if (got)
				assert_int_equal(got->id, expected->id);
		}
		listener_index_free(index);
	}
	assert_true(found > SETS * QUERIES / 10);
	assert_true(found < SETS * QUERIES);
}

static void ties_are_found_exactly_where_the_pairwise_oracle_finds_them(void **state)
{
	(void)state;
	enum { SETS = 100000, MOST = 12 };
	struct listener listeners[MOST];
	unsigned tied = 0;
	for (unsigned set = 0; set < SETS; set++) {
		random_state = set;
		size_t count = 2 + pick(MOST - 1), tie[2] = { SIZE_MAX, SIZE_MAX };
		bool expected = false;
		for (size_t i = 0; i < count; i++) {
			listeners[i] = random_listener();
			for (size_t j = 0; j < i; j++)
				expected |= oracle_tie(&listeners[i], &listeners[j]);
		}
		struct listener_index *index = NULL;
		int result = listener_index_build(listeners, count, &index, tie);
		assert_int_equal(result, expected ? -EEXIST : 0);
		if (expected) {
			assert_true(tie[0] < tie[1] && tie[1] < count);
			assert_true(oracle_tie(&listeners[tie[0]], &listeners[tie[1]]));
		}
		tied += expected;
		listener_index_free(index);
	}
	assert_true(tied > SETS / 100 && tied < SETS / 2);
}

// Named cases

static struct listener on(uint8_t a, uint8_t prefix, uint16_t low, uint16_t high)
{
	return (struct listener){
		.address = { .byte = { a } },
		.family = FAMILY_IP4,
		.prefix = prefix,
		.protocol = TCP,
		.interface = LISTENER_ANY_INTERFACE,
		.vlan = LISTENER_ANY_VLAN,
		.port_low = low,
		.port_high = high,
	};
}

static struct listener_query asks(uint8_t a, uint16_t port)
{
	return (struct listener_query){
		.address = { .byte = { a, 0, 0, 1 } }, .family = FAMILY_IP4, .protocol = TCP, .port = port,
	};
}

static void expect(const struct listener_index *index, struct listener_query query, int handler)
{
	const struct listener *found = listener_index_find(index, &query);
	assert_int_equal(found ? found->handler : -1, handler);
}

static void interface_and_vlan_beat_prefix_beats_range(void **state)
{
	(void)state;
	struct listener listeners[] = {
		on(0, 0, 0, 65535), on(0, 0, 80, 80), on(10, 8, 0, 65535), on(10, 8, 80, 90), on(10, 8, 85, 85),
		on(0, 0, 0, 65535), on(0, 0, 0, 65535), on(10, 8, 85, 85),
	};
	listeners[5].interface = 2;
	listeners[6].interface = 3;
	listeners[6].vlan = 7;
	listeners[7].vlan = 7;
	for (uint16_t i = 0; i < 8; i++)
		listeners[i].handler = i;
	struct listener_index *index = build(listeners, 8);

	expect(index, asks(11, 81), 0);
	expect(index, asks(11, 80), 1);
	expect(index, asks(10, 79), 2);
	expect(index, asks(10, 80), 3);
	expect(index, asks(10, 85), 4);
	struct listener_query query = asks(10, 85);
	query.interface = 2;
	expect(index, query, 5);
	query.vlan = 7; // the VLAN's listener has the longer prefix
	expect(index, query, 7);
	query.interface = 3;
	expect(index, query, 6);
	query.protocol = UDP;
	expect(index, query, -1);
	query = asks(10, 85);
	query.family = FAMILY_IP6;
	expect(index, query, -1);
	query.family = FAMILY_NONE;
	expect(index, query, -1);
	listener_index_free(index);
}

static void interface_only_and_vlan_only_with_equal_ranges_tie(void **state)
{
	(void)state;
	struct listener listeners[] = { on(10, 8, 1, 1), on(10, 8, 80, 90), on(10, 8, 85, 95) };
	struct listener_index *index = NULL;
	size_t tie[2];
	listeners[1].vlan = 7;
	listeners[2].interface = 1;
	assert_int_equal(listener_index_build(listeners, 3, &index, tie), -EEXIST);
	assert_int_equal(tie[0], 1);
	assert_int_equal(tie[1], 2);
	listeners[2].port_high = 94; // narrower: no tie
	listeners[2].handler = 2;
	listeners[1].handler = 1;
	index = build(listeners, 3);
	struct listener_query query = asks(10, 85);
	query.interface = 1;
	query.vlan = 7;
	expect(index, query, 2);
	query.port = 84;
	expect(index, query, 1);
	listener_index_free(index);
}

static void any_family_ties_with_the_zero_prefix_of_one(void **state)
{
	(void)state;
	struct listener listeners[] = { on(0, 0, 53, 53), on(0, 0, 53, 53) };
	struct listener_index *index = NULL;
	size_t tie[2];
	listeners[1].family = FAMILY_NONE;
	assert_int_equal(listener_index_build(listeners, 2, &index, tie), -EEXIST);
	listeners[0].family = FAMILY_IP6;
	assert_int_equal(listener_index_build(listeners, 2, &index, tie), -EEXIST);
}

static void expect_as_oracle(const struct listener_index *index, const struct listener *listeners, size_t count, uint32_t port)
{
	const struct listener_query query = { .family = FAMILY_IP4, .protocol = TCP, .port = (uint16_t)port };
	const struct listener *found = listener_index_find(index, &query);
	int expected = -1;

	for (size_t i = 0; i < count; i++)
		if (listeners[i].protocol == TCP && listeners[i].port_low <= port && port <= listeners[i].port_high)
			expected = (int)i;
	assert_int_equal(found ? (int)found->id : -1, expected);
}

// Up to several hundred spans: looked at one by one, in blocks, and by halves before that. Behind this group lies another, of which
// nothing may be seen.
static void any_number_of_ports_is_told_apart(void **state)
{
	enum { MOST = 200 };
	struct listener listeners[MOST + 2];

	(void)state;
	for (size_t n = 1; n <= MOST; n++) {
		for (size_t i = 0; i < n; i++)
			listeners[i] = on(0, 0, (uint16_t)(i + 1 == n ? 65535 : 100 + 2 * i), (uint16_t)(i + 1 == n ? 65535 : 100 + 2 * i));
		listeners[n] = on(0, 0, 5, 65530);
		listeners[n].protocol = UDP;
		for (size_t i = 0; i <= n; i++)
			listeners[i].id = (uint32_t)i;
		struct listener_index *index = build(listeners, n + 1);
		for (uint32_t port = 98; port < 100 + 2 * n + 2; port++)
			expect_as_oracle(index, listeners, n, port);
		for (uint32_t port = 65530; port <= 65535; port++)
			expect_as_oracle(index, listeners, n, port);
		expect_as_oracle(index, listeners, n, 0);
		listener_index_free(index);
	}
}

static void every_bit_of_vlan_interface_and_protocol_counts(void **state)
{
	struct listener listener = on(0, 0, 80, 80);

	(void)state;
	listener.vlan = 0xabc;
	listener.interface = 29;
	listener.protocol = 0xa5;
	struct listener_index *index = build(&listener, 1);
	const struct listener_query right = { .family = FAMILY_IP4, .protocol = 0xa5, .port = 80, .interface = 29, .vlan = 0xabc };
	assert_non_null(listener_index_find(index, &right));
	for (unsigned bit = 0; bit < 12 + 5 + 8; bit++) {
		struct listener_query query = right;
		query.vlan ^= bit < 12 ? 1u << bit : 0;
		query.interface ^= bit >= 12 && bit < 17 ? 1u << (bit - 12) : 0;
		query.protocol ^= bit >= 17 ? 1u << (bit - 17) : 0;
		assert_null(listener_index_find(index, &query));
	}
	listener_index_free(index);
}

static void listener_on_any_port_takes_fragments_without_ports(void **state)
{
	(void)state;
	struct listener listeners[] = { on(10, 8, 0, 100), on(10, 8, 0, 65535) };
	listeners[1].handler = 1;
	struct listener_index *index = build(listeners, 2);
	struct listener_query query = asks(10, 0);
	expect(index, query, 0);
	query.portless = true;
	expect(index, query, 1);
	listener_index_free(index);

	index = build(listeners, 1);
	expect(index, query, -1);
	listener_index_free(index);
}

static void borders_of_the_port_space_hold(void **state)
{
	(void)state;
	struct listener listeners[] = { on(0, 0, 0, 0), on(0, 0, 65535, 65535), on(0, 0, 1, 65534) };
	for (uint16_t i = 0; i < 3; i++)
		listeners[i].handler = i;
	struct listener_index *index = build(listeners, 3);
	expect(index, asks(1, 0), 0);
	expect(index, asks(1, 1), 2);
	expect(index, asks(1, 65534), 2);
	expect(index, asks(1, 65535), 1);
	listener_index_free(index);
}

static void impossible_listeners_are_refused(void **state)
{
	(void)state;
	struct listener listeners[] = { on(0, 33, 1, 1), on(0, 0, 2, 1), on(0, 1, 1, 1), on(0, 8, 1, 1) };
	listeners[2].family = FAMILY_NONE;
	listeners[3].family = 5;
	for (size_t i = 0; i < 4; i++) {
		struct listener_index *index = NULL;
		size_t tie[2];
		assert_int_equal(listener_index_build(&listeners[i], 1, &index, tie), -EINVAL);
	}
}

static void empty_index_finds_nothing(void **state)
{
	(void)state;
	struct listener_index *index = build(NULL, 0);
	expect(index, asks(1, 1), -1);
	listener_index_free(index);
	listener_index_free(NULL);
}

// 120,000 addresses with one listener, and 60,000 overlapping ranges on each of three others.
static size_t many_listeners(struct listener *listeners)
{
	size_t count = 0;
	for (uint32_t i = 0; i < 120000; i++, count++) {
		listeners[count] = on(20, 32, 443, 443);
		memcpy(listeners[count].address.byte + 1, &i, 3);
	}
	for (uint8_t address = 1; address <= 3; address++) {
		for (uint32_t i = 0; i < 60000; i++, count++) { // each of a width of its own
			uint32_t low = i * 7919 % (65536 - i);
			listeners[count] = on(address, 8, (uint16_t)low, (uint16_t)(low + i));
		}
	}
	return count;
}

static void three_hundred_thousand_listeners_are_built_in_seconds(void **state)
{
	(void)state;
	struct listener *listeners = calloc(300000, sizeof(*listeners));
	size_t count = many_listeners(listeners), tie[2];
	assert_int_equal(count, 300000);
	double start = seconds();
	struct listener_index *index = NULL;
	int result = listener_index_build(listeners, count, &index, tie);
	double took = seconds() - start;
	print_message("300,000 listeners: %.3f s\n", took);
	assert_int_equal(result, 0);
	assert_true(took < 10);
	for (uint32_t i = 0; i < 200; i++) {
		struct listener_query query = asks((uint8_t)(1 + i % 3), (uint16_t)(i * 327));
		const struct listener *expected = oracle_find(listeners, count, &query);
		const struct listener *got = listener_index_find(index, &query);
		assert_non_null(got);
		assert_memory_equal(got, expected, sizeof(*got));
	}
	listener_index_free(index);
	free(listeners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_agrees_with_linear_scan),
		cmocka_unit_test(ties_are_found_exactly_where_the_pairwise_oracle_finds_them),
		cmocka_unit_test(interface_and_vlan_beat_prefix_beats_range),
		cmocka_unit_test(interface_only_and_vlan_only_with_equal_ranges_tie),
		cmocka_unit_test(any_family_ties_with_the_zero_prefix_of_one),
		cmocka_unit_test(any_number_of_ports_is_told_apart),
		cmocka_unit_test(every_bit_of_vlan_interface_and_protocol_counts),
		cmocka_unit_test(listener_on_any_port_takes_fragments_without_ports),
		cmocka_unit_test(borders_of_the_port_space_hold),
		cmocka_unit_test(impossible_listeners_are_refused),
		cmocka_unit_test(empty_index_finds_nothing),
		cmocka_unit_test(three_hundred_thousand_listeners_are_built_in_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
