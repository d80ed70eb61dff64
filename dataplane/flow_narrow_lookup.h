// SPDX-License-Identifier: BSD-3-Clause
// The burst lookup of IPv4 keys, one body for all forms: they differ in how keys become targets, and in how a bucket's four
// entries are compared with one.
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/flow_narrow.h"

// The index + 1 of the entry in bucket that equals target but for index and spare bits, 0 if there is none; out of the
// same load that was compared.
typedef uint32_t narrow_probe_fn(const struct flow_narrow *narrow, const struct narrow_bucket *bucket,
				 const uint64_t target[2]);

// What one form is made of.
struct narrow_probe {
	narrow_probe_fn *probe;
	bool hits_need_version; // its load may mix two entries that were in a slot one after the other
};

static __rte_always_inline void narrow_lookup_fetch(const struct flow_narrow *narrow, const struct flow_lookup *lookup,
						    unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		rte_prefetch0(&narrow->bucket[lookup->first[i]]);
}

// Makes so many targets out of keys, at a place that is a multiple of as many.
typedef void narrow_prepare_fn(const struct flow_narrow *narrow, const struct flow_key4 key[], unsigned at,
			       struct flow_lookup *lookup);

enum { NARROW_LANES_MAX = 8 };

static __rte_always_inline void narrow_lookup_begin(const struct flow_narrow *narrow, const struct flow_key4 key[],
						    unsigned n, struct flow_lookup *lookup,
						    narrow_prepare_fn *prepare, const unsigned lanes)
{
	struct flow_key4 last[NARROW_LANES_MAX] = { 0 };
	unsigned whole = n - n % lanes;

	lookup->count = n;
	for (unsigned i = 0; i < whole; i += lanes) {
		prepare(narrow, &key[i], i, lookup);
		narrow_lookup_fetch(narrow, lookup, i, i + lanes);
	}
	if (whole < n) {
		memcpy(last, &key[whole], (n - whole) * sizeof(last[0]));
		prepare(narrow, last, whole, lookup);
		narrow_lookup_fetch(narrow, lookup, whole, n);
	}
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

// First buckets, branch-free: a key that is in its second bucket is no rare event, and hard to foresee. Then the second
// buckets of the keys whose hint says so. shared: others may be writing; what that asks for is foreseen as not happening.
static __rte_always_inline void narrow_lookup_end(const struct flow_narrow *narrow, struct flow_lookup *lookup,
						  uint32_t flow[], const struct narrow_probe form, const bool shared)
{
	const bool check_hits = shared && form.hits_need_version;
	uint16_t version[FLOW_LOOKUP_MAX];
	uint8_t todo[FLOW_LOOKUP_MAX];
	unsigned left = 0;

	for (unsigned i = 0; i < lookup->count; i++) {
		const struct narrow_bucket *bucket = &narrow->bucket[lookup->first[i]];

		if (shared)
			version[i] = narrow_spare(bucket, SPARE_VERSION);
		flow[i] = form.probe(narrow, bucket, lookup->target[i]) - 1;
		if (shared)
			line_before_spare_bits();
		// The hint only after the entries: taken before, it would not know of one that left in between. Its bit
		// is taken back only after the version has changed.
		bool miss = flow[i] == FLOW_NONE;
		bool more = miss & narrow_hinted(bucket, lookup->hint[i]);
		if (shared && unlikely((miss | check_hits) & version_changed(bucket, version[i]))) {
			flow[i] = narrow_lookup_again(narrow, lookup, i);
			more = false;
		}
		todo[left] = (uint8_t)i;
		left += more;
	}
	for (unsigned j = 0; j < left; j++)
		rte_prefetch0(&narrow->bucket[narrow_other(narrow, lookup->first[todo[j]], lookup->sum[todo[j]])]);
	for (unsigned j = 0; j < left; j++) {
		const unsigned i = todo[j];
		const struct narrow_bucket *bucket = &narrow->bucket[narrow_other(narrow, lookup->first[i], lookup->sum[i])];
		const uint64_t target[2] = { lookup->target[i][0], lookup->target[i][1] | NARROW_SECOND };
		const uint16_t own_version = check_hits ? narrow_spare(bucket, SPARE_VERSION) : 0;

		flow[i] = form.probe(narrow, bucket, target) - 1;
		if (shared)
			line_before_spare_bits();
		// A key that is in neither bucket may have come back to its first one in between.
		if (shared && flow[i] == FLOW_NONE &&
		    unlikely(version_changed(&narrow->bucket[lookup->first[i]], version[i])))
			flow[i] = narrow_lookup_again(narrow, lookup, i);
		else if (check_hits && unlikely(version_changed(bucket, own_version)))
			flow[i] = narrow_lookup_again(narrow, lookup, i);
	}
}
