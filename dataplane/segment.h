// SPDX-License-Identifier: BSD-3-Clause
// A packet as a segment of its flow. Owner thread.
#pragma once

#include <netinet/in.h>

#include "dataplane/burst.h"
#include "dataplane/tcp_state.h"

static inline enum flow_direction direction_of(const struct packet_meta *meta, const struct flow *flow)
{
	return (enum flow_direction)(!!(meta->flags & PACKET_SOURCE_IS_END1) ^ flow->orig_end);
}

// Only TCP segments of the flow itself move its state: not errors about it, nor fragments without a header.
static inline bool is_tcp_segment(const struct packet_meta *meta)
{
	return meta->key.protocol == IPPROTO_TCP && (meta->flags & PACKET_L4_WHOLE) &&
	       !(meta->flags & (PACKET_ICMP_ERROR | PACKET_FRAGMENT_LATER));
}

static inline const uint8_t *segment_header(const struct worker *worker, const struct burst *burst, unsigned at)
{
	return burst_frame(worker, burst, at) + burst->meta[at].l4_offset;
}

static inline void read_segment(const struct worker *worker, const struct burst *burst, unsigned at,
			 struct tcp_segment *segment)
{
	const struct packet_meta *meta = &burst->meta[at];
	uint32_t available = burst->mbuf[at]->pkt_len - meta->l4_offset;
	tcp_read(segment_header(worker, burst, at), RTE_MIN(available, meta->l4_length), meta->l4_length, segment);
}
