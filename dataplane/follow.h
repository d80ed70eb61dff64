// SPDX-License-Identifier: BSD-3-Clause
// A packet moves the state of its flow. Owner thread.
#pragma once

#include "dataplane/segment.h"

// Any segment of the flow. false: it opens a new connection between the same two ends (RFC 6191).
bool follow_segment(struct worker *worker, struct burst *burst, unsigned at, uint32_t index);

// The other end has answered the opener of an embryonic flow.
void follow_answer(struct worker *worker, struct burst *burst, unsigned at, uint32_t index);

// What most packets need of both stands inline. false: as of follow_segment.
static __rte_always_inline bool follow_packet(struct worker *worker, struct burst *burst, unsigned at, uint32_t index)
{
	const struct packet_meta *meta = &burst->meta[at];
	struct flow *flow = flow_table_flow(worker->flows, index);

	if (is_tcp_segment(meta) &&
		unlikely(!tcp_follow_usual(flow, direction_of(meta, flow), segment_header(worker, burst, at))) &&
		!follow_segment(worker, burst, at, index))
		return false;
	if (unlikely(flow->embryonic)) {
		bool from_opener = !!(meta->flags & PACKET_SOURCE_IS_END1) == flow->opener_end;
		if (!from_opener && !(meta->flags & PACKET_ICMP_ERROR))
			follow_answer(worker, burst, at, index);
	}
	return true;
}
