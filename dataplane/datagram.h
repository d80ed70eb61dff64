// SPDX-License-Identifier: BSD-3-Clause
// What the parser's files share: where one IP datagram lies in its frame, and careful loads.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "dataplane/parse.h"
#include "dataplane/protocol.h"

enum {
	ETHERNET_HEADER = 14,
	VLAN_TAG = 4,
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100, // IEEE 802.1Q
	IP4_FRAGMENT_BITS = 0x3fff, // offset and MF, without DF
	IP4_HEADER = 20, // without options
	IP6_HEADER = 40,
	ICMP_HEADER = 8, // of queries and errors, both families
	TCP_HEADER = 20, // without options
	UDP_HEADER = 8,
};

// One datagram on its way through the parser; becomes a struct packet_meta in the end. Offsets are from the start of the
// frame.
struct datagram {
	const uint8_t *frame;
	uint32_t captured;  // bytes that may be read
	uint32_t frame_end; // where the frame ended on the wire
	uint32_t l3;        // the IP header; 0: none
	uint32_t l4;        // what lies behind it and its extensions
	uint32_t end;       // where the datagram ends by its own length; may be past captured
	uint32_t limit;     // the smaller of end and captured
	uint32_t l4_length; // bytes from l4 to limit, once the transport header was looked for
	rte_be16_t port[2];      // source, destination: the packet's own
	rte_be16_t flow_port[2]; // source, destination of the flow's key, in the packet's direction
	uint16_t flags; // enum packet_flag
	uint16_t vlan;
	uint16_t vlan_tags;
	uint8_t family; // enum ip_family
	uint8_t protocol;
	uint8_t tcp_flags;
	uint8_t icmp_type;
	uint8_t reason;   // enum drop_reason
	bool transport;   // l4 is a transport header
	bool lengthless;  // its length field is 0: it is taken to fill the frame
	bool routed;      // a routing or home address option hides an address of the pseudo-header
	bool ports_known; // flow_port is what the protocol asks for
};

static inline uint16_t load_be16(const uint8_t *bytes)
{
	rte_be16_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_16(value);
}

static inline uint32_t load_be32(const uint8_t *bytes)
{
	rte_be32_t value;

	memcpy(&value, bytes, sizeof(value));
	return rte_be_to_cpu_32(value);
}

// Notes why the packet goes no further; the first reason stays.
static inline void datagram_fail(struct datagram *d, enum drop_reason reason)
{
	if (d->reason == DROP_NONE)
		d->reason = reason;
}

static inline unsigned address_bytes(enum ip_family family)
{
	return family == FAMILY_IP4 ? 4 : 16;
}

// Where the two addresses lie, one behind the other.
static inline const uint8_t *datagram_addresses(const struct datagram *d)
{
	return d->frame + d->l3 + (d->family == FAMILY_IP4 ? 12 : 8);
}

// The five extension headers that the walk follows, as bits.
static inline bool ip6_is_extension(uint8_t next)
{
	const uint64_t extensions = 1ULL << PROTO_HOP_BY_HOP | 1ULL << PROTO_ROUTING | 1ULL << PROTO_FRAGMENT |
				    1ULL << PROTO_AH | 1ULL << PROTO_DESTINATION_OPTIONS;

	return next < 64 && (extensions >> next & 1);
}

// Parses any packet: what parse_frame promises, without its straight line for common ones. Kept out of the loop over these.
__attribute__((noinline)) enum drop_reason parse_any(const struct parse_input *input, const struct parse_options *options,
			   struct packet_meta *meta, struct fragment_info *fragment);

// The datagram's length field is 0: a segmentation offload's capture, unless a jumbo payload option (RFC 2675) has the
// length.
void datagram_ip6_lengthless(struct datagram *d, uint8_t next);

// Walks the extension headers from d->l4, if next says that there are any. Sets protocol, l4 and fragment, and transport
// unless it is a later fragment or a header is cut off.
void datagram_ip6_extensions(struct datagram *d, uint8_t next, struct fragment_info *fragment);

// Takes down a fragment whose payload starts at start, behind unfragmentable bytes that count in its datagram's length,
// and looks for malformed ones.
void datagram_fragment(struct datagram *d, uint32_t start, uint32_t unfragmentable, struct fragment_info *fragment);

// Finds the flow ports of an ICMP or ICMPv6 message whose minimal header is there.
void datagram_icmp(struct datagram *d);

// Judges the checksums of a packet that is in order otherwise.
void datagram_checksums(struct datagram *d, const struct parse_input *input, enum checksum_policy policy);
