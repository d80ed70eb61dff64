// SPDX-License-Identifier: BSD-3-Clause
// portier replay: captures through the real data path, then a report.
#pragma once

#include "control/config.h"

struct replay_options {
	const char *config;  // NULL: built in
	const char *rules;   // NULL: the configuration's
	const char *flows;   // TSV file, NULL: none
	const char *packets; // TSV file, NULL: none
	const char *json;    // file, NULL: none
	unsigned workers;    // 0: 1
	bool quiet;
	uint64_t explain;    // number of the packet that is to be explained (replay_explain.h); 0: none
	char **captures;
	int capture_count;
	char **eal;
	int eal_count;
};

// Returns the exit status: 0, 1 after an error that was printed.
int replay(const struct replay_options *options);
