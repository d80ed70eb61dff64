// SPDX-License-Identifier: BSD-3-Clause
// Capture files, read ahead with libpcap: what they hold, where they break off, and what net_pcap won't tell.
#pragma once

#include "control/error.h"
#include "dataplane/worker.h"

struct capture {
	const char *file;
	struct capture_index index;
	uint64_t first_ns, last_ns;   // earliest and latest time stamp
	uint64_t bytes;               // captured
	uint32_t longest;             // captured bytes of the longest frame
	char broken[256];             // why it breaks off after index.count packets; "": it does not
};

// Walks the whole file. 0, even if it breaks off in the middle (broken says how); -1 with a text if nothing of it can be
// replayed: no such file, no capture, link type not Ethernet.
int capture_open(const char *file, struct capture *capture, struct error *error);
void capture_close(struct capture *capture);
