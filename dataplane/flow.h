// SPDX-License-Identifier: BSD-3-Clause
// The flow's record: what the packet path touches in one cache line, the rest in another.
#pragma once

#include <assert.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/flow_key.h"

enum {
	FLOW_NONE = UINT32_MAX, // no flow index

	FLOW_RULE_BITS = 18,
	FLOW_LISTENER_BITS = 20,
	FLOW_HANDLER_BITS = 8,
	FLOW_STATE_BITS = 4,

	FLOW_RULE_MAX = (1 << FLOW_RULE_BITS) - 1,         // counter slots of rules
	FLOW_LISTENER_MAX = (1 << FLOW_LISTENER_BITS) - 1, // listener ids
	FLOW_HANDLER_MAX = (1 << FLOW_HANDLER_BITS) - 4,   // handler ids
};

enum flow_direction {
	FLOW_ORIG = 0, // from the originator, who opened the flow (RFC 5103)
	FLOW_RESP = 1, // from the responder
};

// TCP: RFC 9293's states, seen from the middle (the originator's end). Others: unanswered, then answered.
enum flow_state {
	FLOW_TCP_SYN_SENT = 0,
	FLOW_TCP_SYN_RCVD,
	FLOW_TCP_ESTABLISHED,
	FLOW_TCP_FIN_WAIT_1,
	FLOW_TCP_FIN_WAIT_2,
	FLOW_TCP_CLOSING,
	FLOW_TCP_CLOSE_WAIT,
	FLOW_TCP_LAST_ACK,
	FLOW_TCP_TIME_WAIT,
	FLOW_TCP_CLOSED,
	FLOW_UDP_UNREPLIED,
	FLOW_UDP_REPLIED,
	FLOW_ICMP_UNREPLIED,
	FLOW_ICMP_REPLIED,
	FLOW_OTHER_UNREPLIED,
	FLOW_OTHER_REPLIED,
	FLOW_STATES
};

// "ESTABLISHED", "UNREPLIED"... Any thread.
const char *flow_state_name(enum flow_state state);

// Hot: written by the owning worker at each packet; control reads single words, racily.
struct flow {
	struct traffic traffic[2]; // by enum flow_direction
	uint64_t last_seen;     // ticks of the worker's clock
	uint32_t generation;    // of the policy that judged it last; with a bit set: equal to none
	uint32_t tcp_next[2];   // the highest ACK that this end sent: what it wants next; valid if tcp_known bit set
	uint16_t tcp_window[2]; // the window that this end last offered, unscaled
	union {
		struct {
			uint64_t rule : FLOW_RULE_BITS;         // counter slot of the rule that decided
			uint64_t listener : FLOW_LISTENER_BITS; // id of the listener, FLOW_LISTENER_MAX: the default handler
			uint64_t handler : FLOW_HANDLER_BITS;   // id of the handler
			uint64_t state : FLOW_STATE_BITS;       // enum flow_state
			uint64_t tcp_scale0 : 4; // window scale that the originator offered (RFC 7323), 15: none seen
			uint64_t tcp_scale1 : 4; // the responder's
			uint64_t orig_end : 1;   // which canonical end is the originator
			uint64_t opener_end : 1; // which one sent the first packet: rules judge it in that direction
			uint64_t tcp_known : 2;  // bit per direction: tcp_next and tcp_window hold
			uint64_t embryonic : 1;  // nobody has answered yet: counts against the quota, expires first
			uint64_t local_origin : 1; // opened by a handler's end, so no rule judges it
		};
		uint64_t word; // all of them; what was decided for the flow is in its lowest FLOW_DECISION_BITS
	};
};
enum { FLOW_DECISION_BITS = FLOW_RULE_BITS + FLOW_LISTENER_BITS + FLOW_HANDLER_BITS };

// The lowest bit of a field in flow.word, and in a word of flow_cold. A value times that is the field in a word that is put
// together in a register: a compiler builds bit fields in memory, byte by byte, and whoever loads the word then waits for
// all these stores.
#define FLOW_UNIT(field) (((struct flow){ .field = 1 }).word)
#define FLOW_COLD_UNIT(field, which) (((struct flow_cold){ .field = 1 }).word[which])

// The way back: a field of so many bits, out of a word in a register.
#define FLOW_FIELD(word, field, bits) ((unsigned)((word) / FLOW_UNIT(field)) & ((1u << (bits)) - 1))

// A word with other bits from a field on: a value that fits.
#define FLOW_WITH(word, field, bits, value) \
	(((word) & ~(((UINT64_C(1) << (bits)) - 1) * FLOW_UNIT(field))) | (uint64_t)(value) * FLOW_UNIT(field))

// Enters them by storing the word whole, for the same reason. Owner; evaluates flow twice. Relaxed: readers of other threads see
// what a record says change at any time.
#define FLOW_SET(flow, field, bits, value) \
	__atomic_store_n(&(flow)->word, FLOW_WITH((flow)->word, field, bits, value), __ATOMIC_RELAXED)

// Bits of flow.generation. Rules judge each further packet of the opener, until somebody answers.
static const uint32_t FLOW_VARIES = UINT32_C(1) << 31;
// Rules judge each packet of both ends, until one comes that may open a connection: a SYN-ACK, FIN or RST was all so far.
static const uint32_t FLOW_UNOPENED = UINT32_C(1) << 30;
static const uint32_t FLOW_GENERATION = (UINT32_C(1) << 30) - 1;
static const uint32_t FLOW_NOT_JUDGED = UINT32_MAX; // no flow has this for its generation
static_assert(sizeof(struct flow) == 64, "one cache line");

// Whether the policy of this generation has judged the flow.
static inline bool flow_judged_under(const struct flow *flow, uint32_t generation)
{
	return (flow->generation & FLOW_GENERATION) == generation;
}

// Cold: written when the flow is made, and by ageing.
struct flow_cold {
	struct flow_key key;
	union {
		struct {
			uint64_t first_seen : 62; // ticks
			uint64_t syn : 1;       // its first packet was a TCP SYN, or SYN-ACK
			uint64_t tagged : 1;    // its first packet had a VLAN tag, be it one of id 0
			uint64_t id : 38;       // unique in a run
			uint64_t vlan : 12;     // outermost VLAN id of the flow's first packet, 0: untagged
			uint64_t interface : 5; // index of the interface where the flow's first packet came in
			uint64_t portless : 1;  // its first packet had no ports: a later fragment of a first that was not seen,
						// or cut off
			uint64_t list : 3;      // ageing: what kind of list holds it, 0: none
			uint64_t queued : 5;    // ageing: when an embryonic flow was put into its queue, coarsely, modulo 32
		};
		uint64_t word[2]; // all of them
	};
	uint32_t next, prev;    // links of that list
};
static_assert(sizeof(struct flow_cold) == 64, "one cache line");
