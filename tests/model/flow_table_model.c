// SPDX-License-Identifier: BSD-3-Clause
// The flow table against a naive map: random inserts, lookups and removes, every answer compared, the inside checked.
//
// flow_table_model [ROUNDS [SEED]]: rounds of all capacities; without arguments one short round.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/flow_table_private.h"

// The oracle: keys have numbers, and the map from a key's number to its flow is an array.
struct model {
	struct flow_table *table;
	uint32_t universe;
	uint32_t *flow_of; // FLOW_NONE: not in the table
	uint32_t *key_of;  // by flow; FLOW_NONE: free
	uint32_t used;
	uint64_t seed;
	uint64_t random;
};

static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint32_t below(struct model *model, uint32_t n)
{
	return (uint32_t)((draw(&model->random) >> 32) * n >> 32);
}

#define CHECK(model, condition)                                                                              \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: %s does not hold (seed %" PRIu64 ")\n", __FILE__, __LINE__,  \
				#condition, (model)->seed);                                                  \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

// Neighbours on purpose: keys differ in a few bits of a port, an address, the VLAN or the family.
static struct flow_key key_number(uint32_t number)
{
	struct flow_key key = { .protocol = number & 1 ? 6 : 17, .family = number & 2 ? FAMILY_IP4 : FAMILY_IP6 };

	key.address[0].byte[0] = 10;
	key.address[0].byte[3] = (uint8_t)(number >> 2);
	key.address[1].byte[0] = 192;
	key.address[1].byte[2] = (uint8_t)(number >> 10);
	key.port[0] = (uint16_t)(number >> 18);
	key.port[1] = 80;
	key.vlan = number & 4 ? 7 : 0;
	return key;
}

static void lookups(struct model *model)
{
	const struct flow_key *pointer[64] = { NULL };
	struct flow_key key[64];
	uint32_t number[64], flow[64], shared[64];
	unsigned n = below(model, 65);

	for (unsigned i = 0; i < n; i++) {
		number[i] = below(model, model->universe);
		key[i] = key_number(number[i]);
		pointer[i] = &key[i];
	}
	flow_table_lookup_burst(model->table, pointer, n, flow);
	flow_table_lookup_burst_shared(model->table, pointer, n, shared);
	for (unsigned i = 0; i < n; i++) {
		CHECK(model, flow[i] == model->flow_of[number[i]]);
		CHECK(model, shared[i] == flow[i]);
	}
	if (n > 0)
		CHECK(model, flow_table_lookup(model->table, &key[0]) == flow[0]);
}

static bool is_zeroed_but_for_key(const struct model *model, uint32_t flow, const struct flow_key *key)
{
	struct flow_slot expected = { .cold.key = *key };

	return memcmp(flow_table_flow(model->table, flow), &expected.hot, sizeof(expected.hot)) == 0 &&
	       memcmp(flow_table_cold(model->table, flow), &expected.cold, sizeof(expected.cold)) == 0;
}

// false: the table refused.
static bool insert(struct model *model, uint32_t number)
{
	struct flow_key key = key_number(number);
	uint32_t flow = flow_table_insert(model->table, &key);

	if (flow == FLOW_NONE)
		return false;
	CHECK(model, flow < model->table->capacity);
	CHECK(model, model->key_of[flow] == FLOW_NONE);
	CHECK(model, is_zeroed_but_for_key(model, flow, &key));
	memset(flow_table_flow(model->table, flow), 0xff, sizeof(struct flow));
	flow_table_cold(model->table, flow)->id = number;
	flow_table_cold(model->table, flow)->next = number;
	model->flow_of[number] = flow;
	model->key_of[flow] = number;
	model->used++;
	return true;
}

static void remove_flow(struct model *model, uint32_t flow)
{
	uint32_t number = model->key_of[flow];
	struct flow hot;
	struct flow_cold cold;

	CHECK(model, flow_table_snapshot(model->table, flow, &hot, &cold));
	CHECK(model, cold.id == number);
	flow_table_remove(model->table, flow);
	CHECK(model, !flow_table_snapshot(model->table, flow, &hot, &cold));
	model->flow_of[number] = FLOW_NONE;
	model->key_of[flow] = FLOW_NONE;
	model->used--;
}

