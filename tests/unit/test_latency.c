// SPDX-License-Identifier: BSD-3-Clause
// Histograms of latency against all values sorted, and which packets are drawn.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dataplane/latency.h"

enum { VALUES = 20000 };

static struct latency latency;
static uint64_t values[VALUES];

static int clear(void **state)
{
	(void)state;
	memset(&latency, 0, sizeof(latency));
	srandom(1);
	return 0;
}

static void fill(uint64_t value(unsigned i))
{
	for (unsigned i = 0; i < VALUES; i++) {
		values[i] = value(i);
		latency_add(&latency, values[i]);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

// The smallest value that so many thousandths do not exceed.
static uint64_t truth(unsigned thousandths)
{
	qsort(values, VALUES, sizeof(values[0]), compare);
	return values[(VALUES * (uint64_t)thousandths + 999) / 1000 - 1];
}

static void check_quantiles(void)
{
	static const unsigned thousandths[] = { 1, 10, 250, 500, 900, 990, 999, 1000 };
	for (size_t i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++) {
		uint64_t told = latency_quantile(&latency, thousandths[i]), exact = truth(thousandths[i]);
		assert_in_range(told, exact, exact + exact / LATENCY_PARTS);
	}
	assert_int_equal(latency.longest, values[VALUES - 1]);
	assert_int_equal(latency_quantile(&latency, 1000), values[VALUES - 1]);
	assert_int_equal(latency_packets(&latency), VALUES);
}

static uint64_t small(unsigned i)
{
	(void)i;
	return (uint64_t)random() % 2 ? 0 : (uint64_t)random() % 128;
}

static uint64_t uniform(unsigned i)
{
	(void)i;
	return (uint64_t)random() % 100000;
}

// All magnitudes alike, up to the longest that the histogram tells apart.
static uint64_t any_magnitude(unsigned i)
{
	uint64_t bits = (uint64_t)random() << 31 ^ (uint64_t)random();
	return bits >> (24 + i % 38);
}

static uint64_t long_tail(unsigned i)
{
	return i % 1000 == 0 ? 50000000 + (uint64_t)random() % 1000 : 3000 + (uint64_t)random() % 100;
}

static void quantiles_of_small_values_are_exact(void **state)
{
	(void)state;
	fill(small);
	for (unsigned thousandths = 1; thousandths <= 1000; thousandths++)
		assert_int_equal(latency_quantile(&latency, thousandths), truth(thousandths));
}

static void quantiles_of_uniform_values_are_within_a_64th(void **state)
{
	(void)state;
	fill(uniform);
	check_quantiles();
}

static void quantiles_of_any_magnitude_are_within_a_64th(void **state)
{
	(void)state;
	fill(any_magnitude);
	check_quantiles();
}

static void one_value_in_a_thousand_shows_behind_the_999th(void **state)
{
	(void)state;
	fill(long_tail);
	check_quantiles();
	assert_true(latency_quantile(&latency, 999) < 4000);
	assert_true(latency_quantile(&latency, 1000) >= 50000000);
}

static void each_value_lies_in_its_bucket(void **state)
{
	(void)state;
	for (unsigned bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
		uint64_t first = latency_bucket_end(bucket - 1) + 1, end = latency_bucket_end(bucket);
		assert_true(first <= end);
		assert_int_equal(latency_bucket(first), bucket);
		assert_int_equal(latency_bucket(end), bucket);
	}
	assert_int_equal(latency_bucket(0), 0);
	assert_int_equal(latency_bucket_end(LATENCY_BUCKETS - 1), (UINT64_C(1) << LATENCY_BITS) - 1);
}

static void longer_than_all_buckets_is_told_as_the_longest(void **state)
{
	(void)state;
	latency_add(&latency, UINT64_C(1) << 50);
	latency_add(&latency, UINT64_MAX);
	assert_int_equal(latency.longest, UINT64_MAX);
	assert_int_equal(latency_quantile(&latency, 500), UINT64_MAX);
	assert_int_equal(latency_packets(&latency), 2);
}

static void nothing_measured_has_no_quantiles(void **state)
{
	(void)state;
	assert_int_equal(latency_quantile(&latency, 500), 0);
	assert_int_equal(latency_quantile(&latency, 1000), 0);
	assert_int_equal(latency_packets(&latency), 0);
}

static void every_hundredth_of_evenly_spread_times_is_told(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		latency_add(&latency, i * 37);
	for (unsigned thousandths = 10; thousandths < 1000; thousandths += 10) {
		uint64_t exact = thousandths * UINT64_C(100) * 37, told = latency_quantile(&latency, thousandths);
		assert_in_range(told, exact, exact + exact / LATENCY_PARTS);
	}
	assert_int_equal(latency_quantile(&latency, 1000), 3700000);
}

static void a_sum_tells_what_one_histogram_of_all_would(void **state)
{
	(void)state;
	static struct latency part[3], sum;
	memset(part, 0, sizeof(part));
	memset(&sum, 0, sizeof(sum));
	fill(any_magnitude);
	for (unsigned i = 0; i < VALUES; i++)
		latency_add(&part[i % 3], values[i]);
	for (unsigned i = 0; i < 3; i++)
		latency_sum(&sum, &part[i]);
	assert_memory_equal(&sum, &latency, sizeof(sum));
}

static uint64_t bits(uint64_t word)
{
	return (uint64_t)__builtin_popcountll(word);
}

static void every_packet_is_drawn_at_one_in_one(void **state)
{
	(void)state;
	struct latency_sampler sampler = { .one_in = 1 };
	for (unsigned count = 1; count <= 63; count++)
		assert_int_equal(latency_draw(&sampler, count), (UINT64_C(1) << count) - 1);
	assert_int_equal(latency_draw(&sampler, 64), UINT64_MAX);
}

// Within two percent, whatever the size of the bursts.
static void one_packet_in_so_many_is_drawn(void **state)
{
	(void)state;
	static const uint32_t one_in[] = { 2, 3, 64, 100, 1000 };
	static const unsigned count[] = { 1, 7, 32, 64 };
	for (size_t i = 0; i < sizeof(one_in) / sizeof(one_in[0]); i++)
		for (size_t j = 0; j < sizeof(count) / sizeof(count[0]); j++) {
			struct latency_sampler sampler = { .one_in = one_in[i], .random = i };
			uint64_t packets = 0, drawn = 0;
			for (; packets < UINT64_C(20000) * one_in[i]; packets += count[j])
				drawn += bits(latency_draw(&sampler, count[j]));
			assert_in_range(drawn, packets / one_in[i] * 98 / 100, packets / one_in[i] * 102 / 100);
		}
}

static void no_packet_beyond_the_burst_is_drawn(void **state)
{
	(void)state;
	struct latency_sampler sampler = { .one_in = 3 };
	for (unsigned round = 0; round < 100000; round++) {
		unsigned count = 1 + (unsigned)random() % 63;
		assert_int_equal(latency_draw(&sampler, count) >> count, 0);
	}
}

// Full bursts, one packet in 64: each position comes up about as often as any other.
static void every_position_of_a_burst_is_drawn_alike(void **state)
{
	(void)state;
	enum { ROUNDS = 64000 };
	struct latency_sampler sampler = { .one_in = 64 };
	unsigned times[64] = { 0 };
	for (unsigned round = 0; round < ROUNDS; round++)
		for (uint64_t left = latency_draw(&sampler, 64); left; left &= left - 1)
			times[__builtin_ctzll(left)]++;
	for (unsigned at = 0; at < 64; at++)
		assert_in_range(times[at], ROUNDS / 64 * 8 / 10, ROUNDS / 64 * 12 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(quantiles_of_small_values_are_exact, clear),
		cmocka_unit_test_setup(quantiles_of_uniform_values_are_within_a_64th, clear),
		cmocka_unit_test_setup(quantiles_of_any_magnitude_are_within_a_64th, clear),
		cmocka_unit_test_setup(one_value_in_a_thousand_shows_behind_the_999th, clear),
		cmocka_unit_test_setup(each_value_lies_in_its_bucket, clear),
		cmocka_unit_test_setup(longer_than_all_buckets_is_told_as_the_longest, clear),
		cmocka_unit_test_setup(nothing_measured_has_no_quantiles, clear),
		cmocka_unit_test_setup(every_hundredth_of_evenly_spread_times_is_told, clear),
		cmocka_unit_test_setup(a_sum_tells_what_one_histogram_of_all_would, clear),
		cmocka_unit_test_setup(every_packet_is_drawn_at_one_in_one, clear),
		cmocka_unit_test_setup(one_packet_in_so_many_is_drawn, clear),
		cmocka_unit_test_setup(no_packet_beyond_the_burst_is_drawn, clear),
		cmocka_unit_test_setup(every_position_of_a_burst_is_drawn_alike, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
