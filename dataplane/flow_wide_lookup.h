// SPDX-License-Identifier: BSD-3-Clause
// The burst lookup of wide keys, one body for all forms: they differ in how a bucket's tags and a record's key are compared.
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/flow_fetch.h"
#include "dataplane/flow_wide.h"

// What one form is made of. equal: shared may be written meanwhile.
struct wide_compare {
	unsigned (*match)(const struct flow_bucket *bucket, uint16_t tag); // slots that hold tag, as bits
	bool (*equal)(const struct flow_key *key, const struct flow_key *shared);
	bool vectors; // loads these by vectors, and not word by word with acquire
};

// How a burst is looked up. Known when this is compiled, but for the index.
struct wide_pass {
	const struct flow_wide *wide;
	struct wide_compare form;
	bool shared; // others may be writing
	bool fetch;  // the records that are found, too
	bool piped;  // one of several bursts: records are fetched far, as many are under way
};

enum {
	WIDE_GROUP = 16, // keys of a burst that are at the same stage
};

// Between what vectors load, tags or a key, and what must not be loaded before: index, hint, version. No instruction on x86,
// which loads in order; but a compiler may not.
static __rte_always_inline void wide_vectors_first(const struct wide_pass *pass)
{
	if (pass->shared && pass->form.vectors)
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

// Acquire: nothing of the bucket is read before its version.
static __rte_always_inline uint32_t wide_version(const struct flow_bucket *bucket)
{
	return bucket_version(__atomic_load_n(&bucket->meta, __ATOMIC_ACQUIRE));
}

static __rte_always_inline void wide_hash_key(const struct flow_wide *wide, struct flow_lookup_wide *lookup, unsigned i,
					      const struct flow_key *key)
{
	uint64_t hash = wide_hash(wide, key);

	lookup->tag[i] = flow_tag(hash);
	lookup->first[i] = bucket_first(wide, hash);
}

static __rte_always_inline void wide_fetch_first(const struct flow_wide *wide, const struct flow_lookup_wide *lookup, unsigned i)
{
	rte_prefetch0(&wide->bucket[lookup->first[i]]);
}

static __rte_always_inline void wide_fetch_candidate(const struct wide_pass *pass, const struct flow_lookup_wide *lookup,
						     unsigned i)
{
	fetch_line(&pass->wide->cold[lookup->candidate[i]], pass->piped);
}

// Free of branches, whatever the compiler thinks: hits, hints and second buckets are hard to foresee.
static __rte_always_inline uint32_t wide_select(bool which, uint32_t yes, uint32_t no)
{
	return no ^ ((yes ^ no) & -(uint32_t)which);
}

// Finds the record whose tag matches in a bucket. Where two tags are the same, about one lookup in 7,000, the key is looked
// up by itself later.
static __rte_always_inline void wide_match(const struct wide_pass *pass, struct flow_lookup_wide *lookup, unsigned i,
					   const struct flow_bucket *bucket)
{
	unsigned match = pass->form.match(bucket, lookup->tag[i]);
	unsigned slot = (unsigned)__builtin_ctz(match | 1 << (BUCKET_SLOTS - 1)); // some slot, where there is no match

	wide_vectors_first(pass);
	// Acquire: an index of a newer entry tells that the older one is in its other bucket by now: hints and that bucket
	// must not have been read before.
	uint32_t record = __atomic_load_n(&bucket->index[slot], __ATOMIC_ACQUIRE) & BUCKET_RECORD;

	record = wide_select(match != 0, record, pass->wide->nobody);
	lookup->candidate[i] = record;
	if (unlikely(match & (match - 1)))
		lookup->slow |= UINT64_C(1) << i;
}

// The hint only after the tags: taken before, one would not know of an entry that left in between.
static __rte_always_inline void wide_probe_first(const struct wide_pass *pass, struct flow_lookup_wide *lookup, unsigned i)
{
	const uint32_t first = lookup->first[i];
	const uint16_t tag = lookup->tag[i];
	const struct flow_bucket *bucket = &pass->wide->bucket[first];

	if (pass->shared)
		lookup->version[0][i] = wide_version(bucket);
	wide_match(pass, lookup, i, bucket);
	lookup->second[i] = wide_select(bucket_hinted(bucket, tag), bucket_other(pass->wide, first, tag), first);
}

static __rte_always_inline bool wide_changed(const struct wide_pass *pass, const struct flow_lookup_wide *lookup, unsigned i,
					     const unsigned which)
{
	uint32_t number = which == 0 ? lookup->first[i] : lookup->second[i];

	return wide_version(&pass->wide->bucket[number]) != lookup->version[which][i];
}

// Without a branch: that of flow 0, which stays in the cache, where there is none.
static __rte_always_inline void wide_fetch_record(const struct wide_pass *pass, uint32_t flow)
{
	if (pass->fetch)
		fetch_line(&pass->wide->hot[flow & -(uint32_t)(flow != FLOW_NONE)], pass->piped);
}

// Whether the candidate is the key's; it is the result, then.
static __rte_always_inline bool wide_compare_key(const struct wide_pass *pass, const struct flow_lookup_wide *lookup, unsigned i,
						 const struct flow_key *key, uint32_t flow[])
{
	const uint32_t candidate = lookup->candidate[i];
	const bool same = pass->form.equal(key, &pass->wide->cold[candidate].key);

	wide_vectors_first(pass);
	flow[i] = candidate | -(uint32_t)!same;
	return same;
}

// Notes a key among those left if its second bucket is to be looked into, and fetches that; returns how many those are now.
static __rte_always_inline unsigned wide_compare_first(const struct wide_pass *pass, struct flow_lookup_wide *lookup,
						       unsigned i, const struct flow_key *key, uint32_t flow[], unsigned left)
{
	const bool same = wide_compare_key(pass, lookup, i, key, flow);
	const uint32_t go = wide_select(same, lookup->first[i], lookup->second[i]);

	if (pass->shared && unlikely(wide_changed(pass, lookup, i, 0)))
		lookup->slow |= UINT64_C(1) << i;
	rte_prefetch0(&pass->wide->bucket[go]);
	lookup->todo[left] = (uint8_t)i;
	return left + (go != lookup->first[i]);
}

static __rte_always_inline void wide_probe_seconds(const struct wide_pass *pass, struct flow_lookup_wide *lookup)
{
	for (unsigned j = 0; j < lookup->left; j++) {
		const unsigned i = lookup->todo[j];
		const struct flow_bucket *bucket = &pass->wide->bucket[lookup->second[i]];

		if (pass->shared)
			lookup->version[1][i] = wide_version(bucket);
		wide_match(pass, lookup, i, bucket);
		wide_fetch_candidate(pass, lookup, i);
	}
}

// A key that is in neither bucket may have come back to its first one in between. And for other threads a hit is one only if no
// entry left its bucket, whose record might have got another key.
static __rte_always_inline void wide_compare_second(const struct wide_pass *pass, struct flow_lookup_wide *lookup, unsigned i,
						    const struct flow_key *key, uint32_t flow[], const bool moved)
{
	const bool same = wide_compare_key(pass, lookup, i, key, flow);
	wide_fetch_record(pass, flow[i]);
	const bool changed = pass->shared ? wide_changed(pass, lookup, i, 0) || wide_changed(pass, lookup, i, 1) :
					   moved && !same;

	if (unlikely(changed))
		lookup->slow |= UINT64_C(1) << i;
}

static __rte_always_inline void wide_begin(struct flow_lookup_wide *lookup, unsigned n)
{
	lookup->slow = 0;
	lookup->count = n;
	lookup->left = 0;
}

// First buckets. Groups of keys go through the stages one behind the other: hash, fetch the bucket; match tags, fetch the
// record; compare. A core has buffers for some dozen lines under way: the stages of a whole burst would wait for each other.
static __rte_always_inline void wide_firsts(const struct wide_pass *pass, struct flow_lookup_wide *lookup,
					    const struct flow_key *const key[], uint32_t flow[])
{
	const unsigned n = lookup->count;
	unsigned hashed = 0, probed = 0, compared = 0, left = 0;

	while (compared < n) {
		const unsigned behind = hashed - probed, far_behind = probed - compared;

		for (unsigned end = RTE_MIN(n, hashed + WIDE_GROUP); hashed < end; hashed++) {
			wide_hash_key(pass->wide, lookup, hashed, key[hashed]);
			wide_fetch_first(pass->wide, lookup, hashed);
		}
		for (unsigned end = probed + behind; probed < end; probed++) {
			wide_probe_first(pass, lookup, probed);
			wide_fetch_candidate(pass, lookup, probed);
		}
		for (unsigned end = compared + far_behind; compared < end; compared++)
			left = wide_compare_first(pass, lookup, compared, key[compared], flow, left);
		for (unsigned i = compared - far_behind; i < compared; i++)
			wide_fetch_record(pass, flow[i]);
	}
	lookup->left = left;
}

// A burst at once.
static __rte_always_inline void wide_burst(const struct wide_pass *pass, const struct flow_key *const key[], unsigned n,
					   uint32_t flow[])
{
	struct flow_lookup_wide lookup;

	wide_begin(&lookup, n);
	wide_firsts(pass, &lookup, key, flow);
	wide_probe_seconds(pass, &lookup);
	for (unsigned j = 0; j < lookup.left; j++)
		wide_compare_second(pass, &lookup, lookup.todo[j], key[lookup.todo[j]], flow, false);
	for (; unlikely(lookup.slow != 0); lookup.slow &= lookup.slow - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(lookup.slow);

		flow[i] = wide_find(pass->wide, key[i]);
	}
}

// The same for bursts behind each other in a pipe. Owner only.

static __rte_always_inline struct flow_lookup_wide *wide_pushed(struct flow_pipe *pipe, unsigned before)
{
	return &pipe->lookup[(pipe->pushed - before) % FLOW_PIPE_BURSTS];
}

static __rte_always_inline void wide_finish(const struct wide_pass *pass, struct flow_lookup_wide *lookup)
{
	const bool moved = pass->wide->displacements != lookup->displacements;

	for (unsigned j = 0; j < lookup->left; j++)
		wide_compare_second(pass, lookup, lookup->todo[j], &lookup->key[lookup->todo[j]], lookup->flow, moved);
	for (; unlikely(lookup->slow != 0); lookup->slow &= lookup->slow - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(lookup->slow);

		lookup->flow[i] = wide_find(pass->wide, &lookup->key[i]);
	}
}

// Three bursts, each at another stage, which looks at lines that the one before has fetched.
struct wide_stages {
	struct flow_lookup_wide *hashed, *probed, *compared;
	const struct flow_key *to_hash, *to_compare;
	uint32_t *flow; // of the last
	unsigned left;  // of the last
};

// One key of each, with or without fetching what the next stage looks at.

static __rte_always_inline void wide_step_hash(const struct wide_pass *pass, const struct wide_stages *stages, unsigned i,
					       const bool fetch)
{
	wide_hash_key(pass->wide, stages->hashed, i, &stages->to_hash[i]);
	if (fetch)
		wide_fetch_first(pass->wide, stages->hashed, i);
}

static __rte_always_inline void wide_step_probe(const struct wide_pass *pass, const struct wide_stages *stages, unsigned i,
						const bool fetch)
{
	wide_probe_first(pass, stages->probed, i);
	if (fetch)
		wide_fetch_candidate(pass, stages->probed, i);
}

static __rte_always_inline void wide_step_compare(const struct wide_pass *pass, struct wide_stages *stages, unsigned i,
						  const bool fetch)
{
	stages->left = wide_compare_first(pass, stages->compared, i, &stages->to_compare[i], stages->flow, stages->left);
	if (fetch)
		wide_fetch_record(pass, stages->flow[i]);
}

static __rte_always_inline void wide_step(const struct wide_pass *pass, struct wide_stages *stages, unsigned i, const bool fetch)
{
	wide_step_hash(pass, stages, i, fetch);
	wide_step_probe(pass, stages, i, fetch);
	wide_step_compare(pass, stages, i, fetch);
}

static __rte_always_inline void wide_fetch_group(const struct wide_pass *pass, const struct wide_stages *stages, unsigned from)
{
	for (unsigned i = from; i < from + WIDE_GROUP; i++) {
		wide_fetch_first(pass->wide, stages->hashed, i);
		wide_fetch_candidate(pass, stages->probed, i);
		wide_fetch_record(pass, stages->flow[i]);
	}
}

// One stage for each of three bursts, key by key: memory has the time of a whole burst to answer. Fetches are evenly spaced, as
// long as the table's pages are at hand. Where they are not, a fetch waits for its address, and what waits fills the core's
// window: so many side by side wait together.
static __rte_always_inline unsigned wide_weave(const struct wide_pass *pass, struct wide_stages *stages, unsigned n)
{
	unsigned woven = 0;

	if (!pass->wide->far) {
		for (; woven < n; woven++)
			wide_step(pass, stages, woven, true);
		return woven;
	}
	for (; woven + WIDE_GROUP <= n; woven += WIDE_GROUP) {
		for (unsigned i = woven; i < woven + WIDE_GROUP; i++)
			wide_step(pass, stages, i, false);
		wide_fetch_group(pass, stages, woven);
	}
	return woven;
}

// What has no partners.
static __rte_always_inline void wide_rest(const struct wide_pass *pass, struct wide_stages *stages, unsigned from)
{
	for (unsigned i = from; i < stages->hashed->count; i++)
		wide_step_hash(pass, stages, i, true);
	for (unsigned i = from; i < stages->probed->count; i++)
		wide_step_probe(pass, stages, i, true);
	for (unsigned i = from; i < stages->compared->count; i++)
		wide_step_compare(pass, stages, i, true);
}

static __rte_always_inline void wide_push_through(const struct wide_pass *pass, struct flow_pipe *pipe,
						  const struct flow_key key[], unsigned n, uint32_t flow[])
{
	struct flow_lookup_wide *last = wide_pushed(pipe, FLOW_PIPE_BURSTS - 1);
	struct wide_stages stages = {
		.hashed = wide_pushed(pipe, 0), .probed = wide_pushed(pipe, 1), .compared = wide_pushed(pipe, 2),
		.to_hash = key, .to_compare = wide_pushed(pipe, 2)->key, .flow = wide_pushed(pipe, 2)->flow,
	};

	wide_begin(stages.hashed, n);
	stages.hashed->key = key;
	stages.hashed->flow = flow;
	stages.probed->displacements = pass->wide->displacements;
	wide_probe_seconds(pass, last);
	wide_rest(pass, &stages, wide_weave(pass, &stages, RTE_MIN(n, RTE_MIN(stages.probed->count, stages.compared->count))));
	stages.compared->left = stages.left;
	wide_finish(pass, last);
	pipe->pushed++;
}

// Each twice: loops that fetch records, and loops that know of none.

static __rte_always_inline void wide_form_lookup(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n,
						 uint32_t flow[], bool fetch, const struct wide_compare form)
{
	if (fetch)
		wide_burst(&(struct wide_pass){ wide, form, .fetch = true }, key, n, flow);
	else
		wide_burst(&(struct wide_pass){ wide, form, .fetch = false }, key, n, flow);
}

static __rte_always_inline void wide_form_lookup_shared(const struct flow_wide *wide, const struct flow_key *const key[],
							unsigned n, uint32_t flow[], const struct wide_compare form)
{
	wide_burst(&(struct wide_pass){ wide, form, .shared = true }, key, n, flow);
}

static __rte_always_inline void wide_form_push(const struct flow_wide *wide, struct flow_pipe *pipe,
					       const struct flow_key key[], unsigned n, uint32_t flow[], bool fetch,
					       const struct wide_compare form)
{
	if (fetch)
		wide_push_through(&(struct wide_pass){ wide, form, .piped = true, .fetch = true }, pipe, key, n, flow);
	else
		wide_push_through(&(struct wide_pass){ wide, form, .piped = true, .fetch = false }, pipe, key, n, flow);
}

// A form out of what it is made of, a struct wide_compare.
#define WIDE_FORM(name, ...) \
	static const struct wide_compare name##_compare = { __VA_ARGS__ }; \
	static void name##_lookup(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n, uint32_t flow[], \
				  bool fetch) \
	{ \
		wide_form_lookup(wide, key, n, flow, fetch, name##_compare); \
	} \
	static void name##_lookup_shared(const struct flow_wide *wide, const struct flow_key *const key[], unsigned n, \
					 uint32_t flow[]) \
	{ \
		wide_form_lookup_shared(wide, key, n, flow, name##_compare); \
	} \
	static void name##_push(const struct flow_wide *wide, struct flow_pipe *pipe, const struct flow_key key[], unsigned n, \
				uint32_t flow[], bool fetch) \
	{ \
		wide_form_push(wide, pipe, key, n, flow, fetch, name##_compare); \
	} \
	const struct wide_form name = { name##_lookup, name##_lookup_shared, name##_push }
