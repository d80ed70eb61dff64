// SPDX-License-Identifier: BSD-3-Clause
#include "bench/classify_cell.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "dataplane/random.h"

enum { NOISE = 10, LINE_WORDS = 8, LINEAR_MOST = 1 << 20, TRIES = 3 };

struct fixture {
	struct classify_cell *cell;
	const struct classify_plan *plan;
	struct rule_list list;
	struct rule_matcher *matcher;
	struct plain plain;
	struct packet_tuple *tuple;
	const struct packet_tuple **tuples;
	struct plain_key *key;
	const uint8_t **keys;
	uint32_t *found, *expected;
	unsigned linear_packets;
};

// Of this thread alone: what others take of the processor does not count.
static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static size_t heap_bytes(int socket)
{
	struct rte_malloc_socket_stats stats = { 0 };
	return rte_malloc_get_socket_stats(socket, &stats) ? 0 : stats.heap_allocsz_bytes;
}

// The contenders: all packets, once

static void run_portier(const struct fixture *fixture, unsigned burst)
{
	for (unsigned i = 0; i < PACKETS; i += burst)
		rule_matcher_find(fixture->matcher, fixture->tuples + i, burst, fixture->found + i);
}

static void run_plain(const struct fixture *fixture, unsigned burst)
{
	for (unsigned i = 0; i < PACKETS; i += burst)
		rte_acl_classify(fixture->plain.acl, fixture->keys + i, fixture->found + i, burst, 1);
}

static void run_filled(const struct fixture *fixture, unsigned burst)
{
	struct plain_key key[RULE_BURST_MAX];
	const uint8_t *keys[RULE_BURST_MAX];
	for (unsigned i = 0; i < PACKETS; i += burst) {
		for (unsigned k = 0; k < burst; k++) {
			if (fixture->plain.words == 1) // so that the compiler knows how much to copy
				plain_key_fill(&key[k], fixture->tuples[i + k], 1);
			else
				plain_key_fill(&key[k], fixture->tuples[i + k], 4);
			keys[k] = (const uint8_t *)&key[k];
		}
		rte_acl_classify(fixture->plain.acl, keys, fixture->found + i, burst, 1);
	}
}

// Lines that have nothing to do with each other: the processor fetches many at a time.
static void run_lines_apart(const struct fixture *fixture, unsigned burst)
{
	const uint64_t *far = fixture->plan->far;
	uint64_t state = burst;
	for (unsigned i = 0; i < PACKETS; i++)
		fixture->found[i] = (uint32_t)far[random_next(&state) % LINES_FAR * LINE_WORDS];
}

static void run_lines_in_turn(const struct fixture *fixture, unsigned burst)
{
	const uint64_t *far = fixture->plan->far;
	uint64_t state = burst, chain = 0;
	for (unsigned i = 0; i < PACKETS; i++) {
		chain = far[(random_next(&state) + chain) % LINES_FAR * LINE_WORDS];
		fixture->found[i] = (uint32_t)chain;
	}
}

static uint32_t scan(const struct rule_list *list, const struct packet_tuple *tuple)
{
	uint16_t failed;
	uint32_t at = 0;
	while (at < list->count && !rule_matches(list->rule[at], tuple, &failed))
		at++;
	return at;
}

static void run_linear(const struct fixture *fixture, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++)
		fixture->found[i] = scan(&fixture->list, &fixture->tuple[i]);
}

static const struct {
	const char *name;
	unsigned burst;
	void (*run)(const struct fixture *fixture, unsigned burst);
} whos[WHOS] = {
	[WHO_PORTIER_64] = { "portier", 64, run_portier },
	[WHO_PORTIER_32] = { "portier", 32, run_portier },
	[WHO_PORTIER_1] = { "portier", 1, run_portier },
	[WHO_PLAIN_64] = { "rte_acl", 64, run_plain },
	[WHO_PLAIN_32] = { "rte_acl", 32, run_plain },
	[WHO_PLAIN_1] = { "rte_acl", 1, run_plain },
	[WHO_FILLED_64] = { "rte_acl_filled", 64, run_filled },
	[WHO_LINE_64] = { "line", 64, run_lines_apart },
	[WHO_LINE_1] = { "line", 1, run_lines_in_turn },
	[WHO_LINEAR] = { "linear", 1, run_linear },
};

