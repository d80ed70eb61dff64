// SPDX-License-Identifier: BSD-3-Clause
#include "control/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/config.h"
#include "control/numa.h"
#include "control/policy_rules.h"
#include "control/rule_lint.h"
#include "control/table.h"
#include "control/workers.h"
#include "dataplane/fragment.h"

enum {
	LISTENERS_SHOWN = 20,
	CELL_MAX = 512,
};

// Everything that is looked at, and printed.
struct findings {
	struct config config;
	struct runtime_options options;
	struct cpu_plan cpus;
	const char *rules_file; // "": none
	struct rule_list rules;
	struct lint lint;
};

static void row(struct table *table, const char *name, const char *text)
{
	table_text(table, name);
	table_text(table, text);
}

static void print_workers(const struct findings *found, struct table *table)
{
	char cell[CELL_MAX], control[CPU_LIST_TEXT_MAX];
	for (size_t i = 0; i < found->cpus.workers.count; i++) {
		char name[32], node[32] = "";
		uint16_t cpu = found->cpus.workers.cpu[i];
		if (numa_node_of(cpu) >= 0)
			snprintf(node, sizeof(node), ", node %d", numa_node_of(cpu));
		snprintf(name, sizeof(name), "worker %zu", i);
		snprintf(cell, sizeof(cell), "CPU %u%s", cpu, node);
		row(table, name, cell);
	}
	snprintf(cell, sizeof(cell), "CPU %s%s", cpu_list_format(&found->cpus.control, control),
		found->cpus.shared ? " (shared with a worker)" : "");
	row(table, "control", cell);
}

static double mebibytes(size_t bytes)
{
	return (double)bytes / (1024.0 * 1024.0);
}

static void print_memory(const struct findings *found, struct table *table)
{
	const struct config *config = &found->config;
	unsigned workers = (unsigned)found->cpus.workers.count;
	uint32_t buffers = worker_pool_count(config, &found->options, workers, 0);
	size_t flows = flow_table_bytes(&(struct flow_table_params){ .capacity = config->flow_capacity }) + ageing_bytes();
	size_t fragments = fragment_table_bytes(config->fragment_capacity);
	size_t heap = workers_heap_megabytes(config, &found->options, workers);
	char cell[CELL_MAX];
	snprintf(cell, sizeof(cell), "%.1f MiB for %u flows of each worker (profile %s)", mebibytes(flows),
		config->flow_capacity, config->profile);
	row(table, "flow table", cell);
	snprintf(cell, sizeof(cell), "%.1f MiB for %u datagrams of each worker", mebibytes(fragments),
		config->fragment_capacity);
	row(table, "fragments", cell);
	snprintf(cell, sizeof(cell), "%u of each worker, %u bytes long", buffers, worker_pool_room(config));
	row(table, "packet buffers", cell);
	snprintf(cell, sizeof(cell), "about %.0f MiB, of which %zu MiB of DPDK's for buffers and rings",
		mebibytes(workers * (flows + fragments)) + (double)heap, heap);
	row(table, "memory in all", cell);
}

// Adds to what the cell says already.
static void __attribute__((format(printf, 2, 3))) say(char cell[CELL_MAX], const char *format, ...)
{
	size_t length = strlen(cell);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(cell + length, CELL_MAX - length, format, arguments);
	va_end(arguments);
}

static void say_device(char cell[CELL_MAX], const char *device, unsigned queues, unsigned mtu, uint8_t checksum)
{
	static const char *const words[] = { [CHECKSUM_TRUST] = "trust", [CHECKSUM_VERIFY] = "verify",
		[CHECKSUM_IGNORE] = "ignore" };
	if (queues)
		say(cell, "%s: queues: %u", device, queues);
	else
		say(cell, "%s: a queue for each worker", device);
	if (mtu)
		say(cell, ", mtu %u", mtu);
	say(cell, ", checksum %s", words[checksum]);
}

static void print_interfaces(const struct findings *found, struct table *table)
{
	for (size_t i = 0; i < found->config.interface_count; i++) {
		const struct config_interface *interface = &found->config.interfaces[i];
		char cell[CELL_MAX] = "", name[64];
		snprintf(name, sizeof(name), "interface %s", interface->name);
		say_device(cell, interface->device, interface->queues, interface->mtu, interface->checksum);
		say(cell, "%s", interface->promiscuous ? ", promiscuous" : "");
		row(table, name, cell);
	}
	if (found->config.interface_count == 0)
		row(table, "interfaces", "none: enough for portier replay, portier run needs one");
}

static void print_handlers(const struct findings *found, struct table *table)
{
	const struct config *config = &found->config;
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *handler = &config->handlers[i];
		char cell[CELL_MAX] = "", name[64];
		snprintf(name, sizeof(name), "handler %s", handler->name);
		say(cell, "%s", handler->kind);
		if (handler->device[0]) {
			say(cell, " ");
			say_device(cell, handler->device, handler->queues, handler->mtu, handler->checksum);
		}
		if (handler->uplink[0])
			say(cell, ", uplink %s", handler->uplink);
		say(cell, "%s", config->default_handler == i ? ", default" : "");
		row(table, name, cell);
	}
	if (config->default_handler == HANDLER_NONE)
		row(table, "default handler", config->unbound == VERDICT_REJECT
			? "none: what no listener takes is rejected" : "none: what no listener takes is dropped");
}

