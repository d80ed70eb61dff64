// SPDX-License-Identifier: BSD-3-Clause
// What comes back to a generator: which of its stamped packets, in what order, and how long they took. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/latency.h"

// Of one slot: the stamps that came back.
struct generate_seen {
	uint64_t window;   // bit i: expected - 1 - i came
	uint32_t expected; // one behind the greatest that came
	uint32_t unused;
};

// How many stamps that slot has sent by now.
typedef uint32_t (*generate_sent_fn)(const void *sender, uint32_t slot);

struct generate_check {
	struct generate_seen *seen; // by slot; owned; NULL: replies are counted, not checked
	uint32_t slots;
	uint64_t key; // of the stamps
	generate_sent_fn sent; // NULL: nobody knows; then a foreign packet that looks stamped may pass for one from far ahead
	const void *sender;
	struct traffic received;
	struct traffic stamped;  // own stamps, duplicates too
	uint64_t duplicates;
	uint64_t reordered;      // came behind a later one of its flow (RFC 4737 3.3)
	uint64_t unstamped;      // whole packets that are none of the stamped ones
	uint64_t resets, icmp;   // among them: TCP segments with RST; ICMP and ICMPv6
	uint64_t malformed;      // frames that the parser refuses, wrong checksums among them
	// Of all stamped ones, in TSC >> GENERATE_STAMP_SHIFT.
	struct latency latency;
	uint64_t latency_sum, latency_least; // the least is UINT64_MAX while there is none
};

// slots: how many flows there are; 0: don't check. 0 or -ENOMEM. Control thread.
int generate_check_init(struct generate_check *check, uint32_t slots, uint64_t key);
void generate_check_free(struct generate_check *check);

// Counts one frame that came in at that time (TSC).
void generate_check_frame(struct generate_check *check, const uint8_t *frame, uint32_t length, uint64_t now);

// Different stamped packets that came back.
static inline uint64_t generate_check_returned(const struct generate_check *check)
{
	return check->stamped.packets - check->duplicates;
}
