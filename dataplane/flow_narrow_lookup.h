// SPDX-License-Identifier: BSD-3-Clause
// The burst lookup of IPv4 keys, one body for all forms: they differ in how keys become targets, and in how a bucket's four
// entries are compared with one.
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "dataplane/flow_fetch.h"
#include "dataplane/flow_narrow.h"

// The low half of the entry's low word in bucket that equals target but for index and spare bits, 0 if there is none; out
// of the same load that was compared.
typedef uint32_t narrow_probe_fn(const struct flow_narrow *narrow, const struct narrow_bucket *bucket,
				 const uint64_t target[2]);

enum {
	NARROW_LANES_MAX = 8,
	NARROW_GROUP = 16, // keys that are settled together
};

// NARROW_GROUP of what probes found, as flow indices; returns which of them are FLOW_NONE, as bits. index_mask: the bits
// that are index + 1.
typedef uint32_t narrow_settle_fn(const uint32_t found[NARROW_GROUP], uint32_t index_mask, uint32_t flow[NARROW_GROUP]);

// What one form is made of.
struct narrow_probe {
	narrow_probe_fn *probe;
	narrow_settle_fn *settle;
	bool hits_need_version; // its load may mix two entries that were in a slot one after the other
};

// What of an index never changes, as a copy that nobody else knows of: the compiler keeps it in registers, whatever a loop
// stores.
static __rte_always_inline struct flow_narrow narrow_constants(const struct flow_narrow *narrow)
{
	return (struct flow_narrow){
		.bucket = narrow->bucket,
		.mask = narrow->mask,
		.bits = narrow->bits,
		.half_bits = narrow->half_bits,
		.index_bits = narrow->index_bits,
		.shuffle = { narrow->shuffle[0], narrow->shuffle[1] },
		.add = { narrow->add[0], narrow->add[1], narrow->add[2], narrow->add[3] },
		.multiplier = narrow->multiplier,
		.compare_low = narrow->compare_low,
	};
}

// Makes so many targets out of keys, at a place that is a multiple of as many.
typedef void narrow_prepare_fn(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned at,
			       struct flow_lookup *lookup);

static __rte_always_inline void narrow_lookup_fetch(const struct flow_narrow *narrow, const struct flow_lookup *lookup,
						    unsigned i, const bool woven)
{
	fetch_line(&narrow->bucket[lookup->first[i]], woven);
}

// The keys from so many on: what is left when the other loop has no more work to weave in.
static __rte_always_inline void narrow_lookup_begin_from(const struct flow_narrow *narrow, const struct flow_key4 key[],
							 unsigned from, unsigned n, struct flow_lookup *lookup,
							 narrow_prepare_fn *prepare, const unsigned lanes, const bool woven)
{
	struct flow_key4 last[NARROW_LANES_MAX] = { 0 };
	unsigned whole = n - n % lanes;

	for (unsigned i = from; i < whole; i += lanes) {
		prepare(narrow, &key[i], i, lookup);
		for (unsigned j = i; j < i + lanes; j++)
			narrow_lookup_fetch(narrow, lookup, j, woven);
	}
	if (whole == n)
		return;
	memcpy(last, &key[whole], (n - whole) * sizeof(last[0]));
	prepare(narrow, last, whole, lookup);
	for (unsigned j = whole; j < n; j++)
		narrow_lookup_fetch(narrow, lookup, j, woven);
}

static __rte_always_inline void narrow_lookup_begin(const struct flow_narrow *narrow, const struct flow_key4 key[],
						    unsigned n, struct flow_lookup *lookup,
						    narrow_prepare_fn *prepare, const unsigned lanes)
{
	const struct flow_narrow constants = narrow_constants(narrow);

	lookup->count = n;
	lookup->first_done = false;
	narrow_lookup_begin_from(&constants, key, 0, n, lookup, prepare, lanes, false);
}

