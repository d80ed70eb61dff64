// SPDX-License-Identifier: BSD-3-Clause
// A worker: one core, one poll loop, its own queues, flow table, fragment table and counters.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "dataplane/ageing.h"
#include "dataplane/answer.h"
#include "dataplane/counters.h"
#include "dataplane/flow_table.h"
#include "dataplane/fragment.h"
#include "dataplane/handler.h"
#include "dataplane/interface.h"
#include "dataplane/latency.h"
#include "dataplane/policy.h"
#include "dataplane/trace.h"

enum {
	WORKER_MAX = 64,
	FRAME_MAX = 262144, // libpcap's longest snap length
};

// What travels with a packet besides the mbuf's own fields: in the mbuf's private area.
struct packet_note {
	uint64_t time;   // its time stamp, replay only
	uint64_t clock;  // of the capture: the latest time stamp up to this packet; replay only
	uint64_t number; // in the run, from 1; replay only
	uint64_t received; // TSC: when another worker received it, 0: it is not measured; of packets in rings
	uint32_t on_wire; // original length; replay only
	rte_be16_t fragment_port[2]; // source, destination: a fragment's, as its receiver found them
	uint8_t protocol;            // of its flow: later fragments of IPv6 may name an extension header instead
	uint8_t interface;           // index: where it came in
	uint8_t account;             // of a packet in an egress ring: see struct fate
	bool icmp_reply;             // of a fragment: its first answers an ICMP query
} __rte_cache_aligned;
static_assert(sizeof(struct packet_note) == RTE_CACHE_LINE_SIZE, "what follows, the frame, starts on a line");

