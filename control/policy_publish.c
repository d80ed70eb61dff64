// SPDX-License-Identifier: BSD-3-Clause
// One policy takes the place of another, by one pointer.
#include <stdlib.h>

#include "control/policy_compile.h"

// Counter slots that come into use start at what they stand at: nobody resets a worker's counter.
static void set_baselines(const struct runtime *runtime, struct rule_store *rules)
{
	for (size_t i = 0; i < rule_store_count(rules); i++) {
		uint32_t id = rule_store_at(rules, i)->entry->rule.slot;
		if (runtime->rules && !rule_store_is_new(rules, runtime->rules, id))
			continue;
		struct traffic now = runtime_slot_traffic(runtime, id);
		rule_store_set_baseline(rules, id, now.packets, now.bytes);
	}
}

int runtime_publish(struct runtime *runtime, struct rule_store *rules, struct listener *listeners,
		    size_t listener_count, struct error *error)
{
	const struct policy *old = runtime->policy;
	uint32_t generation = old ? old->generation + 1 : 1;
	struct policy *policy = policy_compile(runtime->config, rules, listeners, listener_count, generation, error);
	if (!policy)
		return -1;
	set_baselines(runtime, rules);

	// Release: a worker that sees the pointer sees the policy behind it.
	for (unsigned i = 0; i < runtime->worker_count; i++)
		atomic_store_explicit(&runtime->workers[i]->policy, policy, memory_order_release);
	runtime_wait_grace(runtime);
	policy_free((struct policy *)(uintptr_t)old);

	if (runtime->rules != rules)
		rule_store_destroy(runtime->rules);
	if (runtime->listeners != listeners)
		free(runtime->listeners);
	runtime->policy = policy;
	runtime->rules = rules;
	runtime->listeners = listeners;
	runtime->listener_count = listener_count;
	return 0;
}
