// SPDX-License-Identifier: BSD-3-Clause
// One writer at full speed, inserting, removing, displacing and scrubbing, beside readers without locks. Keys that are
// always there are always found, where they are; keys that never were are never found; a flow whose index was looked up keeps
// its record until the reader is quiescent; snapshots are never of two flows.
//
// flow_table_stress [--seconds N] [--lookups N] [--readers N] [--form NAME]
//	--lookups: the long mode, until so many lookups of keys that are there were done
// Exits with 1 if an answer was missed or wrong. Also meant to run under ThreadSanitizer.
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/flow_table.h"
#include "dataplane/random.h"

enum {
	BURST = 32,
	BATCH = 32, // flows that the writer takes away at once
	READERS_MAX = 16,
};

// Numbers of keys: first those that stay, then those that come and go, then those that never come. Of those that come
// and go there are two for each place; they replace each other, so that the indices are always about full.
struct stress {
	struct flow_table *table;
	struct rte_rcu_qsbr *qsbr; // NULL: indices are handed out again at once
	uint32_t stay, places;
	uint32_t *flow_of; // of keys that stay; constant while readers run
	uint32_t *passing; // by place: the flow there, or FLOW_NONE; writer only
	bool *turn;        // by place: which of its keys; writer only
	uint64_t writes, refused; // writer
	atomic_bool stop;  // main: writes, all: read
};

struct reader {
	struct stress *stress;
	pthread_t thread;
	unsigned number;
	uint64_t random;
	_Atomic uint64_t there; // lookups of keys that are there; reader: writes, main: reads
	uint64_t absent, passing, missed, wrong, changed, snapshots, torn;
};

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

	return flow_table_insert(stress->table, &key);
}

static void leave_place(struct stress *stress, uint32_t place)
{
	if (stress->passing[place] != FLOW_NONE)
		flow_table_remove(stress->table, stress->passing[place]);
	stress->passing[place] = FLOW_NONE;
}

// Refused: the readers have not been quiescent yet, or a small index found no room. The place stays empty for now.
static void fill_place(struct stress *stress, uint32_t place)
{
	if (stress->passing[place] != FLOW_NONE)
		return;
	stress->turn[place] = !stress->turn[place];
	stress->passing[place] = insert(stress, stress->stay + place + stress->turn[place] * stress->places);
	stress->refused += stress->passing[place] == FLOW_NONE;
	stress->writes++;
}

// Some go, so that others come back to their first buckets; some come, and push others out.
static void *write_always(void *argument)
{
	struct stress *stress = argument;
	uint64_t random = 1;

	while (!atomic_load_explicit(&stress->stop, memory_order_relaxed)) {
		uint32_t from = random_below(&random, stress->places), count = 1 + random_below(&random, BATCH);

		for (uint32_t i = from; i < from + count; i++)
			leave_place(stress, i % stress->places);
		flow_table_scrub(stress->table, random_below(&random, 2 * BATCH));
		for (uint32_t i = from; i < from + count; i++)
			fill_place(stress, i % stress->places);
	}
	return NULL;
}

// A burst, and what is known of its keys.
struct asked {
	struct flow_key key[BURST];
	uint32_t number[BURST];
	uint32_t flow[BURST];
};

static void ask_for(struct reader *reader, struct asked *asked, bool only_ip4)
{
	const struct stress *stress = reader->stress;

	for (unsigned i = 0; i < BURST; i++) {
		uint32_t choice = random_below(&reader->random, 16), number;

		if (choice < 12)
			number = random_below(&reader->random, stress->stay);
		else if (choice < 14)
			number = stress->stay + random_below(&reader->random, 2 * stress->places);
		else
			number = stress->stay + 2 * stress->places + random_below(&reader->random, 1u << 30);
		number -= only_ip4 & number & 1;
		asked->number[i] = number;
		asked->key[i] = key_number(number);
	}
}

static void look_up_packed(const struct stress *stress, struct asked *asked)
{
	struct flow_key4 packed[BURST];

	for (unsigned i = 0; i < BURST; i++)
		packed[i] = flow_key_pack(&asked->key[i]);
	flow_table_lookup4_burst_shared(stress->table, packed, BURST, asked->flow);
}

static void look_up_any(const struct stress *stress, struct asked *asked)
{
	const struct flow_key *pointer[BURST];

	for (unsigned i = 0; i < BURST; i++)
		pointer[i] = &asked->key[i];
	flow_table_lookup_burst_shared(stress->table, pointer, BURST, asked->flow);
}

static void look_up_singly(const struct stress *stress, struct asked *asked)
{
	for (unsigned i = 0; i < BURST; i++)
		asked->flow[i] = flow_table_lookup(stress->table, &asked->key[i]);
}

// Plain reads: with readers that are waited for, nobody writes the key of a flow that was found.
static bool record_is_of(const struct stress *stress, uint32_t flow, const struct flow_key *key)
{
	return stress->qsbr == NULL || flow_key_equal(&flow_table_cold(stress->table, flow)->key, key);
}

