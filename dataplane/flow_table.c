// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow_table.h"

#include <errno.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/memory.h"

enum {
	SCRUB_BUCKETS = 2, // with each removal, where the index asks for it
};

static const struct flow_forms form_of[FLOW_TABLE_FORMS] = {
	[FLOW_TABLE_FORM_PLAIN] = { &narrow_plain, &wide_plain },
#ifdef FLOW_TABLE_HAS_AVX
	[FLOW_TABLE_FORM_AVX2] = { &narrow_avx2, &wide_avx2 },
	[FLOW_TABLE_FORM_AVX512] = { &narrow_avx512, &wide_avx512 },
#endif
};

const char *flow_table_form_name(enum flow_table_form form)
{
	static const char *const name[FLOW_TABLE_FORMS] = { "best", "plain", "avx2", "avx512" };

	return (unsigned)form < FLOW_TABLE_FORMS ? name[form] : "?";
}

#ifdef FLOW_TABLE_HAS_AVX
static bool has_bit_manipulation(void)
{
	return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#endif

bool flow_table_form_supported(enum flow_table_form form)
{
	if ((unsigned)form >= FLOW_TABLE_FORMS)
		return false;
	if (form == FLOW_TABLE_FORM_BEST)
		return true;
	if (form_of[form].narrow == NULL)
		return false;
#ifdef FLOW_TABLE_HAS_AVX
	__builtin_cpu_init();
	if (form == FLOW_TABLE_FORM_AVX2)
		return has_bit_manipulation() && __builtin_cpu_supports("avx2");
	if (form == FLOW_TABLE_FORM_AVX512)
		return has_bit_manipulation() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
		       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
	return true;
}

static enum flow_table_form best_form(void)
{
	for (unsigned form = FLOW_TABLE_FORMS - 1; form > FLOW_TABLE_FORM_PLAIN; form--)
		if (flow_table_form_supported(form))
			return form;
	return FLOW_TABLE_FORM_PLAIN;
}

// How the table's memory is divided, from its beginning on: itself, the buckets of both indices, the records.
struct extent {
	uint32_t ip4_capacity, wide_capacity;
	size_t narrow, wide, records, end;
};

static struct extent extent_of(const struct flow_table_params *params)
{
	struct extent extent = {
		.ip4_capacity = params->ip4_capacity ? RTE_MIN(params->ip4_capacity, params->capacity) : params->capacity,
		.wide_capacity = params->wide_capacity ? RTE_MIN(params->wide_capacity, params->capacity) : params->capacity,
		.narrow = RTE_ALIGN_CEIL(sizeof(struct flow_table), RTE_CACHE_LINE_SIZE),
	};

	extent.wide = extent.narrow + narrow_bytes(extent.ip4_capacity, params->capacity - 1);
	extent.records = RTE_ALIGN_CEIL(extent.wide + wide_bytes(extent.wide_capacity), RTE_CACHE_LINE_SIZE);
	extent.end = extent.records + records_bytes(params->capacity);
	return extent;
}

size_t flow_table_bytes(const struct flow_table_params *params)
{
	return extent_of(params).end;
}

// A secret of zeroes would multiply everything by 0: fixed words (digits of pi) make it harmless, and no other weaker.
static struct hash_secret away_from_zero(const struct hash_secret *secret)
{
	static const uint64_t pi[8] = {
		0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
		0x452821e638d01377, 0xbe5466cf34e90c6c, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
	};
	struct hash_secret other;

	for (unsigned i = 0; i < 8; i++)
		other.word[i] = secret->word[i] ^ pi[i];
	return other;
}

static int check(const struct flow_table_params *params)
{
	if (params->capacity < 1 || params->capacity > FLOW_TABLE_CAPACITY_MAX)
		return EINVAL;
	return flow_table_form_supported(params->form) ? 0 : ENOTSUP;
}

struct flow_table *flow_table_create(const struct flow_table_params *params)
{
	const struct hash_secret secret = away_from_zero(&params->secret);
	enum flow_table_form form = params->form ? params->form : best_form();
	struct flow_table *table;
	struct extent extent;

	errno = check(params);
	if (errno != 0)
		return NULL;
	extent = extent_of(params);
	char *memory = memory_take("flow table", extent.end, params->socket);
	if (memory == NULL)
		return NULL;
	table = (struct flow_table *)memory;
	table->form = form_of[form];
	records_init(&table->records, memory + extent.records, params->capacity, params->readers);
	table->head = (struct flow_table_head){ .hot = table->records.hot, .cold = table->records.cold };
	narrow_init(&table->narrow, memory + extent.narrow, extent.ip4_capacity, params->capacity - 1, &secret);
	wide_init(&table->wide, memory + extent.wide, extent.wide_capacity, &table->head, params->capacity, &secret);
	return table;
}

void flow_table_destroy(struct flow_table *table)
{
	memory_give(table);
}

static bool index_insert(struct flow_table *table, const struct flow_key *key, uint32_t flow)
{
	if (!flow_key_fits_ip4(key))
		return wide_insert(&table->wide, key, flow);
	const struct flow_key4 packed = flow_key_pack(key);
	return narrow_insert(&table->narrow, &packed, flow);
}

static bool index_remove(struct flow_table *table, uint32_t flow)
{
	const struct flow_key *key = &table->records.cold[flow].key;

	if (!flow_key_fits_ip4(key))
		return wide_remove(&table->wide, flow);
	const struct flow_key4 packed = flow_key_pack(key);
	return narrow_remove(&table->narrow, &packed, flow);
}

static void scrub_index_of(struct flow_table *table, const struct flow_key *key)
{
	struct flow_narrow *narrow = &table->narrow;
	struct flow_wide *wide = &table->wide;

	if (!flow_key_fits_ip4(key)) {
		if (cuckoo_asks_for_scrub(wide->used, wide->in_second))
			wide_scrub(wide, SCRUB_BUCKETS);
	} else if (cuckoo_asks_for_scrub(narrow->used, narrow->in_second)) {
		narrow_scrub(narrow, SCRUB_BUCKETS);
	}
}

static void count_waiting(struct flow_table *table)
{
	__atomic_store_n(&table->waiting, records_waiting(&table->records), __ATOMIC_RELAXED);
}

uint32_t flow_table_insert(struct flow_table *table, const struct flow_key *key)
{
	uint32_t flow = records_take(&table->records);

	count_waiting(table);
	if (flow == FLOW_NONE) {
		add_relaxed64(&table->insert_failures, 1);
		return FLOW_NONE;
	}
	record_begin(&table->records, flow, key);
	if (!index_insert(table, key, flow)) {
		record_end(&table->records, flow);
		records_give(&table->records, flow);
		add_relaxed64(&table->insert_failures, 1);
		return FLOW_NONE;
	}
	add_relaxed64(&table->inserts, 1);
	return flow;
}

uint32_t flow_table_insert_again(struct flow_table *table, const struct flow_key *key)
{
	add_relaxed64(&table->insert_failures, -UINT64_C(1));
	return flow_table_insert(table, key);
}

void flow_table_remove(struct flow_table *table, uint32_t flow)
{
	if (!index_remove(table, flow))
		return; // ended before
	scrub_index_of(table, &table->records.cold[flow].key);
	record_end(&table->records, flow);
	records_give(&table->records, flow);
	count_waiting(table);
	add_relaxed64(&table->removes, 1);
}

void flow_table_scrub(struct flow_table *table, unsigned buckets)
{
	narrow_scrub(&table->narrow, buckets);
	wide_scrub(&table->wide, buckets);
}

void flow_table_lookup4_begin(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
			      struct flow_lookup *lookup)
{
	table->form.narrow->begin(&table->narrow, key, n, lookup);
}

void flow_table_lookup4_next(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
			     struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[], bool fetch)
{
	table->form.narrow->next(&table->narrow, key, n, next, now, flow, fetch ? table->head.hot : NULL);
}

void flow_table_lookup4_end(const struct flow_table *table, struct flow_lookup *lookup, uint32_t flow[], bool fetch)
{
	table->form.narrow->end(&table->narrow, lookup, flow, fetch ? table->head.hot : NULL);
}

static __rte_always_inline void lookup4(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
					uint32_t flow[], const bool fetch)
{
	struct flow_lookup lookup;

	table->form.narrow->begin(&table->narrow, key, n, &lookup);
	flow_table_lookup4_end(table, &lookup, flow, fetch);
}

static __rte_always_inline void lookup4_shared(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
					       uint32_t flow[])
{
	struct flow_lookup lookup;

	table->form.narrow->begin(&table->narrow, key, n, &lookup);
	table->form.narrow->end_shared(&table->narrow, &lookup, flow);
}

void flow_table_lookup4_burst(const struct flow_table *table, const struct flow_key4 key[], unsigned n, uint32_t flow[],
			      bool fetch)
{
	lookup4(table, key, n, flow, fetch);
}

void flow_table_lookup4_burst_shared(const struct flow_table *table, const struct flow_key4 key[], unsigned n,
				     uint32_t flow[])
{
	lookup4_shared(table, key, n, flow);
}

// Keys of one burst, by the index that is theirs.
struct sorted {
	struct flow_key4 ip4[FLOW_LOOKUP_MAX];
	const struct flow_key *wide[FLOW_LOOKUP_MAX];
	uint8_t ip4_place[FLOW_LOOKUP_MAX], wide_place[FLOW_LOOKUP_MAX];
	unsigned ip4_count, wide_count;
};

// Free of branches: packets of both families come mixed.
static inline void sort_keys(const struct flow_key *const key[], unsigned n, struct sorted *sorted)
{
	unsigned ip4 = 0, wide = 0;

	for (unsigned i = 0; i < n; i++) {
		bool fits = flow_key_fits_ip4(key[i]);

		sorted->ip4[ip4] = flow_key_pack(key[i]);
		sorted->ip4_place[ip4] = sorted->wide_place[wide] = (uint8_t)i;
		sorted->wide[wide] = key[i];
		ip4 += fits;
		wide += !fits;
	}
	sorted->ip4_count = ip4;
	sorted->wide_count = wide;
}

static inline void place(const uint32_t found[], unsigned n, const uint8_t at[], uint32_t flow[])
{
	for (unsigned i = 0; i < n; i++)
		flow[at[i]] = found[i];
}

// false: not all keys fit, and what is packed means nothing. The first of them mostly tells.
static inline bool pack_ip4(const struct flow_key *const key[], unsigned n, struct flow_key4 packed[])
{
	bool fit = true;

	if (n && !flow_key_fits_ip4(key[0]))
		return false;
	for (unsigned i = 0; i < n; i++) {
		packed[i] = flow_key_pack(key[i]);
		fit &= flow_key_fits_ip4(key[i]);
	}
	return fit;
}

static inline bool none_is_ip4(const struct flow_key *const key[], unsigned n)
{
	bool fits = false;

	for (unsigned i = 0; i < n; i++)
		fits |= flow_key_fits_ip4(key[i]);
	return !fits;
}

static void lookup_mixed(const struct flow_table *table, const struct flow_key *const key[], unsigned n, uint32_t flow[],
			 bool fetch)
{
	uint32_t found[FLOW_LOOKUP_MAX];
	struct sorted sorted;

	sort_keys(key, n, &sorted);
	lookup4(table, sorted.ip4, sorted.ip4_count, found, fetch);
	place(found, sorted.ip4_count, sorted.ip4_place, flow);
	table->form.wide->lookup(&table->wide, sorted.wide, sorted.wide_count, found, fetch);
	place(found, sorted.wide_count, sorted.wide_place, flow);
}

// Most bursts are of one family: nothing is to be sorted.
void flow_table_lookup_burst(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
			     uint32_t flow[], bool fetch)
{
	struct flow_key4 packed[FLOW_LOOKUP_MAX];

	if (pack_ip4(key, n, packed))
		lookup4(table, packed, n, flow, fetch);
	else if (none_is_ip4(key, n))
		table->form.wide->lookup(&table->wide, key, n, flow, fetch);
	else
		lookup_mixed(table, key, n, flow, fetch);
}

void flow_table_lookup_burst_shared(const struct flow_table *table, const struct flow_key *const key[], unsigned n,
				    uint32_t flow[])
{
	uint32_t found[FLOW_LOOKUP_MAX];
	struct sorted sorted;

	sort_keys(key, n, &sorted);
	lookup4_shared(table, sorted.ip4, sorted.ip4_count, found);
	place(found, sorted.ip4_count, sorted.ip4_place, flow);
	table->form.wide->lookup_shared(&table->wide, sorted.wide, sorted.wide_count, found);
	place(found, sorted.wide_count, sorted.wide_place, flow);
}

void flow_pipe_init(struct flow_pipe *pipe)
{
	pipe->pushed = 0;
	for (unsigned i = 0; i < FLOW_PIPE_BURSTS; i++) {
		struct flow_lookup_wide *lookup = &pipe->lookup[i];

		lookup->key = NULL;
		lookup->flow = NULL;
		lookup->count = lookup->left = 0;
		lookup->slow = lookup->displacements = 0;
	}
}

void flow_table_pipe_push(const struct flow_table *table, struct flow_pipe *pipe, const struct flow_key key[], unsigned n,
			  uint32_t flow[], bool fetch)
{
	table->form.wide->push(&table->wide, pipe, key, n, flow, fetch);
}

void flow_table_fetch_records(const struct flow_table *table, uint32_t flow)
{
	record_fetch(&table->records, flow);
}

void flow_table_fetch_entry(const struct flow_table *table, uint32_t flow)
{
	const struct flow_key *key = &table->records.cold[flow].key;

	if (!flow_key_fits_ip4(key)) {
		wide_fetch(&table->wide, key);
		return;
	}
	const struct flow_key4 packed = flow_key_pack(key);
	narrow_fetch(&table->narrow, &packed);
}

uint32_t flow_table_lookup(const struct flow_table *table, const struct flow_key *key)
{
	if (!flow_key_fits_ip4(key))
		return wide_find(&table->wide, key);
	const struct flow_key4 packed = flow_key_pack(key);
	const struct narrow_target target = narrow_target(&table->narrow, &packed);
	return narrow_find(&table->narrow, &target);
}

bool flow_table_snapshot(const struct flow_table *table, uint32_t flow, struct flow *hot, struct flow_cold *cold)
{
	return record_snapshot(&table->records, flow, hot, cold);
}

uint32_t flow_table_bound(const struct flow_table *table)
{
	return table->records.fresh;
}

bool flow_table_lives(const struct flow_table *table, uint32_t flow)
{
	return table->records.sequence[flow] & 1;
}

static uint32_t load32(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static uint64_t load64(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void flow_table_stats(const struct flow_table *table, struct flow_table_stats *stats)
{
	const struct flow_narrow *narrow = &table->narrow;
	const struct flow_wide *wide = &table->wide;

	*stats = (struct flow_table_stats){
		.capacity = table->records.capacity,
		.ip4_used = load32(&narrow->used),
		.wide_used = load32(&wide->used),
		.ip4_slots = (narrow->mask + 1) * NARROW_SLOTS,
		.wide_slots = (wide->bucket_mask + 1) * BUCKET_SLOTS,
		.ip4_bytes = (narrow->mask + UINT64_C(1)) * sizeof(struct narrow_bucket),
		.wide_bytes = (wide->bucket_mask + UINT64_C(1)) * sizeof(struct flow_bucket),
		.inserts = load64(&table->inserts),
		.removes = load64(&table->removes),
		.insert_failures = load64(&table->insert_failures),
		.displacements = load64(&narrow->displacements) + load64(&wide->displacements),
		.in_second_bucket = load32(&narrow->in_second) + load32(&wide->in_second),
		.waiting = load32(&table->waiting),
	};
	stats->used = stats->ip4_used + stats->wide_used;
}
