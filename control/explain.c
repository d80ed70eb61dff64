// SPDX-License-Identifier: BSD-3-Clause
#include "control/explain.h"

#include <stdlib.h>
#include <string.h>

#include "control/explain_private.h"
#include "control/stats.h"
#include "dataplane/answer.h"
#include "dataplane/fragment.h"
#include "dataplane/judge.h"
#include "dataplane/segment.h"

// A packet of our own

static struct explained *make(const struct runtime *runtime, const struct explain_input *input)
{
	struct explained *explained = aligned_alloc(RTE_CACHE_LINE_SIZE,
		RTE_ALIGN_CEIL(sizeof(*explained), RTE_CACHE_LINE_SIZE));
	if (!explained)
		return NULL;
	memset(explained, 0, sizeof(*explained));
	explained->runtime = runtime;
	explained->worker = (struct worker){
		.id = 0,
		.workers = runtime->worker_count,
		.interfaces = runtime->workers[0]->interfaces,
		.handlers = runtime->workers[0]->handlers,
		.steering_secret = runtime->workers[0]->steering_secret,
		.rss = runtime->workers[0]->rss,
		.wiring = &explained->wiring,
	};
	for (unsigned i = 0; i < runtime->interface_count; i++)
		if (runtime->interfaces[i].role == INTERFACE_HANDLER)
			explained->wiring.handler_devices |= UINT32_C(1) << i;
	explained->mbuf = (struct rte_mbuf){
		.buf_addr = (void *)(uintptr_t)input->frame,
		.nb_segs = 1,
		.data_len = (uint16_t)RTE_MIN(input->captured, (uint32_t)UINT16_MAX),
		.pkt_len = input->captured,
	};
	explained->burst.mbuf[0] = &explained->mbuf;
	explained->burst.time[0] = input->time;
	explained->burst.interface[0] = input->interface;
	explained->burst.count = explained->burst.live_count = 1;
	explained->burst.policy = runtime->policy;
	explained->result = json_object();
	return explained;
}

static void put(struct explained *explained, const char *key, json_t *value)
{
	json_object_set_new(explained->result, key, value);
}

// The end of the way.
static void put_outcome(struct explained *explained, const char *what, const char *why)
{
	put(explained, "outcome", json_string(what));
	put(explained, "why", why ? json_string(why) : json_null());
}

static void put_drop(struct explained *explained, enum drop_reason reason)
{
	put(explained, "reason", json_string(drop_name(reason)));
	put_outcome(explained, "dropped", drop_text(reason));
}

// Frame and headers

static void put_packet(struct explained *explained)
{
	const struct packet_meta *meta = &explained->burst.meta[0];
	json_t *packet = json_object();
	if (meta->flags & PACKET_HAS_TUPLE) {
		struct packet_tuple own;
		tuple_of_packet(&explained->worker, &explained->burst, 0, CONNECTION_NEW, &own);
		json_decref(packet);
		packet = explain_tuple(explained->runtime, &own);
		json_object_del(packet, "connection");
	}
	json_object_set_new(packet, "bytes", json_integer(explained->mbuf.pkt_len));
	json_object_set_new(packet, "vlan_tags", json_integer(meta->vlan_tags));
	json_object_set_new(packet, "fragment", json_string(meta->flags & PACKET_FRAGMENT_LATER ? "later" :
		meta->flags & PACKET_FRAGMENT_FIRST ? "first" : "no"));
	json_object_set_new(packet, "icmp_error", json_boolean(meta->flags & PACKET_ICMP_ERROR));
	json_object_set_new(packet, "truncated", json_boolean(meta->flags & PACKET_TRUNCATED));
	put(explained, "packet", packet);
}

static enum drop_reason parse(struct explained *explained, const struct explain_input *input)
{
	const struct parse_input frame = {
		.frame = input->frame,
		.captured = input->captured,
		.on_wire = input->on_wire,
		.ip_checksum = input->checksum,
		.l4_checksum = input->checksum,
	};
	struct burst *burst = &explained->burst;
	const struct parse_options options = runtime_parse_options(explained->runtime,
		&explained->runtime->interfaces[input->interface]);
	enum drop_reason reason = parse_frame(&frame, &options, &burst->meta[0], &burst->fragment[0]);
	put_packet(explained);
	return reason;
}

