// SPDX-License-Identifier: BSD-3-Clause
// The flow table against a naive map: random inserts, lookups and removes, every answer compared, the inside checked.
//
// flow_table_model [ROUNDS [SEED [OPERATIONS]]]: rounds of all shapes, forms and sorts of keys, with as many operations
// for each; without arguments one short round.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/random.h"

enum sort { ONLY_IP4, ONLY_WIDE, MIXED, SORTS };

enum { LARGE = 1 << 14 }; // slots: in smaller indices chance decides how full they get

// The oracle: keys have numbers, and the map from a key's number to its flow is an array.
struct model {
	struct flow_table *table;
	uint32_t universe;
	uint32_t *flow_of; // FLOW_NONE: not in the table
	uint32_t *key_of;  // by flow; FLOW_NONE: free
	uint32_t used;
	uint64_t refusals;
	const char *form;
	enum sort sort;
	double least_load; // at which a refusal for want of a slot may be, in large indices
	uint64_t seed;
	uint64_t random;
};

static uint32_t below(struct model *model, uint32_t n)
{
	return random_below(&model->random, n);
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
static struct flow_key key_number(const struct model *model, uint32_t number)
{
	bool ip4 = model->sort == MIXED ? number & 2 : model->sort == ONLY_IP4;
	struct flow_key key = { .protocol = number & 1 ? 6 : 17, .family = ip4 ? FAMILY_IP4 : FAMILY_IP6 };

	key.address[0].byte[0] = 10;
	key.address[0].byte[3] = (uint8_t)(number >> 2);
	key.address[1].byte[0] = 192;
	key.address[1].byte[2] = (uint8_t)(number >> 10);
	key.port[0] = (uint16_t)(number >> 18);
	key.port[1] = 80;
	if (model->sort == ONLY_IP4)
		key.address[1].byte[3] = number & 6;
	else
		key.vlan = number & 4 ? 7 : 0;
	if (model->sort == ONLY_WIDE)
		key.address[1].byte[3] = number & 2;
	return key;
}

// Two bursts woven into each other, entries moving in between: a part of them, and all.
static void lookups_woven(struct model *model, const struct flow_key4 key[], unsigned n, const uint32_t expected[])
{
	uint32_t first[FLOW_LOOKUP_MAX], second[FLOW_LOOKUP_MAX];
	struct flow_lookup now, next;
	const bool fetch = below(model, 2);
	unsigned part = below(model, n + 1);

	flow_table_lookup4_begin(model->table, key, part, &now);
	flow_table_scrub(model->table, below(model, 4));
	flow_table_lookup4_next(model->table, key, n, &next, &now, first, fetch);
	flow_table_scrub(model->table, below(model, 200));
	flow_table_lookup4_end(model->table, &now, first, fetch);
	flow_table_lookup4_end(model->table, &next, second, fetch);
	for (unsigned i = 0; i < n; i++)
		CHECK(model, second[i] == expected[i] && (i >= part || first[i] == expected[i]));
}

// Of a burst, the keys that the IPv4 index holds, in all the ways that there are for them.
static void lookups_packed(struct model *model, const struct flow_key key[], unsigned n, const uint32_t number[])
{
	uint32_t owner[FLOW_LOOKUP_MAX], shared[FLOW_LOOKUP_MAX], halves[FLOW_LOOKUP_MAX], expected[FLOW_LOOKUP_MAX];
	struct flow_key4 packed[FLOW_LOOKUP_MAX];
	struct flow_lookup lookup;
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		if (flow_key_fits_ip4(&key[i])) {
			expected[count] = model->flow_of[number[i]];
			packed[count++] = flow_key_pack(&key[i]);
		}
	flow_table_lookup4_burst(model->table, packed, count, owner, count % 2);
	flow_table_lookup4_burst_shared(model->table, packed, count, shared);
	flow_table_lookup4_begin(model->table, packed, count, &lookup);
	flow_table_scrub(model->table, below(model, 4));
	flow_table_lookup4_end(model->table, &lookup, halves, below(model, 2));
	for (unsigned i = 0; i < count; i++)
		CHECK(model, owner[i] == expected[i] && shared[i] == expected[i] && halves[i] == expected[i]);
	lookups_woven(model, packed, count, expected);
}

// Of a burst, the keys that the wide index holds, through a pipe: parts of them in bursts of any size, entries moving in
// between.
static void lookups_piped(struct model *model, const struct flow_key key[], unsigned n, const uint32_t number[])
{
	uint32_t flow[FLOW_LOOKUP_MAX], expected[FLOW_LOOKUP_MAX];
	struct flow_key wide[FLOW_LOOKUP_MAX];
	struct flow_pipe pipe;
	unsigned count = 0, behind = FLOW_PIPE_BURSTS - 1;

	for (unsigned i = 0; i < n; i++)
		if (!flow_key_fits_ip4(&key[i])) {
			expected[count] = model->flow_of[number[i]];
			wide[count++] = key[i];
		}
	flow_pipe_init(&pipe);
	for (unsigned from = 0, part; from < count || behind-- > 0; from += part) {
		part = below(model, count - from + 1);
		flow_table_pipe_push(model->table, &pipe, wide + from, part, flow + from, below(model, 2));
		flow_table_scrub(model->table, below(model, 100));
	}
	for (unsigned i = 0; i < count; i++)
		CHECK(model, flow[i] == expected[i]);
}

static void lookups(struct model *model)
{
	const struct flow_key *pointer[64] = { NULL };
	struct flow_key key[64];
	uint32_t number[64], flow[64], shared[64];
	unsigned n = below(model, 65);

	for (unsigned i = 0; i < n; i++) {
		number[i] = below(model, model->universe);
		key[i] = key_number(model, number[i]);
		pointer[i] = &key[i];
	}
	flow_table_lookup_burst(model->table, pointer, n, flow, below(model, 2));
	flow_table_lookup_burst_shared(model->table, pointer, n, shared);
	for (unsigned i = 0; i < n; i++) {
		CHECK(model, flow[i] == model->flow_of[number[i]]);
		CHECK(model, shared[i] == flow[i]);
	}
	for (unsigned i = 0; i < n; i += 8)
		CHECK(model, flow_table_lookup(model->table, &key[i]) == flow[i]);
	lookups_packed(model, key, n, number);
	lookups_piped(model, key, n, number);
}

static bool is_zeroed_but_for_key(const struct model *model, uint32_t flow, const struct flow_key *key)
{
	const struct flow hot = { 0 };
	const struct flow_cold cold = { .key = *key };

	return memcmp(flow_table_flow(model->table, flow), &hot, sizeof(hot)) == 0 &&
	       memcmp(flow_table_cold(model->table, flow), &cold, sizeof(cold)) == 0;
}

// The table refused: there is no record left, or the index that the key belongs to is as good as full.
static void check_refusal(struct model *model, const struct flow_key *key)
{
	struct flow_table_stats stats;

	flow_table_stats(model->table, &stats);
	CHECK(model, stats.insert_failures == ++model->refusals);
	CHECK(model, flow_table_lookup(model->table, key) == FLOW_NONE);
	bool ip4 = flow_key_fits_ip4(key);
	double slots = ip4 ? stats.ip4_slots : stats.wide_slots, load = (ip4 ? stats.ip4_used : stats.wide_used) / slots;
	CHECK(model, model->used == stats.capacity || slots < LARGE || load >= model->least_load);
	CHECK(model, model->used == stats.capacity || load >= 0.75);
}

// false: the table refused.
static bool insert(struct model *model, uint32_t number)
{
	struct flow_key key = key_number(model, number);
	uint32_t flow = flow_table_insert(model->table, &key);

	if (flow == FLOW_NONE) {
		check_refusal(model, &key);
		return false;
	}
	CHECK(model, flow < model->table->records.capacity);
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

// Recounts what the wide index counts as it goes, and finds every entry where its key says. Returns its entries.
static uint32_t check_wide(struct model *model, uint32_t *second)
{
	const struct flow_wide *wide = &model->table->wide;
	uint32_t *overflow = calloc(wide->bucket_mask + 1ul, sizeof(*overflow));
	uint32_t entries = 0;

	for (uint32_t b = 0; b <= wide->bucket_mask; b++)
		for (unsigned s = 0; s < BUCKET_SLOTS; s++) {
			uint32_t flow = wide->bucket[b].index[s] & BUCKET_RECORD;
			bool in_second = wide->bucket[b].index[s] & BUCKET_SECOND;
			uint64_t hash;
			uint32_t first;

			if (wide->bucket[b].tag[s] == 0)
				continue;
			CHECK(model, flow < model->table->records.capacity && model->key_of[flow] != FLOW_NONE);
			hash = flow_key_hash(&wide->cold[flow].key, &wide->secret);
			first = bucket_first(wide, hash);
			CHECK(model, flow_tag(hash) == wide->bucket[b].tag[s]);
			CHECK(model, b == (in_second ? bucket_other(wide, first, flow_tag(hash)) : first));
			CHECK(model, !in_second || bucket_hinted(&wide->bucket[first], flow_tag(hash)));
			CHECK(model, first == bucket_other(wide, bucket_other(wide, first, flow_tag(hash)), flow_tag(hash)));
			entries++;
			*second += in_second;
			overflow[first] += in_second;
		}
	for (uint32_t b = 0; b <= wide->bucket_mask; b++) {
		uint32_t hints = 0;

		for (unsigned s = 0; s < BUCKET_SLOTS; s++)
			hints |= wide->bucket[b].index[s] & BUCKET_HINT_BITS;
		CHECK(model, bucket_overflow(wide->bucket[b].meta) == overflow[b]);
		CHECK(model, overflow[b] || hints == 0);
	}
	free(overflow);
	return entries;
}

// The same for the IPv4 index, and that every entry is what its record's key becomes.
static uint32_t check_narrow(struct model *model, uint32_t *second)
{
	const struct flow_narrow *narrow = &model->table->narrow;
	uint16_t *overflow = calloc(narrow->mask + 1ul, sizeof(*overflow));
	uint32_t entries = 0;

	for (uint32_t b = 0; b <= narrow->mask; b++)
		for (unsigned s = 0; s < NARROW_SLOTS; s++) {
			const struct narrow_entry *entry = &narrow->bucket[b].entry[s];
			uint32_t flow = (uint32_t)(entry->low & ~narrow->compare_low) - 1;
			bool in_second = entry->high & NARROW_SECOND;

			if (!(entry->high & NARROW_VALID)) {
				CHECK(model, entry->low == 0 && (entry->high & NARROW_HIGH_MASK) == 0);
				continue;
			}
			CHECK(model, flow < model->table->records.capacity && model->key_of[flow] != FLOW_NONE);
			struct flow_key4 key = flow_key_pack(&model->table->records.cold[flow].key);
			struct narrow_target target = narrow_target(narrow, &key);
			CHECK(model, (entry->low & narrow->compare_low) == target.low);
			CHECK(model, (entry->high & NARROW_HIGH_MASK & ~NARROW_SECOND) == target.high);
			CHECK(model, b == (in_second ? narrow_other(narrow, target.first, target.sum) : target.first));
			CHECK(model, target.first <= narrow->mask && target.sum <= narrow->mask && target.sum % 2 == 1);
			CHECK(model, !in_second || narrow_hinted(&narrow->bucket[target.first], target.hint));
			entries++;
			*second += in_second;
			overflow[target.first] += in_second;
		}
	for (uint32_t b = 0; b <= narrow->mask; b++) {
		const struct narrow_bucket *bucket = &narrow->bucket[b];

		CHECK(model, narrow_spare(bucket, SPARE_OVERFLOW) == overflow[b]);
		CHECK(model, overflow[b] || !(narrow_spare(bucket, SPARE_HINT) | narrow_spare(bucket, SPARE_HINT + 1)));
	}
	free(overflow);
	return entries;
}

static void check_inside(struct model *model)
{
	struct flow_table_stats stats;
	uint32_t second = 0, wide = check_wide(model, &second), narrow = check_narrow(model, &second);

	flow_table_stats(model->table, &stats);
	CHECK(model, stats.wide_used == wide);
	CHECK(model, stats.ip4_used == narrow);
	CHECK(model, wide + narrow == model->used);
	CHECK(model, stats.inserts - stats.removes == model->used);
	CHECK(model, stats.in_second_bucket == second);
}

// Every record, by its index, as another thread would copy it.
static void check_snapshots(struct model *model)
{
	struct flow hot;
	struct flow_cold cold;

	for (uint32_t flow = 0; flow < model->table->records.capacity; flow++) {
		bool lives = flow_table_snapshot(model->table, flow, &hot, &cold);

		CHECK(model, lives == (model->key_of[flow] != FLOW_NONE));
		if (!lives)
			continue;
		struct flow_key key = key_number(model, model->key_of[flow]);
		CHECK(model, flow_key_equal(&cold.key, &key) && cold.id == model->key_of[flow]);
	}
}

// Fills up to the first refusal.
static void fill(struct model *model, const char *how)
{
	struct flow_table_stats stats;
	uint32_t number = below(model, model->universe);

	do
		do
			number = number + 1 < model->universe ? number + 1 : 0;
		while (model->flow_of[number] != FLOW_NONE);
	while (insert(model, number));
	flow_table_stats(model->table, &stats);
	printf("%-6s %-7s capacity %6" PRIu32 ", %s: refuses at %5.1f %% of %6" PRIu32 " IPv4 slots, %5.1f %% of %6" PRIu32
	       " wide; %4.1f %% in second buckets, %" PRIu64 " moves\n", model->form,
	       model->used == stats.capacity ? "records" : "slots", stats.capacity, how,
	       100.0 * stats.ip4_used / stats.ip4_slots, stats.ip4_slots, 100.0 * stats.wide_used / stats.wide_slots,
	       stats.wide_slots, 100.0 * stats.in_second_bucket / model->used, stats.displacements);
}

// Random work up to a load; remove and insert chase each other.
static void churn(struct model *model, uint32_t operations, uint32_t target)
{
	for (uint32_t i = 0; i < operations; i++) {
		uint32_t number = below(model, model->universe);

		if (model->flow_of[number] != FLOW_NONE) {
			if (model->used >= target || below(model, 4) == 0)
				remove_flow(model, model->flow_of[number]);
		} else if (model->used < target) {
			insert(model, number);
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

// Up to the first refusal, fresh; about there for a while; up to there again; all away; and once more.
static void live(struct model *model, uint32_t operations)
{
	uint32_t capacity = model->table->records.capacity;

	churn(model, operations / 4, capacity / 4 + 1);
	check_inside(model);
	model->least_load = 0.95;
	fill(model, "fresh  ");
	check_inside(model);
	model->least_load = 0.93; // churn leaves more of them in second buckets
	churn(model, operations, capacity);
	check_inside(model);
	check_snapshots(model);
	fill(model, "churned");
	check_inside(model);
	drain(model);
	check_inside(model);
	fill(model, "again  ");
	check_inside(model);
	check_snapshots(model);
}

struct shape {
	uint32_t capacity, ip4_capacity, wide_capacity;
};

static void run(const struct shape *shape, uint32_t operations, uint64_t seed, enum flow_table_form form, enum sort sort)
{
	struct flow_table_params params = { .capacity = shape->capacity, .ip4_capacity = shape->ip4_capacity,
		.wide_capacity = shape->wide_capacity, .socket = -1, .form = form };
	struct model model = { .universe = 2 * shape->capacity + 100, .seed = seed, .random = seed, .sort = sort,
		.form = flow_table_form_name(form) };

	for (unsigned i = 0; i < 8; i++)
		params.secret.word[i] = random_next(&model.random);
	model.table = flow_table_create(&params);
	CHECK(&model, model.table != NULL);
	model.flow_of = malloc(model.universe * sizeof(uint32_t));
	model.key_of = malloc(shape->capacity * sizeof(uint32_t));
	memset(model.flow_of, 0xff, model.universe * sizeof(uint32_t));
	memset(model.key_of, 0xff, shape->capacity * sizeof(uint32_t));

	live(&model, operations);

	flow_table_destroy(model.table);
	free(model.flow_of);
	free(model.key_of);
}

int main(int argc, char **argv)
{
	// First those that run out of records; the fullest that an index gets is 61/64 of a power of two of slots, less a few.
	// Then those that run out of slots: they have records for more flows than the indices are for.
	static const struct shape shape[] = {
		{ 1, 0, 0 }, { 2, 0, 0 }, { 28, 0, 0 }, { 213, 0, 0 }, { 940, 0, 0 }, { 1176, 0, 0 }, { 2416, 0, 0 },
		{ 31200, 0, 0 }, { 79296, 0, 0 },
		{ 200, 1, 1 }, { 4000, 900, 500 }, { 40000, 15500, 19000 }, { 300000, 124000, 150000 },
	};
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20260101;
	uint32_t operations = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : argc > 1 ? 4000000 : 60000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned r = 0; r < rounds; r++, seed++) {
		printf("seed %" PRIu64 "\n", seed);
		for (unsigned form = FLOW_TABLE_FORM_PLAIN; form < FLOW_TABLE_FORMS; form++)
			for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
				for (unsigned sort = 0; sort < SORTS && flow_table_form_supported(form); sort++)
					run(&shape[i], operations, seed, form, sort);
	}
	return 0;
}
