// SPDX-License-Identifier: BSD-3-Clause
// "rules try": starts a trial, waits for it, and shows what it found.
#pragma once

#include "control/ctl/requests.h"

// {"text", "file", "seconds"}
json_t *try_arguments(const struct options *options, char **words, unsigned count);

// The whole of it; Ctrl-C ends it early. 0, or -1 after an error was printed.
int try_run(struct daemon *daemon, const struct options *options, json_t *arguments);
