// SPDX-License-Identifier: BSD-3-Clause
// The keys that are looked up, one after another, by all tables: drawn ahead, read in sequence.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/population.h"
#include "dataplane/flow_key.h"

enum {
	BURST = 64,
	STREAM_CHUNK = 128 * BURST, // keys that are looked up between two looks at the clock
	STREAM_AHEAD = 2 * BURST,   // valid slots behind the last one
};

enum access {
	ACCESS_UNIFORM,
	ACCESS_ZIPF,
};

const char *access_name(enum access access);

struct stream {
	enum ip_family family;
	size_t count;       // a multiple of STREAM_CHUNK
	void *key;          // struct flow_key4 or struct flow_key
	uint32_t *slot;     // a number below 2^slot_bits that stands for the key, another one for each flow
	uint32_t *signature; // rte_hash's hash of the key
	uint64_t *hits;     // by chunk: how many keys there are to be found
};

struct stream_params {
	enum ip_family family;
	enum access access;
	unsigned hit_percent;
	unsigned slot_bits;
	size_t count; // rounded up
};

// 0, or -ENOMEM. Keys that miss are those of numbers that no flow of the population ever had.
int stream_make(struct stream *stream, const struct stream_params *params, const struct population *population);
void stream_free(struct stream *stream);

// Bytes that it takes.
size_t stream_bytes(enum ip_family family, size_t count);
