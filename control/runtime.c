// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>

#include "control/eal.h"
#include "control/policy_compile.h"
#include "control/rule_warnings.h"
#include "control/rules_try.h"
#include "control/workers.h"
#include "dataplane/pollers.h"

static const uint64_t NANOSECONDS = 1000000000;

static int choose_cpus(struct runtime *runtime, struct error *error)
{
	struct cpu_list allowed = { .count = 0 };
	bool replay = runtime->options.mode == RUNTIME_REPLAY;

	if (cpu_allowed(&allowed, error) != 0)
		return -1;
	if (cpu_choose(runtime->config, runtime->options.workers, replay, &allowed, &runtime->cpus, error) != 0)
		return -1;
	runtime->worker_count = (unsigned)runtime->cpus.workers.count;
	if (runtime->worker_count > WORKER_MAX)
		return error_set(error, "%u workers: no more than %d are possible", runtime->worker_count, WORKER_MAX);
	// Before the EAL starts, so that its own threads land on the control CPUs too.
	return numa_bind_thread(&runtime->cpus.control, error);
}

static int make_qsbr(struct runtime *runtime, struct error *error)
{
	runtime->qsbr = pollers_make(runtime->worker_count);
	if (!runtime->qsbr)
		return error_set(error, "no memory for the workers' grace periods");
	return 0;
}

static int make_workers(struct runtime *runtime, struct error *error)
{
	struct hash_secret secret;
	if (hash_secret_draw(&secret) != 0)
		return error_set(error, "the kernel gives no random numbers");
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		runtime->workers[i] = worker_make(runtime, i, error);
		if (!runtime->workers[i])
			return -1;
	}
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		struct worker *worker = runtime->workers[i];
		memcpy(worker->peer, runtime->workers, sizeof(worker->peer));
		worker->interfaces = runtime->interfaces;
		worker->handlers = runtime->handlers;
		worker->steering_secret = secret;
	}
	return 0;
}

static int open_device(struct runtime *runtime, struct interface_params *params, struct error *error)
{
	if (runtime->interface_count == INTERFACE_MAX)
		return error_set(error, "more than %d interfaces and handler devices", INTERFACE_MAX);
	params->index = (uint8_t)runtime->interface_count;
	params->workers = (uint16_t)runtime->worker_count;
	params->device_steers = runtime_devices_steer(runtime->config, &runtime->options);
	params->pool = runtime_pool;
	params->context = runtime;
	char text[INTERFACE_ERROR_MAX];
	if (interface_open(&runtime->interfaces[runtime->interface_count], params, text) != 0)
		return error_set(error, "%s: %s", params->name, text);
	runtime->interface_count++;
	return 0;
}

static int open_interfaces(struct runtime *runtime, struct error *error)
{
	for (size_t i = 0; i < runtime->config->interface_count; i++) {
		const struct config_interface *from = &runtime->config->interfaces[i];
		struct interface_params params = { .name = from->name,
			.device = from->device,
			.role = INTERFACE_LINK,
			.checksum = from->checksum,
			.promiscuous = from->promiscuous,
			.mtu = from->mtu,
			.queues = from->queues,
			.rx_descriptors = from->rx_descriptors,
			.tx_descriptors = from->tx_descriptors };
		if (open_device(runtime, &params, error) != 0)
			return error_prefix(error, "%s:%u:%u", runtime->config->file, from->place.line,
				from->place.column);
	}
	return 0;
}

// A replay opens no interface of the configuration: captures take the place of the first, one after another. The others
// keep their numbers, since listeners name interfaces by them.
static void reserve_interfaces(struct runtime *runtime)
{
	const struct config *config = runtime->config;
	for (size_t i = 0; i < config->interface_count; i++) {
		snprintf(runtime->interfaces[i].name, sizeof(runtime->interfaces[i].name), "%s",
			config->interfaces[i].name);
		runtime->interfaces[i].checksum = config->interfaces[i].checksum;
	}
	runtime->interface_count = (unsigned)RTE_MAX(config->interface_count, (size_t)1);
}

static uint8_t interface_named(const struct runtime *runtime, const char *name)
{
	for (unsigned i = 0; i < runtime->interface_count; i++)
		if (strcmp(runtime->interfaces[i].name, name) == 0)
			return (uint8_t)i;
	return 0;
}

