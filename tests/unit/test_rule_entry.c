// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "control/address.h"
#include "control/rule_entry.h"

enum { TEXT_MAX = 1024, SETS_MAX = 8 };

static const struct rule_place nowhere = { "a.rules", 3, 7 };

static struct rule_entry *finish(struct rule_draft *draft)
{
	struct error error = { "" };
	struct rule_entry *entry = rule_draft_finish(draft, &nowhere, &error);
	if (!entry)
		fail_msg("%s", error.text);
	return entry;
}

// "1-5 80" of a set, as it is stored.
static const char *ports_text(const struct port_set *set, char text[TEXT_MAX])
{
	int used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < set->count; i++)
		used += snprintf(text + used, (size_t)(TEXT_MAX - used), i ? " %u-%u" : "%u-%u", set->range[i].low,
				 set->range[i].high);
	return text;
}

static const char *addresses_text(const struct address_set *set, uint8_t family, char text[TEXT_MAX])
{
	int used = 0;
	text[0] = '\0';
	for (uint32_t i = 0; i < set->count; i++) {
		char low[ADDRESS_TEXT_MAX], high[ADDRESS_TEXT_MAX];
		used += snprintf(text + used, (size_t)(TEXT_MAX - used), i ? " %s-%s" : "%s-%s",
				 address_format(&set->range[i].low, family, low),
				 address_format(&set->range[i].high, family, high));
	}
	return text;
}

static struct ip_address address(const char *text)
{
	struct ip_address address = { { 0 } };
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, address.byte), 1);
	return address;
}

static const struct {
	struct port_range range[SETS_MAX];
	size_t count;
	const char *text, *negated, *negated_vlans;
} port_sets[] = {
	{ { { 80, 80 } }, 1, "80-80", "0-79 81-65535", "0-79 81-4095" },
	{ { { 443, 443 }, { 80, 80 } }, 2, "80-80 443-443", "0-79 81-442 444-65535", "0-79 81-442 444-4095" },
	{ { { 80, 80 }, { 80, 80 } }, 2, "80-80", "0-79 81-65535", "0-79 81-4095" },
	{ { { 81, 90 }, { 70, 80 } }, 2, "70-90", "0-69 91-65535", "0-69 91-4095" },
	{ { { 82, 90 }, { 70, 80 } }, 2, "70-80 82-90", "0-69 81-81 91-65535", "0-69 81-81 91-4095" },
	{ { { 10, 100 }, { 20, 30 }, { 90, 120 } }, 3, "10-120", "0-9 121-65535", "0-9 121-4095" },
	{ { { 0, 0 } }, 1, "0-0", "1-65535", "1-4095" },
	{ { { 65535, 65535 } }, 1, "65535-65535", "0-65534", "0-4095" },
	{ { { 65535, 65535 }, { 0, 0 } }, 2, "0-0 65535-65535", "1-65534", "1-4095" },
	{ { { 0, 65535 } }, 1, "0-65535", "", "" },
	{ { { 0, 32767 }, { 32768, 65535 } }, 2, "0-65535", "", "" },
	{ { { 4095, 4095 } }, 1, "4095-4095", "0-4094 4096-65535", "0-4094" },
	{ { { 4000, 5000 } }, 1, "4000-5000", "0-3999 5001-65535", "0-3999" },
	{ { { 0, 0 } }, 0, "", "0-65535", "0-4095" },
};

static void add_ports(struct rule_draft *draft, enum rule_field field, size_t set)
{
	for (size_t i = 0; i < port_sets[set].count; i++)
		assert_int_equal(rule_draft_ports(draft, field, port_sets[set].range[i].low,
						  port_sets[set].range[i].high), 0);
}

static void expect(size_t set, const char *got, const char *expected)
{
	if (strcmp(got, expected) != 0)
		fail_msg("set %zu is \"%s\", not \"%s\"", set, got, expected);
}

