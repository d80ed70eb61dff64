// SPDX-License-Identifier: BSD-3-Clause
// One writer at full speed, inserting, removing and displacing, beside readers without locks. Keys that are always there
// are always found, where they are; keys that never were are never found; snapshots are never of two flows.
//
// flow_table_stress [SECONDS [READERS]]. Also meant to run under ThreadSanitizer.
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dataplane/flow_table.h"

enum {
	BURST = 32,
	READERS_MAX = 16,
};

// Numbers of keys: first those that stay, then those that come and go, then those that never come. Of those that come
// and go there are two for each place; they replace each other, so that the table is always full.
struct stress {
	struct flow_table *table;
	uint32_t stay, places;
	uint32_t *flow_of; // of keys that stay; constant while readers run
	uint32_t *passing; // by place: the flow there; writer only
	uint64_t operations; // writer's
	atomic_bool stop;  // main: writes, all: read
};

struct reader {
	struct stress *stress;
	pthread_t thread;
	uint64_t random, lookups, missed, wrong, snapshots, torn;
};

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((draw(state) >> 32) * n >> 32);
}

// The number stands in all words, so that a mixture of two keys shows. Even ones are IPv4.
static struct flow_key key_number(uint32_t number)
{
	bool ip4 = number % 2 == 0;
	struct flow_key key = { .protocol = 17, .family = ip4 ? FAMILY_IP4 : FAMILY_IP6 };

	for (unsigned i = 0; i < 8; i += ip4 ? 4 : 1)
		memcpy(&key.address[i / 4].byte[i % 4 * 4], &number, sizeof(number));
	memcpy(key.port, &number, sizeof(number));
	return key;
}

static bool key_is_whole(const struct flow_key *key)
{
	struct flow_key expected;
	uint32_t number;

	memcpy(&number, key->port, sizeof(number));
	expected = key_number(number);
	return flow_key_equal(key, &expected);
}

static uint32_t insert(struct stress *stress, uint32_t number)
{
	struct flow_key key = key_number(number);
	uint32_t flow = flow_table_insert(stress->table, &key);

	if (flow == FLOW_NONE)
		abort();
	return flow;
}

// A reader of each form by turns, where the machine has it.
static enum flow_table_form form_number(unsigned number)
{
	enum flow_table_form form = FLOW_TABLE_FORM_PLAIN + number % (FLOW_TABLE_FORMS - 1);

	return flow_table_form_supported(form) ? form : FLOW_TABLE_FORM_PLAIN;
}

static void *write_always(void *argument)
{
	struct stress *stress = argument;
	bool *turn = calloc(stress->places, sizeof(*turn));
	uint64_t random = 1;

	while (!atomic_load_explicit(&stress->stop, memory_order_relaxed)) {
		uint32_t i = below(&random, stress->places);

		flow_table_remove(stress->table, stress->passing[i]);
		turn[i] = !turn[i];
		stress->passing[i] = insert(stress, stress->stay + i + turn[i] * stress->places);
		stress->operations++;
	}
	free(turn);
	return NULL;
}

static void read_staying(struct reader *reader)
{
	const struct flow_key *pointer[BURST];
	struct flow_key key[BURST];
	uint32_t number[BURST], flow[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		number[i] = below(&reader->random, reader->stress->stay);
		key[i] = key_number(number[i]);
		pointer[i] = &key[i];
	}
	if (reader->random & 1)
		flow_table_lookup_burst_shared(reader->stress->table, pointer, BURST, flow);
	else
		for (unsigned i = 0; i < BURST; i++)
			flow[i] = flow_table_lookup(reader->stress->table, pointer[i]);
	for (unsigned i = 0; i < BURST; i++) {
		reader->missed += flow[i] == FLOW_NONE;
		reader->wrong += flow[i] != FLOW_NONE && flow[i] != reader->stress->flow_of[number[i]];
	}
	reader->lookups += BURST;
}

static void read_absent(struct reader *reader)
{
	const struct stress *stress = reader->stress;
	struct flow_key key = key_number(stress->stay + 2 * stress->places + below(&reader->random, 1u << 30));

	reader->wrong += flow_table_lookup(stress->table, &key) != FLOW_NONE;
	reader->lookups++;
}

