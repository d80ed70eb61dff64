// SPDX-License-Identifier: BSD-3-Clause
// Rules by what they ask for, so that those that match one packet are found without looking at all. For comparing rules
// in control: workers have their matcher (dataplane/rule_match.h), which needs a running EAL and tells the first alone.
// One thread.
#pragma once

#include "control/rule_entry.h"
#include "dataplane/rule_match.h"

struct rule_index;

// Indexes those of count rules that decide whatever they match: without a limit, and with a verdict. The entries remain
// the caller's and must live as long. NULL without memory.
struct rule_index *rule_index_build(struct rule_entry *const entry[], size_t count);
void rule_index_free(struct rule_index *index);

// The first of them, before position, that matches; SIZE_MAX: none. *looked_at grows by the rules that were tried.
size_t rule_index_first(const struct rule_index *index, const struct packet_tuple *tuple, size_t before,
			uint64_t *looked_at);