static void ports_are_sorted_and_merged(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX];
	for (size_t i = 0; i < sizeof(port_sets) / sizeof(port_sets[0]); i++) {
		add_ports(draft, RULE_SOURCE_PORT, i);
		struct rule_entry *entry = finish(draft);
		expect(i, ports_text(&entry->rule.source_ports, text), port_sets[i].text);
		assert_int_equal(entry->rule.asks, port_sets[i].count ? RULE_SOURCE_PORT : 0);
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

static void ports_are_negated_up_to_both_edges(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX];
	for (size_t i = 0; i < sizeof(port_sets) / sizeof(port_sets[0]); i++) {
		add_ports(draft, RULE_DESTINATION_PORT, i);
		add_ports(draft, RULE_VLAN, i);
		assert_int_equal(rule_draft_negate(draft, RULE_DESTINATION_PORT), 0);
		assert_int_equal(rule_draft_negate(draft, RULE_VLAN), 0);
		struct rule_entry *entry = finish(draft);
		expect(i, ports_text(&entry->rule.destination_ports, text), port_sets[i].negated);
		expect(i, ports_text(&entry->rule.vlans, text), port_sets[i].negated_vlans);
		assert_int_equal(entry->rule.asks, RULE_DESTINATION_PORT | RULE_VLAN);
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

static void ports_negated_twice_are_what_they_were(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX];
	for (size_t i = 0; i < sizeof(port_sets) / sizeof(port_sets[0]); i++) {
		add_ports(draft, RULE_DESTINATION_PORT, i);
		rule_draft_negate(draft, RULE_DESTINATION_PORT);
		rule_draft_negate(draft, RULE_DESTINATION_PORT);
		struct rule_entry *entry = finish(draft);
		expect(i, ports_text(&entry->rule.destination_ports, text), port_sets[i].text);
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

// Against one bit a port.
static void random_ports_are_what_a_bitmap_says(void **state)
{
	(void)state;
	static uint8_t wanted[65536], got[65536];
	struct rule_draft *draft = rule_draft_create();
	srand(1);
	for (unsigned round = 0; round < 200; round++) {
		memset(wanted, 0, sizeof(wanted));
		memset(got, 0, sizeof(got));
		for (int i = rand() % 40; i >= 0; i--) {
			unsigned low = (unsigned)rand() % 65536, high = low + (unsigned)rand() % (round % 2 ? 5 : 20000);
			if (high > 65535)
				high = 65535;
			memset(wanted + low, 1, high - low + 1);
			rule_draft_ports(draft, RULE_SOURCE_PORT, (uint16_t)low, (uint16_t)high);
		}
		if (round % 3 == 0) {
			rule_draft_negate(draft, RULE_SOURCE_PORT);
			for (unsigned i = 0; i < 65536; i++)
				wanted[i] = !wanted[i];
		}
		struct rule_entry *entry = finish(draft);
		for (uint32_t i = 0; i < entry->rule.source_ports.count; i++) {
			const struct port_range *range = &entry->rule.source_ports.range[i];
			assert_true(i == 0 || range->low > range[-1].high + 1);
			memset(got + range->low, 1, range->high - range->low + 1u);
		}
		assert_memory_equal(got, wanted, sizeof(got));
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

static const struct {
	uint8_t family;
	const char *low_high[SETS_MAX];
	const char *text, *negated;
} address_sets[] = {
	{ FAMILY_IP4, { "10.0.0.0", "10.255.255.255" }, "10.0.0.0-10.255.255.255",
	  "0.0.0.0-9.255.255.255 11.0.0.0-255.255.255.255" },
	{ FAMILY_IP4, { "0.0.0.0", "0.0.0.0" }, "0.0.0.0-0.0.0.0", "0.0.0.1-255.255.255.255" },
	{ FAMILY_IP4, { "255.255.255.255", "255.255.255.255" }, "255.255.255.255-255.255.255.255",
	  "0.0.0.0-255.255.255.254" },
	{ FAMILY_IP4, { "0.0.0.0", "255.255.255.255" }, "0.0.0.0-255.255.255.255", "" },
	{ FAMILY_IP4, { "10.1.0.0", "10.1.255.255", "10.0.0.0", "10.0.255.255" }, "10.0.0.0-10.1.255.255",
	  "0.0.0.0-9.255.255.255 10.2.0.0-255.255.255.255" },
	{ FAMILY_IP4, { "10.0.0.2", "10.0.0.2", "10.0.0.0", "10.0.0.0" }, "10.0.0.0-10.0.0.0 10.0.0.2-10.0.0.2",
	  "0.0.0.0-9.255.255.255 10.0.0.1-10.0.0.1 10.0.0.3-255.255.255.255" },
	{ FAMILY_IP4, { "10.0.0.0", "10.0.0.9", "10.0.0.2", "10.0.0.3" }, "10.0.0.0-10.0.0.9",
	  "0.0.0.0-9.255.255.255 10.0.0.10-255.255.255.255" },
	{ FAMILY_IP4, { NULL }, "", "0.0.0.0-255.255.255.255" },
	{ FAMILY_IP6, { "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
	  "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	  "::-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ FAMILY_IP6, { "::", "::" }, "::-::", "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ FAMILY_IP6, { "1::1", "1::ffff:ffff", "1::1:0:0", "1::2:0:0" }, "1::1-1::2:0:0",
	  "::-1:: 1::2:0:1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ FAMILY_IP6, { "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::5", "::6" },
	  "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "" },
};

static void add_addresses(struct rule_draft *draft, enum rule_field field, size_t set)
{
	struct rule *rule = rule_draft_rule(draft);
	rule->ip4 = address_sets[set].family == FAMILY_IP4;
	rule->ip6 = !rule->ip4;
	for (const char *const *text = address_sets[set].low_high; *text; text += 2) {
		struct ip_address low = address(text[0]), high = address(text[1]);
		assert_int_equal(rule_draft_addresses(draft, field, &low, &high), 0);
	}
}

static void addresses_are_sorted_and_merged(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX];
	for (size_t i = 0; i < sizeof(address_sets) / sizeof(address_sets[0]); i++) {
		add_addresses(draft, RULE_SOURCE, i);
		struct rule_entry *entry = finish(draft);
		expect(i, addresses_text(&entry->rule.sources, address_sets[i].family, text), address_sets[i].text);
		assert_int_equal(entry->rule.destinations.count, 0);
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

static void addresses_are_negated_within_their_family(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX];
	for (size_t i = 0; i < sizeof(address_sets) / sizeof(address_sets[0]); i++) {
		add_addresses(draft, RULE_DESTINATION, i);
		assert_int_equal(rule_draft_negate(draft, RULE_DESTINATION), 0);
		struct rule_entry *entry = finish(draft);
		expect(i, addresses_text(&entry->rule.destinations, address_sets[i].family, text), address_sets[i].negated);
		assert_int_equal(entry->rule.asks, RULE_DESTINATION);
		rule_entry_drop(entry);
	}
	rule_draft_free(draft);
}

static void bytes_are_added_and_negated(void **state)
{
	(void)state;
	static const enum rule_field fields[] = { RULE_PROTOCOL, RULE_NEXT_HEADER, RULE_TCP_FLAGS, RULE_ICMP_TYPE,
						  RULE_ICMP_CODE };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct rule_draft *draft = rule_draft_create();
		struct rule *rule = rule_draft_rule(draft);
		struct byte_set *sets[] = { &rule->protocols, &rule->next_headers, &rule->tcp_flags, &rule->icmp_types,
					    &rule->icmp_codes };
		rule_draft_byte(draft, fields[i], 0);
		rule_draft_byte(draft, fields[i], 255);
		assert_int_equal(rule->asks, fields[i]);
		for (unsigned value = 0; value < 256; value++)
			assert_int_equal(byte_set_has(sets[i], (uint8_t)value), value == 0 || value == 255);
		assert_int_equal(rule_draft_negate(draft, fields[i]), 0);
		for (unsigned value = 0; value < 256; value++)
			assert_int_equal(byte_set_has(sets[i], (uint8_t)value), value != 0 && value != 255);
		rule_draft_free(draft);
	}
}

static void a_new_draft_asks_for_nothing(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	struct rule_entry *entry = finish(draft);
	assert_int_equal(entry->rule.asks, 0);
	assert_int_equal(entry->rule.verdict, VERDICT_NONE);
	assert_true(entry->rule.ip4 && entry->rule.ip6);
	assert_false(entry->rule.log);
	assert_null(entry->rule.limit_state);
	assert_null(entry->comment);
	assert_null(entry->log_prefix);
	assert_null(entry->interfaces);
	assert_int_equal(entry->rule.slot, 0);
	rule_entry_drop(entry);
	rule_draft_free(draft);
}

static void fill(struct rule_draft *draft)
{
	struct rule *rule = rule_draft_rule(draft);
	struct ip_address low = address("10.0.0.0"), high = address("10.0.0.255");
	rule->ip6 = false;
	rule->verdict = VERDICT_DROP;
	rule->limit = (struct rule_limit){ .rate = 10, .burst = 5, .period_sec = 1 };
	rule_draft_byte(draft, RULE_PROTOCOL, 6);
	rule_draft_ports(draft, RULE_SOURCE_PORT, 1, 2);
	rule_draft_ports(draft, RULE_DESTINATION_PORT, 3, 4);
	rule_draft_ports(draft, RULE_VLAN, 5, 6);
	rule_draft_addresses(draft, RULE_SOURCE, &low, &high);
	rule_draft_addresses(draft, RULE_DESTINATION, &high, &high);
	assert_int_equal(rule_draft_comment(draft, "why"), 0);
	assert_int_equal(rule_draft_log(draft, "seen: "), 0);
	assert_int_equal(rule_draft_interfaces(draft, "!eth*"), 0);
}

static void all_of_a_draft_is_in_its_entry(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	char text[TEXT_MAX], file[] = "a.rules";
	fill(draft);
	struct rule_entry *entry = rule_draft_finish(draft, &(struct rule_place){ file, 3, 7 }, NULL);
	rule_draft_free(draft); // an entry needs nothing of it
	memset(file, 'x', sizeof(file) - 1);
	const struct rule *rule = &entry->rule;
	assert_string_equal(ports_text(&rule->source_ports, text), "1-2");
	assert_string_equal(ports_text(&rule->destination_ports, text), "3-4");
	assert_string_equal(ports_text(&rule->vlans, text), "5-6");
	assert_string_equal(addresses_text(&rule->sources, FAMILY_IP4, text), "10.0.0.0-10.0.0.255");
	assert_string_equal(addresses_text(&rule->destinations, FAMILY_IP4, text), "10.0.0.255-10.0.0.255");
	assert_int_equal(rule->asks, RULE_PROTOCOL | RULE_SOURCE_PORT | RULE_DESTINATION_PORT | RULE_VLAN | RULE_SOURCE |
				     RULE_DESTINATION | RULE_INTERFACE);
	assert_true(rule->log);
	assert_ptr_equal(rule->limit_state, &entry->limit_state);
	assert_string_equal(entry->comment, "why");
	assert_string_equal(entry->log_prefix, "seen: ");
	assert_string_equal(entry->interfaces, "!eth*");
	assert_string_equal(entry->place.file, "a.rules");
	assert_int_equal(entry->place.line, 3);
	assert_int_equal(entry->place.column, 7);
	assert_non_null(entry->text);
	rule_entry_drop(entry);
}

static void a_draft_is_as_new_after_its_entry(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	fill(draft);
	rule_entry_drop(finish(draft));
	struct rule_entry *entry = finish(draft);
	assert_int_equal(entry->rule.asks, 0);
	assert_int_equal(entry->rule.verdict, VERDICT_NONE);
	assert_int_equal(entry->rule.sources.count, 0);
	assert_int_equal(entry->rule.vlans.count, 0);
	assert_false(byte_set_has(&entry->rule.protocols, 6));
	assert_null(entry->rule.limit_state);
	assert_null(entry->comment);
	rule_entry_drop(entry);
	rule_draft_free(draft);
}

static void entry_lives_until_the_last_reference_goes(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	fill(draft);
	struct rule_entry *entry = finish(draft);
	rule_draft_free(draft);
	assert_ptr_equal(rule_entry_keep(entry), entry);
	assert_int_equal(entry->references, 2);
	rule_entry_drop(entry);
	assert_string_equal(entry->comment, "why"); // AddressSanitizer sees if it is gone
	rule_entry_drop(entry);
	rule_entry_drop(NULL);
}

static void texts_are_replaced_by_later_ones(void **state)
{
	(void)state;
	struct rule_draft *draft = rule_draft_create();
	rule_draft_comment(draft, "one");
	rule_draft_comment(draft, "two");
	assert_int_equal(rule_draft_log(draft, NULL), 0);
	struct rule_entry *entry = finish(draft);
	assert_string_equal(entry->comment, "two");
	assert_true(entry->rule.log);
	assert_null(entry->log_prefix);
	rule_entry_drop(entry);
	rule_draft_free(draft);
	rule_draft_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_sorted_and_merged),
		cmocka_unit_test(ports_are_negated_up_to_both_edges),
		cmocka_unit_test(ports_negated_twice_are_what_they_were),
		cmocka_unit_test(random_ports_are_what_a_bitmap_says),
		cmocka_unit_test(addresses_are_sorted_and_merged),
		cmocka_unit_test(addresses_are_negated_within_their_family),
		cmocka_unit_test(bytes_are_added_and_negated),
		cmocka_unit_test(a_new_draft_asks_for_nothing),
		cmocka_unit_test(all_of_a_draft_is_in_its_entry),
		cmocka_unit_test(a_draft_is_as_new_after_its_entry),
		cmocka_unit_test(entry_lives_until_the_last_reference_goes),
		cmocka_unit_test(texts_are_replaced_by_later_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
