// SPDX-License-Identifier: BSD-3-Clause
// Frames of generated traffic: headers from a template, checksums, and a stamp by which a reply is known again. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "dataplane/flow_key.h"

enum {
	GENERATE_MAC_BYTES = 6,
	GENERATE_VLAN_MAX = 2,
	GENERATE_FCS_BYTES = 4, // not part of a frame's length here
	GENERATE_FRAME_MIN = 60,
	GENERATE_FRAME_MAX = 9014,
	GENERATE_HEADER_MAX = 96, // 14 + 2 * 4 + 40 + 20, and what stands behind is zero
	GENERATE_STAMP_SHIFT = 4, // TSC ticks to those of a stamp, which go round in 2^36: some 20 s
};

enum generate_side {
	GENERATE_CLIENT = 0,
	GENERATE_SERVER,
	GENERATE_SIDES
};

struct generate_link {
	uint8_t source[GENERATE_MAC_BYTES];
	uint8_t destination[GENERATE_MAC_BYTES];
	uint16_t vlan[GENERATE_VLAN_MAX]; // outermost first
	uint8_t vlans;
};

struct generate_template {
	uint8_t header[GENERATE_HEADER_MAX]; // of the client's side
	uint64_t source, destination; // host order: the last 4 or 8 bytes of the first address of each prefix
	uint8_t l3, l4, payload; // where they begin
	uint8_t family;   // enum ip_family
	uint8_t protocol; // PROTO_UDP or PROTO_TCP
};

// What a payload begins with: whose it is and when it was sent. tag tells it from what others send.
struct generate_stamp {
	rte_be16_t tag;
	rte_be32_t slot;     // of all flows
	rte_be32_t sequence; // of that slot's stamped packets
	rte_be32_t time;     // TSC >> GENERATE_STAMP_SHIFT
} __attribute__((packed));

// One packet of a conversation. Addresses count from the first of their prefix; ports in host order. All of the client's
// end first, whoever sends.
struct generate_packet {
	uint64_t source, destination;
	uint16_t source_port, destination_port;
	uint16_t length; // of the frame without FCS: what headers, and the stamp, need at least
	uint8_t side;    // enum generate_side: who sends it
	uint8_t tcp_flags;
	bool stamped;
	uint32_t tcp_sequence, tcp_acknowledgment;
	uint32_t slot, sequence; // of the stamp
};

// Headers for conversations between two prefixes, whose first addresses are given.
void generate_template_make(struct generate_template *template, const struct generate_link *link, uint8_t family,
			    uint8_t protocol, const struct ip_address *source, const struct ip_address *destination);

// Bytes that a frame (without FCS) has at least, with a stamp or without.
uint16_t generate_frame_least(const struct generate_template *template, bool stamped);

// Writes length bytes (and perhaps zeros up to GENERATE_HEADER_MAX) to frame. key and time: of the stamp.
void generate_frame_write(const struct generate_template *template, const struct generate_packet *packet, uint64_t key,
			  uint32_t time, uint8_t *frame);

// The tag of a stamp under that key.
rte_be16_t generate_stamp_tag(uint64_t key, const struct generate_stamp *stamp);
