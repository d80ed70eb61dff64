// SPDX-License-Identifier: BSD-3-Clause
// Feeds captures to the workers of a replay, one after another, through a net_pcap device each. Control thread.
#pragma once

#include <jansson.h>
#include <signal.h>

#include "control/capture.h"
#include "control/runtime.h"

struct feed {
	struct runtime *runtime;
	sigset_t stop_signals; // blocked; one that is pending stops the feed
	bool interrupted;
	unsigned fed;          // captures
	uint64_t next_number;  // of the next packet, from 1
	uint64_t latest_ns;    // latest time stamp so far
	uint64_t ticks;        // of the TSC that packets took; opening and closing of devices is not in it
	uint64_t sent;         // packets that were sent on captures' devices so far
	json_t *interfaces;    // what stats_interfaces said of each
};

// Whether a stop signal has come; the first one is taken, a second ends the program.
bool feed_interrupted(struct feed *feed);

void feed_start(struct feed *feed, struct runtime *runtime, const sigset_t *stop_signals);

// Runs one capture through the workers and waits until they are at rest. Flows end before it if it begins before the
// latest packet so far. 0, also where a signal cut it short; -1 with a text.
int feed_capture(struct feed *feed, struct capture *capture, struct error *error);