static inline struct packet_note *packet_note(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

// What a capture says of its packets beyond their bytes, in file order. Control makes it; the worker that reads the
// capture walks it.
struct capture_index {
	uint64_t *time_ns;
	uint32_t *captured;
	uint32_t *on_wire;
	uint64_t count;
	uint64_t first_number; // of its first packet in the run
	uint64_t next;         // worker: position
	uint64_t extra_segments; // buffers that its longer frames take beyond one each
	struct capture_giant { // frames that net_pcap can't deliver: it counts lengths in 16 bits
		uint64_t position;
		uint8_t *bytes;
	} *giants;
	uint64_t giant_count;
	uint64_t next_giant; // worker
	atomic_bool done;    // worker: writes when the last packet was taken; control: reads
};

// A queue that a worker polls.
struct rx_queue {
	uint8_t interface; // index
	uint16_t queue;
	struct capture_index *capture; // NULL: live
};

// How one worker sends on one interface.
enum wire_kind {
	WIRE_NONE = 0, // not at all: the interface is closed
	WIRE_OWN,      // by a tx queue of its own
	WIRE_RELAY,    // by the ring of a worker that has one
};

struct wire {
	uint8_t kind; // enum wire_kind
	uint16_t queue;        // of WIRE_OWN
	struct rte_ring *ring; // of WIRE_RELAY; and of the worker that drains it (multi producer, single consumer)
};

// Everything that one worker knows of the interfaces. Immutable; control publishes a new one and frees the old after a
// grace period, as with policies.
struct wiring {
	unsigned rx_count;
	struct rx_queue rx[2 * INTERFACE_MAX];
	struct wire wire[INTERFACE_MAX];
	uint32_t drains;          // bit per interface whose ring this worker empties
	uint32_t handler_devices; // bit per interface that is the device of a handler
	bool verifies_checksums;  // some parse_options say CHECKSUM_VERIFY
	struct parse_options parse_options[INTERFACE_MAX];
};

// What waits to be sent on one interface until the round is over. Worker only.
struct egress {
	unsigned count;
	struct rte_mbuf *mbuf[BURST_MAX];
	uint8_t account[BURST_MAX]; // whose packet each is: see struct fate
	uint64_t measured; // bit by position: when it was received is known
	uint64_t received[BURST_MAX]; // TSC, of these alone
};

enum worker_clock {
	CLOCK_TSC = 0,
	CLOCK_CAPTURE, // the latest time stamp so far, in nanoseconds: never goes back, though time stamps may
};

struct burst;
struct trial;

struct worker {
	// Control: writes before the start. Worker: reads.
	unsigned id;
	unsigned lcore;
	int socket;
	unsigned workers;
	struct worker *peer[WORKER_MAX];
	struct interface *interfaces; // table by index
	const struct handler *handlers; // table by id
	uint8_t clock;                // enum worker_clock
	bool share_cpu;               // its CPU runs other threads too: sleep when idle
	bool steers; // passes packets on to the workers that own their flows: there are others, and devices don't see to it
	struct hash_secret steering_secret; // the same on all workers
	const struct interface *rss;        // whose RSS decides which worker owns a flow; NULL: the flow's hash
	struct rte_mempool *pool;
	struct flow_table *flows;
	struct ageing *ageing;
	struct fragment_table *fragments;
	struct rte_rcu_qsbr *qsbr;
	struct rte_ring *inbox;     // other workers: produce, worker: consumes; mbufs
	struct rte_ring *trace;     // worker: produces trace_record, control: consumes; NULL: off
	struct rte_ring *shown;     // worker: produces rule_log_record, control: consumes; NULL: off
	uint64_t tick_ns;           // nanoseconds of a tick, shifted left by 32
	struct rte_ring *ended;     // worker: produces flow_record, control: consumes; NULL: off
	struct burst *burst;        // scratch of the stages
	struct latency_meter *latency; // NULL: off; never on where the clock is a capture's

	// Control: writes; worker: reads.
	_Atomic(const struct policy *) policy;
	_Atomic(const struct wiring *) published; // wiring
	_Atomic(struct trial *) trial; // rules that are tried beside those of the policy; NULL: none
	atomic_bool stop; // leave the loop; control has seen to it that nothing is in flight
	atomic_bool drain_flows; // end all flows (replay: between captures that don't follow each other, and at the end)

	// Worker: writes; control: reads.
	atomic_bool running;
	struct worker_counters counters __rte_cache_aligned;
	struct handler_counters *handler_counters; // by handler id
	struct traffic *rule_counters;             // by slot, and one for RULE_NONE, which nobody reads
	struct traffic *listener_counters;         // by id, and one for LISTENER_NONE
	uint64_t *listener_flows;                  // opened, by id
	uint64_t interface_sent[INTERFACE_MAX];    // packets

	// Worker only.
	uint64_t now; // ticks: the latest time seen
	uint64_t flow_serial;
	uint64_t opened_aged; // counters.flows_opened when flows were aged last
	uint32_t swept;      // generation whose rules all flows have been judged by, where new rules are to end flows at once
	uint32_t sweeping;   // generation that the sweep under way is for
	uint32_t sweep_next; // flow index where it stands
	struct flow_times *times; // by flow index, of packets as a capture stamps them; replay only, else NULL
	struct answer_limit answers;
	struct answer_limit shows;  // of packets that rules log
	struct egress egress[INTERFACE_MAX];
	uint32_t egress_waiting;     // bit per interface with packets in its egress
	const struct wiring *wiring; // of this round
	uint8_t *linear; // FRAME_MAX bytes: frames of several segments are parsed here
} __rte_cache_aligned;

// The worker's clock in nanoseconds: what limits of rules count in, the same on all workers.
static inline uint64_t worker_nanoseconds(const struct worker *worker, uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * worker->tick_ns >> 32);
}

// Puts one record into the trace or ended ring, waiting for room unless the worker was told to stop. Owner thread.
void worker_report(struct worker *worker, struct rte_ring *ring, const void *record, unsigned size);

// A flow has ended: counts it, reports it. The flow_end_fn of the worker's ageing; context: the worker. Owner thread.
void worker_flow_ended(void *context, uint32_t flow, enum flow_end why);

// Ends flows whose time is over at worker->now, some of them at a call: after each burst, and in each idle round. Owner thread.
void worker_age(struct worker *worker);

// The loop of one lcore; argument: struct worker. Returns 0 when stop was set.
int worker_run(void *argument);
