// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_common.h>

#include "dataplane/fragment.h"

enum {
	CAPACITY = 16,
	LIFETIME = 1000,
};

static const struct hash_secret secret = { { 1, 2, 3, 4, 5, 6, 7, 8 } };
static const struct ip_address near = { { 10, 0, 0, 1 } }, far = { { 10, 0, 0, 2 } };

static int setup(void **state)
{
	*state = fragment_table_create(CAPACITY, LIFETIME, &secret, -1);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	fragment_table_destroy(*state);
	return 0;
}

struct fragment {
	uint32_t id, offset, length;
	bool more;
	bool back; // from far to near
	uint8_t family, protocol;
};

static struct packet_meta meta_of(const struct fragment *f)
{
	uint8_t family = f->family ? f->family : FAMILY_IP4, protocol = f->protocol ? f->protocol : 17;
	struct packet_meta meta = { .family = family, .protocol = protocol,
				    .flags = PACKET_HAS_TUPLE |
					     (f->offset ? PACKET_FRAGMENT_LATER : PACKET_FRAGMENT_FIRST) };

	meta.key = (struct flow_key){ .address = { near, far }, .protocol = protocol, .family = family };
	if (f->back)
		meta.flags |= PACKET_SOURCE_IS_END1;
	if (f->offset == 0) {
		meta.key.port[f->back] = rte_cpu_to_be_16(1111);
		meta.key.port[!f->back] = rte_cpu_to_be_16(2222);
	}
	return meta;
}

static enum drop_reason resolve(void *table, struct fragment f, uint64_t now, struct packet_meta *meta)
{
	struct fragment_info info = { f.id, f.offset, f.length, f.more };

	*meta = meta_of(&f);
	return fragment_resolve(table, meta, &info, f.back ? &far : &near, f.back ? &near : &far, now);
}

static void expect(void *table, struct fragment f, uint64_t now, enum drop_reason expected)
{
	struct packet_meta meta;
	enum drop_reason reason = resolve(table, f, now, &meta);

	if (reason != expected)
		fail_msg("id %u offset %u length %u: %s, expected %s", f.id, f.offset, f.length, drop_name(reason),
			 drop_name(expected));
	if (reason != DROP_NONE)
		return;
	unsigned end = meta.flags & PACKET_SOURCE_IS_END1 ? 1 : 0;
	assert_int_equal(end, f.back);
	assert_int_equal(rte_be_to_cpu_16(meta.key.port[end]), 1111);
	assert_int_equal(rte_be_to_cpu_16(meta.key.port[!end]), 2222);
}

static void later_fragments_get_the_ports_of_their_first(void **state)
{
	expect(*state, (struct fragment){ 7, 0, 1480, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 7, 1480, 1480, true }, 1, DROP_NONE);
	expect(*state, (struct fragment){ 7, 2960, 100, false }, 2, DROP_NONE);
	expect(*state, (struct fragment){ 7, 0, 1480, true, .back = true }, 3, DROP_NONE);
	expect(*state, (struct fragment){ 7, 1480, 8, false, .back = true }, 3, DROP_NONE);
}

static void other_datagrams_do_not_match(void **state)
{
	expect(*state, (struct fragment){ 7, 0, 1480, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 8, 1480, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 7 << 16, 1480, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 7, 1480, 8, true, .protocol = 132 }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 7, 1480, 8, true, .back = true }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 7, 1480, 8, true, .family = FAMILY_IP6 }, 0, DROP_FRAGMENT_UNKNOWN);
}

static void early_later_fragment_is_unknown_but_counts(void **state)
{
	expect(*state, (struct fragment){ 7, 1480, 8, false }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 7, 0, 1488, true }, 1, DROP_FRAGMENT_OVERLAP);
	expect(*state, (struct fragment){ 8, 8, 8, false }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 8, 0, 8, true }, 1, DROP_NONE); // and now it is whole
	expect(*state, (struct fragment){ 8, 8, 8, false }, 2, DROP_FRAGMENT_UNKNOWN);
}