// The table of fragments is the worker's that receives them all: it is asked only while that one stands still.
static enum drop_reason resolve_fragment(struct explained *explained)
{
	struct burst *burst = &explained->burst;
	struct packet_meta *meta = &burst->meta[0];
	struct ip_address source, destination;
	if (!(meta->flags & PACKET_FRAGMENT) || explained->runtime->workers_running)
		return DROP_NONE;
	packet_addresses(burst_frame(&explained->worker, burst, 0), meta, &source, &destination);
	enum drop_reason reason = fragment_resolve(explained->runtime->workers[0]->fragments, meta, &burst->fragment[0],
		&source, &destination, burst->time[0]);
	return reason == DROP_FRAGMENT_UNKNOWN && burst->policy->fragments_steer ? DROP_NONE : reason;
}

// Queue and worker

// Looks the flow up as the owner would.
static void find_flow(struct explained *explained)
{
	const struct worker *owner = explained->owner;
	uint32_t index = owner->flows ? flow_table_lookup(owner->flows, &explained->burst.meta[0].key) : FLOW_NONE;
	explained->has_flow = index != FLOW_NONE &&
			      flow_table_snapshot(owner->flows, index, &explained->flow, &explained->cold) &&
			      flow_key_equal(&explained->cold.key, &explained->burst.meta[0].key) &&
			      !ageing_expired(owner->ageing, &explained->flow, explained->burst.time[0]);
}

// The first worker that has the flow alive. Where none has, one is as good as another.
static unsigned find_holder(struct explained *explained)
{
	const struct runtime *runtime = explained->runtime;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		explained->owner = runtime->workers[i];
		find_flow(explained);
		if (explained->has_flow)
			return i;
	}
	return 0;
}

static void find_owner(struct explained *explained)
{
	const struct runtime *runtime = explained->runtime;
	const struct interface *from = &runtime->interfaces[explained->burst.interface[0]];
	const char *how = "the only one";
	unsigned owner = 0;
	int queue = from->rx_queues > 1 ? -1 : 0; // -1: whichever the device likes
	if (from->steering == STEER_DEVICE) {
		owner = find_holder(explained);
		queue = explained->has_flow ? (int)owner : -1;
		how = explained->has_flow ? "it has the flow: the device chose it" : "or whichever the device chooses";
	} else if (runtime->worker_count > 1 && interface_rss_steers(from, &explained->burst.meta[0])) {
		owner = interface_rss_owner(from, &explained->burst.meta[0].key);
		queue = (int)owner;
		how = "by the device's RSS key and table";
	} else if (runtime->worker_count > 1) {
		owner = burst_owner(&explained->worker, &explained->burst, 0);
		how = explained->worker.rss ? "by the RSS key and table of an interface, in software" :
					      "by the flow's hash, in software";
	}
	explained->owner = runtime->workers[owner];
	put(explained, "queue", json_pack("{s:s?, s:o, s:i, s:s}", "interface", from->name[0] ? from->name : NULL, "queue",
		queue < 0 ? json_null() : json_integer(queue), "worker", (int)owner, "by", how));
}

// The flow

static bool is_current(const struct explained *explained)
{
	return flow_judged_under(&explained->flow, explained->burst.policy->generation);
}

static json_t *rule_id(uint32_t rule)
{
	if (rule == RULE_NONE)
		return json_null();
	return rule == RULE_DEFAULT ? json_string("default") : json_integer(rule);
}

static void put_flow(struct explained *explained)
{
	const struct flow *flow = &explained->flow;
	if (!explained->has_flow) {
		put(explained, "flow", json_null());
		return;
	}
	put(explained, "flow", json_pack("{s:I, s:s, s:o, s:s, s:I, s:I, s:I, s:b, s:b, s:b}",
		"id", (json_int_t)explained->cold.id,
		"state", flow_state_name(flow->state),
		"rule", rule_id(flow->rule),
		"handler", stats_handler_name(explained->runtime, flow->handler),
		"packets_orig", (json_int_t)flow->traffic[FLOW_ORIG].packets,
		"packets_resp", (json_int_t)flow->traffic[FLOW_RESP].packets,
		"generation", (json_int_t)(flow->generation & FLOW_GENERATION),
		"current", (int)is_current(explained),
		"varies", (flow->generation & FLOW_VARIES) != 0,
		"local_origin", (int)flow->local_origin));
}

