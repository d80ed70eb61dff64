// SPDX-License-Identifier: BSD-3-Clause
// From rules, listeners and switches to an immutable policy, and from there to the workers.
#pragma once

#include "control/runtime.h"

// Compiles a policy aside. NULL with a text. Control thread.
struct policy *policy_compile(const struct config *config, const struct rule_store *rules,
			      const struct listener *listeners, size_t listener_count, uint32_t generation,
			      struct error *error);

void policy_free(struct policy *policy);
