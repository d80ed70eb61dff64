// SPDX-License-Identifier: BSD-3-Clause
// TCP followed from the middle: RFC 9293's state machine as a table over what both ends are seen to send.
#pragma once

#include <stdbool.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/flow.h"
#include "dataplane/parse.h"

// One segment as the state machine sees it. Host byte order.
struct tcp_segment {
	uint32_t sequence;
	uint32_t acknowledgement;
	uint32_t payload; // bytes
	uint16_t window;
	uint8_t flags;   // enum tcp_flag
	uint8_t scale;   // window scale option of a SYN (RFC 7323), 15: none
};

enum tcp_result {
	TCP_FOLLOWED, // state and windows are up to date
	TCP_REOPENED, // a new SYN on a closed or TIME_WAIT flow (RFC 1122 4.2.2.13): the caller ends this flow and opens a new one
};

// Reads the segment out of a TCP header of which available bytes may be read (at least 20).
void tcp_read(const uint8_t *header, uint32_t available, uint32_t l4_length, struct tcp_segment *segment);

// Sets the state of a new flow by its first segment, sent in direction.
void tcp_open(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment);

// Follows one more segment. Acknowledgements that the sender can't mean, old ones and those beyond the window, move no
// window (RFC 9293 3.10.7.4). An RST ends the flow only if its sequence number is in the window, where that is known
// (RFC 9293 3.5.2, RFC 5961 3.2), and before anybody answered only if it acknowledges the SYN (RFC 9293 3.10.7.3); a SYN on an established flow changes nothing (RFC 5961 4.2).
enum tcp_result tcp_follow(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment);

// Does the same for the segments that most are: on an established connection they acknowledge something within the window
// that their sender offered, and do nothing else. false, and nothing done, for all others. header: 20 bytes at least.
static inline bool tcp_follow_usual(struct flow *flow, enum flow_direction direction, const uint8_t *header)
{
	const uint64_t word = flow->word;
	const uint8_t flags = header[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	rte_be32_t acknowledgement;
	rte_be16_t window;

	memcpy(&acknowledgement, header + 8, sizeof(acknowledgement));
	memcpy(&window, header + 14, sizeof(window));
	const uint32_t next = rte_be_to_cpu_32(acknowledgement);
	// Scaled, the window would be no smaller; an old acknowledgement is far ahead of what is known.
	if (FLOW_FIELD(word, state, FLOW_STATE_BITS) != FLOW_TCP_ESTABLISHED || flags != TCP_ACK ||
		!(FLOW_FIELD(word, tcp_known, 2) >> direction & 1) ||
		next - flow->tcp_next[direction] > flow->tcp_window[direction])
		return false;
	flow->tcp_next[direction] = next;
	flow->tcp_window[direction] = rte_be_to_cpu_16(window);
	return true;
}
