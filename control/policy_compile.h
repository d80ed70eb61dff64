// SPDX-License-Identifier: BSD-3-Clause
// From rules, listeners and switches to an immutable policy.
#pragma once

#include "control/runtime.h"

// Compiles a policy aside; it holds references to its rules until it is freed. NULL with a text. Control thread.
struct policy *policy_compile(const struct config *config, const struct rule_store *rules,
			      const struct listener *listeners, size_t listener_count, uint32_t generation,
			      struct error *error);

void policy_free(struct policy *policy);

// The rules that a policy of policy_compile was compiled from, in order.
const struct rule_list *policy_rule_list(const struct policy *policy);
