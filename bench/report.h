// SPDX-License-Identifier: BSD-3-Clause
// The results, for people and for programs.
#pragma once

#include "bench/cell.h"
#include "bench/group.h"

// Processor, memory, plan: what to know before reading figures.
void report_machine(const struct group *group);

// Standard output.
void report_lookups(const struct results *results);
void report_sharing(const struct results *results);
void report_filling(const struct results *results);

// 0; or -errno, with a message on stderr.
int report_json(const struct results *results, const char *path);