// Nanoseconds a packet. A sample that something disturbed is taken again, but not for ever.
static double sample(const struct fixture *fixture, enum classify_who who, struct quiet *quiet, unsigned *disturbed)
{
	unsigned packets = who == WHO_LINEAR ? fixture->linear_packets : PACKETS, tries = 0;
	double seconds;
	bool fine;
	if (who < WHO_LINE_64) // finds its own lines in the caches, as in a loop that does nothing else
		whos[who].run(fixture, whos[who].burst);
	do {
		quiet_begin(quiet);
		double start = cpu_seconds();
		whos[who].run(fixture, who == WHO_LINEAR ? packets : whos[who].burst);
		seconds = cpu_seconds() - start;
		fine = quiet_end(quiet);
		*disturbed += !fine;
	} while (!fine && ++tries < TRIES);
	return seconds / packets * 1e9;
}

static bool takes_part(const struct fixture *fixture, enum classify_who who)
{
	return fixture->plain.acl || (whos[who].run != run_plain && whos[who].run != run_filled);
}

static void run_rounds(struct fixture *fixture)
{
	enum { ROUNDS_MAX = 64 };
	double value[WHOS][ROUNDS_MAX];
	unsigned disturbed[WHOS] = { 0 }, rounds = RTE_MIN(fixture->plan->rounds, (unsigned)ROUNDS_MAX);
	struct quiet quiet = { 0 };
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned k = 0; k < WHOS; k++) {
			enum classify_who who = (k + round) % WHOS;
			if (takes_part(fixture, who))
				value[who][round] = sample(fixture, who, &quiet, &disturbed[who]);
		}
	}
	for (unsigned who = 0; who < WHOS; who++) {
		struct classify_row *row = &fixture->cell->row[who];
		*row = (struct classify_row){ .who = whos[who].name, .burst = whos[who].burst };
		if (takes_part(fixture, who))
			row->ns = spread_of(value[who], rounds, disturbed[who]);
	}
}

// Comparing

static unsigned differences(const uint32_t *a, const uint32_t *b, unsigned count)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < count; i++)
		sum += a[i] != b[i];
	return sum;
}

static void compare_bursts(struct fixture *fixture, unsigned count)
{
	static const unsigned bursts[] = { 64, 32, 1 };
	for (unsigned i = 0; i < 3; i++) {
		run_portier(fixture, bursts[i]);
		fixture->cell->wrong += differences(fixture->found, fixture->expected, count);
	}
}

// The linear scan is the truth for as many packets as there is time for, plain rte_acl for all.
static void compare(struct fixture *fixture)
{
	struct classify_cell *cell = fixture->cell;
	double start = cpu_seconds();
	unsigned n = 0;
	while (n < PACKETS && (n < 64 || cpu_seconds() - start < fixture->plan->linear_seconds)) {
		fixture->expected[n] = scan(&fixture->list, &fixture->tuple[n]);
		n++;
	}
	cell->linear_checked = n;
	compare_bursts(fixture, n);
	if (!fixture->plain.acl)
		return;
	rte_acl_classify(fixture->plain.acl, fixture->keys, fixture->expected, PACKETS, 1);
	for (unsigned i = 0; i < PACKETS; i++)
		fixture->expected[i] = fixture->expected[i] ? fixture->expected[i] - 1 : (uint32_t)fixture->list.count;
	cell->plain_checked = PACKETS;
	compare_bursts(fixture, PACKETS);
}