static void overlap_kills_the_whole_datagram(void **state)
{
	static const struct fragment overlaps[] = { { 0, 1472, 16, true }, { 0, 1976, 32, true }, { 0, 0, 1488, true },
						    { 0, 8, 1480, true }, { 0, 1992, 8, true }, { 0, 1480, 520, true },
						    { 0, 1000, 480, false }, { 0, 0, 3000, true } };

	for (uint32_t i = 0; i < RTE_DIM(overlaps); i++) {
		struct fragment bad = overlaps[i];

		bad.id = i;
		expect(*state, (struct fragment){ i, 0, 1480, true }, 0, DROP_NONE);
		expect(*state, (struct fragment){ i, 1984, 8, true }, 0, DROP_NONE);
		expect(*state, (struct fragment){ i, 1992, 4, true }, 0, DROP_NONE);
		expect(*state, bad, 0, DROP_FRAGMENT_OVERLAP);
		expect(*state, (struct fragment){ i, 4000, 8, true }, 0, DROP_FRAGMENT_OVERLAP);
		expect(*state, (struct fragment){ i, 0, 1480, true }, LIFETIME - 1, DROP_FRAGMENT_OVERLAP);
		expect(*state, (struct fragment){ i, 0, 1480, true }, LIFETIME, DROP_NONE);
		teardown(state);
		setup(state);
	}
}

static void bytes_beyond_the_end_kill_the_datagram(void **state)
{
	expect(*state, (struct fragment){ 1, 0, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 800, 8, false }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 808, 8, true }, 0, DROP_FRAGMENT_OVERLAP);
	expect(*state, (struct fragment){ 2, 0, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 2, 800, 8, false }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 2, 400, 8, false }, 0, DROP_FRAGMENT_OVERLAP);
	expect(*state, (struct fragment){ 3, 0, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 3, 800, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 3, 400, 8, false }, 0, DROP_FRAGMENT_OVERLAP);
}

static void fragment_of_bytes_that_are_there_is_dropped_alone(void **state)
{
	expect(*state, (struct fragment){ 1, 0, 80, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 0, 80, true }, 0, DROP_FRAGMENT_DUPLICATE);
	expect(*state, (struct fragment){ 1, 800, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 800, 8, true }, 0, DROP_FRAGMENT_DUPLICATE);
	expect(*state, (struct fragment){ 1, 80, 720, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 80, 720, true }, 0, DROP_FRAGMENT_DUPLICATE);
	expect(*state, (struct fragment){ 1, 40, 400, true }, 0, DROP_FRAGMENT_DUPLICATE); // of two
	expect(*state, (struct fragment){ 1, 0, 808, true }, 0, DROP_FRAGMENT_DUPLICATE);
	expect(*state, (struct fragment){ 1, 816, 8, false }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 816, 8, false }, 0, DROP_FRAGMENT_DUPLICATE);
	expect(*state, (struct fragment){ 1, 808, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 816, 8, false }, 0, DROP_FRAGMENT_UNKNOWN); // it was whole
}

static void duplicate_before_the_first_fragment_is_unknown_too(void **state)
{
	expect(*state, (struct fragment){ 1, 80, 80, true }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 1, 80, 80, true }, 0, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 1, 0, 80, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 160, 80, false }, 0, DROP_NONE);
}

static void large_datagram_in_any_order_is_followed(void **state)
{
	enum { PIECES = 44, BYTES = 1480 };
	unsigned order[PIECES];

	srand(7);
	for (uint32_t id = 0; id < 200; id++) {
		unsigned window = id % 6; // how far a fragment may be out of order
		for (unsigned i = 0; i < PIECES; i++)
			order[i] = i;
		for (unsigned i = 1; window && i + window < PIECES; i += window) {
			unsigned j = i + rand() % window, t = order[i];
			order[i] = order[j];
			order[j] = t;
		}
		for (unsigned i = 0; i < PIECES; i++)
			expect(*state, (struct fragment){ id, order[i] * BYTES, BYTES, order[i] + 1 < PIECES }, id,
			       DROP_NONE);
	}
}

// Of 64 KB in fragments as IPv6's minimal MTU makes them and larger.
static void even_fragments_then_odd_ones_are_followed(void **state)
{
	static const unsigned sizes[] = { 1096, 1232, 1256, 1400, 1480 };

	for (uint32_t id = 0; id < RTE_DIM(sizes); id++) {
		unsigned bytes = sizes[id], pieces = 65528 / bytes;
		for (unsigned half = 0; half < 2; half++)
			for (unsigned i = half; i < pieces; i += 2)
				expect(*state, (struct fragment){ id, i * bytes, bytes, i + 1 < pieces }, 0, DROP_NONE);
		// It was whole.
		expect(*state, (struct fragment){ id, bytes, bytes, true }, 0, DROP_FRAGMENT_UNKNOWN);
	}
}

