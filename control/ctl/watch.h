// SPDX-License-Identifier: BSD-3-Clause
// portierctl stats --watch: the same picture again and again, with rates.
#pragma once

#include "control/ctl/ask.h"
#include "control/ctl/requests.h"

// Reads "2" or "0.5". false: no such number.
bool watch_seconds(const char *text, double *seconds);

// Refreshes until Ctrl-C (0) or an error (-1, printed).
int watch_stats(struct daemon *daemon, const struct options *options);

// A descriptor that Ctrl-C and SIGTERM make readable, instead of ending the program in the middle of something.
int watch_signals(void);

// Waits. false: one of them came, and it is time to end.
bool watch_wait(int signals, double seconds);
