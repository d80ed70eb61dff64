// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ageing.h"

#include <errno.h>

#include <rte_prefetch.h>

#include "dataplane/memory.h"

enum {
	WHEEL_SLOTS = 1024,
	SLOTS_AT_ONCE = 64, // that a call makes come up, when the clock jumped

	// Groups behind the wheel's slots.
	GROUP_DUE = WHEEL_SLOTS, // slots that came up and are not worked off yet
	GROUP_QUEUE,             // first of the queues of embryonic flows
	QUEUES = 4,
	GROUPS = GROUP_QUEUE + QUEUES,

	// Each group is so many lists. One list gives its flows no faster than memory answers, each telling where the
	// next one is; of several, the next flows are fetched side by side while others are worked off.
	LANES = 4,
	LISTS = GROUPS * LANES,

	QUEUE_STAMPS = 32, // flow_cold.queued has five bits
};

// flow_cold.list
enum {
	IN_NONE = 0,
	IN_WHEEL,
	IN_QUEUE, // + the queue's number
};

// The end of a list, in the place of a flow's index: flows stay below 1 << 26.
static const uint32_t END = 1u << 31;

// First and last flow, or END | the list's number if it is empty: each list is a ring through its head.
struct list {
	uint32_t first, last;
};

// Embryonic flows of one kind, in the order in which they came, which is that in which they expire, but for those that
// go on sending unanswered: these go to the end when their first time is over.
struct queue {
	unsigned shift; // ticks -> stamps: 9 to 17 stamps make one timeout
	unsigned due;   // stamps after which a flow has been in the queue for its whole timeout
};

struct ageing {
	struct ageing_head head;
	struct flow_table *table;
	flow_end_fn *on_end;
	void *context;
	uint64_t hand; // last slot that came up, counted since tick 0
	unsigned wheel_shift;
	unsigned turn; // which collector starts, and with which lane
	unsigned lane; // of the due, whose turn it is
	uint32_t embryonic; // owner: writes, all: read
	uint32_t embryonic_quota;
	struct queue queue[QUEUES];
	struct list list[LISTS];
};

// The state in which the flows of a queue wait for an answer.
static const uint8_t queue_state[QUEUES] = {
	FLOW_TCP_SYN_SENT,
	FLOW_UDP_UNREPLIED,
	FLOW_ICMP_UNREPLIED,
	FLOW_OTHER_UNREPLIED,
};

static const uint8_t queue_of_state[FLOW_STATES] = {
	[FLOW_UDP_UNREPLIED] = 1, [FLOW_UDP_REPLIED] = 1,
	[FLOW_ICMP_UNREPLIED] = 2, [FLOW_ICMP_REPLIED] = 2,
	[FLOW_OTHER_UNREPLIED] = 3, [FLOW_OTHER_REPLIED] = 3,
};

static unsigned log2_of(uint64_t n)
{
	return n > 0 ? 63 - (unsigned)__builtin_clzll(n) : 0;
}

static struct queue queue_for(uint64_t timeout)
{
	unsigned log2 = log2_of(timeout);
	unsigned shift = log2 > 3 ? log2 - 3 : 0;

	// Two more: both ends of the wait are rounded down.
	return (struct queue){ .shift = shift, .due = (unsigned)(timeout >> shift) + 2 };
}

size_t ageing_bytes(void)
{
	return sizeof(struct ageing);
}

struct ageing *ageing_create(const struct ageing_params *params)
{
	struct ageing *ageing;

	if (params->table == NULL || params->tick == 0) {
		errno = EINVAL;
		return NULL;
	}
	ageing = memory_take("ageing", sizeof(*ageing), params->socket);
	if (ageing == NULL)
		return NULL;
	ageing->table = params->table;
	memcpy(ageing->head.timeout, params->timeout, sizeof(ageing->head.timeout));
	ageing->on_end = params->on_end;
	ageing->context = params->context;
	ageing->wheel_shift = log2_of(params->tick);
	ageing->embryonic_quota = params->embryonic_quota > 0 ? params->embryonic_quota : 1;
	for (unsigned i = 0; i < QUEUES; i++)
		ageing->queue[i] = queue_for(params->timeout[queue_state[i]]);
	for (uint32_t i = 0; i < LISTS; i++)
		ageing->list[i] = (struct list){ END | i, END | i };
	return ageing;
}