// Answer

static void put_answer(struct explained *explained)
{
	uint8_t out[ANSWER_BYTES_MAX];
	const struct packet_meta *meta = &explained->burst.meta[0];
	const uint8_t *frame = burst_frame(&explained->worker, &explained->burst, 0);
	uint32_t length = answer_build(frame, explained->mbuf.pkt_len, meta, explained->decision.answer,
		explained->decision.answer_code, out);
	struct packet_meta answer;
	struct fragment_info fragment;
	const struct parse_options options = { .checksum = CHECKSUM_IGNORE };
	const struct parse_input input = { .frame = out, .captured = length, .on_wire = length };
	if (!length) {
		put(explained, "answer", json_null());
		return;
	}
	parse_frame(&input, &options, &answer, &fragment);
	put(explained, "answer", answer.protocol == 6 ? json_string("TCP RST") :
		json_sprintf("%s %u/%u", answer.family == FAMILY_IP4 ? "ICMP" : "ICMPv6", answer.icmp_type,
			out[answer.l4_offset + 1]));
}

static void put_refusal(struct explained *explained)
{
	const struct decision *decision = &explained->decision;
	if (decision->verdict != VERDICT_REJECT) {
		put_drop(explained, decision->reason);
		return;
	}
	put_answer(explained);
	put_outcome(explained, "rejected", json_is_null(json_object_get(explained->result, "answer")) ?
		"no answer is due to such a packet" : NULL);
	put(explained, "reason", json_string(drop_name(decision->reason)));
}

static void put_handled(struct explained *explained, const char *why)
{
	put(explained, "handler", json_string(stats_handler_name(explained->runtime, explained->decision.handler)));
	put_outcome(explained, "handed over", why);
}

// What decides

static void explain_opening(struct explained *explained)
{
	struct packet_tuple tuple;
	enum drop_reason unopenable = judge_unopenable(&explained->burst.meta[0], explained->burst.policy->tcp_pickup_strict);
	explained->decision = policy_decision(&explained->judged);
	if (explained->decision.verdict == VERDICT_ACCEPT && unopenable != DROP_NONE) {
		put_drop(explained, unopenable);
		return;
	}
	if (explained->decision.verdict == VERDICT_ACCEPT) {
		explained->opener = opener_of(&explained->burst.meta[0]);
		tuple_of_key(&explained->burst, 0, &tuple);
		policy_bind(explained->burst.policy, &tuple, explained->opener, &explained->decision);
		explain_listeners(explained, &tuple);
	}
	if (explained->decision.verdict == VERDICT_ACCEPT)
		put_handled(explained, explained->has_flow ? "it opens a new flow where the old one is over" :
							     "it opens a flow");
	else
		put_refusal(explained);
}

// The flow's own verdict, given by this policy or an older one that still holds.
static void explain_settled(struct explained *explained, const char *why)
{
	explained->rules_asked = false;
	tuple_of_flow(&explained->flow, &explained->cold, &explained->tuple);
	explain_rules(explained);
	explained->opener = opener_of_flow(&explained->flow, &explained->cold);
	explained->decision = (struct decision){ .listener = (uint32_t)explained->flow.listener,
		.handler = (uint16_t)explained->flow.handler,
		.verdict = VERDICT_ACCEPT,
		.local_is_source = explained->flow.opener_end != explained->flow.orig_end };
	if (!explained->flow.local_origin)
		explain_listeners(explained, &explained->tuple);
	put_handled(explained, why);
}

// Judged again, by the packet that opened it.
static void explain_again(struct explained *explained)
{
	const struct policy *policy = explained->burst.policy;
	const struct packet_tuple *tuple = &explained->tuple;
	uint32_t position;
	bool varies;
	tuple_of_flow(&explained->flow, &explained->cold, &explained->tuple);
	explain_rules(explained);
	rule_matcher_find(policy->rules, &tuple, 1, &position);
	explained->decision = judge_flow_at(policy, &explained->flow, &explained->cold, tuple, position, &varies);
	explained->opener = opener_of_flow(&explained->flow, &explained->cold);
	if (explained->judged.verdict == VERDICT_ACCEPT)
		explain_listeners(explained, tuple);
	if (explained->decision.verdict == VERDICT_ACCEPT)
		put_handled(explained, "rules or listeners have changed since the flow was judged, and it may go on");
	else
		put_refusal(explained);
}