static void check(struct reader *reader, const struct asked *asked)
{
	const struct stress *stress = reader->stress;
	uint64_t there = 0;

	for (unsigned i = 0; i < BURST; i++) {
		uint32_t number = asked->number[i], flow = asked->flow[i];

		if (number < stress->stay) {
			there++;
			reader->missed += flow == FLOW_NONE;
			reader->wrong += flow != FLOW_NONE && flow != stress->flow_of[number];
		} else if (number < stress->stay + 2 * stress->places) {
			reader->passing += flow != FLOW_NONE;
			reader->changed += flow != FLOW_NONE && !record_is_of(stress, flow, &asked->key[i]);
		} else {
			reader->absent++;
			reader->wrong += flow != FLOW_NONE;
		}
	}
	atomic_store_explicit(&reader->there, reader->there + there, memory_order_relaxed);
}

static void read_snapshots(struct reader *reader)
{
	struct flow_table_stats stats;
	struct flow_cold cold;
	struct flow hot;

	flow_table_stats(reader->stress->table, &stats);
	for (unsigned i = 0; i < BURST; i++)
		if (flow_table_snapshot(reader->stress->table, random_below(&reader->random, stats.capacity), &hot, &cold)) {
			reader->torn += !key_is_whole(&cold.key);
			reader->snapshots++;
		}
}

static void read_once(struct reader *reader)
{
	uint32_t how = random_below(&reader->random, 16);
	struct asked asked;

	ask_for(reader, &asked, how < 10);
	if (how < 10)
		look_up_packed(reader->stress, &asked);
	else if (how < 14)
		look_up_any(reader->stress, &asked);
	else
		look_up_singly(reader->stress, &asked);
	check(reader, &asked);
	if (how == 15) {
		read_snapshots(reader);
		check(reader, &asked); // a while later: of the flows that went meanwhile the records are still there
	}
}

static void *read_always(void *argument)
{
	struct reader *reader = argument;
	struct rte_rcu_qsbr *qsbr = reader->stress->qsbr;

	if (qsbr != NULL)
		rte_rcu_qsbr_thread_online(qsbr, reader->number);
	while (!atomic_load_explicit(&reader->stress->stop, memory_order_relaxed)) {
		read_once(reader);
		if (qsbr != NULL)
			rte_rcu_qsbr_quiescent(qsbr, reader->number);
	}
	if (qsbr != NULL)
		rte_rcu_qsbr_thread_offline(qsbr, reader->number);
	return NULL;
}

static void wait_ms(unsigned ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&time, NULL);
}

static struct rte_rcu_qsbr *make_qsbr(unsigned readers)
{
	struct rte_rcu_qsbr *qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(READERS_MAX), 64));

	if (qsbr == NULL || rte_rcu_qsbr_init(qsbr, READERS_MAX) != 0)
		abort();
	for (unsigned i = 0; i < readers; i++)
		rte_rcu_qsbr_thread_register(qsbr, i);
	return qsbr;
}

// How many flows, half of each family, in how large indices.
struct shape {
	uint32_t flows, ip4_capacity, wide_capacity;
};

// What is run, how, and for how long.
struct plan {
	struct shape shape;
	enum flow_table_form form;
	bool grace;
	unsigned readers;
	unsigned ms;      // 0: until
	uint64_t lookups; // of keys that are there
};

static void make_stress(struct stress *stress, const struct plan *plan)
{
	struct flow_table_params params = {
		.capacity = plan->shape.flows * (plan->grace ? 8 : 1),
		.ip4_capacity = plan->shape.ip4_capacity, .wide_capacity = plan->shape.wide_capacity,
		.socket = -1, .form = plan->form, .readers = plan->grace ? make_qsbr(plan->readers) : NULL,
	};

	*stress = (struct stress){ .stay = plan->shape.flows / 2, .places = plan->shape.flows / 2, .qsbr = params.readers };
	if (hash_secret_draw(&params.secret) != 0)
		abort();
	stress->table = flow_table_create(&params);
	if (stress->table == NULL)
		abort();
	stress->flow_of = malloc(stress->stay * sizeof(uint32_t));
	stress->passing = malloc(stress->places * sizeof(uint32_t));
	stress->turn = calloc(stress->places, sizeof(bool));
	for (uint32_t i = 0; i < stress->stay; i++) {
		stress->flow_of[i] = insert(stress, i);
		if (stress->flow_of[i] == FLOW_NONE)
			abort();
	}
	memset(stress->passing, 0xff, stress->places * sizeof(uint32_t));
	for (uint32_t i = 0; i < stress->places; i++)
		fill_place(stress, i);
}

static void end_stress(struct stress *stress)
{
	flow_table_destroy(stress->table);
	free(stress->qsbr);
	free(stress->flow_of);
	free(stress->passing);
	free(stress->turn);
}

