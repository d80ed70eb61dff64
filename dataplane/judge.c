// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/judge.h"

#include <netinet/in.h>

static bool is_bare_syn(const struct packet_meta *meta)
{
	return meta->key.protocol == IPPROTO_TCP &&
	       (meta->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

// RFC 792, RFC 4443: the type of a query's reply is the request's plus one, but for IPv4 echo.
static uint16_t reply_type(uint8_t protocol, uint16_t request)
{
	return protocol == IPPROTO_ICMP && request == 8 ? 0 : request + 1;
}

// The tuple that rules and listeners judge: end source of the key is the sender, from_responder tells what it sends.
static struct packet_tuple tuple_of(const struct flow_key *key, unsigned source, bool from_responder)
{
	struct packet_tuple tuple = {
		.source = key->address[source],
		.destination = key->address[!source],
		.source_port = rte_be_to_cpu_16(key->port[source]),
		.destination_port = rte_be_to_cpu_16(key->port[!source]),
		.family = key->family,
		.protocol = key->protocol,
	};
	if (is_icmp(key->protocol)) {
		unsigned asked = from_responder ? source : !source;
		tuple.source_port = rte_be_to_cpu_16(key->port[!asked]);
		tuple.asked_type = rte_be_to_cpu_16(key->port[asked]);
		tuple.destination_port = from_responder ? reply_type(key->protocol, tuple.asked_type) :
							  tuple.asked_type;
	}
	return tuple;
}

// RFC 9293 3.5: only who was asked answers with SYN-ACK.
enum opener opener_of(const struct packet_meta *meta)
{
	if (is_icmp(meta->key.protocol))
		return meta->flags & PACKET_ICMP_REPLY ? OPENER_RESPONDER : OPENER_ORIGINATOR;
	if (is_bare_syn(meta))
		return OPENER_ORIGINATOR;
	if (meta->key.protocol == IPPROTO_TCP && (meta->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return OPENER_RESPONDER;
	return OPENER_UNKNOWN;
}

// The same for a flow that lives: it does not turn round in mid-life.
static enum opener opener_of_flow(const struct flow *flow, uint8_t protocol)
{
	if (protocol != IPPROTO_TCP && !is_icmp(protocol))
		return OPENER_UNKNOWN;
	return flow->opener_end == flow->orig_end ? OPENER_ORIGINATOR : OPENER_RESPONDER;
}

// Fragments whose first was not seen have no ports, where these would be 0 and 0.
static bool is_portless(const struct flow_key *key)
{
	return (key->protocol == IPPROTO_TCP || key->protocol == IPPROTO_UDP) && !key->port[0] && !key->port[1];
}

static bool answer(struct worker *worker, struct burst *burst, unsigned at, bool prohibited)
{
	if (!answer_allowed(&worker->answers, burst->time[at])) {
		counter_add(&worker->counters.answers_limited, 1);
		return false;
	}
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);
	if (!mbuf)
		return false;
	uint32_t length = answer_build(burst_frame(worker, burst, at), burst->mbuf[at]->pkt_len, &burst->meta[at],
		prohibited, rte_pktmbuf_mtod(mbuf, uint8_t *));
	if (!length) {
		rte_pktmbuf_free(mbuf);
		return false;
	}
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = length;
	egress_put(worker, burst->interface[at], mbuf, ACCOUNT_ANSWER);
	return true;
}

void judge_refuse(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision)
{
	if (decision->rule != RULE_NONE)
		traffic_add(&worker->rule_counters[decision->rule], burst->mbuf[at]->pkt_len);
	burst->note[at] = (struct burst_note){ .rule = decision->rule, .handler = HANDLER_NONE,
		.verdict = decision->verdict };
	burst_drop(burst, at, decision->reason);
	if (decision->verdict == VERDICT_REJECT && answer(worker, burst, at, decision->answer_prohibited)) {
		burst->fate[at].kind = FATE_ANSWERED;
		if (decision->reason == DROP_REJECT_UNANSWERED)
			burst->meta[at].reason = DROP_NONE;
	}
}

// What opens a flow from a handler's end is not judged: rules guard what listens, not what it asks for.
static struct decision decide_local(const struct interface *device)
{
	return (struct decision){ .rule = RULE_NONE, .listener = LISTENER_NONE, .handler = device->handler,
		.verdict = VERDICT_ACCEPT };
}

struct decision judge_packet(const struct worker *worker, const struct burst *burst, unsigned at)
{
	const struct packet_meta *meta = &burst->meta[at];
	const struct interface *from = &worker->interfaces[burst->interface[at]];
	if (from->role == INTERFACE_HANDLER)
		return decide_local(from);

	enum opener opener = opener_of(meta);
	struct packet_tuple tuple = tuple_of(&meta->key, !!(meta->flags & PACKET_SOURCE_IS_END1),
		opener == OPENER_RESPONDER);
	tuple.vlan = meta->vlan;
	tuple.interface = burst->interface[at];
	tuple.portless = (meta->flags & PACKET_FRAGMENT_LATER) && is_portless(&meta->key);
	struct decision decision;
	policy_classify(burst->policy, &tuple, opener, &decision);
	return decision;
}

struct decision judge_flow(const struct policy *policy, const struct flow *flow, const struct flow_cold *cold)
{
	enum opener opener = opener_of_flow(flow, cold->key.protocol);
	struct packet_tuple tuple = tuple_of(&cold->key, flow->opener_end, opener == OPENER_RESPONDER);
	tuple.vlan = cold->vlan;
	tuple.interface = cold->interface;
	tuple.portless = is_portless(&cold->key);
	struct decision decision;
	policy_classify(policy, &tuple, opener, &decision);
	return decision;
}
