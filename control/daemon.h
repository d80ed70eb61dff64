// SPDX-License-Identifier: BSD-3-Clause
// portier run: the daemon on NICs or virtual devices.
#pragma once

// Runs until SIGTERM or SIGINT, then drains and prints the ledger. Returns the exit status: 0, or 1 after an error that was
// printed. rules: instead of the configuration's file; NULL: that one.
int daemon_run(const char *config, const char *rules, char **eal, int eal_count);
