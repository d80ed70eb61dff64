// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/generate_config.h"
#include "control/ndr_search.h"

static struct generate_config config;
static struct error error;

#define DEVICE "interfaces: [{name: out, device: net_null0}]\n"
#define STREAM(more) "streams:\n- {name: a, kind: udp, sources: 10.0.0.0/24, destinations: 198.18.0.1, ports: 53" more "}\n"

static int parse(const char *text)
{
	return generate_config_parse("g.yaml", text, strlen(text), &config, &error);
}

static const struct generate_stream_params *good(const char *text)
{
	if (parse(text) < 0)
		fail_msg("%s", error.text);
	return &config.streams[0].params;
}

static void what_is_not_said_is_as_documented(void **state)
{
	(void)state;
	const struct generate_stream_params *params = good(DEVICE "rate: max\n" STREAM(""));
	assert_int_equal(config.duration_ms, 10000);
	assert_int_equal(config.settle_ms, 200);
	assert_false(config.check);
	assert_false(config.drop_late);
	assert_true(config.rate == 0);
	assert_int_equal(params->flows, 1024);
	assert_int_equal(params->source_low, 32768);
	assert_int_equal(params->source_high, 60999);
	assert_int_equal(params->sources, 256);
	assert_int_equal(params->destinations, 1);
	assert_int_equal(params->size[0].low, 60);
	assert_false(params->both_sides);
	generate_config_free(&config);
}

static void rates_are_of_packets_or_of_bits(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double rate;
		enum generate_unit unit;
	} rates[] = { { "500pps", 500, GENERATE_PACKETS }, { "14.88Mpps", 14.88e6, GENERATE_PACKETS },
		{ "100Mbps", 100e6, GENERATE_BITS }, { "10Gbps", 10e9, GENERATE_BITS }, { "0.5Kpps", 500, GENERATE_PACKETS } };
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		char text[512];
		snprintf(text, sizeof(text), DEVICE "rate: %s\n" STREAM(""), rates[i].text);
		good(text);
		assert_true(config.rate > rates[i].rate * 0.999999 && config.rate < rates[i].rate * 1.000001);
		assert_int_equal(config.unit, rates[i].unit);
		generate_config_free(&config);
	}
}

static void sizes_count_the_fcs_and_the_mix_is_raised_to_what_headers_take(void **state)
{
	(void)state;
	const struct generate_stream_params *params = good(DEVICE "rate: max\n" STREAM(", sizes: 64-1518"));
	assert_int_equal(params->size[0].low, 60);
	assert_int_equal(params->size[0].high, 1514);
	generate_config_free(&config);
	params = good(DEVICE "rate: max\nreplies: check\nstreams: [{name: a, kind: tcp, sources: 2001:db8::/64, "
		"destinations: 2001:db8:1::1, ports: https, sizes: imix}]\n");
	assert_int_equal(params->sizes, 3);
	assert_int_equal(params->size[0].low, 14 + 40 + 20 + 14);
	assert_int_equal(params->size[2].low, 1514);
	assert_true(params->both_sides);
	assert_int_equal(params->port_low, 443);
	generate_config_free(&config);
}

static void streams_number_their_flows_one_behind_the_other(void **state)
{
	(void)state;
	good(DEVICE "rate: max\n" STREAM(", flows: 1K")
		"- {name: b, kind: udp, sources: 10.0.0.0/24, destinations: 198.18.0.1, ports: 53, flows: 10}\n"
		"- {name: c, kind: syn_flood, sources: 0.0.0.0/0, destinations: 198.18.0.1, ports: 1-1000}\n");
	assert_int_equal(config.streams[1].params.first_slot, 1024);
	assert_int_equal(generate_config_flows(&config), 1034);
	assert_int_equal(config.streams[2].params.sources, UINT64_C(1) << 32);
	generate_config_free(&config);
}

