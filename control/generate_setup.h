// SPDX-License-Identifier: BSD-3-Clause
// A generator made ready: EAL, devices, buffers, streams. Control thread.
#pragma once

#include "control/generate_config.h"
#include "control/numa.h"
#include "dataplane/generate.h"
#include "dataplane/interface.h"

struct generate_setup {
	const struct generate_config *config;
	struct cpu_plan cpus;
	struct interface interfaces[GENERATE_SIDES];
	unsigned interface_count;
	struct generate_stream streams[GENERATE_STREAMS_MAX];
	unsigned stream_count;
	struct generate *generate;
	bool eal_running;
};

// Starts the EAL, opens the devices and waits for their links, makes the streams. 0, or -1 with a text; nothing stays
// behind.
int generate_setup_make(struct generate_setup *setup, const struct generate_config *config, char **eal, int eal_count,
			struct error *error);

// Undoes it.
void generate_setup_undo(struct generate_setup *setup);

// Makes its flows anew, closed, and sets all counters to 0, so that it can run again. 0 or -1 with a text.
int generate_setup_reset(struct generate_setup *setup, struct error *error);