static int open_handler(struct runtime *runtime, size_t id, struct error *error)
{
	const struct config_handler *from = &runtime->config->handlers[id];
	struct handler *handler = &runtime->handlers[id];

	handler->ops = handler_kind(from->kind);
	handler->id = (uint16_t)id;
	handler->interface = INTERFACE_NONE;
	handler->uplink = interface_named(runtime, from->uplink);
	snprintf(handler->name, sizeof(handler->name), "%s", from->name);
	runtime->handler_count++;
	if (!handler->ops)
		return error_set(error, "handler %s: unknown kind %s", from->name, from->kind);
	if (!handler->ops->needs_device)
		return 0;
	struct interface_params params = { .name = from->name,
		.device = from->device,
		.role = INTERFACE_HANDLER,
		.checksum = from->checksum,
		.promiscuous = true,
		.mtu = from->mtu,
		.queues = from->queues };
	if (open_device(runtime, &params, error) != 0)
		return error_prefix(error, "%s:%u:%u", runtime->config->file, from->place.line, from->place.column);
	handler->interface = (uint8_t)(runtime->interface_count - 1);
	runtime->interfaces[handler->interface].handler = handler->id;
	return 0;
}

static bool same_rss(const struct interface *a, const struct interface *b)
{
	return a->rss_types == b->rss_types && a->rss_key_length == b->rss_key_length && a->reta_size == b->reta_size &&
	       memcmp(a->rss_key, b->rss_key, a->rss_key_length) == 0 &&
	       memcmp(a->reta, b->reta, a->reta_size * sizeof(a->reta[0])) == 0;
}

// One function decides for all interfaces which worker owns a flow: the first RSS. A device that spreads by another key
// or table is steered in software.
static void choose_steering(struct runtime *runtime)
{
	const struct interface *reference = NULL;
	for (unsigned i = 0; i < runtime->interface_count; i++) {
		struct interface *interface = &runtime->interfaces[i];
		if (interface->steering != STEER_RSS)
			continue;
		if (!reference)
			reference = interface;
		else if (!same_rss(reference, interface))
			interface->steering = STEER_SOFTWARE;
	}
	for (unsigned i = 0; i < runtime->worker_count; i++)
		runtime->workers[i]->rss = reference;
}

static void warn_of_distance(const struct runtime *runtime)
{
	char text[256];
	for (unsigned i = 0; i < runtime->interface_count; i++)
		for (unsigned w = 0; w < runtime->worker_count; w++)
			if (numa_mismatch(runtime->interfaces[i].name, runtime->interfaces[i].socket, w,
				    runtime->cpus.workers.cpu[w], text, sizeof(text)))
				fprintf(stderr, "portier: warning: %s\n", text);
}

// Its sockets join a fanout group that puts IPv4 fragments together, whatever its arguments.
static void warn_of_defragmentation(const struct runtime *runtime)
{
	for (unsigned i = 0; i < runtime->interface_count; i++)
		if (strcmp(runtime->interfaces[i].driver, "net_af_packet") == 0)
			fprintf(stderr, "portier: warning: %s: through net_af_packet the kernel puts IPv4 fragments "
				"together before portier sees them, and cuts what is too long then; "
				"net_pcap0,rx_iface_in=DEV,tx_iface=DEV leaves them alone\n",
				runtime->interfaces[i].name);
}

static int open_devices(struct runtime *runtime, struct error *error)
{
	if (runtime->options.mode == RUNTIME_REPLAY)
		reserve_interfaces(runtime);
	else if (open_interfaces(runtime, error) != 0)
		return -1;
	for (size_t id = 0; id < runtime->config->handler_count; id++)
		if (open_handler(runtime, id, error) != 0)
			return -1;
	choose_steering(runtime);
	if (runtime_wire(runtime, error) != 0)
		return -1;
	warn_of_distance(runtime);
	warn_of_defragmentation(runtime);
	for (unsigned i = 0; i < runtime->interface_count; i++)
		if (runtime->interfaces[i].open && runtime_attach(runtime, (uint8_t)i, NULL, error) != 0)
			return -1;
	return 0;
}

// Without a file all is allowed.
static int load_rules(const char *file, struct rule_list *list, struct error *error)
{
	*list = (struct rule_list){ .has_default = true, .default_verdict = VERDICT_ACCEPT };
	return file[0] ? rule_list_load(file, list, error) : 0;
}