static void what_is_wrong_is_named_with_its_place_and_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ DEVICE "rate: fast\n" STREAM(""), "g.yaml:2:7: 'fast' stands for 'rate', expected max, or a rate with its unit" },
		{ DEVICE "rate: 0pps\n" STREAM(""), "g.yaml:2:7: '0pps' stands for 'rate'" },
		{ DEVICE "rate: 1.2.3Mpps\n" STREAM(""), "g.yaml:2:7" },
		{ DEVICE "rate: 1Mpps\nndr: {precision: 0}\n" STREAM(""), "the precision is 0 %, expected 0.01 at least" },
		{ DEVICE "rate: 1Mpps\nndr: {trail: 1s}\n" STREAM(""), "unknown key 'trail' in ndr, did you mean 'trial'?" },
		{ DEVICE STREAM(""), "'rate' is missing" },
		{ "rate: max\n" STREAM(""), "'interfaces' is missing" },
		{ "interfaces: []\nrate: max\n" STREAM(""), "g.yaml:1:13: 0 interfaces, expected one, or two" },
		{ DEVICE "rate: max\nstreams: []\n", "0 streams, expected 1 to" },
		{ DEVICE "rate: max\nstream: []\n", "unknown key 'stream' in the configuration, did you mean 'streams'?" },
		{ DEVICE "rate: max\n" STREAM(", size: 64"), "unknown key 'size' in a stream, did you mean 'sizes'?" },
		{ DEVICE "rate: max\n" STREAM(", sizes: 63"), "g.yaml:4:90: '63' stands for frame sizes" },
		{ DEVICE "rate: max\n" STREAM(", sizes: 100-64"), "'100-64' stands for frame sizes" },
		{ DEVICE "rate: max\n" STREAM(", sizes: 64x"), "'64x' stands for frame sizes" },
		{ DEVICE "rate: max\n" STREAM(", flows: 0"), "'0' stands for 'flows'" },
		{ DEVICE "rate: max\n" STREAM(", flows: 64M"), "addresses and ports make 7227392 different ones" },
		{ DEVICE "rate: max\n" STREAM(", vlan: 5000"), "'5000' stands for 'vlan'" },
		{ DEVICE "rate: max\n" STREAM(", allocation: rfc6056"), "sequential | random | rfc6056_3 | rfc6056_4" },
		{ DEVICE "rate: max\n" STREAM(", zipf_exponent: x"), "a number such as 1.2, from 0 to 10" },
		{ DEVICE "rate: max\nethernet: {source: 2:0:0:0:0:1}\n" STREAM(""), "a MAC address such as" },
		{ DEVICE "rate: max\nstreams: [{name: a, kind: scan, sources: 10.0.0.1, destinations: 10.0.1.0/24, ports: 1-9, "
		  "flows: 4}]\n", "'a' is a scan, which has no flows" },
		{ DEVICE "rate: max\nstreams: [{name: a, kind: udp, sources: 10.0.0.1/24, destinations: 10.0.1.0/24, ports: 1}]\n",
		  "without bits behind the prefix" },
		{ DEVICE "rate: max\nstreams: [{name: a, kind: udp, sources: 10.0.0.1, destinations: '2001:db8::1', ports: 1}]\n",
		  "is of another family than the sources" },
		{ DEVICE "rate: max\nstreams: [{name: a, kind: udp, sources: 10.0.0.1, destinations: 10.0.0.2, ports: 0}]\n",
		  "port 0 stands for 'ports'" },
		{ DEVICE "rate: max\nreplies: check\nstreams: [{name: a, kind: tcp, sources: 10.0.0.1, destinations: 10.0.0.2, "
		  "ports: 1, sizes: 64}]\n", "expected 72 at least: what headers and the stamp for checked replies take" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(parse(wrong[i].text), -1);
		if (!strstr(error.text, wrong[i].says))
			fail_msg("case %zu: '%s' does not say '%s'", i, error.text, wrong[i].says);
	}
}

// Searches where the truth is known: all rates up to limit pass. Returns the number of trials.
static unsigned search(struct ndr_search *search, double highest, double limit)
{
	unsigned trials = 1;
	ndr_search_start(search, highest, 0.01);
	while (ndr_search_step(search, search->next <= limit))
		trials++;
	return trials;
}

static void the_search_finds_the_limit_within_its_precision(void **state)
{
	(void)state;
	struct ndr_search found;
	for (double limit = 1e4; limit < 14e6; limit *= 1.37) {
		assert_in_range(search(&found, 14.88e6, limit), 2, 40);
		assert_true(found.passed <= limit && found.failed > limit);
		assert_true(found.passed >= limit * 0.99);
	}
	assert_int_equal(search(&found, 14.88e6, 14.88e6), 1);
	assert_true(found.passed == 14.88e6);
	search(&found, 14.88e6, 0);
	assert_true(found.passed == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_is_as_documented),
		cmocka_unit_test(rates_are_of_packets_or_of_bits),
		cmocka_unit_test(sizes_count_the_fcs_and_the_mix_is_raised_to_what_headers_take),
		cmocka_unit_test(streams_number_their_flows_one_behind_the_other),
		cmocka_unit_test(the_search_finds_the_limit_within_its_precision),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place_and_what_was_expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
