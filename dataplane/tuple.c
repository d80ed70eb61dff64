// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/tuple.h"

#include <netinet/in.h>

#include "dataplane/datagram.h"
#include "dataplane/protocol.h"

enum opener opener_of_flow(const struct flow *flow, const struct flow_cold *cold)
{
	if (cold->key.protocol != IPPROTO_TCP && !protocol_is_icmp(cold->key.protocol))
		return OPENER_UNKNOWN;
	return flow->opener_end == flow->orig_end ? OPENER_ORIGINATOR : OPENER_RESPONDER;
}

// RFC 792, RFC 4443: the type of a query's reply is the request's plus one, but for IPv4 echo.
static uint8_t reply_type(uint8_t protocol, uint16_t request)
{
	return (uint8_t)(protocol == IPPROTO_ICMP && request == 8 ? 0 : request + 1);
}

// End source of the key is the sender; from_responder tells what it sends.
static void tuple_of_ends(const struct flow_key *key, unsigned source, bool from_responder, struct packet_tuple *tuple)
{
	*tuple = (struct packet_tuple){
		.source = key->address[source],
		.destination = key->address[!source],
		.family = key->family,
		.protocol = key->protocol,
		.next_header = key->protocol,
	};
	if (protocol_is_icmp(key->protocol)) {
		unsigned asked = from_responder ? source : !source;
		tuple->source_port = rte_be_to_cpu_16(key->port[!asked]);
		tuple->asked_type = rte_be_to_cpu_16(key->port[asked]);
		tuple->icmp_type = from_responder ? reply_type(key->protocol, tuple->asked_type) :
						    (uint8_t)tuple->asked_type;
	} else {
		tuple->source_port = rte_be_to_cpu_16(key->port[source]);
		tuple->destination_port = rte_be_to_cpu_16(key->port[!source]);
	}
}

static uint8_t icmp_code_of(const uint8_t *frame, const struct packet_meta *meta)
{
	bool icmp = meta->protocol == icmp_of(meta->family);
	return icmp && meta->flags & PACKET_L4_WHOLE ? frame[meta->l4_offset + 1] : 0;
}

bool key_is_portless(const struct packet_meta *meta)
{
	return !(meta->flags & PACKET_L4_WHOLE) && !meta->key.port[0] && !meta->key.port[1];
}

// As the flow sees it: conntrack, too, shows rules whole datagrams.
static void take_ports_of_first(const struct packet_meta *meta, struct packet_tuple *tuple)
{
	struct packet_tuple whole;
	tuple_of_ends(&meta->key, !!(meta->flags & PACKET_SOURCE_IS_END1), meta->flags & PACKET_ICMP_REPLY, &whole);
	tuple->protocol = whole.protocol;
	tuple->source_port = whole.source_port;
	tuple->destination_port = whole.destination_port;
	tuple->icmp_type = whole.icmp_type;
	tuple->portless = key_is_portless(meta);
}

// The key of all but ICMP errors has the packet's own addresses.
static void copy_addresses(const uint8_t *frame, const struct packet_meta *meta, struct packet_tuple *tuple)
{
	unsigned source = !!(meta->flags & PACKET_SOURCE_IS_END1);
	if (meta->flags & PACKET_ICMP_ERROR) {
		packet_addresses(frame, meta, &tuple->source, &tuple->destination);
		return;
	}
	tuple->source = meta->key.address[source];
	tuple->destination = meta->key.address[!source];
}

static uint8_t next_header_of(const uint8_t *frame, const struct packet_meta *meta)
{
	return frame[meta->l3_offset + (meta->family == FAMILY_IP4 ? 9 : 6)];
}

void tuple_of_unusual(const struct worker *worker, const struct burst *burst, unsigned at,
		      enum connection_state connection, struct packet_tuple *tuple)
{
	const struct packet_meta *meta = &burst->meta[at];
	const uint8_t *frame = burst_frame(worker, burst, at);

	*tuple = (struct packet_tuple){
		.source_port = rte_be_to_cpu_16(meta->source_port),
		.destination_port = rte_be_to_cpu_16(meta->destination_port),
		.vlan = meta->vlan,
		.next_header = next_header_of(frame, meta),
		.connection = (uint8_t)connection,
		.tcp_flags = meta->tcp_flags,
		.interface = burst->interface[at],
		.protocol = meta->protocol,
		.family = meta->family,
		.icmp_type = meta->icmp_type,
		.icmp_code = icmp_code_of(frame, meta),
		.tagged = meta->vlan_tags != 0,
		.portless = !(meta->flags & PACKET_L4_WHOLE),
	};
	copy_addresses(frame, meta, tuple);
	if (tuple->portless && !burst->policy->by_packet && !(meta->flags & PACKET_ICMP_ERROR))
		take_ports_of_first(meta, tuple);
	packet_tuple_seal(tuple);
}

void tuple_of_flow(const struct flow *flow, const struct flow_cold *cold, struct packet_tuple *tuple)
{
	bool from_responder = opener_of_flow(flow, cold) == OPENER_RESPONDER;
	tuple_of_ends(&cold->key, flow->opener_end, from_responder, tuple);
	tuple->vlan = cold->vlan;
	tuple->tagged = cold->tagged;
	tuple->interface = cold->interface;
	tuple->portless = cold->portless;
	tuple->connection = flow->generation & FLOW_UNOPENED ? CONNECTION_INVALID : CONNECTION_NEW;
	if (cold->key.protocol == IPPROTO_TCP)
		tuple->tcp_flags = !cold->syn ? TCP_ACK : from_responder ? TCP_SYN | TCP_ACK : TCP_SYN;
}

void tuple_of_key(const struct burst *burst, unsigned at, struct packet_tuple *tuple)
{
	const struct packet_meta *meta = &burst->meta[at];
	tuple_of_ends(&meta->key, !!(meta->flags & PACKET_SOURCE_IS_END1), meta->flags & PACKET_ICMP_REPLY, tuple);
	tuple->vlan = meta->vlan;
	tuple->tagged = meta->vlan_tags != 0;
	tuple->interface = burst->interface[at];
	tuple->portless = key_is_portless(meta);
	tuple->connection = CONNECTION_NEW;
}