static void large_datagram_in_random_order_and_twice_is_followed(void **state)
{
	enum { PIECES = 41, BYTES = 1480 };
	unsigned order[2 * PIECES];

	srand(11);
	for (uint32_t id = 0; id < 200; id++) {
		bool seen[PIECES] = { true };
		unsigned count = 1;

		for (unsigned i = 0; i < 2 * PIECES; i++)
			order[i] = i % PIECES;
		for (unsigned i = 2 * PIECES - 1; i > 0; i--) {
			unsigned j = rand() % (i + 1), t = order[i];
			order[i] = order[j];
			order[j] = t;
		}
		expect(*state, (struct fragment){ id, 0, BYTES, true }, id, DROP_NONE);
		for (unsigned i = 0; count < PIECES; i++) {
			unsigned piece = order[i];
			expect(*state, (struct fragment){ id, piece * BYTES, BYTES, piece + 1 < PIECES }, id,
			       seen[piece] ? DROP_FRAGMENT_DUPLICATE : DROP_NONE);
			count += !seen[piece];
			seen[piece] = true;
		}
		expect(*state, (struct fragment){ id, BYTES, BYTES, true }, id, DROP_FRAGMENT_UNKNOWN); // it was whole
	}
}

static void piece_too_many_is_dropped_alone(void **state)
{
	for (unsigned i = 0; i < 30; i++)
		expect(*state, (struct fragment){ 1, i * 16, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 1, 30 * 16, 8, true }, 0, DROP_FRAGMENT_PIECES);
	expect(*state, (struct fragment){ 1, 8, 8, true }, 0, DROP_NONE); // makes one of two
	expect(*state, (struct fragment){ 1, 30 * 16, 8, true }, 0, DROP_NONE);
}

static void datagram_is_forgotten_after_its_lifetime(void **state)
{
	expect(*state, (struct fragment){ 1, 0, 8, true }, 100, DROP_NONE);
	expect(*state, (struct fragment){ 1, 8, 8, true }, 100 + LIFETIME - 1, DROP_NONE);
	expect(*state, (struct fragment){ 1, 16, 8, true }, 100 + LIFETIME, DROP_FRAGMENT_UNKNOWN);
}

static void datagram_is_forgotten_when_the_clock_is_set_back_far(void **state)
{
	expect(*state, (struct fragment){ 1, 0, 8, true }, 10 * LIFETIME, DROP_NONE);
	expect(*state, (struct fragment){ 1, 8, 8, true }, 9 * LIFETIME + 1, DROP_NONE); // out of order, no more
	expect(*state, (struct fragment){ 1, 16, 8, true }, 9 * LIFETIME, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 1, 0, 8, true }, 5, DROP_NONE); // another datagram
	expect(*state, (struct fragment){ 1, 8, 8, true }, 6, DROP_NONE);
}

static void entries_of_a_clock_set_back_make_room(void **state)
{
	for (unsigned round = 10; round > 0; round--)
		for (uint32_t id = 0; id < CAPACITY; id++)
			expect(*state, (struct fragment){ round << 8 | id, 0, 8, true }, round * LIFETIME, DROP_NONE);
}

static void cleared_table_knows_nothing_and_has_room_for_all(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t id = 0; id < CAPACITY / 2; id++) {
			expect(*state, (struct fragment){ id, 0, 8, true }, 0, DROP_NONE);
			expect(*state, (struct fragment){ 100 + id, 8, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
		}
		fragment_table_clear(*state);
		for (uint32_t id = 0; id < CAPACITY; id++) {
			expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
			expect(*state, (struct fragment){ 100 + id, 0, 8, true }, 0,
			       DROP_NONE);
		}
		fragment_table_clear(*state);
		for (uint32_t id = 0; id < CAPACITY; id++)
			expect(*state, (struct fragment){ id, 0, 8, true }, 0, DROP_NONE);
		for (uint32_t id = 0; id < CAPACITY; id++)
			expect(*state, (struct fragment){ id, 8, 8, false }, 0, DROP_NONE);
		fragment_table_clear(*state);
	}
}

static void first_fragment_takes_the_place_of_the_oldest_in_a_full_table(void **state)
{
	for (uint32_t id = 0; id < CAPACITY; id++)
		expect(*state, (struct fragment){ id, 0, 8, true }, id, DROP_NONE);
	expect(*state, (struct fragment){ 99, 0, 8, true }, CAPACITY, DROP_NONE);
	expect(*state, (struct fragment){ 0, 8, 8, true }, CAPACITY, DROP_FRAGMENT_UNKNOWN);
	for (uint32_t id = 1; id < CAPACITY; id++)
		expect(*state, (struct fragment){ id, 8, 8, true }, CAPACITY, DROP_NONE);
	expect(*state, (struct fragment){ 99, 8, 8, true }, CAPACITY, DROP_NONE);
}