// Recounts what the table counts as it goes, and finds every entry where its key says.
static void check_inside(struct model *model)
{
	const struct flow_table *table = model->table;
	uint32_t *overflow = calloc(table->bucket_mask + 1ul, sizeof(*overflow));
	uint32_t entries = 0, second = 0;
	struct flow_table_stats stats;

	for (uint32_t b = 0; b <= table->bucket_mask; b++)
		for (unsigned s = 0; s < BUCKET_SLOTS; s++) {
			uint32_t flow = table->bucket[b].index[s];
			uint64_t hash;
			uint32_t first;

			if (table->bucket[b].tag[s] == 0)
				continue;
			CHECK(model, model->key_of[flow] != FLOW_NONE);
			hash = flow_key_hash(&table->head.record[flow].cold.key, &table->secret);
			first = bucket_first(table, hash);
			CHECK(model, flow_tag(hash) == table->bucket[b].tag[s]);
			CHECK(model, b == first || b == bucket_other(table, first, flow_tag(hash)));
			entries++;
			second += b != first;
			overflow[first] += b != first;
		}
	for (uint32_t b = 0; b <= table->bucket_mask; b++)
		CHECK(model, bucket_overflow(table->bucket[b].meta) == overflow[b]);
	free(overflow);
	flow_table_stats(table, &stats);
	CHECK(model, entries == model->used);
	CHECK(model, stats.used == model->used);
	CHECK(model, stats.inserts - stats.removes == model->used);
	CHECK(model, stats.in_second_bucket == second);
}

// Fills up to the first refusal, which must be for want of a record.
static void fill(struct model *model)
{
	double slots = (model->table->bucket_mask + 1.0) * BUCKET_SLOTS;
	uint32_t number = below(model, model->universe);

	do
		do
			number = number + 1 < model->universe ? number + 1 : 0;
		while (model->flow_of[number] != FLOW_NONE);
	while (insert(model, number));
	CHECK(model, model->used == model->table->capacity);
	printf("capacity %8" PRIu32 ": first refusal at %.1f %% of the slots, %.1f %% in second buckets, "
	       "%" PRIu64 " displacements\n", model->table->capacity, 100 * model->used / slots,
	       100.0 * model->table->owner.in_second_bucket / model->used,
	       model->table->owner.displacements);
}

// Random work around a load; remove and insert chase each other.
static void churn(struct model *model, uint32_t operations, uint32_t target)
{
	for (uint32_t i = 0; i < operations; i++) {
		uint32_t number = below(model, model->universe);

		if (model->flow_of[number] != FLOW_NONE) {
			if (model->used >= target || below(model, 4) == 0)
				remove_flow(model, model->flow_of[number]);
		} else if (model->used < target) {
			CHECK(model, insert(model, number));
		}
		if (below(model, 16) == 0)
			lookups(model);
	}
}

static void drain(struct model *model)
{
	for (uint32_t number = 0; number < model->universe; number++)
		if (model->flow_of[number] != FLOW_NONE)
			remove_flow(model, model->flow_of[number]);
}

static void run(uint32_t capacity, uint32_t operations, uint64_t seed)
{
	struct flow_table_params params = { .capacity = capacity, .socket = -1 };
	struct model model = { .universe = 2 * capacity + 100, .seed = seed, .random = seed };

	for (unsigned i = 0; i < 8; i++)
		params.secret.word[i] = draw(&model.random);
	model.table = flow_table_create(&params);
	CHECK(&model, model.table != NULL);
	model.flow_of = malloc(model.universe * sizeof(uint32_t));
	model.key_of = malloc(capacity * sizeof(uint32_t));
	memset(model.flow_of, 0xff, model.universe * sizeof(uint32_t));
	memset(model.key_of, 0xff, capacity * sizeof(uint32_t));

	churn(&model, operations / 4, capacity / 2 + 1);
	check_inside(&model);
	fill(&model);
	check_inside(&model);
	churn(&model, operations, capacity);
	check_inside(&model);
	drain(&model);
	check_inside(&model);
	fill(&model);
	check_inside(&model);

	flow_table_destroy(model.table);
	free(model.flow_of);
	free(model.key_of);
}

int main(int argc, char **argv)
{
	// 31/32 of the slots of a power of two of buckets, less 64, is the fullest that a table can get.
	static const uint32_t capacity[] = { 1, 2, 13, 14, 91, 246, 1000, 1176, 2416, 79296, 500000, 634816 };
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20260101;
	uint32_t operations = argc > 1 ? 4000000 : 600000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned r = 0; r < rounds; r++, seed++) {
		printf("seed %" PRIu64 "\n", seed);
		for (unsigned i = 0; i < sizeof(capacity) / sizeof(capacity[0]); i++)
			run(capacity[i], operations, seed);
	}
	return 0;
}
