// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_malloc.h>

#include "tests/unit/match.h"
#include "tests/unit/seconds.h"

// What is refused

static void impossible_rules_are_refused(void **state)
{
	(void)state;
	struct port_range backwards = { 2, 1 }, crossing[] = { { 1, 5 }, { 5, 6 } };
	struct address_range swapped = { ten.high, ten.low };
	struct rule_limit_state limit = { 0 };
	struct rule rules[] = { rule_ports(TCP, &backwards, 1), rule_ports(TCP, crossing, 2), rule_from(&swapped),
		rule_from(&ten), rule_any(), rule_any(), rule_any() };
	rules[3].ip6 = true; // an address of both families
	rules[4].verdict = VERDICT_NONE + 1;
	rules[5].limit_state = &limit; // of no rate
	rules[6].asks = 1 << RULE_FIELDS;
	struct rule good = rule_any();
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *list[] = { &good, &rules[i] };
		struct rule_matcher *matcher = NULL;
		struct rule_trouble trouble;
		assert_int_equal(rule_matcher_build(list, 2, VERDICT_DROP, NO_SOCKET, &matcher, &trouble), -EINVAL);
		assert_null(matcher);
		assert_int_equal(trouble.rule, 1);
	}
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(NULL, 0, VERDICT_NONE, NO_SOCKET, &matcher, &trouble), -EINVAL);
}

static void too_many_entries_are_refused_before_they_are_made(void **state)
{
	(void)state;
	enum { RANGES = 4096 };
	static struct port_range range[RANGES];
	for (unsigned i = 0; i < RANGES; i++)
		range[i] = (struct port_range){ (uint16_t)(i * 16), (uint16_t)(i * 16 + 3) };
	struct rule rules[] = { rule_any(), rule_ports(TCP, range, RANGES) };
	rules[1].asks |= RULE_SOURCE_PORT;
	rules[1].source_ports = rules[1].destination_ports;
	const struct rule *list[] = { &rules[0], &rules[1] };
	struct rule_matcher *matcher = NULL;
	struct rule_trouble trouble;
	assert_int_equal(rule_matcher_build(list, 2, VERDICT_DROP, NO_SOCKET, &matcher, &trouble), -E2BIG);
	assert_int_equal(trouble.rule, 1);
	assert_int_equal(trouble.entries, 2ull * RANGES * RANGES); // in each of the families
}

// Random lists against looking at each rule in turn

static void compare(const struct rule *const list[], size_t count, unsigned bursts, uint64_t *decided)
{
	struct rule_matcher *matcher = build(list, count);
	for (unsigned i = 0; i < bursts; i++) {
		struct packet_tuple tuple[RULE_BURST_MAX];
		const struct packet_tuple *burst[RULE_BURST_MAX];
		uint32_t position[RULE_BURST_MAX];
		unsigned n = 1 + pick(RULE_BURST_MAX);
		for (unsigned k = 0; k < n; k++) {
			tuple[k] = random_tuple();
			burst[k] = &tuple[k];
		}
		rule_matcher_find(matcher, burst, n, position);
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(position[k], scan(list, count, &tuple[k]));
			*decided += position[k] < count;
		}
	}
	rule_matcher_free(matcher);
}

static void compiled_rules_agree_with_linear_scan(void **state)
{
	(void)state;
	enum { SETS = 10, MOST = 40, BURSTS = 100 }; // rule_match_model draws others at every run
	static struct random_rule rules[MOST];
	const struct rule *list[MOST];
	uint64_t decided = 0;
	for (unsigned set = 0; set < SETS; set++) {
		random_state = set;
		size_t count = pick(MOST);
		for (size_t i = 0; i < count; i++) {
			random_rule(&rules[i], set % 3 == 0);
			list[i] = &rules[i].rule;
		}
		compare(list, count, BURSTS, &decided);
	}
	assert_true(decided > 8000);
}