static void flood_of_first_fragments_shuts_out_none(void **state)
{
	for (uint32_t id = 0; id < 1000; id++) {
		expect(*state, (struct fragment){ id, 0, 8, true }, 0, DROP_NONE);
		expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_NONE);
	}
}

static void first_fragment_takes_the_place_of_later_ones_first(void **state)
{
	expect(*state, (struct fragment){ 1, 0, 8, true }, 0, DROP_NONE);
	expect(*state, (struct fragment){ 2, 8, 8, true }, 1, DROP_FRAGMENT_UNKNOWN);
	expect(*state, (struct fragment){ 3, 8, 8, false }, 2, DROP_FRAGMENT_UNKNOWN);
	for (uint32_t id = 4; id <= CAPACITY; id++)
		expect(*state, (struct fragment){ id, 0, 8, true }, 3, DROP_NONE);
	expect(*state, (struct fragment){ 98, 0, 8, true }, 4, DROP_NONE); // for 2
	expect(*state, (struct fragment){ 3, 0, 16, true }, 5, DROP_FRAGMENT_OVERLAP); // is known still
	expect(*state, (struct fragment){ 99, 0, 8, true }, 6, DROP_NONE); // for 3
	expect(*state, (struct fragment){ 1, 8, 8, true }, 7, DROP_NONE);
	expect(*state, (struct fragment){ 100, 0, 8, true }, 8, DROP_NONE); // for 1
	expect(*state, (struct fragment){ 1, 16, 8, true }, 9, DROP_FRAGMENT_UNKNOWN);
}

static void flood_of_later_fragments_pushes_out_no_first_one(void **state)
{
	for (uint32_t id = 0; id < CAPACITY; id++)
		expect(*state, (struct fragment){ id, 0, 8, true }, 0, DROP_NONE);
	for (uint32_t id = 100; id < 1000; id++)
		expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
	for (uint32_t id = 0; id < CAPACITY; id++)
		expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_NONE);
}

static void flood_of_later_fragments_takes_half_of_the_table(void **state)
{
	for (uint32_t id = 0; id < CAPACITY / 2; id++)
		expect(*state, (struct fragment){ id, 0, 8, true }, 0, DROP_NONE);
	for (uint32_t id = 100; id < 1000; id++)
		expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
	for (uint32_t id = 1000 - CAPACITY / 2; id < 1000; id++) // the newest of them are known
		expect(*state, (struct fragment){ id, 0, 16, true }, 0, DROP_FRAGMENT_OVERLAP);
	for (uint32_t id = 0; id < CAPACITY / 2; id++)
		expect(*state, (struct fragment){ id, 8, 8, true }, 0, DROP_NONE);
}

static void smallest_tables_work(void **state)
{
	(void)state;
	for (uint32_t capacity = 1; capacity <= 3; capacity++) {
		struct fragment_table *table = fragment_table_create(capacity, LIFETIME, &secret, -1);

		assert_non_null(table);
		for (uint32_t id = 0; id < 100; id++) {
			expect(table, (struct fragment){ 100 + id, 8, 8, true }, id, DROP_FRAGMENT_UNKNOWN);
			expect(table, (struct fragment){ id, 0, 8, true }, id, DROP_NONE);
			expect(table, (struct fragment){ id, 8, 8, true }, id, DROP_NONE);
		}
		fragment_table_destroy(table);
	}
}

static void table_without_entries_is_full(void **state)
{
	struct fragment_table *table = fragment_table_create(0, LIFETIME, &secret, -1);

	(void)state;
	expect(table, (struct fragment){ 1, 0, 8, true }, 0, DROP_FRAGMENT_TABLE_FULL);
	expect(table, (struct fragment){ 1, 8, 8, true }, 0, DROP_FRAGMENT_UNKNOWN);
	fragment_table_clear(table);
	fragment_table_destroy(table);
}

static void ip6_later_fragment_inherits_the_protocol(void **state)
{
	struct packet_meta meta;

	assert_int_equal(resolve(*state, (struct fragment){ 1, 0, 8, true, .family = FAMILY_IP6 }, 0, &meta), DROP_NONE);
	assert_int_equal(resolve(*state, (struct fragment){ 1, 8, 8, true, .family = FAMILY_IP6, .protocol = 60 }, 0,
				 &meta),
			 DROP_NONE);
	assert_int_equal(meta.key.protocol, 17);
	assert_int_equal(meta.protocol, 60);
}

