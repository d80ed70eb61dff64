// SPDX-License-Identifier: BSD-3-Clause
// Asks the policy about packets that have no flow, and again about flows whose policy is old. Owner thread.
#pragma once

#include "dataplane/burst.h"

// Who sends a packet that has no flow yet, as far as it tells by itself.
enum opener opener_of(const struct packet_meta *meta);

// What the policy says of a packet that opens a flow. What comes from a handler's device is let out.
struct decision judge_packet(const struct worker *worker, const struct burst *burst, unsigned at);

// What it says of a live flow: of the packet that opened it, for such it is that rules judge.
struct decision judge_flow(const struct policy *policy, const struct flow *flow, const struct flow_cold *cold);

// The packet is not let in: dropped in silence, or answered.
void judge_refuse(struct worker *worker, struct burst *burst, unsigned at, const struct decision *decision);
