// SPDX-License-Identifier: BSD-3-Clause
// Answers to rejected packets: a TCP RST, or an ICMP or ICMPv6 "unreachable".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/parse.h"
#include "dataplane/rule.h"

enum {
	ANSWER_QUOTE_MAX = 548,   // bytes of an ICMP answer: RFC 1812 4.3.2.3 (576 bytes in all)
	ANSWER_BYTES_MAX = 1294,  // longest frame that answer_build writes (IPv6: 1,280 and Ethernet)
};

// Token bucket, one a worker. Ticks of the worker's clock.
struct answer_limit {
	uint64_t interval; // ticks between two answers at the steady rate; 0: none at all
	uint64_t burst;    // ticks' worth of answers that may come at once
	uint64_t next;     // owner's state
};

// Takes one token. false: too many answers. Owner thread.
bool answer_allowed(struct answer_limit *limit, uint64_t now);

// Writes the answer to a rejected packet into out (at least ANSWER_BYTES_MAX bytes), MAC addresses, VLAN tags and IP
// addresses turned round: a TCP RST (RFC 9293 3.10.7.1), or an ICMP or ICMPv6 "unreachable" (types 3 and 1), as answer
// and code say. code: of ANSWER_ICMP_CODE; ANSWER_ICMPX | enum answer_icmpx: the packet's family's own. Returns its length,
// or 0 where no answer is due: multicast, broadcast, unspecified source, later fragments, ICMP errors, RST (RFC 1122 3.2.2,
// RFC 4443 2.4), or an RST for what is not TCP. Any thread.
uint32_t answer_build(const uint8_t *frame, uint32_t captured, const struct packet_meta *meta, enum rule_answer answer,
		      uint8_t code, uint8_t *out);