static void rest_of_an_icmp_error_is_unrelated(void **state)
{
	struct fragment first = { 1, 0, 8, true, .protocol = 1 };
	struct packet_meta meta = meta_of(&first);
	struct fragment_info info = { 1, 0, 8, true };

	meta.flags |= PACKET_ICMP_ERROR;
	assert_int_equal(fragment_resolve(*state, &meta, &info, &near, &far, 0), DROP_NONE);
	expect(*state, (struct fragment){ 1, 8, 8, false, .protocol = 1 }, 0, DROP_ICMP_UNRELATED);
}

static void rest_of_an_icmp_reply_is_a_reply_too(void **state)
{
	struct fragment first = { 1, 0, 8, true, .protocol = 1 }, later = { 1, 8, 8, true, .protocol = 1 };
	struct fragment_info info = { 1, 0, 8, true };

	for (unsigned reply = 0; reply < 2; reply++) {
		struct packet_meta meta = meta_of(&first);

		meta.flags |= reply ? PACKET_ICMP_REPLY : 0;
		assert_int_equal(fragment_resolve(*state, &meta, &info, &near, &far, 0), DROP_NONE);
		assert_int_equal(resolve(*state, later, 0, &meta), DROP_NONE);
		assert_int_equal(!!(meta.flags & PACKET_ICMP_REPLY), reply);
		fragment_table_clear(*state);
	}
}

static void random_fragments_never_exceed_the_table(void **state)
{
	uint64_t now = 0;
	struct packet_meta meta;

	srand(1);
	for (unsigned i = 0; i < 300000; i++) {
		struct fragment f = { .id = rand() % 40, .offset = rand() % 6 * 8, .length = 8 + rand() % 3 * 8,
				      .more = rand() % 3, .back = rand() % 2 };
		enum drop_reason reason = resolve(*state, f, now, &meta);

		assert_true(reason == DROP_NONE || reason == DROP_FRAGMENT_OVERLAP || reason == DROP_FRAGMENT_UNKNOWN ||
			    reason == DROP_FRAGMENT_DUPLICATE);
		now += rand() % 100;
		if (rand() % 1000 == 0)
			now -= RTE_MIN(now, rand() % (3u * LIFETIME));
	}
	for (uint32_t id = 0; id < CAPACITY; id++)
		expect(*state, (struct fragment){ 100 + id, 0, 8, true }, now, DROP_NONE);
	for (uint32_t id = 0; id < CAPACITY; id++) // nothing was lost: there is room for all
		expect(*state, (struct fragment){ 100 + id, 8, 8, true }, now, DROP_NONE);
}

int main(void)
{
#define WITH_TABLE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_TABLE(later_fragments_get_the_ports_of_their_first),
		WITH_TABLE(other_datagrams_do_not_match),
		WITH_TABLE(early_later_fragment_is_unknown_but_counts),
		WITH_TABLE(overlap_kills_the_whole_datagram),
		WITH_TABLE(bytes_beyond_the_end_kill_the_datagram),
		WITH_TABLE(fragment_of_bytes_that_are_there_is_dropped_alone),
		WITH_TABLE(duplicate_before_the_first_fragment_is_unknown_too),
		WITH_TABLE(large_datagram_in_any_order_is_followed),
		WITH_TABLE(even_fragments_then_odd_ones_are_followed),
		WITH_TABLE(large_datagram_in_random_order_and_twice_is_followed),
		WITH_TABLE(piece_too_many_is_dropped_alone),
		WITH_TABLE(datagram_is_forgotten_after_its_lifetime),
		WITH_TABLE(datagram_is_forgotten_when_the_clock_is_set_back_far),
		WITH_TABLE(entries_of_a_clock_set_back_make_room),
		WITH_TABLE(cleared_table_knows_nothing_and_has_room_for_all),
		WITH_TABLE(first_fragment_takes_the_place_of_the_oldest_in_a_full_table),
		WITH_TABLE(flood_of_first_fragments_shuts_out_none),
		WITH_TABLE(first_fragment_takes_the_place_of_later_ones_first),
		WITH_TABLE(flood_of_later_fragments_pushes_out_no_first_one),
		WITH_TABLE(flood_of_later_fragments_takes_half_of_the_table),
		cmocka_unit_test(smallest_tables_work),
		cmocka_unit_test(table_without_entries_is_full),
		WITH_TABLE(ip6_later_fragment_inherits_the_protocol),
		WITH_TABLE(rest_of_an_icmp_error_is_unrelated),
		WITH_TABLE(rest_of_an_icmp_reply_is_a_reply_too),
		WITH_TABLE(random_fragments_never_exceed_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