static void wait_for(const struct plan *plan, struct reader reader[])
{
	uint64_t there = 0;

	if (plan->ms > 0)
		wait_ms(plan->ms);
	while (plan->ms == 0 && there < plan->lookups) {
		wait_ms(10);
		there = 0;
		for (unsigned i = 0; i < plan->readers; i++)
			there += atomic_load_explicit(&reader[i].there, memory_order_relaxed);
	}
}

static void report(const struct plan *plan, const struct stress *stress, const struct reader *sum)
{
	struct flow_table_stats stats;

	flow_table_stats(stress->table, &stats);
	printf("%-6s %s %6" PRIu32 " flows: %" PRIu64 " writes, %" PRIu64 " refused, %" PRIu64 " moves; lookups: %" PRIu64
	       " of keys that are there, %" PRIu64 " absent, %" PRIu64 " passing found; %" PRIu64 " missed, %" PRIu64
	       " wrong, %" PRIu64 " changed; %" PRIu64 " snapshots: %" PRIu64 " torn\n",
	       flow_table_form_name(plan->form), plan->grace ? "grace" : "     ", plan->shape.flows, stress->writes,
	       stress->refused, stats.displacements, sum->there, sum->absent, sum->passing, sum->missed, sum->wrong,
	       sum->changed, sum->snapshots, sum->torn);
}

// Adds to what was counted; returns how many answers were not right.
static uint64_t run(const struct plan *plan, uint64_t *there)
{
	struct reader reader[READERS_MAX], sum = { 0 };
	struct stress stress;
	pthread_t writer;

	make_stress(&stress, plan);
	pthread_create(&writer, NULL, write_always, &stress);
	for (unsigned i = 0; i < plan->readers; i++) {
		reader[i] = (struct reader){ .stress = &stress, .number = i, .random = i };
		pthread_create(&reader[i].thread, NULL, read_always, &reader[i]);
	}
	wait_for(plan, reader);
	atomic_store_explicit(&stress.stop, true, memory_order_relaxed);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < plan->readers; i++) {
		pthread_join(reader[i].thread, NULL);
		sum.there += reader[i].there;
		sum.absent += reader[i].absent;
		sum.passing += reader[i].passing;
		sum.missed += reader[i].missed;
		sum.wrong += reader[i].wrong;
		sum.changed += reader[i].changed;
		sum.snapshots += reader[i].snapshots;
		sum.torn += reader[i].torn;
	}
	report(plan, &stress, &sum);
	end_stress(&stress);
	*there += sum.there;
	return sum.missed + sum.wrong + sum.changed + sum.torn;
}

// Few buckets, so that writer and readers meet: one index or the other is as full as can be. Then larger ones.
static const struct shape shapes[] = {
	{ 112, 1, 1 }, { 152, 60, 1 }, { 1880, 940, 940 }, { 62200, 31100, 31100 }, { 77800, 38900, 38900 },
};
enum { SIZES = sizeof(shapes) / sizeof(shapes[0]) };

static bool is_wanted(enum flow_table_form form, const char *name)
{
	return flow_table_form_supported(form) && (name == NULL || strcmp(name, flow_table_form_name(form)) == 0);
}

static uint64_t run_all(struct plan plan, const char *form, unsigned seconds, uint64_t lookups)
{
	unsigned forms = 0, runs;
	uint64_t errors = 0, there = 0;

	for (unsigned f = FLOW_TABLE_FORM_PLAIN; f < FLOW_TABLE_FORMS; f++)
		forms += is_wanted(f, form);
	runs = forms * SIZES * 2;
	for (unsigned f = FLOW_TABLE_FORM_PLAIN; f < FLOW_TABLE_FORMS; f++)
		for (unsigned i = 0; i < SIZES * 2 && is_wanted(f, form); i++) {
			plan.form = f;
			plan.shape = shapes[i / 2];
			plan.grace = i % 2;
			plan.ms = lookups > 0 ? 0 : seconds * 1000 / runs;
			plan.lookups = lookups / runs + 1;
			errors += run(&plan, &there);
		}
	printf("%" PRIu64 " lookups of keys that are there, %" PRIu64 " answers not right\n", there, errors);
	return runs == 0 || errors > 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' }, { "lookups", required_argument, NULL, 'l' },
		{ "readers", required_argument, NULL, 'r' }, { "form", required_argument, NULL, 'f' }, { 0 },
	};
	struct plan plan = { .readers = 2 };
	const char *form = NULL;
	uint64_t lookups = 0;
	unsigned seconds = 8;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (option) {
		case 's': seconds = (unsigned)strtoul(optarg, NULL, 0); break;
		case 'l': lookups = strtoull(optarg, NULL, 0); break;
		case 'r': plan.readers = (unsigned)strtoul(optarg, NULL, 0); break;
		case 'f': form = optarg; break;
		default: return 2;
		}
	if (plan.readers < 1 || plan.readers > READERS_MAX)
		return 2;
	return run_all(plan, form, seconds, lookups) > 0;
}
