// SPDX-License-Identifier: BSD-3-Clause
// portier check: what is wrong with configuration and rules, or what would run. Needs no EAL, no root, no device.
#pragma once

#include <stdbool.h>

// config: NULL for the built-in one; rules: instead of the configuration's, NULL for those. Prints to standard output,
// errors and warnings about the rules to standard error. Returns the exit status: 0, 1 after an error, with strict after a
// warning too.
int check(const char *config, const char *rules, bool strict);