// So many within each other that addresses have no shorter numbers (see rule_classes.h).
static void prefixes_deep_within_each_other_are_told_apart(void **state)
{
	(void)state;
	enum { DEEP = 64 };
	struct address_range range[DEEP];
	struct rule rules[DEEP];
	const struct rule *list[DEEP];
	for (unsigned i = 0; i < DEEP; i++) { // of 128 - 2i bits, all zero
		range[i] = (struct address_range){ 0 };
		for (unsigned bit = 128 - 2 * i; bit < 128; bit++)
			range[i].high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		rules[i] = (struct rule){ .ip6 = true, .asks = RULE_SOURCE, .sources = { &range[i], 1 }, .verdict = VERDICT_DROP };
		list[i] = &rules[i];
	}
	struct rule_matcher *matcher = build(list, DEEP);
	for (unsigned bit = 0; bit < 128; bit++) {
		struct packet_tuple tuple = { .family = FAMILY_IP6, .protocol = TCP, .next_header = TCP };
		tuple.source.byte[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		assert_int_equal(find(matcher, &tuple), (129 - bit) / 2);
		assert_int_equal(find(matcher, &tuple), scan(list, DEEP, &tuple));
	}
	rule_matcher_free(matcher);
}

// Life

static void two_compiled_lists_live_side_by_side(void **state)
{
	(void)state;
	struct rule rule = rule_from(&ten), none = rule_from(&ten);
	const struct rule *one[] = { &rule }, *two[] = { &none, &rule };
	none.asks |= RULE_DESTINATION;
	struct packet_tuple tuple = packet(TCP, 80);
	struct rule_matcher *older = build(one, 1), *newer = build(two, 2);
	assert_int_equal(find(older, &tuple), 0);
	assert_int_equal(find(newer, &tuple), 1);
	rule_matcher_free(older);
	assert_int_equal(find(newer, &tuple), 1);
	rule_matcher_free(newer);
}

static size_t heap_blocks(void)
{
	struct rte_malloc_socket_stats stats;
	assert_int_equal(rte_malloc_get_socket_stats(0, &stats), 0);
	return stats.alloc_count;
}

static void compiling_again_and_again_leaks_nothing(void **state)
{
	(void)state;
	enum { RULES = 40, RELOADS = 30 };
	static struct random_rule rules[RULES];
	const struct rule *list[RULES];
	random_state = 7;
	for (unsigned i = 0; i < RULES; i++) {
		random_rule(&rules[i], false);
		if (i % 4 == 0)
			random_passing(&rules[i]);
		list[i] = &rules[i].rule;
	}
	size_t before = heap_blocks();
	for (unsigned i = 0; i < RELOADS; i++)
		rule_matcher_free(build(list, RULES));
	assert_int_equal(heap_blocks(), before);
}

static void size_grows_with_what_is_compiled(void **state)
{
	(void)state;
	struct rule tabled = rule_ports(TCP, &port80, 1), searched = rule_from(&ten);
	const struct rule *list[] = { &tabled, &searched };
	struct rule_matcher *none = build(NULL, 0), *one = build(list, 1), *both = build(list, 2);
	assert_in_range(rule_matcher_bytes(one) - rule_matcher_bytes(none), 4 * 65536, 4 * 65536 + 1000); // shared by both families
	assert_true(rule_matcher_bytes(both) > rule_matcher_bytes(one));
	rule_matcher_free(none);
	rule_matcher_free(one);
	rule_matcher_free(both);
}

enum { SENDERS = 2000 };

// Bytes of a list that denies so many senders TCP to one of these ranges each; after a look at the answers about packets of each.
static uint64_t bytes_of_denied_senders(unsigned senders, const struct port_range ports[], unsigned ports_count)
{
	static struct address_range sender[SENDERS];
	static struct rule rules[SENDERS];
	const struct rule *list[SENDERS];
	for (unsigned i = 0; i < senders; i++) {
		struct ip_address address = { .byte = { 172, 16, (uint8_t)(i >> 8), (uint8_t)i } };
		sender[i] = (struct address_range){ address, address };
		rules[i] = rule_ports(TCP, &ports[i % ports_count], 1);
		rules[i].ip6 = false;
		rules[i].asks |= RULE_SOURCE;
		rules[i].sources = (struct address_set){ &sender[i], 1 };
		list[i] = &rules[i];
	}
	struct rule_matcher *matcher = build(list, senders);
	for (unsigned i = 0; i < senders; i++) {
		const struct port_range *denied = &ports[i % ports_count];
		struct packet_tuple hit = packet(TCP, denied->high), miss = packet(TCP, denied->low - 1);
		hit.source = miss.source = sender[i].low;
		assert_int_equal(find(matcher, &hit), i);
		assert_int_equal(find(matcher, &miss), senders);
	}
	uint64_t bytes = rule_matcher_bytes(matcher);
	rule_matcher_free(matcher);
	return bytes;
}

// Of a sender, nearly.
static uint64_t bytes_of_a_denied_sender(const struct port_range ports[], unsigned ports_count)
{
	uint64_t whole = bytes_of_denied_senders(SENDERS, ports, ports_count),
		 half = bytes_of_denied_senders(SENDERS / 2, ports, ports_count);
	return (whole - half) / (SENDERS - SENDERS / 2);
}

// With the ports at the leaves of rte_acl's tree, each sender would have nodes of its own for them. At its root, each branch
// has a tree of senders of its own: that pays for a few.
static void senders_who_are_denied_the_same_ports_share_them(void **state)
{
	(void)state;
	enum { NODES = 32 }; // bytes, at least
	static const struct port_range single[] = { { 5000, 5015 }, { 80, 80 }, { 443, 443 }, { 22, 22 }, { 25, 25 } };
	static const struct port_range threefold[] = { { 8000, 9000 }, { 80, 80 }, { 443, 443 } }; // 8000-8191, -8959, -9000
	struct port_range many[64];
	for (unsigned i = 0; i < RTE_DIM(many); i++)
		many[i] = (struct port_range){ (uint16_t)(1000 + 100 * i), (uint16_t)(1000 + 100 * i) };
	const uint64_t apart = bytes_of_a_denied_sender(many, RTE_DIM(many));
	for (unsigned count = 1; count <= 4; count++)
		assert_true(bytes_of_a_denied_sender(single, count) + NODES <= apart);
	assert_true(bytes_of_a_denied_sender(single, 5) + NODES > apart);
	assert_true(bytes_of_a_denied_sender(threefold, 3) + NODES > apart);
}

// rte_acl would take the same memory for many overlapping wildcards; the tables take none.
static void wide_port_rules_compile_in_time(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	static const uint8_t protocols[] = { TCP, UDP, SCTP };
	struct rule *rules = calloc(COUNT, sizeof(*rules));
	struct port_range *range = calloc(COUNT, sizeof(*range));
	const struct rule **list = calloc(COUNT, sizeof(*list));
	for (unsigned i = 0; i < COUNT; i++) {
		range[i] = (struct port_range){ (uint16_t)(60000 - i % 50000), (uint16_t)(60000 + i % 5000) };
		rules[i] = rule_ports(protocols[i % 3], &range[i], 1);
		list[i] = &rules[i];
	}
	double start = seconds();
	struct rule_matcher *matcher = build(list, COUNT);
	double took = seconds() - start;
	rule_matcher_free(matcher);
	print_message("%u wide ranges: %.2f s\n", COUNT, took);
	assert_true(took < 20); // under sanitizers, on a busy machine: a twentieth of it otherwise
	uint64_t decided = 0;
	compare(list, COUNT, 20, &decided);
	free(rules);
	free(range);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_rules_are_refused),
		cmocka_unit_test(too_many_entries_are_refused_before_they_are_made),
		cmocka_unit_test(compiled_rules_agree_with_linear_scan),
		cmocka_unit_test(prefixes_deep_within_each_other_are_told_apart),
		cmocka_unit_test(two_compiled_lists_live_side_by_side),
		cmocka_unit_test(compiling_again_and_again_leaks_nothing),
		cmocka_unit_test(size_grows_with_what_is_compiled),
		cmocka_unit_test(senders_who_are_denied_the_same_ports_share_them),
		cmocka_unit_test(wide_port_rules_compile_in_time),
	};
	return cmocka_run_group_tests(tests, start_eal, stop_eal);
}
