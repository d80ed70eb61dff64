// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/listener_index.h"

#include <stdlib.h>

#include <rte_common.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dataplane/listener_layout.h"

static bool same_words(struct group_words a, struct group_words b)
{
	return !((a.word[0] ^ b.word[0]) | (a.word[1] ^ b.word[1]) | (a.word[2] ^ b.word[2]));
}

static const struct group *group_find(const struct listener_index *index, struct group_words key)
{
	for (uint64_t slot = group_hash(key);; slot++) {
		uint32_t number = index->slots[slot & index->slot_mask];
		if (number == NOBODY)
			return NULL;
		if (same_words(index->groups[number].key, key))
			return &index->groups[number];
	}
}

// How many of the first so many spans begin no higher than the port.
static uint32_t count_few(const uint16_t *low, uint32_t most, uint16_t port)
{
	uint32_t count = 0;

	while (count < most && low[count] <= port)
		count++;
	return count;
}

// How many of a block begin no higher than the port. By hand: of a loop that adds up `low[i] <= port` in 16 bits gcc 12.2 makes
// wrong code (-O3; with -fno-tree-slp-vectorize it is right).
static uint32_t count_block(const uint16_t low[SPAN_BLOCK], uint16_t port)
{
#ifdef __SSE2__
	static_assert(SPAN_BLOCK == 16, "two registers");
	const __m128i wanted = _mm_set1_epi16((short)port), zero = _mm_setzero_si128();
	const __m128i above[2] = { _mm_subs_epu16(_mm_loadu_si128((const __m128i *)low), wanted),
		_mm_subs_epu16(_mm_loadu_si128((const __m128i *)&low[8]), wanted) };
	const __m128i not_above = _mm_packs_epi16(_mm_cmpeq_epi16(above[0], zero), _mm_cmpeq_epi16(above[1], zero));

	return (uint32_t)__builtin_popcount((unsigned)_mm_movemask_epi8(not_above));
#else
	return count_few(low, SPAN_BLOCK, port);
#endif
}

// The last few blocks are counted rather than searched: nothing has to be foreseen there, and no step waits for another.
static uint32_t group_listener(const struct listener_index *index, const struct group *group, uint16_t port)
{
	enum { COUNTED = 4 * SPAN_BLOCK };
	const uint16_t *low = index->span_low + group->first_span;
	uint32_t from = 0, left = group->span_count, count = 0;

	while (left > COUNTED) {
		uint32_t half = left / 2;
		if (low[from + half] <= port)
			from += half;
		left -= half;
	}
	if (left <= SPANS_FEW)
		count = count_few(low, left, port);
	else
		for (uint32_t i = 0; i < left; i += SPAN_BLOCK)
			count += count_block(&low[from + i], port);
	// The highest port is no lower than what follows the last span.
	return index->span_listener[group->first_span + from + RTE_MIN(count, left) - 1];
}

// The query's own words, as in struct group_key, with what a level does not ask for.
static struct group_words query_words(const struct listener_query *query)
{
	struct group_words words;
	memcpy(words.word, query->address.byte, sizeof(query->address));
	words.word[2] = query->vlan | (uint64_t)query->interface << 16 | (uint64_t)query->protocol << 24;
	return words;
}

static const struct listener *level_find(const struct listener_index *index, const struct level *level,
					 const struct listener_query *query, struct group_words words)
{
	for (unsigned i = 0; i < 3; i++)
		words.word[i] = (words.word[i] & level->mask.word[i]) | level->rest.word[i];
	const struct group *group = group_find(index, words);
	if (!group)
		return NULL;
	uint32_t listener = query->portless ? group->any_port : group_listener(index, group, query->port);
	return listener == NOBODY ? NULL : &index->listeners[listener];
}

static unsigned listener_width(const struct listener *listener)
{
	return (unsigned)(listener->port_high - listener->port_low);
}

const struct listener *listener_index_find(const struct listener_index *index, const struct listener_query *query)
{
	if (query->family == FAMILY_NONE)
		return NULL;
	const struct levels *levels = &index->levels[query->family == FAMILY_IP6];
	const struct listener *best = NULL;
	const struct level *won = NULL;
	const struct group_words words = query_words(query);
	for (const struct level *level = levels->level; level < levels->level + levels->count; level++) {
		// Interface given and VLAN given are equally specific: then the range decides.
		if (best && (level->score != won->score || level->prefix != won->prefix))
			break;
		const struct listener *found = level_find(index, level, query, words);
		if (found && (!best || listener_width(found) < listener_width(best))) {
			best = found;
			won = level;
		}
	}
	return best;
}

void listener_index_free(struct listener_index *index)
{
	if (!index)
		return;
	free(index->slots);
	free(index->levels[0].level);
	free(index->levels[1].level);
	free(index->span_listener);
	free(index->span_low);
	free(index->groups);
	free(index->listeners);
	free(index);
}
