// SPDX-License-Identifier: BSD-3-Clause
// One burst of packets and the stages that it goes through. Each stage finishes the whole burst before the next.
#pragma once

#include "dataplane/worker.h"

// What became of one packet, for the trace. Also filled for refused packets at any time.
struct burst_note {
	uint64_t flow; // id
	uint32_t rule;
	uint8_t handler;
	uint8_t direction; // enum trace_direction
	uint8_t verdict;   // enum verdict
};

enum { CHANGE_BITS = 512, CHANGE_WORDS = CHANGE_BITS / 64 };

enum { BURST_FETCH_AHEAD = 6 }; // frames that are fetched before the one that is parsed

// Scratch of one worker; arrays go by position in the burst. Sized to stay in the L1 cache.
struct burst {
	struct packet_meta meta[BURST_MAX] __rte_cache_aligned;
	struct flow_key4 packed[BURST_MAX] __rte_cache_aligned; // keys, by position in live as it was when they were parsed
	struct rte_mbuf *mbuf[BURST_MAX + BURST_FETCH_AHEAD]; // NULL: given to another worker
	uint64_t time[BURST_MAX]; // ticks
	uint32_t length[BURST_MAX]; // bytes
	uint32_t flow[BURST_MAX]; // index or FLOW_NONE; by position in live, as long as that is what was looked up
	struct fate fate[BURST_MAX];
	uint8_t interface[BURST_MAX]; // where each came in
	uint8_t handler[BURST_MAX];   // that each is for, HANDLER_NONE: for none
	uint16_t live[BURST_MAX];     // positions still on their way
	unsigned live_count;
	unsigned packed_count; // 0: some key does not fit, or has changed; not live_count: some have left since
	unsigned count;
	unsigned flags;  // enum packet_flag of all packets together, but for usual ones
	bool segmented;  // some frame lies in several buffers
	uint64_t to_judge; // bit by position: rules judge it; for the trial alone
	uint64_t measured; // bit by position: how long it takes is measured
	bool from_inbox; // another worker has parsed it before and found its owner
	bool capture;    // read from a capture: packets carry their notes
	// What changed since this burst was looked up: a flow that was not there may be by now, an index may have changed
	// hands. Which ones, the filters tell; they are empty unless the flag is set.
	bool changed;
	uint64_t opened[CHANGE_WORDS], ended[CHANGE_WORDS]; // a bit by key, by index; others may share it
	const struct policy *policy;
	struct trial *trial; // rules that are tried beside; NULL: none
	bool searched[2]; // the rules, for packets that were looked up to no flow, and for those that were to one
	uint64_t found[2]; // by enum judged: bit per packet whose position in the rules is known
	uint32_t position[BURST_MAX];
	struct packet_tuple tuple[BURST_MAX]; // what it was found for
	struct fragment_info fragment[BURST_MAX];
	struct burst_note note[BURST_MAX]; // filled only while tracing
};

static inline unsigned change_of_key(const struct flow_key *key)
{
	uint64_t word[5];

	memcpy(word, key, sizeof(word));
	uint64_t mixed = (word[0] ^ word[1] ^ word[4]) * UINT64_C(0x9e3779b97f4a7c15) + (word[2] ^ word[3]);
	return (unsigned)(mixed * UINT64_C(0xbf58476d1ce4e5b9) >> 55);
}

static inline void burst_flow_opened(struct burst *burst, const struct flow_key *key)
{
	unsigned bit = change_of_key(key);
	burst->changed = true;
	burst->opened[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline void burst_flow_ended(struct burst *burst, uint32_t index)
{
	burst->changed = true;
	burst->ended[index % CHANGE_BITS / 64] |= UINT64_C(1) << index % 64;
}

// Whether what was looked up, FLOW_NONE too, may not hold any more.
static inline bool burst_outdated(const struct burst *burst, const struct flow_key *key, uint32_t index)
{
	if (likely(!burst->changed))
		return false;
	unsigned bit = index == FLOW_NONE ? change_of_key(key) : index % CHANGE_BITS;
	return (index == FLOW_NONE ? burst->opened : burst->ended)[bit / 64] >> bit % 64 & 1;
}

// Takes count packets, already in burst->mbuf with time and interface, through all stages. Owner thread.
void burst_run(struct worker *worker, unsigned count);

// Bytes of all packets of the burst.
static inline uint64_t burst_bytes(const struct burst *burst)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < burst->count; i++)
		bytes += burst->length[i];
	return bytes;
}

