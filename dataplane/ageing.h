// SPDX-License-Identifier: BSD-3-Clause
// Flows age by the clock: a timer wheel for flows that were answered, and queues for the embryonic, whose number has
// a quota. A flow is in exactly one list. Nothing here reads a clock: time comes in as ticks.
#pragma once

#include <rte_common.h>

#include "dataplane/flow_table.h"

struct ageing;

// What it begins with, laid open for ageing_timeout alone.
struct ageing_head {
	uint64_t timeout[FLOW_STATES]; // ticks
};

// Why a flow ended.
enum flow_end {
	FLOW_END_TIMEOUT,
	FLOW_END_EVICTED, // embryonic, pushed out by a newer one
	FLOW_END_CLOSED,  // a new connection took the place of one in TIME_WAIT or CLOSED
	FLOW_END_DENIED,  // new rules deny it
	FLOW_END_RUN,     // the run is over
};

// Called with the flow's records still in place, just before it is removed. Owner thread.
typedef void flow_end_fn(void *context, uint32_t flow, enum flow_end why);

struct ageing_params {
	struct flow_table *table;
	uint64_t timeout[FLOW_STATES]; // ticks
	uint64_t tick;                 // ticks of the clock in one slot of the wheel (0.1 s or so)
	uint32_t embryonic_quota;      // flows
	flow_end_fn *on_end;
	void *context;
	int socket;
};

// NULL with errno set. Control thread. All else: owner thread.
struct ageing *ageing_create(const struct ageing_params *params);
void ageing_destroy(struct ageing *ageing);

// Bytes, beside the table's.
size_t ageing_bytes(void);

// A new flow starts to age at now (last_seen is set to it); its state and embryonic bit are set by the caller. An embryonic one above
// the quota first evicts the oldest.
void ageing_add(struct ageing *ageing, uint32_t flow, uint64_t now);

// The embryonic flow was answered: it leaves the quota and ages on the wheel. Clears its bit.
void ageing_answered(struct ageing *ageing, uint32_t flow, uint64_t now);

// The flow's state changed: if it now ends sooner, the wheel will come to it sooner. Without this call a flow that
// waits on the wheel for a long timeout may be found up to one turn late (1,024 slots).
void ageing_state_changed(struct ageing *ageing, uint32_t flow);

// Ticks after its last packet when a flow in this state ends.
static inline uint64_t ageing_timeout(const struct ageing *ageing, enum flow_state state)
{
	return ((const struct ageing_head *)ageing)->timeout[state];
}

// Whether the flow's time is over at now, by its state: exact, whatever the wheel has done so far.
static inline bool ageing_expired(const struct ageing *ageing, const struct flow *flow, uint64_t now)
{
	return now >= flow->last_seen && now - flow->last_seen >= ageing_timeout(ageing, (enum flow_state)flow->state);
}

// Ends one flow now: tells on_end, removes it from list and table.
void ageing_end(struct ageing *ageing, uint32_t flow, enum flow_end why);

// How many flows a call may look at after a burst that opened so many: more than those, or a flood of flows that nobody
// answers would fill the table, and the caches, with flows whose time is over. So few that a call takes less
// than 20 microseconds though none of them is in the cache, and hardly more after a burst of 64 new flows (bench/ageing_bench).
enum { AGEING_BUDGET_MIN = 32 };
static inline unsigned ageing_budget(unsigned opened)
{
	return RTE_MAX((unsigned)AGEING_BUDGET_MIN, opened + AGEING_BUDGET_MIN / 4);
}

// Moves the wheel towards now and ends what has expired, looking at no more than budget flows and at 64 slots. Returns
// how many ended. A clock that jumps far ahead costs no more than one turn of the wheel, over 16 calls. Ends come up to
// one slot late; those of embryonic flows that sent again by up to one and a quarter of their timeout.
unsigned ageing_advance(struct ageing *ageing, uint64_t now, unsigned budget);

// Makes room for one flow in a full table: ends the oldest embryonic one. false if there is none.
bool ageing_evict(struct ageing *ageing);

// Ends every flow.
void ageing_end_all(struct ageing *ageing, enum flow_end why);

// Embryonic flows now. Any thread.
uint32_t ageing_embryonic(const struct ageing *ageing);
