// SPDX-License-Identifier: BSD-3-Clause
// Bytes to packet metadata, or a drop reason. Pure: no DPDK calls, no state, nothing read past the given bytes.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/drop.h"
#include "dataplane/flow_key.h"

enum {
	PARSE_VLAN_MAX = 32,      // tags followed in one frame
	PARSE_EXTENSION_MAX = 64, // IPv6 extension headers followed in one packet
};

enum packet_flag {
	PACKET_HAS_TUPLE = 1 << 0,      // addresses and protocol of the outermost IP header are known
	PACKET_SOURCE_IS_END1 = 1 << 1, // the packet's source is end 1 of the canonical key (else end 0)
	PACKET_FRAGMENT_FIRST = 1 << 2, // offset 0, more to come
	PACKET_FRAGMENT_LATER = 1 << 3, // offset > 0: no ports of its own
	PACKET_ICMP_ERROR = 1 << 4,     // the key is the quoted packet's, reversed
	PACKET_TRUNCATED = 1 << 5,      // the frame holds less than was on the wire, or than the datagram's length
	PACKET_L4_WHOLE = 1 << 6,       // the minimal transport header lies within the datagram and the frame
	PACKET_ICMP_REPLY = 1 << 7,     // answers an ICMP query: its ports in the key are {type asked with, identifier},
					// the asker's {identifier, type}
	PACKET_FRAGMENT = PACKET_FRAGMENT_FIRST | PACKET_FRAGMENT_LATER,
};

// TCP's flag bits as they stand in the header.
enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

// What the packet path knows of one packet. One cache line; lives in the worker's burst, never in the mbuf.
struct packet_meta {
	struct flow_key key;    // of the flow that the packet belongs to; valid if parse returned DROP_NONE
	uint32_t l4_length;     // bytes from the transport header to the end of the datagram, as far as captured
	uint16_t l3_offset;     // of the outermost IP header, from the start of the frame; 0: none
	uint16_t l4_offset;     // of the transport header; 0: none or not reached
	rte_be16_t source_port; // the packet's own (0 where it has none, in later fragments and for ICMP)
	rte_be16_t destination_port;
	uint16_t flags;    // enum packet_flag
	uint16_t vlan;     // outermost VLAN id, 0: untagged
	uint8_t protocol;  // the packet's own, behind the IPv6 extension headers
	uint8_t family;    // enum ip_family; of the outermost IP header
	uint8_t tcp_flags; // enum tcp_flag; 0 where they can't be read
	uint8_t icmp_type; // of ICMP and ICMPv6; 0 where it can't be read
	uint8_t reason;    // enum drop_reason; DROP_NONE while the packet is alive
	uint8_t unused;
	uint16_t vlan_tags; // how many tags
};
static_assert(sizeof(struct packet_meta) == 64, "one cache line");
static_assert(offsetof(struct packet_meta, destination_port) == offsetof(struct packet_meta, source_port) + 2,
	      "as in the transport header");

// What the fragment table needs of a fragment. Filled only if flags & PACKET_FRAGMENT.
struct fragment_info {
	uint32_t id;     // host order; 16 bits on IPv4
	uint32_t offset; // of this fragment's first byte in the datagram's payload, bytes
	uint32_t length; // of this fragment's payload as its header says, bytes
	bool more;       // more fragments follow
};

enum checksum_policy {
	CHECKSUM_TRUST = 0, // the NIC's BAD drops, UNKNOWN passes
	CHECKSUM_VERIFY,    // what the NIC did not check is computed
	CHECKSUM_IGNORE,    // nothing drops for a checksum
};

// What the NIC says of one checksum: four things, and UNKNOWN is not GOOD.
enum checksum_state {
	CHECKSUM_UNKNOWN = 0,
	CHECKSUM_BAD,
	CHECKSUM_GOOD,
	CHECKSUM_NONE, // not in the packet but known good (a paravirtual link)
};

struct parse_options {
	bool martians_drop;     // source multicast or broadcast, land, TCP port 0 are drop reasons
	bool truncated_drop;    // a cut datagram is a drop reason, else it is parsed as far as it goes
	bool vlan_in_key;       // the outermost VLAN id is part of the key
	uint8_t checksum;       // enum checksum_policy
};

struct parse_input {
	const uint8_t *frame;    // from the destination MAC on, contiguous
	uint32_t captured;       // bytes that may be read
	uint32_t on_wire;        // original length where a capture knows it, else the same
	uint8_t ip_checksum;     // enum checksum_state as the NIC reports
	uint8_t l4_checksum;     // enum checksum_state as the NIC reports
};

// Parses one frame. Returns DROP_NONE, or why it goes no further; meta->reason holds the same. Even then the packet's
// own tuple (protocol, ports, addresses at l3_offset) is filled as far as it is there: PACKET_HAS_TUPLE says so.
// fragment may be left untouched when the packet is none. Any thread.
// Sources: RFC 791, 8200, 9293, 768, 792, 4443, 1858, 3128, 5722, 6946, 7112; IEEE 802.1Q.
enum drop_reason parse_frame(const struct parse_input *input, const struct parse_options *options,
			     struct packet_meta *meta, struct fragment_info *fragment);

// The packet's own source and destination address, out of the IP header at meta->l3_offset of the same frame.
// Needs PACKET_HAS_TUPLE.
void packet_addresses(const uint8_t *frame, const struct packet_meta *meta, struct ip_address *source,
		      struct ip_address *destination);

// Gives a fragment the ports that its first fragment had, in the direction of the packet itself, and recomputes the
// canonical key and PACKET_SOURCE_IS_END1. The packet's own ports stay 0.
void packet_set_flow_ports(struct packet_meta *meta, rte_be16_t source, rte_be16_t destination);