// The whole frame in one piece: in place, or copied to worker->linear if it has several segments. Valid until the next
// call for another packet.
static inline const uint8_t *burst_frame(const struct worker *worker, const struct burst *burst, unsigned at)
{
	const struct rte_mbuf *mbuf = burst->mbuf[at];
	if (likely(mbuf->nb_segs == 1))
		return rte_pktmbuf_mtod(mbuf, const uint8_t *);
	return rte_pktmbuf_read(mbuf, 0, RTE_MIN(mbuf->pkt_len, (uint32_t)FRAME_MAX), worker->linear);
}

// Whether a packet came from a handler's device: what that asks for is not judged by rules.
static inline bool burst_returned(const struct worker *worker, const struct burst *burst, unsigned at)
{
	return worker->wiring->handler_devices >> burst->interface[at] & 1;
}

// Sets those of all places, taken or not: that is a few wide stores.
static inline void set_all_fates(struct burst *burst, struct fate fate)
{
	const uint32_t word = fate_word(&fate);

	for (unsigned i = 0; i < BURST_MAX; i++)
		memcpy(&burst->fate[i], &word, sizeof(word));
}

// The stages of burst_run in their order, for who measures each: what is noted of a burst before them, those in
// burst_parse.c and burst.c. Owner thread.
void burst_begin(struct worker *worker, unsigned count);
void burst_parse(struct worker *worker, struct burst *burst);
void burst_look_up(struct worker *worker, struct burst *burst);

// Stage in attach.c: ties each live packet to its flow, judging those that have none or whose policy is old, follows
// state and counts. Packets that go no further leave burst->live with their reason set.
void burst_attach(struct worker *worker, struct burst *burst);

// Gives what is still on its way to its handlers, each once.
void burst_hand_over(struct worker *worker, struct burst *burst);

// Stages in depart.c, the one place where packets leave: carries out every fate and fills the ledger.
void burst_depart(struct worker *worker, struct burst *burst);

// Puts one packet on its way out of an interface; the account says whose it is. received: 0 unless it is measured.
void egress_put(struct worker *worker, uint8_t interface, struct rte_mbuf *mbuf, uint8_t account, uint64_t received);

// Sends what is waiting on all interfaces, and what other workers left in the rings that this one drains.
// Returns how many packets came out of rings.
unsigned egress_flush(struct worker *worker);

// When a packet that is measured was received, TSC; 0: it is not measured.
static inline uint64_t burst_received(const struct burst *burst, unsigned at)
{
	if (likely(!(burst->measured >> at & 1)))
		return 0;
	return burst->from_inbox ? packet_note(burst->mbuf[at])->received : burst->time[at];
}

// In measure.c, for bursts with packets that are measured: which of those from the inbox are, a bit each; a handler has
// done with its packets; an interface has taken the first so many of what waited.
uint64_t burst_passed_in(const struct burst *burst, unsigned count);
void burst_measure(const struct worker *worker, const struct burst *burst, uint8_t handler);
void egress_measure(const struct worker *worker, const struct egress *egress, unsigned sent);

// Stage in steer.c: gives packets of other workers' flows to these, over their inboxes.
void burst_steer(struct worker *worker, struct burst *burst);

// The worker that a packet's flow belongs to; worker is the one that received it. Where the device sees to that, it is the
// same. Any thread.
unsigned burst_owner(const struct worker *worker, const struct burst *burst, unsigned at);

// A packet goes no further: its reason is set, its fate follows from it.
static inline void burst_drop(struct burst *burst, unsigned at, enum drop_reason reason)
{
	burst->meta[at].reason = (uint8_t)reason;
	burst->fate[at].kind = FATE_DROP;
	burst->fate[at].reason = (uint8_t)reason;
}