// Judged by itself, though it has a flow, which lives on whatever is said.
static void explain_member(struct explained *explained)
{
	explained->decision = policy_decision(&explained->judged);
	if (explained->decision.verdict != VERDICT_ACCEPT) {
		put_refusal(explained);
		return;
	}
	explained->decision.handler = (uint16_t)explained->flow.handler;
	put_handled(explained, "it belongs to a flow, and was judged by itself");
}

static void explain_attached(struct explained *explained)
{
	const struct policy *policy = explained->burst.policy;
	const struct packet_meta *meta = &explained->burst.meta[0];
	if (policy->by_packet || judge_wants_packet(meta, &explained->flow)) {
		tuple_of_packet(&explained->worker, &explained->burst, 0, explained->connection, &explained->tuple);
		explain_rules(explained);
		explain_member(explained);
	} else if (is_current(explained)) {
		explain_settled(explained, "the flow's verdict holds: rules are not asked again");
	} else if (explained->flow.local_origin) {
		explain_settled(explained, "a handler's device has opened the flow: no rule judges it");
	} else if (policy->on_rule_change == RULE_CHANGE_KEEP) {
		explain_settled(explained, "the flow keeps the verdict that it had before rules changed");
	} else {
		explain_again(explained);
	}
}

// Whether it opens a new connection between the ends of one that is over (RFC 6191).
static bool reopens(const struct explained *explained)
{
	struct tcp_segment segment;
	struct flow copy = explained->flow;
	if (!is_tcp_segment(&explained->burst.meta[0]))
		return false;
	read_segment(&explained->worker, &explained->burst, 0, &segment);
	return tcp_follow(&copy, direction_of(&explained->burst.meta[0], &copy), &segment) == TCP_REOPENED;
}

static void explain_returned(struct explained *explained)
{
	const struct interface *from = &explained->runtime->interfaces[explained->burst.interface[0]];
	put(explained, "handler", json_string(stats_handler_name(explained->runtime, from->handler)));
	put_outcome(explained, "forwarded", "it comes from a handler's device: no rule judges it");
}

static void explain_parsed(struct explained *explained)
{
	find_owner(explained);
	find_flow(explained);
	put_flow(explained);
	if (burst_returned(&explained->worker, &explained->burst, 0)) {
		explain_returned(explained);
		return;
	}
	explained->rules_asked = true;
	bool attached = explained->has_flow && !reopens(explained);
	bool as_member = attached || (explained->has_flow && explained->burst.policy->by_packet);
	explained->connection = judge_connection(&explained->burst, 0, as_member ? &explained->flow : NULL);
	if (attached) {
		explain_attached(explained);
		return;
	}
	tuple_of_packet(&explained->worker, &explained->burst, 0, explained->connection, &explained->tuple);
	explain_rules(explained);
	explain_opening(explained);
}

// Frames that are not IP have a switch of their own.
static void explain_not_parsed(struct explained *explained, enum drop_reason reason)
{
	const struct policy *policy = explained->burst.policy;
	if (reason == DROP_NON_IP && policy->non_ip_pass && policy->default_handler != HANDLER_NONE) {
		explained->decision.handler = policy->default_handler;
		put_handled(explained, "it is no IP, and goes to the default handler");
	} else {
		put_drop(explained, reason);
	}
}

json_t *explain_frame(const struct runtime *runtime, const struct explain_input *input, struct error *error)
{
	struct explained *explained = make(runtime, input);
	if (!explained) {
		error_set(error, "no memory to explain a packet");
		return NULL;
	}
	enum drop_reason reason = parse(explained, input);
	if (reason == DROP_NONE)
		reason = resolve_fragment(explained);
	if (reason == DROP_NONE)
		explain_parsed(explained);
	else
		explain_not_parsed(explained, reason);
	json_t *result = explained->result;
	free(explained);
	return result;
}
