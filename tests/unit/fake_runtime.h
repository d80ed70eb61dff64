// SPDX-License-Identifier: BSD-3-Clause
// A runtime without an EAL, for the tests of what asks it. Its functions stand in for control/runtime.c: the linker takes
// them before the library's. Include it in one file of a program only.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "control/runtime.h"

struct fake_runtime {
	struct runtime runtime; // first: a pointer to it is one to this
	struct config config;
	struct policy policy;
	struct worker workers[2];
	struct handler_counters handler_counters[2][4];
	struct handler_ops ops;
	bool refuse_publish; // runtime_publish and runtime_reload fail
	unsigned published;
	unsigned reloaded;
};

static inline void fake_runtime_fill(struct fake_runtime *fake, unsigned workers)
{
	struct runtime *runtime = &fake->runtime;
	memset(fake, 0, sizeof(*fake));
	fake->policy.generation = 1;
	fake->ops.kind = "count";
	runtime->config = &fake->config;
	runtime->policy = &fake->policy;
	runtime->rules = rule_store_create();
	runtime->tick_hz = 1000;
	runtime->worker_count = workers;
	for (unsigned i = 0; i < workers; i++) {
		fake->workers[i].id = i;
		fake->workers[i].handler_counters = fake->handler_counters[i];
		runtime->workers[i] = &fake->workers[i];
	}
}

static inline void fake_runtime_handler(struct fake_runtime *fake, const char *name)
{
	struct handler *handler = &fake->runtime.handlers[fake->runtime.handler_count];
	handler->id = (uint16_t)fake->runtime.handler_count++;
	handler->ops = &fake->ops;
	handler->interface = INTERFACE_NONE;
	snprintf(handler->name, sizeof(handler->name), "%s", name);
}

// The fake takes the array.
static inline void fake_runtime_free(struct fake_runtime *fake)
{
	rule_store_destroy(fake->runtime.rules);
	rule_lint_free(&fake->runtime.lint);
	free(fake->runtime.listeners);
}

int runtime_publish(struct runtime *runtime, struct rule_store *rules, struct listener *listeners,
		    size_t listener_count, struct error *error)
{
	struct fake_runtime *fake = (struct fake_runtime *)runtime;
	if (fake->refuse_publish)
		return error_set(error, "the rules don't compile");
	rule_store_destroy(runtime->rules);
	if (runtime->listeners != listeners)
		free(runtime->listeners);
	runtime->rules = rules;
	runtime->listeners = listeners;
	runtime->listener_count = listener_count;
	fake->policy.generation++;
	fake->published++;
	return 0;
}

int runtime_reload(struct runtime *runtime, struct error *error)
{
	struct fake_runtime *fake = (struct fake_runtime *)runtime;
	if (fake->refuse_publish)
		return error_set(error, "the file is gone");
	fake->reloaded++;
	return 0;
}

struct traffic runtime_slot_traffic(const struct runtime *runtime, uint32_t slot)
{
	(void)runtime;
	return (struct traffic){ .packets = 100 + slot, .bytes = 1000 + slot };
}

struct traffic runtime_rule_traffic(const struct runtime *runtime, const struct stored_rule *rule)
{
	return runtime_slot_traffic(runtime, rule->entry->rule.slot);
}

struct traffic runtime_listener_traffic(const struct runtime *runtime, uint32_t id, uint64_t *flows)
{
	*flows = 7 + id;
	return runtime_slot_traffic(runtime, 1000 + id);
}