// Building

static int take_packets(struct fixture *fixture)
{
	uint64_t state = 42;
	fixture->tuple = calloc(PACKETS, sizeof(*fixture->tuple));
	fixture->tuples = calloc(PACKETS, sizeof(*fixture->tuples));
	fixture->key = calloc(PACKETS, sizeof(*fixture->key));
	fixture->keys = calloc(PACKETS, sizeof(*fixture->keys));
	fixture->found = calloc(PACKETS, sizeof(*fixture->found));
	fixture->expected = calloc(PACKETS, sizeof(*fixture->expected));
	if (!fixture->tuple || !fixture->tuples || !fixture->key || !fixture->keys || !fixture->found || !fixture->expected)
		return -ENOMEM;
	for (unsigned i = 0; i < PACKETS; i++) {
		fixture->tuple[i] = rule_list_packet(&fixture->list, NOISE, &state);
		packet_tuple_seal(&fixture->tuple[i]); // as the packet path does when it makes one
		fixture->tuples[i] = &fixture->tuple[i];
		plain_key_fill(&fixture->key[i], &fixture->tuple[i], fixture->cell->family == FAMILY_IP4 ? 1 : 4);
		fixture->keys[i] = (const uint8_t *)&fixture->key[i];
	}
	return 0;
}

static void give(struct fixture *fixture)
{
	rule_matcher_free(fixture->matcher);
	plain_free(&fixture->plain);
	rule_list_free(&fixture->list);
	free(fixture->tuple);
	free(fixture->tuples);
	free(fixture->key);
	free(fixture->keys);
	free(fixture->found);
	free(fixture->expected);
}

static int build(const struct rule_list *list, int socket, struct rule_matcher **matcher, double *seconds)
{
	struct rule_trouble trouble;
	double start = cpu_seconds();
	int result = rule_matcher_build(list->rule, list->count, VERDICT_DROP, socket, matcher, &trouble);
	*seconds = cpu_seconds() - start;
	return result;
}

static void build_plain(struct fixture *fixture)
{
	struct classify_cell *cell = fixture->cell;
	size_t before = heap_bytes(fixture->plan->socket);
	double start = cpu_seconds();
	if (plain_build(&fixture->plain, &fixture->list, cell->family, fixture->plan->socket))
		return;
	cell->plain_build_seconds = cpu_seconds() - start;
	cell->plain_bytes = heap_bytes(fixture->plan->socket) - before;
}

int classify_cell_measure(struct classify_cell *cell, const struct classify_plan *plan, double plain_expected_sec)
{
	struct fixture fixture = { .cell = cell, .plan = plan };
	bool ip4 = cell->family == FAMILY_IP4;
	int result = rule_list_make(&fixture.list, cell->mix, ip4, !ip4, cell->rules, 1);
	if (result == 0)
		result = take_packets(&fixture);
	if (result == 0)
		result = build(&fixture.list, plan->socket, &fixture.matcher, &cell->build_seconds);
	if (result == 0) {
		cell->bytes = rule_matcher_bytes(fixture.matcher);
		if (plain_expected_sec <= plan->plain_patience_sec)
			build_plain(&fixture);
		fixture.linear_packets = (unsigned)RTE_MIN((size_t)PACKETS, LINEAR_MOST / cell->rules);
		compare(&fixture);
		run_rounds(&fixture);
	}
	give(&fixture);
	return result;
}

int classify_compile_both(enum rule_mix mix, size_t rules, int socket, double *seconds, size_t *bytes)
{
	struct rule_list list;
	struct rule_matcher *matcher = NULL;
	int result = rule_list_make(&list, mix, true, true, rules, 1);
	if (result)
		return result;
	result = build(&list, socket, &matcher, seconds);
	*bytes = matcher ? rule_matcher_bytes(matcher) : 0;
	rule_matcher_free(matcher);
	rule_list_free(&list);
	return result;
}
