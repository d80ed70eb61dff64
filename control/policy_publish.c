// SPDX-License-Identifier: BSD-3-Clause
#include "control/policy_publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/address.h"

static int listener_tie(const struct listener *listeners, const size_t tie[2], struct error *error)
{
	const struct listener *one = &listeners[tie[0]], *other = &listeners[tie[1]];
	return error_set(error, "listeners %zu (ports %u-%u) and %zu (ports %u-%u) tie: neither is more specific",
		tie[0] + 1, one->port_low, one->port_high, tie[1] + 1, other->port_low, other->port_high);
}

struct policy *policy_compile(const struct config *config, const struct rule_store *rules,
			      const struct listener *listeners, size_t listener_count, uint32_t generation,
			      struct error *error)
{
	size_t tie[2];
	struct policy *policy = calloc(1, sizeof(*policy));
	if (!policy) {
		error_set(error, "out of memory");
		return NULL;
	}
	policy->generation = generation;
	policy->default_handler = config->default_handler;
	policy->unbound = config->unbound;
	policy->on_rule_change = config->on_rule_change;
	policy->tcp_pickup_strict = config->tcp_pickup_strict;
	policy->fragments_steer = config->fragments_steer;
	policy->non_ip_pass = config->non_ip_pass;

	int status = rule_matcher_build(rule_store_rules(rules), rule_store_count(rules), rule_store_default(rules), -1,
		&policy->rules);
	if (status != 0) {
		error_set(error, "the rules can't be compiled: %s", strerror(-status));
		policy_free(policy);
		return NULL;
	}
	status = listener_index_build(listeners, listener_count, &policy->listeners, tie);
	if (status != 0) {
		if (status == -EEXIST)
			listener_tie(listeners, tie, error);
		else
			error_set(error, "the listeners can't be indexed: %s", strerror(-status));
		policy_free(policy);
		return NULL;
	}
	return policy;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	if (policy->rules)
		rule_matcher_free(policy->rules);
	if (policy->listeners)
		listener_index_free(policy->listeners);
	free(policy);
}

// Counter slots that come into use start at what they stand at: nobody resets a worker's counter.
static void set_baselines(const struct runtime *runtime, struct rule_store *rules)
{
	for (size_t i = 0; i < rule_store_count(rules); i++) {
		uint32_t id = rule_store_at(rules, i)->rule.slot;
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
