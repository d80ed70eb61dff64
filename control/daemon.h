// SPDX-License-Identifier: BSD-3-Clause
// portier run: the daemon on NICs or virtual devices.
#pragma once

struct daemon_options {
	const char *config;
	const char *rules; // instead of the configuration's file; NULL: that one
	const char *json;  // file for the report at the end, "-": standard output, in the place of its text; NULL: none
	unsigned latency;  // of so many packets one is measured; 0: as the configuration says
	char **eal;
	int eal_count;
};

// Runs until SIGTERM or SIGINT, then drains and prints the ledger. Returns the exit status: 0, or 1 after an error that was
// printed.
int daemon_run(const struct daemon_options *options);