// One key again, from its beginning: somebody was writing.
static __rte_noinline uint32_t narrow_lookup_again(const struct flow_narrow *narrow, const struct flow_lookup *lookup, unsigned i)
{
	const struct narrow_target target = {
		.low = lookup->target[i][0], .high = lookup->target[i][1],
		.first = lookup->first[i], .sum = lookup->sum[i], .hint = lookup->hint[i],
	};

	return narrow_find(narrow, &target);
}

static __rte_always_inline bool version_changed(const struct narrow_bucket *bucket, uint16_t version)
{
	return narrow_spare(bucket, SPARE_VERSION) != version;
}

// Between the load of a bucket's line and that of its hint or version. No instruction on x86, which loads in order; but a
// compiler may not. Plain C loads its words with acquire by itself, and ThreadSanitizer knows no fences.
static __rte_always_inline void line_before_spare_bits(void)
{
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

// How one burst is looked up: all but the addresses, and whether there is a record, is known when this is compiled.
struct narrow_pass {
	const struct flow_narrow *narrow;
	struct narrow_probe form;
	bool shared;               // others may be writing; what that asks for is foreseen as not happening
	bool woven;                // into another burst
	const struct flow *record; // fetched when found, unless NULL
};

// The record of what was found; without a branch: that of flow 0, which stays in the cache, for what was not.
static __rte_always_inline void narrow_fetch_record(const struct narrow_pass *pass, uint32_t flow)
{
	if (pass->record != NULL)
		fetch_line(&pass->record[flow & -(uint32_t)(flow != FLOW_NONE)], pass->woven);
}

static __rte_always_inline uint32_t narrow_index_mask(const struct flow_narrow *narrow)
{
	return (uint32_t)~narrow->compare_low;
}

// The first bucket of one key. Nothing is asked here that a branch would have to answer: a key that is in its second
// bucket is no rare event, and hard to foresee.
static __rte_always_inline void narrow_probe_first(const struct narrow_pass *pass, const struct flow_narrow *constants,
						   struct flow_lookup *lookup, unsigned i)
{
	const struct narrow_bucket *bucket = &constants->bucket[lookup->first[i]];

	if (pass->shared)
		lookup->version[i] = narrow_spare(bucket, SPARE_VERSION);
	lookup->found[i] = pass->form.probe(constants, bucket, lookup->target[i]);
}

// What a group's probes found becomes flow indices. Returns the misses as bits.
static __rte_always_inline uint64_t narrow_settle(const struct narrow_pass *pass, const struct flow_narrow *constants,
						  const struct flow_lookup *lookup, unsigned from, uint32_t flow[])
{
	return (uint64_t)pass->form.settle(&lookup->found[from], narrow_index_mask(constants), &flow[from]) << from;
}

// The record of the key that is a group before i, and settled. The records of a settled group are fetched one by one between
// the next group's probes: all at once they would fill the core's line buffers, and the probes would stand behind them.
static __rte_always_inline void narrow_fetch_settled(const struct narrow_pass *pass, const uint32_t flow[], unsigned i)
{
	if (i >= NARROW_GROUP)
		narrow_fetch_record(pass, flow[i - NARROW_GROUP]);
}

// The first buckets of the keys from so many on, a multiple of NARROW_GROUP, and the records that are not fetched yet.
static __rte_always_inline uint64_t narrow_probe_firsts(const struct narrow_pass *pass, const struct flow_narrow *constants,
							struct flow_lookup *lookup, unsigned from, uint32_t flow[])
{
	const unsigned n = lookup->count;
	uint32_t last[NARROW_GROUP];
	uint64_t misses = 0;

	for (; from + NARROW_GROUP <= n; from += NARROW_GROUP) {
		for (unsigned i = from; i < from + NARROW_GROUP; i++) {
			narrow_probe_first(pass, constants, lookup, i);
			narrow_fetch_settled(pass, flow, i);
		}
		misses |= narrow_settle(pass, constants, lookup, from, flow);
	}
	if (from < n) {
		memset(&lookup->found[from], 0, NARROW_GROUP * sizeof(lookup->found[0]));
		for (unsigned i = from; i < n; i++) {
			narrow_probe_first(pass, constants, lookup, i);
			narrow_fetch_settled(pass, flow, i);
		}
		uint64_t some = pass->form.settle(&lookup->found[from], narrow_index_mask(constants), last);
		memcpy(&flow[from], last, (n - from) * sizeof(last[0]));
		misses |= (some & ((UINT64_C(1) << (n - from)) - 1)) << from;
	}
	for (unsigned i = n >= NARROW_GROUP ? n - NARROW_GROUP : 0; i < n; i++)
		narrow_fetch_record(pass, flow[i]);
	return misses;
}

static __rte_always_inline const struct narrow_bucket *narrow_second(const struct flow_narrow *constants,
								     const struct flow_lookup *lookup, unsigned i)
{
	return &constants->bucket[narrow_other(constants, lookup->first[i], lookup->sum[i])];
}

// Which of the misses go to their second buckets, as the hints say; these are fetched.
static __rte_always_inline void narrow_sort_out(const struct narrow_pass *pass, const struct flow_narrow *constants,
						struct flow_lookup *lookup, uint32_t flow[], uint64_t misses)
{
	const bool check_hits = pass->shared && pass->form.hits_need_version;
	unsigned left = 0;

	// The hints only after the entries: taken before, one would not know of an entry that left in between. Its bit is
	// taken back only after the version has changed.
	if (pass->shared)
		line_before_spare_bits();
	if (check_hits)
		misses = lookup->count == 64 ? UINT64_MAX : (UINT64_C(1) << lookup->count) - 1;
	for (; misses != 0; misses &= misses - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(misses);
		const struct narrow_bucket *bucket = &constants->bucket[lookup->first[i]];
		bool more = narrow_hinted(bucket, lookup->hint[i]) & (!check_hits | (flow[i] == FLOW_NONE));

		if (pass->shared && unlikely(version_changed(bucket, lookup->version[i]))) {
			flow[i] = narrow_lookup_again(pass->narrow, lookup, i);
			more = false;
		}
		lookup->left[left] = (uint8_t)i;
		left += more;
	}
	for (unsigned j = 0; j < left; j++)
		fetch_line(narrow_second(constants, lookup, lookup->left[j]), pass->woven);
	lookup->left_count = left;
	if (!pass->shared)
		lookup->displacements = pass->narrow->displacements;
	lookup->first_done = true;
}

static __rte_always_inline void narrow_probe_seconds(const struct narrow_pass *pass, const struct flow_narrow *constants,
						     struct flow_lookup *lookup, uint32_t flow[])
{
	// Owner only: since the first buckets' turn.
	const bool moved = !pass->shared && pass->narrow->displacements != lookup->displacements;
	const bool check_hits = pass->shared && pass->form.hits_need_version;

	for (unsigned j = 0, n = lookup->left_count; j < n; j++) {
		const unsigned i = lookup->left[j];
		const struct narrow_bucket *bucket = narrow_second(constants, lookup, i);
		const uint64_t target[2] = { lookup->target[i][0], lookup->target[i][1] | NARROW_SECOND };
		const uint16_t own_version = check_hits ? narrow_spare(bucket, SPARE_VERSION) : 0;
		uint32_t found = (pass->form.probe(constants, bucket, target) & narrow_index_mask(constants)) - 1;

		if (pass->shared)
			line_before_spare_bits();
		// A key that is in neither bucket may have come back to its first one in between.
		if (found == FLOW_NONE && unlikely(pass->shared ?
			    version_changed(&constants->bucket[lookup->first[i]], lookup->version[i]) : moved))
			found = narrow_lookup_again(pass->narrow, lookup, i);
		else if (check_hits && unlikely(version_changed(bucket, own_version)))
			found = narrow_lookup_again(pass->narrow, lookup, i);
		narrow_fetch_record(pass, found);
		flow[i] = found;
	}
}

static __rte_always_inline void narrow_pass_end(const struct narrow_pass *pass, struct flow_lookup *lookup, uint32_t flow[])
{
	const struct flow_narrow constants = narrow_constants(pass->narrow);

	if (!pass->shared && lookup->first_done) {
		struct narrow_pass woven = *pass;
		woven.woven = true;
		narrow_probe_seconds(&woven, &constants, lookup, flow);
		return;
	}
	narrow_sort_out(pass, &constants, lookup, flow, narrow_probe_firsts(pass, &constants, lookup, 0, flow));
	narrow_probe_seconds(pass, &constants, lookup, flow);
}

// Begins one burst and looks into the first buckets of another: a few fetches, as many probes, and so on. A core has
// buffers for some dozen lines under way; a whole burst's fetches at once would wait for them with nothing else to do.
static __rte_always_inline void narrow_pass_next(const struct narrow_pass *pass, const struct flow_key4 key[], unsigned n,
						 struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[],
						 narrow_prepare_fn *prepare, const unsigned lanes)
{
	const struct flow_narrow constants = narrow_constants(pass->narrow);
	const unsigned woven = RTE_MIN(n, now->count) / NARROW_GROUP * NARROW_GROUP;
	uint64_t misses = 0;

	next->count = n;
	next->first_done = false;
	for (unsigned i = 0; i < woven; i += NARROW_GROUP) {
		for (unsigned j = i; j < i + NARROW_GROUP; j++) {
			if (j % lanes == 0)
				prepare(&constants, &key[j], j, next);
			narrow_lookup_fetch(&constants, next, j, pass->woven);
			narrow_probe_first(pass, &constants, now, j);
			narrow_fetch_settled(pass, flow, j);
		}
		misses |= narrow_settle(pass, &constants, now, i, flow);
	}
	narrow_lookup_begin_from(&constants, key, woven, n, next, prepare, lanes, pass->woven);
	misses |= narrow_probe_firsts(pass, &constants, now, woven, flow);
	narrow_sort_out(pass, &constants, now, flow, misses);
}

// What is still to do for a burst. Twice: loops that fetch records, and loops that know of none.
static __rte_always_inline void narrow_lookup_end(const struct flow_narrow *narrow, struct flow_lookup *lookup,
						  uint32_t flow[], const struct flow *record, const bool shared,
						  const struct narrow_probe form)
{
	if (record != NULL)
		narrow_pass_end(&(struct narrow_pass){ narrow, form, .shared = shared, .record = record }, lookup, flow);
	else
		narrow_pass_end(&(struct narrow_pass){ narrow, form, .shared = shared, .record = NULL }, lookup, flow);
}

static __rte_always_inline void narrow_lookup_next(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned n,
						   struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[],
						   const struct flow *record, const struct narrow_probe form,
						   narrow_prepare_fn *prepare, const unsigned lanes)
{
	if (record != NULL)
		narrow_pass_next(&(struct narrow_pass){ narrow, form, .woven = true, .record = record }, key, n, next, now, flow,
				 prepare, lanes);
	else
		narrow_pass_next(&(struct narrow_pass){ narrow, form, .woven = true, .record = NULL }, key, n, next, now, flow,
				 prepare, lanes);
}

// A form out of what it is made of: a struct narrow_probe, and how it prepares so many keys at a time.
#define NARROW_FORM(name, probe, prepare, lanes) \
	static void name##_begin(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned n, \
				 struct flow_lookup *lookup) \
	{ \
		narrow_lookup_begin(narrow, key, n, lookup, prepare, lanes); \
	} \
	static void name##_next(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned n, \
				struct flow_lookup *next, struct flow_lookup *now, uint32_t flow[], const struct flow *record) \
	{ \
		narrow_lookup_next(narrow, key, n, next, now, flow, record, probe, prepare, lanes); \
	} \
	static void name##_end(const struct flow_narrow *narrow, struct flow_lookup *lookup, uint32_t flow[], \
			       const struct flow *record) \
	{ \
		narrow_lookup_end(narrow, lookup, flow, record, false, probe); \
	} \
	static void name##_end_shared(const struct flow_narrow *narrow, struct flow_lookup *lookup, uint32_t flow[]) \
	{ \
		narrow_lookup_end(narrow, lookup, flow, NULL, true, probe); \
	} \
	const struct narrow_form name = { name##_begin, name##_next, name##_end, name##_end_shared }
