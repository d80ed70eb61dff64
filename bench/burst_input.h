// SPDX-License-Identifier: BSD-3-Clause
// Packets for the packet path, made from numbers: nothing is stored, so that a source of 16 million flows leaves the caches
// alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { INPUT_FRAME_MAX = 256 }; // bytes

// The packets of a conversation, as far as they differ.
enum input_step {
	STEP_OPEN,   // a SYN, where it is TCP
	STEP_ANSWER, // its SYN-ACK
	STEP_ASK,    // a segment of the established connection, from the originator
	STEP_REPLY,  // and from the responder
	INPUT_STEPS
};

struct input {
	const char *name; // words, for --only
	unsigned fresh;   // of 1,024 packets, so many are SYNs that open a flow each
	bool hostile;     // packets that are wrong in many ways, and belong to no flow
	bool denied;      // rules drop what is fresh
	uint16_t (*write)(uint8_t *frame, uint32_t flow, enum input_step step); // the frame's length
};

extern const struct input inputs[];
enum { INPUTS = 10 };

// A SYN of a source that was not there before; number: of the packet. Returns its length.
uint16_t input_fresh(uint8_t *frame, uint64_t number);
