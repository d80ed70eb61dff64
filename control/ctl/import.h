// SPDX-License-Identifier: BSD-3-Clause
// rules import: a file of rules, in any of the languages, as it reads in nft's. No daemon takes part.
#pragma once

#include "control/ctl/requests.h"

// Prints what the file of request_rule_file means (the reference is taken). daemon: none. The exit status.
int import_run(struct daemon *daemon, const struct options *options, json_t *arguments);