void ageing_destroy(struct ageing *ageing)
{
	memory_give(ageing);
}

static struct flow *hot(const struct ageing *ageing, uint32_t flow)
{
	return flow_table_flow(ageing->table, flow);
}

static struct flow_cold *cold(const struct ageing *ageing, uint32_t flow)
{
	return flow_table_cold(ageing->table, flow);
}

// The link that leads from a flow, or from a list's head, to the next one.
static uint32_t *next_of(struct ageing *ageing, uint32_t flow)
{
	return flow & END ? &ageing->list[flow & ~END].first : &cold(ageing, flow)->next;
}

static uint32_t *prev_of(struct ageing *ageing, uint32_t flow)
{
	return flow & END ? &ageing->list[flow & ~END].last : &cold(ageing, flow)->prev;
}

static void join(struct ageing *ageing, uint32_t a, uint32_t b)
{
	// Relaxed: snapshots on other threads read the links with their words, and make nothing of them.
	__atomic_store_n(next_of(ageing, a), b, __ATOMIC_RELAXED);
	__atomic_store_n(prev_of(ageing, b), a, __ATOMIC_RELAXED);
}

static uint32_t list_of(uint32_t group, uint32_t flow)
{
	return group * LANES + flow % LANES;
}

static void append(struct ageing *ageing, uint32_t group, uint32_t flow)
{
	uint32_t list = list_of(group, flow);

	join(ageing, ageing->list[list].last, flow);
	join(ageing, flow, END | list);
}

static void unlink_flow(struct ageing *ageing, uint32_t flow)
{
	join(ageing, *prev_of(ageing, flow), *next_of(ageing, flow));
}

static uint64_t expiry(const struct ageing *ageing, const struct flow *flow)
{
	uint64_t at;

	return __builtin_add_overflow(flow->last_seen, ageing->head.timeout[flow->state], &at) ? UINT64_MAX : at;
}

static void count_embryonic(struct ageing *ageing, int n)
{
	__atomic_store_n(&ageing->embryonic, ageing->embryonic + (uint32_t)n, __ATOMIC_RELAXED);
}

// Into the first slot whose whole time lies after the flow's. Slots further than a turn ahead come up too early, which
// does no harm: the flow is found alive and is put further on. The slot under the hand has been worked off already.
static void wheel_add(struct ageing *ageing, uint32_t flow)
{
	uint64_t slot = (expiry(ageing, hot(ageing, flow)) >> ageing->wheel_shift) + 1;

	if (slot <= ageing->hand)
		slot = ageing->hand + 1;
	cold(ageing, flow)->list = IN_WHEEL;
	append(ageing, slot % WHEEL_SLOTS, flow);
}

static unsigned stamp(const struct queue *queue, uint64_t now)
{
	return now >> queue->shift & (QUEUE_STAMPS - 1);
}

static void queue_add(struct ageing *ageing, unsigned q, uint32_t flow, uint64_t now)
{
	cold(ageing, flow)->list = IN_QUEUE + q;
	cold(ageing, flow)->queued = stamp(&ageing->queue[q], now);
	append(ageing, GROUP_QUEUE + q, flow);
}

void ageing_add(struct ageing *ageing, uint32_t flow, uint64_t now)
{
	struct flow *record = hot(ageing, flow);

	record->last_seen = now;
	if (!record->embryonic) {
		wheel_add(ageing, flow);
		return;
	}
	if (ageing->embryonic >= ageing->embryonic_quota)
		ageing_evict(ageing);
	queue_add(ageing, queue_of_state[record->state], flow, now);
	count_embryonic(ageing, +1);
}

void ageing_answered(struct ageing *ageing, uint32_t flow, uint64_t now)
{
	if (cold(ageing, flow)->list < IN_QUEUE)
		return;
	FLOW_SET(hot(ageing, flow), embryonic, 1, 0);
	hot(ageing, flow)->last_seen = now;
	count_embryonic(ageing, -1);
	unlink_flow(ageing, flow);
	wheel_add(ageing, flow);
}

void ageing_state_changed(struct ageing *ageing, uint32_t flow)
{
	if (cold(ageing, flow)->list != IN_WHEEL)
		return;
	unlink_flow(ageing, flow);
	wheel_add(ageing, flow);
}

