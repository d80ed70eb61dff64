// SPDX-License-Identifier: BSD-3-Clause
#include "control/numa.h"

#include <ctype.h>
#include <errno.h>
#include <numa.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static bool has_cpu(const struct cpu_list *list, uint16_t cpu)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->cpu[i] == cpu)
			return true;
	return false;
}

static int add_cpu(struct cpu_list *list, unsigned cpu)
{
	if (cpu >= CPU_MAX || list->count >= CPU_MAX || has_cpu(list, (uint16_t)cpu))
		return -1;
	list->cpu[list->count++] = (uint16_t)cpu;
	return 0;
}

// Reads the digits at *text and moves behind them. CPU_MAX: none, or too big.
static unsigned read_cpu(const char **text)
{
	unsigned cpu = 0;
	if (!isdigit((unsigned char)**text))
		return CPU_MAX;
	for (; isdigit((unsigned char)**text); (*text)++)
		cpu = cpu < CPU_MAX ? cpu * 10 + (unsigned)(**text - '0') : CPU_MAX;
	return cpu < CPU_MAX ? cpu : CPU_MAX;
}

int cpu_list_parse(const char *text, struct cpu_list *list)
{
	for (;; text++) {
		unsigned low = read_cpu(&text), high = low;
		if (*text == '-') {
			text++;
			high = read_cpu(&text);
		}
		if (low >= CPU_MAX || high >= CPU_MAX || high < low)
			return -1;
		for (unsigned cpu = low; cpu <= high; cpu++)
			if (add_cpu(list, cpu) < 0)
				return -1;
		if (*text != ',')
			return *text ? -1 : 0;
	}
}

const char *cpu_list_format(const struct cpu_list *list, char text[CPU_LIST_TEXT_MAX])
{
	enum { RESERVED = 16 }; // for one more range and the dots
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < list->count;) {
		size_t last = i;
		while (last + 1 < list->count && list->cpu[last + 1] == list->cpu[last] + 1)
			last++;
		if (used > CPU_LIST_TEXT_MAX - RESERVED) {
			snprintf(text + used, CPU_LIST_TEXT_MAX - used, ",...");
			break;
		}
		used += (size_t)snprintf(text + used, CPU_LIST_TEXT_MAX - used, "%s%u", i ? "," : "", list->cpu[i]);
		if (last > i)
			used += (size_t)snprintf(text + used, CPU_LIST_TEXT_MAX - used, "-%u", list->cpu[last]);
		i = last + 1;
	}
	return text;
}

int cpu_allowed(struct cpu_list *allowed, struct error *error)
{
	cpu_set_t set;
	allowed->count = 0;
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return error_set(error, "can't ask which CPUs may be used: %s", strerror(errno));
	for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
		if (CPU_ISSET(cpu, &set))
			allowed->cpu[allowed->count++] = (uint16_t)cpu;
	return 0;
}

static int check_allowed(const char *key, const struct cpu_list *cpus, const struct cpu_list *allowed,
			 struct error *error)
{
	char text[CPU_LIST_TEXT_MAX];
	for (size_t i = 0; i < cpus->count; i++)
		if (!has_cpu(allowed, cpus->cpu[i]))
			return error_set(error, "%s names CPU %u, expected CPUs that this process may use: %s", key,
				cpus->cpu[i], cpu_list_format(allowed, text));
	return 0;
}

static void from_config(struct cpu_list *list, const uint16_t *cpus, size_t count)
{
	list->count = cpus ? count : 0;
	for (size_t i = 0; i < list->count; i++)
		list->cpu[i] = cpus[i];
}

// What is in allowed and not in taken.
static void without(struct cpu_list *rest, const struct cpu_list *allowed, const struct cpu_list *taken)
{
	rest->count = 0;
	for (size_t i = 0; i < allowed->count; i++)
		if (!has_cpu(taken, allowed->cpu[i]))
			rest->cpu[rest->count++] = allowed->cpu[i];
}

// Control: as configured, else the first CPU that no configured worker has, else (shared) the first.
static void choose_control(const struct config *config, const struct cpu_list *workers,
			   const struct cpu_list *allowed, struct cpu_plan *plan)
{
	struct cpu_list rest;
	from_config(&plan->control, config->control_cpus, config->control_cpu_count);
	if (plan->control.count > 0)
		return;
	without(&rest, allowed, workers);
	plan->control.cpu[0] = rest.count > 0 ? rest.cpu[0] : allowed->cpu[0];
	plan->control.count = 1;
}

static int too_few(size_t wanted, const struct cpu_list *rest, const struct cpu_list *allowed, struct error *error)
{
	char text[CPU_LIST_TEXT_MAX];
	return error_set(error, "%zu worker%s and control need a CPU each, but this process may use %zu (%s), of which "
		"%zu %s left for workers: ask for fewer workers (workers.cpus), give the process more CPUs (taskset, "
		"CPUAffinity=), or set workers.share_cpus: true", wanted, wanted == 1 ? "" : "s", allowed->count,
		cpu_list_format(allowed, text), rest->count, rest->count == 1 ? "is" : "are");
}

