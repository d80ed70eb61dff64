// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/rule_index.h"
#include "control/rule_region.h"

// Random rules over few values, so that they meet often, and packets of the same values.

static unsigned pick(unsigned count)
{
	return (unsigned)rand() % count;
}

static struct ip_address address(bool ip4, unsigned value)
{
	struct ip_address made = { { 0 } };
	made.byte[0] = 10;
	made.byte[ip4 ? 3 : 15] = (uint8_t)value;
	return made;
}

static void add_addresses(struct rule_draft *draft, enum rule_field field, bool ip4)
{
	for (unsigned i = pick(2) + 1; i-- > 0;) {
		unsigned low = pick(8), high = low + pick(4);
		struct ip_address from = address(ip4, low), to = address(ip4, high);
		assert_int_equal(rule_draft_addresses(draft, field, &from, &to), 0);
	}
}

static void add_ports(struct rule_draft *draft, enum rule_field field)
{
	for (unsigned i = pick(2) + 1; i-- > 0;) {
		unsigned low = pick(8);
		assert_int_equal(rule_draft_ports(draft, field, (uint16_t)low, (uint16_t)(low + pick(4))), 0);
	}
}

static uint8_t pick_protocol(void)
{
	static const uint8_t protocols[] = { 1, 6, 17, 47, 58 };
	return protocols[pick(sizeof(protocols))];
}

static void fill_draft(struct rule_draft *draft)
{
	struct rule *rule = rule_draft_rule(draft);
	unsigned family = pick(3);
	rule->ip4 = family != 1;
	rule->ip6 = family != 0;
	rule->verdict = (uint8_t)pick(2);
	if (pick(2))
		rule_draft_byte(draft, RULE_PROTOCOL, pick_protocol());
	if (family < 2 && pick(2))
		add_addresses(draft, RULE_SOURCE, rule->ip4);
	if (family < 2 && pick(3) == 0)
		add_addresses(draft, RULE_DESTINATION, rule->ip4);
	if (pick(2))
		add_ports(draft, RULE_DESTINATION_PORT);
	if (pick(4) == 0)
		add_ports(draft, RULE_SOURCE_PORT);
	if (pick(6) == 0)
		add_ports(draft, RULE_VLAN);
	if (pick(6) == 0)
		rule_draft_byte(draft, RULE_TCP_FLAGS, (uint8_t)pick(4));
	if (family < 2 && pick(6) == 0)
		rule_draft_byte(draft, RULE_ICMP_TYPE, (uint8_t)pick(4));
	if (pick(6) == 0) {
		rule->asks |= RULE_CONNECTION;
		rule->connection = (uint8_t)(1 + pick(15));
	}
	if (pick(6) == 0) {
		rule->asks |= RULE_INTERFACE;
		rule->interfaces = 1 + pick(3);
	}
	if (rule->asks & RULE_DESTINATION_PORT && pick(4) == 0)
		rule_draft_negate(draft, RULE_DESTINATION_PORT);
	if (rule->asks & RULE_SOURCE && pick(4) == 0)
		rule_draft_negate(draft, RULE_SOURCE);
}

static struct rule_entry *random_entry(void)
{
	struct rule_draft *draft = rule_draft_create();
	struct error error;
	fill_draft(draft);
	struct rule_entry *entry = rule_draft_finish(draft, &(struct rule_place){ .file = "f", .line = 1 }, &error);
	assert_non_null(entry);
	rule_draft_free(draft);
	return entry;
}

static struct packet_tuple random_packet(void)
{
	bool ip4 = pick(2);
	struct packet_tuple tuple = {
		.source = address(ip4, pick(12)),
		.destination = address(ip4, pick(12)),
		.source_port = (uint16_t)pick(12),
		.destination_port = (uint16_t)pick(12),
		.vlan = (uint16_t)pick(10),
		.tagged = pick(3) == 0,
		.family = ip4 ? FAMILY_IP4 : FAMILY_IP6,
		.protocol = pick_protocol(),
		.interface = (uint8_t)pick(2),
		.tcp_flags = (uint8_t)pick(4),
		.icmp_type = (uint8_t)pick(4),
		.connection = (uint8_t)(1 << pick(4)),
		.portless = pick(4) == 0,
	};
	tuple.next_header = tuple.protocol;
	return tuple;
}

