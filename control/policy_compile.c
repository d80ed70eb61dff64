// SPDX-License-Identifier: BSD-3-Clause
#include "control/policy_compile.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/policy_rules.h"

static int listener_tie(const struct listener *listeners, const size_t tie[2], struct error *error)
{
	const struct listener *one = &listeners[tie[0]], *other = &listeners[tie[1]];
	return error_set(error, "listeners %zu (ports %u-%u) and %zu (ports %u-%u) tie: neither is more specific",
		tie[0] + 1, one->port_low, one->port_high, tie[1] + 1, other->port_low, other->port_high);
}

// What control keeps with a policy: the workers see its first member alone.
struct compiled {
	struct policy policy;
	struct policy_rules rules;
};
static_assert(offsetof(struct compiled, policy) == 0, "a pointer to one is a pointer to the other");

static struct compiled *compiled_of(const struct policy *policy)
{
	return (struct compiled *)(uintptr_t)policy;
}

static int index_listeners(struct policy *policy, const struct listener *listeners, size_t count, struct error *error)
{
	size_t tie[2];
	int status = listener_index_build(listeners, count, &policy->listeners, tie);
	if (status == -EEXIST)
		return listener_tie(listeners, tie, error);
	return status ? error_set(error, "the listeners can't be indexed: %s", strerror(-status)) : 0;
}

static int compile_rules(struct compiled *compiled, const struct rule_store *store, const struct config *config,
			 struct error *error)
{
	struct rule_list list;
	if (rule_store_list(store, &list, error))
		return -1;
	if (policy_rules_compile(&compiled->rules, &list, config, error)) {
		rule_list_free(&list);
		return -1;
	}
	compiled->policy.rules = compiled->rules.matcher;
	return 0;
}

static void take_switches(struct policy *policy, const struct config *config)
{
	policy->default_handler = config->default_handler;
	policy->unbound = config->unbound;
	policy->on_rule_change = config->on_rule_change;
	policy->by_packet = config->state_packet;
	policy->tcp_pickup_strict = config->tcp_pickup_strict;
	policy->fragments_steer = config->fragments_steer;
	policy->non_ip_pass = config->non_ip_pass;
}

struct policy *policy_compile(const struct config *config, const struct rule_store *rules,
			      const struct listener *listeners, size_t listener_count, uint32_t generation,
			      struct error *error)
{
	struct compiled *compiled = calloc(1, sizeof(*compiled));
	if (!compiled) {
		error_set(error, "out of memory");
		return NULL;
	}
	compiled->policy.generation = generation;
	take_switches(&compiled->policy, config);
	if (compile_rules(compiled, rules, config, error) ||
	    index_listeners(&compiled->policy, listeners, listener_count, error)) {
		policy_free(&compiled->policy);
		return NULL;
	}
	return &compiled->policy;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	policy_rules_free(&compiled_of(policy)->rules);
	if (policy->listeners)
		listener_index_free(policy->listeners);
	free(policy);
}

const struct rule_list *policy_rule_list(const struct policy *policy)
{
	return &compiled_of(policy)->rules.list;
}