static void read_snapshots(struct reader *reader)
{
	struct flow_table_stats stats;
	struct flow_cold cold;
	struct flow hot;

	flow_table_stats(reader->stress->table, &stats);
	for (unsigned i = 0; i < BURST; i++)
		if (flow_table_snapshot(reader->stress->table, below(&reader->random, stats.capacity), &hot, &cold)) {
			reader->torn += !key_is_whole(&cold.key);
			reader->snapshots++;
		}
}

static void *read_always(void *argument)
{
	struct reader *reader = argument;

	while (!atomic_load_explicit(&reader->stress->stop, memory_order_relaxed)) {
		read_staying(reader);
		read_absent(reader);
		read_snapshots(reader);
	}
	return NULL;
}

static void wait_ms(unsigned ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&time, NULL);
}

static struct stress make_stress(uint32_t capacity, enum flow_table_form form)
{
	struct flow_table_params params = { .capacity = capacity, .ip4_capacity = capacity / 2, .wide_capacity = capacity / 2,
		.socket = -1, .form = form };
	struct stress stress = { .stay = capacity / 2, .places = capacity - capacity / 2 };

	if (hash_secret_draw(&params.secret) != 0)
		abort();
	stress.table = flow_table_create(&params);
	if (stress.table == NULL)
		abort();
	stress.flow_of = malloc(stress.stay * sizeof(uint32_t));
	stress.passing = malloc(stress.places * sizeof(uint32_t));
	for (uint32_t i = 0; i < stress.stay; i++)
		stress.flow_of[i] = insert(&stress, i);
	for (uint32_t i = 0; i < stress.places; i++)
		stress.passing[i] = insert(&stress, stress.stay + i);
	return stress;
}

static uint64_t run(uint32_t capacity, unsigned ms, unsigned readers, enum flow_table_form form)
{
	struct stress stress = make_stress(capacity, form);
	struct reader reader[READERS_MAX], sum = { 0 };
	struct flow_table_stats stats;
	pthread_t writer;

	pthread_create(&writer, NULL, write_always, &stress);
	for (unsigned i = 0; i < readers; i++) {
		reader[i] = (struct reader){ .stress = &stress, .random = i };
		pthread_create(&reader[i].thread, NULL, read_always, &reader[i]);
	}
	wait_ms(ms);
	atomic_store_explicit(&stress.stop, true, memory_order_relaxed);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < readers; i++) {
		pthread_join(reader[i].thread, NULL);
		sum.lookups += reader[i].lookups;
		sum.missed += reader[i].missed;
		sum.wrong += reader[i].wrong;
		sum.snapshots += reader[i].snapshots;
		sum.torn += reader[i].torn;
	}
	flow_table_stats(stress.table, &stats);
	printf("%-6s capacity %7" PRIu32 ": %" PRIu64 " writes, %" PRIu64 " displacements, %" PRIu64 " lookups: %" PRIu64
	       " missed, %" PRIu64 " wrong; %" PRIu64 " snapshots: %" PRIu64 " torn\n", flow_table_form_name(form), capacity, stress.operations,
	       stats.displacements, sum.lookups, sum.missed, sum.wrong, sum.snapshots, sum.torn);
	flow_table_destroy(stress.table);
	free(stress.flow_of);
	free(stress.passing);
	return sum.missed + sum.wrong + sum.torn;
}

int main(int argc, char **argv)
{
	// As full as the indices can be, and few buckets, so that writer and readers meet.
	static const uint32_t capacity[] = { 28, 1880, 62200, 124800 };
	unsigned ms = (argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 9) * 1000 / 4 / (FLOW_TABLE_FORMS - 1);
	unsigned readers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 2;
	uint64_t errors = 0;

	for (unsigned i = 0; i < 4; i++)
		for (unsigned form = 0; form < FLOW_TABLE_FORMS - 1; form++)
			errors += run(capacity[i], ms, readers < READERS_MAX ? readers : READERS_MAX, form_number(form));
	return errors > 0;
}