static void print_listeners(const struct findings *found, struct table *table)
{
	const struct config *config = &found->config;
	char cell[CELL_MAX];
	for (size_t i = 0; i < config->listener_count && i < LISTENERS_SHOWN; i++) {
		const struct listener *listener = &config->listeners[i].listener;
		char text[LISTENER_TEXT_MAX];
		snprintf(cell, sizeof(cell), "%s -> %s", config_listener_format(config, listener, text),
			config->handlers[listener->handler].name);
		row(table, "listener", cell);
	}
	if (config->listener_count > LISTENERS_SHOWN) {
		snprintf(cell, sizeof(cell), "and %zu more", config->listener_count - LISTENERS_SHOWN);
		row(table, "listener", cell);
	}
}

static void print_rules(const struct findings *found, struct table *table)
{
	static const char *const verdict[] = { [VERDICT_ACCEPT] = "accept", [VERDICT_DROP] = "drop",
		[VERDICT_REJECT] = "reject" };
	char cell[CELL_MAX];
	if (found->rules_file[0])
		snprintf(cell, sizeof(cell), "%zu from %.300s, default %s", found->rules.count, found->rules_file,
			verdict[found->rules.default_verdict]);
	else
		snprintf(cell, sizeof(cell), "none: everything is allowed");
	row(table, "rules", cell);
}

static void print(const struct findings *found)
{
	static const struct table_column columns[] = { { NULL, false }, { NULL, false } };
	static void (*const section[])(const struct findings *, struct table *) = { print_workers, print_memory,
		print_interfaces, print_handlers, print_listeners, print_rules };
	struct table *table = table_create(columns, 2);
	for (size_t i = 0; i < sizeof(section) / sizeof(*section); i++)
		section[i](found, table);
	printf("%s: nothing is wrong; this would run:\n", found->config.file[0] ? found->config.file :
		"the built-in configuration");
	table_print(table, stdout, false);
}

// Without interfaces and a word about CPUs the configuration is one for replay: one worker, which shares its CPU.
static int plan_cpus(struct findings *found, struct error *error)
{
	const struct config *config = &found->config;
	bool replay = config->interface_count + config->worker_cpu_count + config->control_cpu_count == 0;
	struct cpu_list allowed;
	found->options.mode = replay ? RUNTIME_REPLAY : RUNTIME_LIVE;
	if (cpu_allowed(&allowed, error) < 0)
		return -1;
	return cpu_choose(&found->config, replay ? 1 : 0, replay, &allowed, &found->cpus, error);
}

static int load_rules(struct findings *found, const char *rules, struct error *error)
{
	found->rules_file = rules ? rules : found->config.rules_file;
	if (!found->rules_file[0])
		return 0;
	if (rule_list_load(found->rules_file, &found->rules, error))
		return -1;
	for (size_t i = 0; i < found->rules.count; i++)
		policy_rules_resolve(found->rules.entry[i], &found->config);
	return 0;
}

// Also without a file: a listener may have no way in all the same.
static int look_over(struct findings *found, struct error *error)
{
	const struct lint_input input = {
		.entry = found->rules.entry,
		.count = found->rules.count,
		.default_verdict = found->rules.has_default ? found->rules.default_verdict : VERDICT_ACCEPT,
		.config = &found->config,
		.focus = SIZE_MAX,
	};
	return rule_lint(&input, &found->lint) ? error_set(error, "no memory to look the rules over") : 0;
}

static void print_warnings(const struct lint *lint)
{
	for (size_t i = 0; i < lint->count; i++)
		fprintf(stderr, "warning: %s\n", lint->finding[i].text);
	if (lint->left_out)
		fprintf(stderr, "warning: and %zu more of the same kinds\n", lint->left_out);
}

static int check_all(struct findings *found, const char *rules, struct error *error)
{
	if (load_rules(found, rules, error) || plan_cpus(found, error) ||
		workers_check_queues(&found->config, &found->options, (unsigned)found->cpus.workers.count, error) ||
		workers_check_memory(&found->config, &found->options, (unsigned)found->cpus.workers.count, error) ||
		look_over(found, error))
		return -1;
	print(found);
	print_warnings(&found->lint);
	return 0;
}

int check(const char *file, const char *rules, bool strict)
{
	struct findings found = { .rules_file = "" };
	struct error error = { "" };
	int result = file ? config_load(file, &found.config, &error) : config_default(&found.config, &error);
	if (result < 0) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	result = check_all(&found, rules, &error);
	if (result < 0)
		fprintf(stderr, "%s\n", error.text);
	bool warned = found.lint.count > 0;
	rule_lint_free(&found.lint);
	rule_list_free(&found.rules);
	config_free(&found.config);
	return result < 0 || (strict && warned);
}
