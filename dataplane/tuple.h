// SPDX-License-Identifier: BSD-3-Clause
// Makes the tuples that rules and listeners are asked about. Owner thread.
#pragma once

#include "dataplane/burst.h"
#include "dataplane/protocol.h"
#include "dataplane/word.h"

enum { TCP_COURSE = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK }; // flags that tell where in a connection a segment stands

// Whether a connection may be taken up at this packet: of TCP a SYN, or a segment from its midst, but neither the answer to a SYN
// that was not seen nor an end. Any thread.
static inline bool opens_connection(const struct packet_meta *meta)
{
	const uint8_t course = meta->tcp_flags & TCP_COURSE;

	return meta->key.protocol != PROTO_TCP || !(meta->flags & PACKET_L4_WHOLE) || course == TCP_SYN || course == TCP_ACK;
}

// Who sends a packet, as far as it tells by itself. RFC 9293 3.5: only who was asked answers with SYN-ACK.
static inline enum opener opener_of(const struct packet_meta *meta)
{
	if (likely(meta->key.protocol == PROTO_TCP)) {
		if ((meta->tcp_flags & TCP_COURSE) == TCP_SYN)
			return OPENER_ORIGINATOR;
		return (meta->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ? OPENER_RESPONDER : OPENER_UNKNOWN;
	}
	if (protocol_is_icmp(meta->key.protocol))
		return meta->flags & PACKET_ICMP_REPLY ? OPENER_RESPONDER : OPENER_ORIGINATOR;
	return OPENER_UNKNOWN;
}

// The same of a flow that lives: it does not turn round in mid-life.
enum opener opener_of_flow(const struct flow *flow, const struct flow_cold *cold);

// Whether a fragment's first, or what there is of a header that is cut off, has told no ports: those of the key are 0 and 0 then.
bool key_is_portless(const struct packet_meta *meta);

// The straight line of tuple_of_packet: for TCP and the like on untagged IPv4, whole. In words, as they stand in both: field by
// field it would be two dozen loads and stores. false, and nothing done, of all others: these are for tuple_of_unusual.
static __rte_always_inline bool tuple_of_usual(const struct packet_meta *meta, uint8_t interface, enum connection_state connection,
					       struct packet_tuple *tuple)
{
	const uint32_t ports = load_raw32((const uint8_t *)&meta->source_port); // the packet's own, source and destination
	const uint64_t kind = load_raw64(&meta->protocol); // protocol, family, TCP's flags, ICMP's type, ..., number of tags
	const uint64_t usual = (uint64_t)FAMILY_IP4 << 8, usual_mask = UINT64_C(0xffff00000000ff00);
	const unsigned source = meta->flags / PACKET_SOURCE_IS_END1 & 1;

	if (unlikely((kind & usual_mask) != usual || (uint8_t)kind == PROTO_ICMP || !(meta->flags & PACKET_L4_WHOLE)))
		return false;
	tuple->source = meta->key.address[source];
	tuple->destination = meta->key.address[!source];
	put_word(&tuple->source_port, rotate32(rte_be_to_cpu_32(ports), 16), 0);
	put_word(&tuple->next_header, (kind & 0xff00ff) | (uint32_t)connection << 8 | (uint32_t)interface << 24,
		(uint32_t)kind & 0xff00ffff);
	put_word(tuple->acl_port, ports, VLAN_UNTAGGED);
	put_word(&tuple->icmp_code, (uint32_t)true << 24, 0);
	return true;
}
static_assert(offsetof(struct packet_meta, family) == offsetof(struct packet_meta, protocol) + 1 &&
		offsetof(struct packet_meta, tcp_flags) == offsetof(struct packet_meta, protocol) + 2 &&
		offsetof(struct packet_meta, icmp_type) == offsetof(struct packet_meta, protocol) + 3 &&
		offsetof(struct packet_meta, vlan_tags) == offsetof(struct packet_meta, protocol) + 6, "a word");
static_assert(offsetof(struct packet_tuple, destination_port) == offsetof(struct packet_tuple, source_port) + 2 &&
		offsetof(struct packet_tuple, asked_type) == offsetof(struct packet_tuple, source_port) + 4 &&
		offsetof(struct packet_tuple, vlan) == offsetof(struct packet_tuple, source_port) + 6, "a word");
static_assert(offsetof(struct packet_tuple, connection) == offsetof(struct packet_tuple, next_header) + 1 &&
		offsetof(struct packet_tuple, tcp_flags) == offsetof(struct packet_tuple, next_header) + 2 &&
		offsetof(struct packet_tuple, interface) == offsetof(struct packet_tuple, next_header) + 3 &&
		offsetof(struct packet_tuple, protocol) == offsetof(struct packet_tuple, next_header) + 4 &&
		offsetof(struct packet_tuple, family) == offsetof(struct packet_tuple, next_header) + 5 &&
		offsetof(struct packet_tuple, icmp_type) == offsetof(struct packet_tuple, next_header) + 7, "a word");
static_assert(offsetof(struct packet_tuple, acl_vlan) == offsetof(struct packet_tuple, acl_port) + 4 &&
		offsetof(struct packet_tuple, acl_unused) == offsetof(struct packet_tuple, acl_port) + 6, "a word");
static_assert(offsetof(struct packet_tuple, sealed) == offsetof(struct packet_tuple, icmp_code) + 3 &&
		sizeof(struct packet_tuple) == offsetof(struct packet_tuple, icmp_code) + 8, "a word");

// What rules judge a packet by: its own outermost headers. Where rules judge flows, later fragments have the ports of
// their first. Sealed.
void tuple_of_unusual(const struct worker *worker, const struct burst *burst, unsigned at,
		      enum connection_state connection, struct packet_tuple *tuple);
static __rte_always_inline void tuple_of_packet(const struct worker *worker, const struct burst *burst, unsigned at,
						enum connection_state connection, struct packet_tuple *tuple)
{
	if (unlikely(!tuple_of_usual(&burst->meta[at], burst->interface[at], connection, tuple)))
		tuple_of_unusual(worker, burst, at, connection, tuple);
}

// What they judge a flow by: the packet that opened it, as far as the flow remembers.
void tuple_of_flow(const struct flow *flow, const struct flow_cold *cold, struct packet_tuple *tuple);

// What a listener is looked for by, for a packet that opens a flow: the flow's ends.
void tuple_of_key(const struct burst *burst, unsigned at, struct packet_tuple *tuple);

// The same of a packet that rules have judged: what these were asked about, where the flow's ends are the packet's own; else it is
// made in own.
static inline const struct packet_tuple *tuple_for_listener(const struct burst *burst, unsigned at, struct packet_tuple *own)
{
	const struct packet_tuple *judged = &burst->tuple[at];

	if (likely(!judged->portless && !protocol_is_icmp(judged->protocol)))
		return judged;
	tuple_of_key(burst, at, own);
	return own;
}