// Rules that are in force already keep their ids.
static int publish_list(struct runtime *runtime, const struct rule_list *list, struct error *error)
{
	struct rule_store *store = runtime->rules ? rule_store_copy(runtime->rules) : rule_store_create();
	struct listener *listeners = config_listeners(runtime->config, runtime->listeners, runtime->listener_count,
		&runtime->listener_next);
	int status = -1;

	if (!store || !listeners)
		error_set(error, "out of memory");
	else if (rule_store_replace(store, list, error) == 0)
		status = runtime_publish(runtime, store, listeners, runtime->config->listener_count, error);
	if (status != 0) {
		rule_store_destroy(store);
		free(listeners);
	}
	return status;
}

// Reads rules and listeners as the configuration and the options say, and publishes them.
static int publish_from_files(struct runtime *runtime, struct error *error)
{
	struct rule_list list;
	if (load_rules(runtime->rules_file, &list, error) != 0)
		return -1;
	int status = publish_list(runtime, &list, error);
	if (status == 0)
		rule_warnings_list(runtime, &list);
	rule_list_free(&list);
	return status;
}

static void start_clock(struct runtime *runtime)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	runtime->started_unix_ns = (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
	runtime->started_tsc = rte_rdtsc();
	runtime->tick_hz = runtime->options.mode == RUNTIME_REPLAY ? NANOSECONDS : rte_get_tsc_hz();
}

static int start(struct runtime *runtime, struct error *error)
{
	const struct config *config = runtime->config;
	if (choose_cpus(runtime, error) != 0)
		return -1;
	if (workers_check_queues(config, &runtime->options, runtime->worker_count, error) != 0 ||
		workers_check_memory(config, &runtime->options, runtime->worker_count, error) != 0)
		return -1;
	size_t megabytes = workers_heap_megabytes(config, &runtime->options, runtime->worker_count);
	if (eal_start(config, &runtime->options, &runtime->cpus, megabytes, error) != 0)
		return -1;
	runtime->eal_running = true;
	start_clock(runtime);
	if (make_qsbr(runtime, error) != 0 || make_workers(runtime, error) != 0)
		return -1;
	if (open_devices(runtime, error) != 0)
		return -1;
	return publish_from_files(runtime, error);
}

int runtime_start(struct runtime *runtime, const struct config *config, const struct runtime_options *options,
		  struct error *error)
{
	memset(runtime, 0, sizeof(*runtime));
	runtime->config = config;
	runtime->options = *options;
	if (options->mode == RUNTIME_LIVE && options->latency == 0)
		runtime->options.latency = config->latency;
	snprintf(runtime->rules_file, sizeof(runtime->rules_file), "%s",
		options->rules_file ? options->rules_file : config->rules_file);
	if (start(runtime, error) == 0)
		return 0;
	runtime_destroy(runtime);
	return -1;
}

static void join_workers(struct runtime *runtime)
{
	for (unsigned i = 0; i < runtime->worker_count; i++)
		atomic_store_explicit(&runtime->workers[i]->stop, true, memory_order_relaxed);
	rte_eal_mp_wait_lcore();
	runtime->workers_running = false;
}

int runtime_launch(struct runtime *runtime, struct error *error)
{
	runtime->workers_running = true;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		unsigned lcore = runtime->workers[i]->lcore;
		int status = rte_eal_remote_launch(worker_run, runtime->workers[i], lcore);
		if (status == 0)
			continue;
		join_workers(runtime); // without a grace period: a worker that does not run never gets through one
		return error_set(error, "worker %u can't be launched on lcore %u: %s", i, lcore, strerror(-status));
	}
	for (unsigned i = 0; i < runtime->worker_count; i++)
		while (!atomic_load_explicit(&runtime->workers[i]->running, memory_order_acquire))
			sched_yield();
	return 0;
}

// The clock begins anew: what limits remember of the time before would lie in the future. The workers have nothing to do
// meanwhile.
static void forget_limits(const struct runtime *runtime)
{
	for (size_t i = 0; runtime->rules && i < rule_store_count(runtime->rules); i++)
		atomic_store_explicit(&rule_store_at(runtime->rules, i)->entry->limit_state.next, 0,
			memory_order_relaxed);
}

