// SPDX-License-Identifier: BSD-3-Clause
// Who listens for a packet. The index itself is asked: alone with each listener, to see which would do; then with those,
// and again without the one that wins, to rank them.
#include <stdlib.h>

#include "control/explain_private.h"
#include "control/stats.h"

enum { CANDIDATES_MAX = 64 };

struct candidates {
	struct listener listener[CANDIDATES_MAX];
	size_t count;
};

static bool listens(const struct listener *listener, const struct listener_query *query)
{
	struct listener_index *index;
	size_t tie[2];
	if (listener_index_build(listener, 1, &index, tie) != 0)
		return false;
	bool found = listener_index_find(index, query) != NULL;
	listener_index_free(index);
	return found;
}

static void collect(const struct runtime *runtime, const struct listener_query *query, struct candidates *candidates)
{
	candidates->count = 0;
	for (size_t i = 0; i < runtime->listener_count && candidates->count < CANDIDATES_MAX; i++)
		if (runtime->listeners[i].protocol == query->protocol && listens(&runtime->listeners[i], query))
			candidates->listener[candidates->count++] = runtime->listeners[i];
}

// Moves the winner among those from rank on to that place.
static bool rank_next(struct candidates *candidates, size_t rank, const struct listener_query *query)
{
	struct listener_index *index;
	size_t tie[2], at = rank;
	if (listener_index_build(candidates->listener + rank, candidates->count - rank, &index, tie) != 0)
		return false;
	const struct listener *won = listener_index_find(index, query);
	while (won && at < candidates->count && candidates->listener[at].id != won->id)
		at++;
	bool found = won && at < candidates->count;
	if (found) {
		struct listener winner = candidates->listener[at];
		candidates->listener[at] = candidates->listener[rank];
		candidates->listener[rank] = winner;
	}
	listener_index_free(index);
	return found;
}

static unsigned given(const struct listener *listener)
{
	return (listener->interface != LISTENER_ANY_INTERFACE) + (unsigned)(listener->vlan != LISTENER_ANY_VLAN);
}

static unsigned width(const struct listener *listener)
{
	return (unsigned)(listener->port_high - listener->port_low) + 1;
}

// What one has before the next, in the order in which that counts.
static const char *why_before(const struct listener *one, const struct listener *next)
{
	if (given(one) != given(next))
		return "it names an interface or a VLAN";
	if (one->prefix != next->prefix)
		return "its address prefix is longer";
	return width(one) != width(next) ? "its range of ports is narrower" : "it came first";
}

static json_t *candidate_object(const struct explained *explained, const struct candidates *candidates, size_t rank,
				bool source)
{
	const struct listener *listener = &candidates->listener[rank];
	char text[LISTENER_TEXT_MAX];
	const char *why = rank + 1 < candidates->count ? why_before(listener, listener + 1) : NULL;
	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:b, s:s?}",
		"rank", (json_int_t)rank + 1,
		"id", (json_int_t)listener->id,
		"listener", config_listener_format(explained->runtime->config, listener, text),
		"handler", stats_handler_name(explained->runtime, listener->handler),
		"end", source ? "source" : "destination",
		"won", explained->decision.listener == listener->id &&
			explained->decision.local_is_source == source && rank == 0,
		"before_next", why);
}

static void tell_end(const struct explained *explained, const struct packet_tuple *tuple, bool source, json_t *told)
{
	struct candidates *candidates = malloc(sizeof(*candidates));
	struct listener_query query = policy_listener_query(tuple, source);
	size_t rank = 0;
	if (!candidates)
		return;
	collect(explained->runtime, &query, candidates);
	while (rank < candidates->count && rank_next(candidates, rank, &query))
		rank++;
	for (size_t i = 0; i < rank; i++)
		json_array_append_new(told, candidate_object(explained, candidates, i, source));
	free(candidates);
}

void explain_listeners(struct explained *explained, const struct packet_tuple *tuple)
{
	json_t *told = json_array();
	if (explained->opener != OPENER_RESPONDER)
		tell_end(explained, tuple, false, told);
	if (explained->opener != OPENER_ORIGINATOR)
		tell_end(explained, tuple, true, told);
	json_object_set_new(explained->result, "listeners", told);
}
