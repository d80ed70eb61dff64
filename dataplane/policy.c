// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/policy.h"

#include "dataplane/protocol.h"

struct listener_query policy_listener_query(const struct packet_tuple *tuple, bool source)
{
	bool icmp = protocol_is_icmp(tuple->protocol);
	return (struct listener_query){
		.address = source ? tuple->source : tuple->destination,
		.family = tuple->family,
		.protocol = tuple->protocol,
		.interface = tuple->interface,
		.vlan = tuple->vlan,
		.port = icmp ? tuple->asked_type : source ? tuple->source_port : tuple->destination_port,
		.portless = tuple->portless,
	};
}

// The listener at the packet's source or destination.
static const struct listener *listener_at(const struct policy *policy, const struct packet_tuple *tuple, bool source)
{
	struct listener_query query = policy_listener_query(tuple, source);
	return listener_index_find(policy->listeners, &query);
}

static void decide_unbound(const struct policy *policy, struct decision *decision)
{
	decision->verdict = policy->unbound;
	decision->reason = DROP_NO_LISTENER;
}

void policy_bind(const struct policy *policy, const struct packet_tuple *tuple, enum opener opener,
		 struct decision *decision)
{
	const struct listener *listener = NULL;
	if (opener != OPENER_RESPONDER)
		listener = listener_at(policy, tuple, false);
	decision->local_is_source = opener == OPENER_RESPONDER;
	if (!listener && opener != OPENER_ORIGINATOR) {
		listener = listener_at(policy, tuple, true);
		decision->local_is_source |= listener != NULL;
	}
	if (listener) {
		decision->listener = listener->id;
		decision->handler = listener->handler;
	} else if (policy->default_handler != HANDLER_NONE) {
		decision->handler = policy->default_handler;
	} else {
		decide_unbound(policy, decision);
	}
}

struct decision policy_decision(const struct rule_verdict *judged)
{
	return (struct decision){
		.rule = judged->slot,
		.listener = LISTENER_NONE,
		.handler = HANDLER_NONE,
		.verdict = judged->verdict,
		.reason = judged->verdict == VERDICT_ACCEPT ? DROP_NONE : (uint8_t)policy_drop_reason(judged),
		.answer = judged->answer,
		.answer_code = judged->answer_code,
	};
}