void ageing_end(struct ageing *ageing, uint32_t flow, enum flow_end why)
{
	if (ageing->on_end != NULL)
		ageing->on_end(ageing->context, flow, why);
	if (cold(ageing, flow)->list != IN_NONE)
		unlink_flow(ageing, flow);
	if (cold(ageing, flow)->list >= IN_QUEUE)
		count_embryonic(ageing, -1);
	flow_table_remove(ageing->table, flow);
}

// Whether the flow was put into its queue longer than a timeout ago.
static bool queue_time_over(const struct ageing *ageing, unsigned q, uint32_t flow, uint64_t now)
{
	const struct queue *queue = &ageing->queue[q];
	unsigned waited = stamp(queue, now) - cold(ageing, flow)->queued;

	return (waited & (QUEUE_STAMPS - 1)) >= queue->due;
}

static const struct list *lanes_of(const struct ageing *ageing, uint32_t group)
{
	return &ageing->list[list_of(group, 0)];
}

static bool lanes_are_empty(const struct list lane[LANES])
{
	uint32_t all = END;

	for (unsigned i = 0; i < LANES; i++)
		all &= lane[i].first;
	return all & END;
}

struct progress {
	unsigned looked, ended;
};

// Called before a list's first flow ends: by then its records are here. Of the second flow, whose records are here too, the
// entry is fetched, and of the third one the records. For all lanes before the first of them is worked off: where a page is not
// at hand, a fetch waits for its address, and those that are side by side wait together.
static void fetch_ahead(struct ageing *ageing, uint32_t first)
{
	uint32_t second, third;

	if (first & END)
		return;
	second = cold(ageing, first)->next;
	if (second & END)
		return;
	flow_table_fetch_entry(ageing->table, second);
	third = cold(ageing, second)->next;
	if (!(third & END))
		flow_table_fetch_records(ageing->table, third);
}

// What there is to be done with the first flow of a queue's lane.
enum queue_due {
	NOT_DUE, // neither its time nor, so, that of those behind it has come; or the lane is empty
	DUE_TO_END,
	DUE_TO_GO_BACK, // it was heard again: to the end
};

static enum queue_due due_in_queue(const struct ageing *ageing, unsigned q, uint32_t flow, uint64_t now)
{
	if (flow & END)
		return NOT_DUE;
	if (ageing_expired(ageing, hot(ageing, flow), now))
		return DUE_TO_END;
	return queue_time_over(ageing, q, flow, now) ? DUE_TO_GO_BACK : NOT_DUE;
}

static void collect_embryonic(struct ageing *ageing, unsigned q, uint32_t flow, enum queue_due due, uint64_t now,
			      struct progress *progress)
{
	progress->looked++;
	if (due == DUE_TO_END) {
		ageing_end(ageing, flow, FLOW_END_TIMEOUT);
		progress->ended++;
	} else {
		unlink_flow(ageing, flow);
		queue_add(ageing, q, flow, now);
	}
}

// The first flows of all lanes. Returns whether there was anything to be done with any.
static bool collect_firsts(struct ageing *ageing, unsigned q, uint64_t now, unsigned budget, struct progress *progress)
{
	const struct list *lane = lanes_of(ageing, GROUP_QUEUE + q);
	enum queue_due due[LANES];
	bool any = false;

	if (lanes_are_empty(lane))
		return false;
	for (unsigned i = 0; i < LANES; i++) {
		due[i] = due_in_queue(ageing, q, lane[i].first, now);
		if (due[i] == NOT_DUE)
			continue;
		fetch_ahead(ageing, lane[i].first);
		any = true;
	}
	if (!any)
		return false;
	for (unsigned i = 0, at = ageing->turn % LANES; i < LANES && progress->looked < budget; i++, at = (at + 1) % LANES)
		if (due[at] != NOT_DUE)
			collect_embryonic(ageing, q, lane[at].first, due[at], now, progress);
	return true;
}

static void collect_queue(struct ageing *ageing, unsigned q, uint64_t now, unsigned budget, struct progress *progress)
{
	while (progress->looked < budget && collect_firsts(ageing, q, now, budget, progress))
		;
}

