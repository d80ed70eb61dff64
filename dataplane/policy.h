// SPDX-License-Identifier: BSD-3-Clause
// An immutable snapshot of everything that decides a flow's fate: rules, listeners, handlers, switches.
//
// Control compiles one aside and publishes it by one pointer; workers read it between two quiescent states.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/drop.h"
#include "dataplane/flow.h"
#include "dataplane/listener_index.h"
#include "dataplane/rule_match.h"

enum {
	RULE_NONE = FLOW_RULE_MAX,    // no rule was asked
	LISTENER_NONE = FLOW_LISTENER_MAX,
	HANDLER_NONE = FLOW_HANDLER_MAX,
};

// What becomes of a packet, or of a flow.
struct decision {
	uint32_t rule;     // counter slot
	uint32_t listener; // id, or LISTENER_NONE
	uint16_t handler;  // id, or HANDLER_NONE
	uint8_t verdict;   // enum verdict
	uint8_t reason;    // enum drop_reason, where the verdict is not accept
	uint8_t answer;    // enum rule_answer, of a reject
	uint8_t answer_code;
	bool local_is_source; // the packet's source is the listening end: it is the responder
};

// What was decided, as the bits of flow.word below FLOW_DECISION_BITS: ids, and what stands for none, fit (FLOW_RULE_MAX,
// FLOW_LISTENER_MAX, FLOW_HANDLER_MAX).
static inline uint64_t decision_bits(const struct decision *decision)
{
	return decision->rule * FLOW_UNIT(rule) | decision->listener * FLOW_UNIT(listener) |
	       decision->handler * FLOW_UNIT(handler);
}

enum on_rule_change {
	RULE_CHANGE_RECHECK = 0, // live flows are judged again at their next packet
	RULE_CHANGE_KEEP,        // only new flows
	RULE_CHANGE_KILL,        // as recheck, and flows that are denied now end at once, without a packet
};

struct policy {
	uint32_t generation; // adds one with every publish
	struct rule_matcher *rules;
	struct listener_index *listeners;
	uint16_t default_handler; // id, or HANDLER_NONE
	uint8_t unbound;          // enum verdict for no listener and no default handler: drop or reject
	uint8_t on_rule_change;   // enum on_rule_change
	bool by_packet;           // rules judge each packet by its own headers, not the flow by its first
	bool tcp_pickup_strict;
	bool fragments_steer; // unknown later fragments are judged without ports, else dropped
	bool non_ip_pass;     // non-IP frames go to the default handler, else dropped
};

// Which end the packet that opens a flow gives itself away as.
enum opener {
	OPENER_UNKNOWN = 0, // either: the destination is asked for a listener, then the source
	OPENER_ORIGINATOR,  // a bare SYN, an ICMP request: only the destination may be the local end
	OPENER_RESPONDER,   // a SYN-ACK, an ICMP reply: only the source may
};

// Why a packet goes no further that rules do not accept. Any thread.
static inline enum drop_reason policy_drop_reason(const struct rule_verdict *judged)
{
	if (judged->verdict == VERDICT_REJECT)
		return DROP_REJECT_UNANSWERED;
	return judged->slot == RULE_DEFAULT ? DROP_DEFAULT_POLICY : DROP_RULE;
}

// What the rules have said, as a decision without a handler. Any thread.
struct decision policy_decision(const struct rule_verdict *judged);

// Gives a packet that rules accept its handler: of the most specific listener, or the default one; or the decision becomes what
// befits a packet that nobody listens to. Any thread.
void policy_bind(const struct policy *policy, const struct packet_tuple *tuple, enum opener opener,
		 struct decision *decision);

// What listeners are asked about the packet's source, or its destination. Any thread.
struct listener_query policy_listener_query(const struct packet_tuple *tuple, bool source);
