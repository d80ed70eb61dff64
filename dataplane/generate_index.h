// SPDX-License-Identifier: BSD-3-Clause
// Conversations by their tuple: whether a port is free for a destination, and whose an answer is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { GENERATE_SLOT_NONE = UINT32_MAX };

// The tuple of a conversation, by numbers: addresses count from the first of their prefix. Ports in host order.
struct generate_tuple {
	uint32_t source;
	uint32_t destination;
	uint16_t source_port;
	uint16_t destination_port;
};

struct generate_flow;

struct generate_index {
	uint32_t *slot; // linear probing; GENERATE_SLOT_NONE: free; owned
	uint32_t mask;
	uint64_t secret;
};

// Room for that many conversations. 0 or -ENOMEM. Control thread.
int generate_index_init(struct generate_index *index, uint32_t flows, uint64_t secret);
void generate_index_free(struct generate_index *index);

// The slot of the conversation with that tuple, or GENERATE_SLOT_NONE. flows: the array that slots are places of.
// One thread, as all below.
uint32_t generate_index_find(const struct generate_index *index, const struct generate_flow *flows,
			     const struct generate_tuple *tuple);

// Adds flows[slot], whose tuple is not there yet.
void generate_index_add(struct generate_index *index, const struct generate_flow *flows, uint32_t slot);

// Removes flows[slot], which is there.
void generate_index_remove(struct generate_index *index, const struct generate_flow *flows, uint32_t slot);