// Worker i gets the i-th CPU that is left; where there are too few and sharing is told, they go round.
static int choose_workers(size_t wanted, bool share, const struct cpu_list *configured, const struct cpu_list *allowed,
			  struct cpu_plan *plan, struct error *error)
{
	struct cpu_list rest;
	if (configured->count > 0)
		rest = *configured;
	else
		without(&rest, allowed, &plan->control);
	size_t count = wanted ? wanted : rest.count < WORKER_MAX ? rest.count : WORKER_MAX;
	if (!share && (count == 0 || count > rest.count))
		return too_few(count ? count : 1, &rest, allowed, error);
	// Workers beyond the CPUs that are left share all of them, control's too.
	const struct cpu_list *pool = rest.count >= (count ? count : 1) || configured->count > 0 ? &rest : allowed;
	plan->workers.count = count ? count : 1;
	for (size_t i = 0; i < plan->workers.count; i++)
		plan->workers.cpu[i] = pool->cpu[(i + (pool == allowed)) % pool->count];
	return 0;
}

// Workers and control have a CPU in common, and nobody said that they may.
static int wrongly_shared(const struct config *config, const struct cpu_list *allowed, struct error *error)
{
	char text[CPU_LIST_TEXT_MAX];
	if (config->control_cpu_count > 0) {
		error_set(error, "workers.cpus and workers.control_cpus have a CPU in common, expected different "
			"ones, or workers.share_cpus: true");
		return config_error_at(config, config->control_cpus_place, error);
	}
	error_set(error, "workers.cpus takes all CPUs that this process may use (%s), and control needs one of its own: "
		"leave one out, or set workers.share_cpus: true", cpu_list_format(allowed, text));
	return config_error_at(config, config->worker_cpus_place, error);
}

static bool is_shared(const struct cpu_plan *plan)
{
	struct cpu_list seen = plan->control;
	for (size_t i = 0; i < plan->workers.count; i++)
		if (add_cpu(&seen, plan->workers.cpu[i]) < 0)
			return true;
	return false;
}

int cpu_choose(const struct config *config, unsigned workers, bool share, const struct cpu_list *allowed,
	       struct cpu_plan *plan, struct error *error)
{
	struct cpu_list configured;
	share = share || config->share_cpus;
	from_config(&configured, config->worker_cpus, config->worker_cpu_count);
	size_t wanted = workers ? workers : config->worker_cpu_count;
	if (wanted > WORKER_MAX)
		return error_set(error, "%zu workers, expected at most %d", wanted, WORKER_MAX);
	if (allowed->count == 0)
		return error_set(error, "this process may use no CPU at all");
	choose_control(config, &configured, allowed, plan);
	if (check_allowed("workers.cpus", &configured, allowed, error) < 0 ||
		choose_workers(wanted, share, &configured, allowed, plan, error) < 0)
		return config_error_at(config, config->worker_cpus_place, error);
	if (check_allowed("workers.control_cpus", &plan->control, allowed, error) < 0)
		return config_error_at(config, config->control_cpus_place, error);
	plan->shared = is_shared(plan);
	return plan->shared && !share ? wrongly_shared(config, allowed, error) : 0;
}

int cpu_lcores(const struct cpu_plan *plan, char *text, size_t size)
{
	char control[CPU_LIST_TEXT_MAX];
	size_t used = (size_t)snprintf(text, size, "0@(%s)", cpu_list_format(&plan->control, control));
	for (size_t i = 0; i < plan->workers.count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, ",%zu@%u", i + 1, plan->workers.cpu[i]);
	return used < size ? 0 : -1;
}

int numa_node_of(uint16_t cpu)
{
	// numa_node_of_cpu answers from /sys; all else of libnuma is undefined where numa_available() is negative.
	return numa_available() < 0 ? -1 : numa_node_of_cpu(cpu);
}

int numa_bind_thread(const struct cpu_list *cpus, struct error *error)
{
	char text[CPU_LIST_TEXT_MAX];
	cpu_set_t set;
	CPU_ZERO(&set);
	for (size_t i = 0; i < cpus->count; i++)
		CPU_SET(cpus->cpu[i], &set);
	int why = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (why)
		return error_set(error, "can't run on CPU %s: %s", cpu_list_format(cpus, text), strerror(why));
	return 0;
}

bool numa_mismatch(const char *interface, int interface_node, unsigned worker, uint16_t cpu, char *text, size_t size)
{
	int node = numa_node_of(cpu);
	if (interface_node < 0 || node < 0 || node == interface_node)
		return false;
	snprintf(text, size, "interface '%s' is on NUMA node %d but worker %u on CPU %u is on node %d: every packet "
		"crosses nodes; choose CPUs of node %d in workers.cpus", interface, interface_node, worker, cpu, node,
		interface_node);
	return true;
}
