// SPDX-License-Identifier: BSD-3-Clause
// portier check: what is wrong with configuration and rules, or what would run. Needs no EAL, no root, no device.
#pragma once

// config: NULL for the built-in one; rules: instead of the configuration's, NULL for those. Prints to standard output,
// errors to standard error. Returns the exit status.
int check(const char *config, const char *rules);
