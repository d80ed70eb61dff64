// SPDX-License-Identifier: BSD-3-Clause
#include "bench/stream.h"

#include <errno.h>

#include <rte_hash_crc.h>

#include "bench/keys.h"
#include "dataplane/memory.h"
#include "dataplane/random.h"

#define ZIPF_EXPONENT 1.1
#define NEVER_THERE (UINT64_C(1) << 32) // numbers from here on

const char *access_name(enum access access)
{
	return access == ACCESS_ZIPF ? "zipf" : "uniform";
}

static size_t whole_chunks(size_t count)
{
	return (count + STREAM_CHUNK - 1) / STREAM_CHUNK * STREAM_CHUNK;
}

size_t stream_bytes(enum ip_family family, size_t count)
{
	return whole_chunks(count) * (key_bytes(family) + 2 * sizeof(uint32_t));
}

void stream_free(struct stream *stream)
{
	memory_give(stream->key);
	memory_give(stream->slot);
	memory_give(stream->signature);
	memory_give(stream->hits);
	*stream = (struct stream){ 0 };
}

static int stream_take(struct stream *stream, enum ip_family family, size_t count)
{
	*stream = (struct stream){
		.family = family,
		.count = count,
		.key = memory_take("keys", count * key_bytes(family), -1),
		.slot = memory_take("slots", (count + STREAM_AHEAD) * sizeof(uint32_t), -1),
		.signature = memory_take("signatures", count * sizeof(uint32_t), -1),
		.hits = memory_take("hits", count / STREAM_CHUNK * sizeof(uint64_t), -1),
	};
	if (stream->key && stream->slot && stream->signature && stream->hits)
		return 0;
	stream_free(stream);
	return -ENOMEM;
}

// Which flow of the population has a rank: none that its neighbour in the table has too.
static uint32_t flow_of_rank(uint32_t rank, uint32_t flows)
{
	const unsigned bits = 32 - (unsigned)__builtin_clz(flows);

	do
		rank = scatter(rank, bits);
	while (rank >= flows);
	return rank;
}

int stream_make(struct stream *stream, const struct stream_params *params, const struct population *population)
{
	const size_t bytes = key_bytes(params->family);
	uint64_t random = 2, number;
	struct zipf zipf;

	if (stream_take(stream, params->family, whole_chunks(params->count)) != 0)
		return -ENOMEM;
	zipf_init(&zipf, ZIPF_EXPONENT, population->count);
	for (size_t i = 0; i < stream->count; i++) {
		char *key = (char *)stream->key + i * bytes;
		uint32_t flow = params->access == ACCESS_ZIPF ?
					flow_of_rank(zipf_draw(&zipf, &random), population->count) :
					random_below(&random, population->count);
		bool hit = random_below(&random, 100) < params->hit_percent;

		number = hit ? population->number[flow] : NEVER_THERE + flow;
		key_make(params->family, number, key);
		stream->slot[i] = scatter(flow, params->slot_bits);
		stream->signature[i] = rte_hash_crc(key, (uint32_t)bytes, 0);
		stream->hits[i / STREAM_CHUNK] += hit;
	}
	memcpy(&stream->slot[stream->count], stream->slot, STREAM_AHEAD * sizeof(uint32_t));
	return 0;
}
