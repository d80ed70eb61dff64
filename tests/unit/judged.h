// SPDX-License-Identifier: BSD-3-Clause
// For the tests of what rules decide on: some frames and rules, and what became of the worker's packets and flows.
#pragma once

#include "tests/unit/fake_worker.h"

// A datagram in two fragments.
static inline uint16_t dns_fragment(uint8_t *frame, unsigned i)
{
	uint16_t length = frame_udp(frame, DNS, 24);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + sizeof(struct rte_ether_hdr));
	ip->packet_id = htons(7);
	ip->fragment_offset = htons(i == 0 ? RTE_IPV4_HDR_MF_FLAG : 4);
	return length;
}

static inline struct flow *web_flow(void)
{
	return flow_at(WEB, TCP);
}

static inline struct flow *dns_flow(void)
{
	return flow_at(DNS, UDP);
}

static inline uint64_t dropped(enum drop_reason reason)
{
	return worker()->counters.drops[reason].packets;
}

static inline uint64_t matched(uint32_t slot)
{
	return worker()->rule_counters[slot].packets;
}

static inline uint64_t handed(void)
{
	return worker()->counters.handed.packets;
}

static inline struct rule limited(uint16_t port, struct rule_limit_state *limit)
{
	struct rule rule = rule_port(UDP, port, VERDICT_ACCEPT);
	rule.limit = (struct rule_limit){ .rate = 1, .burst = 2, .period_sec = 1 };
	rule.limit_state = limit;
	return rule;
}
