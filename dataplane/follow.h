// SPDX-License-Identifier: BSD-3-Clause
// A packet moves the state of its flow. Owner thread.
#pragma once

#include "dataplane/burst.h"

// Any packet of the flow: moves its state, and answers the opener. false: it opens a new connection between the same two ends
// (RFC 6191).
bool follow_packet(struct worker *worker, struct burst *burst, unsigned at, uint32_t index);
