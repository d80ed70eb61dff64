// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/rule_classes.h"
#include "dataplane/rule_match.h"
#include "dataplane/wide.h"
#include "tests/unit/random_rules.h"

enum { PREFIXES_MAX = 300, NO_SOCKET = -1 };

static wide random_wide(void)
{
	wide value = 0;
	for (unsigned i = 0; i < 16; i++)
		value = value << 8 | pick(256);
	return value;
}

static struct address_prefix prefix_of(wide value, unsigned bits)
{
	wide low = bits == 0 ? 0 : value >> (128 - bits) << (128 - bits);
	return (struct address_prefix){ wide_address(low), (uint8_t)bits };
}

static bool prefix_has(const struct address_prefix *prefix, wide value)
{
	wide low = wide_of(&prefix->address);
	return low <= value && value <= wide_last(low, prefix->bits);
}

static uint32_t number_of(const struct address_classes *classes, wide value)
{
	struct ip_address address = wide_address(value);
	const struct ip_address *asked = &address;
	uint32_t number;
	address_classes_find(classes, &asked, 1, &number);
	return number;
}

// Whether a number is in the prefix of numbers that stands for a prefix of addresses.
static bool number_is_in(const struct address_classes *classes, const struct address_prefix *prefix, uint32_t number)
{
	struct address_prefix numbers = address_classes_prefix(classes, prefix);
	assert_in_range(numbers.bits, 0, 32);
	return prefix_has(&numbers, (wide)number << 96);
}

// All prefixes against addresses at their borders and beside them, and against any.
static void check(const struct address_prefix *prefix, size_t count)
{
	struct address_classes *classes;
	assert_int_equal(address_classes_make(prefix, count, NO_SOCKET, &classes), 0);
	assert_non_null(classes);
	for (size_t i = 0; i < count; i++) {
		wide low = wide_of(&prefix[i].address), last = wide_last(low, prefix[i].bits);
		wide asked[] = { low, low - 1, last, last + 1, low + (last - low) / 2, random_wide() };
		for (unsigned k = 0; k < sizeof(asked) / sizeof(asked[0]); k++) {
			uint32_t number = number_of(classes, asked[k]);
			for (size_t at = 0; at < count; at++)
				assert_int_equal(prefix_has(&prefix[at], asked[k]), number_is_in(classes, &prefix[at], number));
		}
	}
	address_classes_free(classes);
}

static void an_address_is_in_a_prefix_where_its_number_is_in_that_of_the_prefix(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct address_prefix prefix[PREFIXES_MAX];
		size_t count = 1 + pick(round < 50 ? 20 : PREFIXES_MAX);
		wide common = random_wide(); // many within each other, some apart, some twice
		for (size_t i = 0; i < count; i++) {
			wide value = pick(3) ? common ^ (wide)pick(16) << pick(124) : random_wide();
			prefix[i] = i && pick(10) == 0 ? prefix[pick((unsigned)i)] : prefix_of(value, pick(8) ? pick(129) : 128);
		}
		struct address_classes *classes;
		assert_int_equal(address_classes_make(prefix, count, NO_SOCKET, &classes), 0);
		if (classes) // else too many lie within each other
			check(prefix, count);
		address_classes_free(classes);
	}
}

static void one_prefix_has_two_classes_and_all_addresses_have_one(void **state)
{
	(void)state;
	struct address_prefix all = prefix_of(0, 0), one = prefix_of((wide)5 << 120, 8), last = prefix_of(~(wide)0, 128);
	check(&all, 1);
	check(&one, 1);
	check(&last, 1);
}

// The complement of one address: one prefix of each length, none in another.
static void prefixes_beside_each_other_of_all_lengths_have_short_numbers(void **state)
{
	(void)state;
	struct address_prefix prefix[128];
	wide value = random_wide();
	for (unsigned bits = 1; bits <= 128; bits++)
		prefix[bits - 1] = prefix_of(value ^ (wide)1 << (128 - bits), bits);
	check(prefix, 128);
}

static void thirty_prefixes_within_each_other_have_numbers_and_fifty_have_none(void **state)
{
	(void)state;
	struct address_prefix prefix[50];
	struct address_classes *classes;
	wide value = random_wide();
	for (unsigned i = 0; i < 50; i++)
		prefix[i] = prefix_of(value, 2 * i + 2);
	check(prefix, 30);
	assert_int_equal(address_classes_make(prefix, 50, NO_SOCKET, &classes), 0);
	assert_null(classes);
}

static void a_burst_is_asked_as_one_by_one(void **state)
{
	(void)state;
	struct address_prefix prefix[100];
	struct ip_address address[RULE_BURST_MAX];
	const struct ip_address *asked[RULE_BURST_MAX];
	uint32_t number[RULE_BURST_MAX];
	struct address_classes *classes;
	for (unsigned i = 0; i < 100; i++)
		prefix[i] = prefix_of(random_wide(), 4 + pick(60));
	assert_int_equal(address_classes_make(prefix, 100, NO_SOCKET, &classes), 0);
	for (unsigned i = 0; i < RULE_BURST_MAX; i++) {
		address[i] = pick(4) ? prefix[pick(100)].address : wide_address(random_wide());
		asked[i] = &address[i];
	}
	address_classes_find(classes, asked, RULE_BURST_MAX, number);
	for (unsigned i = 0; i < RULE_BURST_MAX; i++)
		assert_int_equal(number[i], number_of(classes, wide_of(&address[i])));
	address_classes_free(classes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_a_prefix_where_its_number_is_in_that_of_the_prefix),
		cmocka_unit_test(one_prefix_has_two_classes_and_all_addresses_have_one),
		cmocka_unit_test(prefixes_beside_each_other_of_all_lengths_have_short_numbers),
		cmocka_unit_test(thirty_prefixes_within_each_other_have_numbers_and_fifty_have_none),
		cmocka_unit_test(a_burst_is_asked_as_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