static bool matches(const struct rule_entry *entry, const struct packet_tuple *tuple)
{
	uint16_t failed;
	return rule_matches(&entry->rule, tuple, &failed);
}

static void packet_of_a_region_matches_its_rule(void **state)
{
	(void)state;
	struct region_room room = { 0 };
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		struct rule_entry *entry = random_entry();
		struct region region;
		bool exact;
		if (region_of_rule(&room, &entry->rule, &region, &exact)) {
			struct packet_tuple tuple;
			for (unsigned highest = 0; exact && highest < 2; highest++) {
				region_packet(&region, highest, &tuple);
				assert_true(matches(entry, &tuple));
			}
		}
		for (unsigned i = 0; i < 20; i++) {
			struct packet_tuple tuple = random_packet();
			struct region same;
			if (!region_of_rule(&room, &entry->rule, &same, NULL))
				assert_false(matches(entry, &tuple));
		}
		rule_entry_drop(entry);
		region_room_reset(&room);
	}
	region_room_free(&room);
}

// Packets of the pieces are of a and not of b; where there are none, no packet is.
static void what_is_subtracted_is_gone_and_all_else_stays(void **state)
{
	(void)state;
	struct region_room room = { 0 };
	unsigned covered = 0, cut = 0;
	srand(2);
	for (unsigned round = 0; round < 40000; round++) {
		struct rule_entry *a = random_entry(), *b = random_entry();
		struct region first, second, pieces[REGION_FIELDS];
		bool exact_a, exact_b;
		if (region_of_rule(&room, &a->rule, &first, &exact_a) && region_of_rule(&room, &b->rule, &second, &exact_b) &&
		    exact_a && exact_b) {
			unsigned count = region_subtract(&room, &first, &second, pieces);
			for (unsigned i = 0; i < 2 * count; i++) {
				struct packet_tuple tuple;
				region_packet(&pieces[i / 2], i % 2, &tuple);
				assert_true(matches(a, &tuple));
				assert_false(matches(b, &tuple));
			}
			covered += count == 0;
			cut += count > 1;
			for (unsigned i = 0; count == 0 && i < 100; i++) {
				struct packet_tuple tuple = random_packet();
				assert_true(!matches(a, &tuple) || matches(b, &tuple));
			}
		}
		rule_entry_drop(a);
		rule_entry_drop(b);
		region_room_reset(&room);
	}
	assert_true(covered > 100 && cut > 100);
	region_room_free(&room);
}

static void index_finds_the_first_rule_that_looking_at_each_finds(void **state)
{
	(void)state;
	enum { RULES = 60 };
	srand(3);
	for (unsigned round = 0; round < 300; round++) {
		struct rule_entry *entry[RULES];
		for (unsigned i = 0; i < RULES; i++)
			entry[i] = random_entry();
		struct rule_index *index = rule_index_build(entry, RULES);
		assert_non_null(index);
		for (unsigned i = 0; i < 200; i++) {
			struct packet_tuple tuple = random_packet();
			size_t before = pick(RULES + 1), expected = 0;
			uint64_t looked_at = 0;
			while (expected < before && !matches(entry[expected], &tuple))
				expected++;
			assert_int_equal(rule_index_first(index, &tuple, before, &looked_at),
				expected < before ? expected : SIZE_MAX);
		}
		rule_index_free(index);
		for (unsigned i = 0; i < RULES; i++)
			rule_entry_drop(entry[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_of_a_region_matches_its_rule),
		cmocka_unit_test(what_is_subtracted_is_gone_and_all_else_stays),
		cmocka_unit_test(index_finds_the_first_rule_that_looking_at_each_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
