// SPDX-License-Identifier: BSD-3-Clause
// What becomes of one packet, and why: told by the code that decides it, run on a packet of its own. Nothing is counted,
// nothing taken from limits, no flow made.
#pragma once

#include <jansson.h>

#include "control/runtime.h"

struct explain_input {
	const uint8_t *frame;
	uint32_t captured, on_wire;
	uint8_t interface; // where it comes in
	uint64_t time;     // ticks of the workers' clock
	uint8_t checksum;  // enum checksum_state: what the device says of all of them
};

// The whole way of a frame: {"packet", "queue", "flow", "rules", "verdict", "matcher", "listeners", "outcome"}, as far as it
// goes; README.md names the fields. Fragments find their first only where the workers stand still. New reference, NULL with a
// text.
json_t *explain_frame(const struct runtime *runtime, const struct explain_input *input, struct error *error);

// The same of a packet in words (explain_words.h).
json_t *explain_words(const struct runtime *runtime, const char *text, struct error *error);