// Appends all flows of a slot to the due ones.
static void slot_comes_up(struct ageing *ageing, uint32_t slot)
{
	for (uint32_t lane = 0; lane < LANES; lane++) {
		uint32_t due = list_of(GROUP_DUE, lane), from = list_of(slot, lane);
		struct list *list = &ageing->list[from];

		if (list->first & END)
			continue;
		flow_table_fetch_records(ageing->table, list->first);
		join(ageing, ageing->list[due].last, list->first);
		join(ageing, list->last, END | due);
		*list = (struct list){ END | from, END | from };
	}
}

static void collect_one_due(struct ageing *ageing, uint32_t flow, uint64_t now, struct progress *progress)
{
	progress->looked++;
	if (ageing_expired(ageing, hot(ageing, flow), now)) {
		ageing_end(ageing, flow, FLOW_END_TIMEOUT);
		progress->ended++;
	} else {
		unlink_flow(ageing, flow);
		wheel_add(ageing, flow);
	}
}

static void collect_due(struct ageing *ageing, uint64_t now, unsigned budget, struct progress *progress)
{
	const struct list *lane = lanes_of(ageing, GROUP_DUE);

	while (!lanes_are_empty(lane) && progress->looked < budget) {
		for (unsigned i = 0; i < LANES; i++)
			fetch_ahead(ageing, lane[i].first);
		for (unsigned i = 0; i < LANES && progress->looked < budget; i++, ageing->lane++) {
			uint32_t flow = lane[ageing->lane % LANES].first;

			if (!(flow & END))
				collect_one_due(ageing, flow, now, progress);
		}
	}
}

static void collect_wheel(struct ageing *ageing, uint64_t now, unsigned budget, struct progress *progress)
{
	uint64_t target = now >> ageing->wheel_shift;

	if (target < ageing->hand) // the clock went back: every slot comes up within a turn from here
		ageing->hand = target;
	if (target - ageing->hand > WHEEL_SLOTS)
		ageing->hand = target - WHEEL_SLOTS;
	collect_due(ageing, now, budget, progress);
	for (unsigned i = 0; i < SLOTS_AT_ONCE && ageing->hand < target && progress->looked < budget; i++) {
		ageing->hand++;
		slot_comes_up(ageing, ageing->hand % WHEEL_SLOTS);
		collect_due(ageing, now, budget, progress);
	}
}

// The collectors take turns in being first, so that none starves where the budget is too small for all.
unsigned ageing_advance(struct ageing *ageing, uint64_t now, unsigned budget)
{
	struct progress progress = { 0, 0 };

	ageing->turn++;
	for (unsigned i = 0; i <= QUEUES; i++) {
		unsigned collector = (ageing->turn + i) % (QUEUES + 1);

		if (collector < QUEUES)
			collect_queue(ageing, collector, now, budget, &progress);
		else
			collect_wheel(ageing, now, budget, &progress);
	}
	return progress.ended;
}

// Which of two flows was heard earlier: the oldest so far, if any, or the first one of a lane, if any.
static uint32_t older(const struct ageing *ageing, uint32_t oldest, uint32_t flow)
{
	if (flow & END)
		return oldest;
	return oldest == FLOW_NONE || hot(ageing, flow)->last_seen < hot(ageing, oldest)->last_seen ? flow : oldest;
}

bool ageing_evict(struct ageing *ageing)
{
	uint32_t oldest = FLOW_NONE;

	for (unsigned q = 0; q < QUEUES; q++) {
		const struct list *lane = lanes_of(ageing, GROUP_QUEUE + q);

		if (lanes_are_empty(lane))
			continue;
		for (unsigned at = 0; at < LANES; at++)
			oldest = older(ageing, oldest, lane[at].first);
	}
	if (oldest == FLOW_NONE)
		return false;
	fetch_ahead(ageing, oldest);
	ageing_end(ageing, oldest, FLOW_END_EVICTED);
	return true;
}

void ageing_end_all(struct ageing *ageing, enum flow_end why)
{
	for (unsigned i = 0; i < LISTS; i++)
		while (!(ageing->list[i].first & END))
			ageing_end(ageing, ageing->list[i].first, why);
}

uint32_t ageing_embryonic(const struct ageing *ageing)
{
	return __atomic_load_n(&ageing->embryonic, __ATOMIC_RELAXED);
}
