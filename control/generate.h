// SPDX-License-Identifier: BSD-3-Clause
// portier generate: traffic out of a DPDK device, and a report.
#pragma once

#include <stdbool.h>

struct generate_options {
	const char *config;
	const char *json; // file, NULL: none
	const char *svg;  // the same, of portier ndr
	bool quiet;
	char **eal;
	int eal_count;
};

// Returns the exit status: 0, 1 after an error that was printed, 130 if a signal ended it before its time.
int generate(const struct generate_options *options);
