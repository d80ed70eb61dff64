// SPDX-License-Identifier: BSD-3-Clause
// Prints the packets that rules log, a line each, in the style of the kernel's LOG target. Control thread only.
#pragma once

#include <stdio.h>

#include "control/runtime.h"
#include "dataplane/rule_log.h"

enum { RULE_LOG_LINE_MAX = 512 };

// "web: IN=wire OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=TCP SPT=54321 DPT=80 SYN VERDICT=drop". Returns line.
const char *rule_log_format(const struct rule_log_record *record, const char *prefix, const char *interface,
			    char line[RULE_LOG_LINE_MAX]);

// Takes what waits in the rings of all workers and prints it. Returns how many lines.
unsigned rule_log_print(const struct runtime *runtime, FILE *out);