void runtime_end_flows(struct runtime *runtime)
{
	if (!runtime->workers_running)
		return;
	for (unsigned i = 0; i < runtime->worker_count; i++)
		atomic_store_explicit(&runtime->workers[i]->drain_flows, true, memory_order_release);
	for (unsigned i = 0; i < runtime->worker_count; i++)
		while (atomic_load_explicit(&runtime->workers[i]->drain_flows, memory_order_acquire))
			runtime_pump(runtime);
	forget_limits(runtime);
}

void runtime_stop(struct runtime *runtime)
{
	if (!runtime->workers_running)
		return;
	runtime_detach_all(runtime);
	join_workers(runtime);
}

void runtime_destroy(struct runtime *runtime)
{
	runtime_stop(runtime);
	rules_try_free(runtime);
	if (runtime->wirings[0])
		runtime_detach_all(runtime);
	for (unsigned i = runtime->interface_count; i-- > 0;)
		if (runtime->interfaces[i].open)
			interface_close(&runtime->interfaces[i]);
	policy_free((struct policy *)(uintptr_t)runtime->policy);
	rule_store_destroy(runtime->rules);
	rule_lint_free(&runtime->lint);
	free(runtime->listeners);
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		free(runtime->wirings[i]);
		if (runtime->workers[i])
			worker_unmake(runtime, runtime->workers[i]);
	}
	pollers_free(runtime->qsbr);
	if (runtime->reloaded)
		config_free(runtime->reloaded);
	free(runtime->reloaded);
	if (runtime->eal_running)
		rte_eal_cleanup();
	memset(runtime, 0, sizeof(*runtime));
}

int runtime_reload(struct runtime *runtime, struct error *error)
{
	const struct config *old = runtime->config;
	struct config *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return error_set(error, "out of memory");
	if (config_load(old->file, fresh, error) != 0) {
		free(fresh);
		return -1;
	}
	if (config_check_lasting(old, fresh, error) != 0)
		goto refuse;
	char old_rules[sizeof(runtime->rules_file)];
	memcpy(old_rules, runtime->rules_file, sizeof(old_rules));
	if (!runtime->options.rules_file)
		snprintf(runtime->rules_file, sizeof(runtime->rules_file), "%s", fresh->rules_file);
	runtime->config = fresh;
	if (publish_from_files(runtime, error) != 0) {
		runtime->config = old;
		memcpy(runtime->rules_file, old_rules, sizeof(old_rules));
		goto refuse;
	}
	if (runtime->reloaded) {
		config_free(runtime->reloaded);
		free(runtime->reloaded);
	}
	runtime->reloaded = fresh;
	return 0;

refuse:
	config_free(fresh);
	free(fresh);
	return -1;
}

uint64_t runtime_unix_ns(const struct runtime *runtime, uint64_t ticks)
{
	if (runtime->options.mode == RUNTIME_REPLAY)
		return ticks;
	double seconds = (double)(int64_t)(ticks - runtime->started_tsc) / (double)runtime->tick_hz;
	return runtime->started_unix_ns + (uint64_t)(int64_t)(seconds * 1e9);
}

struct traffic runtime_slot_traffic(const struct runtime *runtime, uint32_t slot)
{
	struct traffic sum = { 0, 0 };
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		sum.packets += counter_read(&runtime->workers[i]->rule_counters[slot].packets);
		sum.bytes += counter_read(&runtime->workers[i]->rule_counters[slot].bytes);
	}
	return sum;
}

struct traffic runtime_rule_traffic(const struct runtime *runtime, const struct stored_rule *rule)
{
	struct traffic sum = runtime_slot_traffic(runtime, rule->entry->rule.slot);
	sum.packets -= rule->baseline.packets;
	sum.bytes -= rule->baseline.bytes;
	return sum;
}

struct traffic runtime_listener_traffic(const struct runtime *runtime, uint32_t id, uint64_t *flows)
{
	struct traffic sum = { 0, 0 };
	*flows = 0;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		const struct worker *worker = runtime->workers[i];
		sum.packets += counter_read(&worker->listener_counters[id].packets);
		sum.bytes += counter_read(&worker->listener_counters[id].bytes);
		*flows += counter_read(&worker->listener_flows[id]);
	}
	return sum;
}
