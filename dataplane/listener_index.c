// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/listener_index.h"

#include <stdlib.h>

#include "dataplane/listener_layout.h"

static const struct group *group_find(const struct listener_index *index, const struct group_key *key)
{
	for (uint64_t slot = group_hash(key);; slot++) {
		uint32_t number = index->slots[slot & index->slot_mask];
		if (number == NOBODY)
			return NULL;
		if (memcmp(&index->groups[number].key, key, sizeof(*key)) == 0)
			return &index->groups[number];
	}
}

static uint32_t group_listener(const struct listener_index *index, const struct group *group, uint16_t port)
{
	const struct span *spans = index->spans + group->first_span;
	uint32_t low = 0, count = group->span_count;
	while (count > 1) {
		uint32_t half = count / 2;
		if (spans[low + half].low <= port)
			low += half;
		count -= half;
	}
	return spans[low].listener;
}

static const struct listener *level_find(const struct listener_index *index, const struct level *level,
					 const struct listener_query *query)
{
	struct group_key key = {
		.address = mask_address(&query->address, level->prefix),
		.vlan = level->given & GIVEN_VLAN ? query->vlan : LISTENER_ANY_VLAN,
		.interface = level->given & GIVEN_INTERFACE ? query->interface : LISTENER_ANY_INTERFACE,
		.protocol = query->protocol,
		.family = query->family,
		.prefix = level->prefix,
		.given = level->given,
		.score = level->score,
	};
	const struct group *group = group_find(index, &key);
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
	for (const struct level *level = levels->level; level < levels->level + levels->count; level++) {
		// Interface given and VLAN given are equally specific: then the range decides.
		if (best && (level->score != won->score || level->prefix != won->prefix))
			break;
		const struct listener *found = level_find(index, level, query);
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
	free(index->spans);
	free(index->groups);
	free(index->listeners);
	free(index);
}
