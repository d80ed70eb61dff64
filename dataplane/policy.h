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

enum verdict {
	VERDICT_ACCEPT = 0,
	VERDICT_DROP,
	VERDICT_REJECT,
};

enum {
	RULE_DEFAULT = 0,             // counter slot of the default policy
	RULE_NONE = FLOW_RULE_MAX,    // no rule was asked
	LISTENER_NONE = FLOW_LISTENER_MAX,
	HANDLER_NONE = FLOW_HANDLER_MAX,
};

// What a rule or listener is asked about: the packet that opens the flow, in its own direction.
struct packet_tuple {
	struct ip_address source;
	struct ip_address destination;
	uint16_t source_port;      // host order; ICMP queries: the identifier, whoever sends
	uint16_t destination_port; // ICMP: the packet's own type
	uint16_t asked_type;       // ICMP queries: the request's type, whoever sends: what a listener listens to
	uint16_t vlan;             // 0: untagged
	uint8_t family;
	uint8_t protocol;
	uint8_t interface;
	bool portless; // later fragment of an unknown first: port matches never hold
};

struct decision {
	uint32_t rule;     // counter slot
	uint32_t listener; // id, or LISTENER_NONE
	uint16_t handler;  // id, or HANDLER_NONE
	uint8_t verdict;   // enum verdict
	uint8_t reason;    // enum drop_reason, where the verdict is not accept
	bool local_is_source; // the packet's source is the listening end: it is the responder
	bool answer_prohibited; // reject with "administratively prohibited" (ICMP 3/13, ICMPv6 1/1)
};

struct rule_matcher; // compiled rules; control/policy_compile.c makes it, dataplane/rule_match.c reads it

enum on_rule_change {
	RULE_CHANGE_RECHECK = 0, // live flows are judged again at their next packet
	RULE_CHANGE_KEEP,        // only new flows
};

struct policy {
	uint32_t generation; // adds one with every publish
	struct rule_matcher *rules;
	struct listener_index *listeners;
	uint16_t default_handler; // id, or HANDLER_NONE
	uint8_t unbound;          // enum verdict for no listener and no default handler: drop or reject
	uint8_t on_rule_change;   // enum on_rule_change
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

// Judges the packet that opens a flow: rules (first match, then default policy), then the most specific listener, then
// the default handler. Workers, control (explain).
void policy_classify(const struct policy *policy, const struct packet_tuple *tuple, enum opener opener,
		     struct decision *decision);
