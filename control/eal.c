// SPDX-License-Identifier: BSD-3-Clause
#include "control/eal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

enum { EAL_ARGUMENTS_MAX = 256, EAL_TEXT_MAX = 4096 };

// Arguments as the EAL takes them: it may permute the array, so that texts are kept apart.
struct eal_arguments {
	char *text[EAL_ARGUMENTS_MAX + 1];
	int count;
};

static void add(struct eal_arguments *arguments, const char *text)
{
	if (arguments->count < EAL_ARGUMENTS_MAX)
		arguments->text[arguments->count++] = strdup(text);
}

static void add_all(struct eal_arguments *arguments, char *const *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(arguments, text[i]);
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Whether the user has said something about this himself.
static bool given(const struct config *config, const struct runtime_options *options, const char *option)
{
	for (size_t i = 0; i < config->eal_count; i++)
		if (begins(config->eal[i], option))
			return true;
	for (size_t i = 0; i < options->eal_count; i++)
		if (begins(options->eal[i], option))
			return true;
	return false;
}

// "0000:3b:00.0" is a PCI address, "net_tap0,iface=t0" is not.
static bool is_pci(const char *device)
{
	unsigned domain, bus, slot, function;
	return sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4 ||
	       sscanf(device, "%x:%x.%x", &bus, &slot, &function) == 3;
}

static size_t device_count(const struct config *config)
{
	return config->interface_count + config->handler_count;
}

// Device i of all that the configuration names; "" for a handler without one.
static const char *device_at(const struct config *config, size_t i)
{
	return i < config->interface_count ? config->interfaces[i].device :
					     config->handlers[i - config->interface_count].device;
}

static bool any_pci(const struct config *config)
{
	for (size_t i = 0; i < device_count(config); i++)
		if (is_pci(device_at(config, i)))
			return true;
	return false;
}

// The EAL probes every NIC that is bound to a DPDK driver unless it is told which: portier touches its own alone.
static void allow_pci(struct eal_arguments *arguments, const struct config *config)
{
	if (!any_pci(config))
		add(arguments, "--no-pci");
	for (size_t i = 0; i < device_count(config); i++)
		if (is_pci(device_at(config, i))) {
			add(arguments, "-a");
			add(arguments, device_at(config, i));
		}
}

static long free_hugepages(void)
{
	long pages = 0, value;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "HugePages_Free: %ld", &value) == 1)
			pages = value;
	if (file)
		fclose(file);
	return pages;
}

static void add_memory(struct eal_arguments *arguments, bool huge, size_t megabytes)
{
	char text[32];
	if (huge) {
		add(arguments, "--in-memory");
		return;
	}
	snprintf(text, sizeof(text), "%zu", megabytes);
	add(arguments, "--no-huge");
	add(arguments, "-m");
	add(arguments, text);
	add(arguments, "--no-shconf");
}

// Live: hugepages where there are some. Without any, a NIC can't work; virtual devices can, slower.
static int choose_memory(struct eal_arguments *arguments, const struct config *config,
			 const struct runtime_options *options, size_t megabytes, struct error *error)
{
	if (given(config, options, "--no-huge") || given(config, options, "--in-memory") ||
		given(config, options, "--huge-dir"))
		return 0;
	bool huge = options->mode == RUNTIME_LIVE && free_hugepages() > 0;
	if (options->mode == RUNTIME_LIVE && !huge) {
		if (any_pci(config))
			return error_set(error, "no free hugepages, and NICs need them: reserve some, for example "
				"\"echo 1024 > /proc/sys/vm/nr_hugepages\" (2 MB each) as root");
		fprintf(stderr, "portier: no free hugepages: running without, which is slower "
			"(reserve some with \"echo 512 > /proc/sys/vm/nr_hugepages\")\n");
	}
	add_memory(arguments, huge, megabytes);
	return 0;
}

static void free_texts(struct eal_arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->text[i]);
}

// DPDK leaves it behind, one a process. If it is not empty, somebody else is in it.
static void remove_run_directory(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

// The EAL copies what it keeps, but permutes the array that it is given: it gets one of its own.
static int init(struct eal_arguments given, struct error *error)
{
	atexit(remove_run_directory); // registered first, so that it comes after DPDK's own: those remove the sockets
	int result = rte_eal_init(given.count, given.text);
	if (result < 0)
		error_set(error, "DPDK's EAL does not start: %s (its own words stand above; EAL arguments: see "
			"\"eal:\" in the configuration and what follows \"--\")", rte_strerror(rte_errno));
	return result < 0 ? -1 : 0;
}

// Everything that stands before what the user gave himself.
static int collect(struct eal_arguments *arguments, const struct config *config, const struct runtime_options *options,
		   const struct cpu_plan *cpus, size_t megabytes, struct error *error)
{
	char text[EAL_TEXT_MAX], lcores[EAL_TEXT_MAX - 16];

	add(arguments, "portier");
	if (cpu_lcores(cpus, lcores, sizeof(lcores)) != 0)
		return error_set(error, "too many CPUs for one EAL");
	snprintf(text, sizeof(text), "--lcores=%s", lcores);
	add(arguments, text);
	add(arguments, "--main-lcore=0");
	if (choose_memory(arguments, config, options, megabytes, error) != 0)
		return -1;
	if (!given(config, options, "--no-pci") && !given(config, options, "-a") && !given(config, options, "--allow"))
		allow_pci(arguments, config);
	if (!given(config, options, "--file-prefix")) {
		snprintf(text, sizeof(text), "--file-prefix=portier_%d", (int)getpid());
		add(arguments, text);
	}
	if (options->mode == RUNTIME_REPLAY)
		add(arguments, "--no-telemetry");
	if (!given(config, options, "--log-level"))
		add(arguments, "--log-level=warning");
	return 0;
}

int eal_start(const struct config *config, const struct runtime_options *options, const struct cpu_plan *cpus,
	      size_t megabytes, struct error *error)
{
	struct eal_arguments arguments = { .count = 0 };
	int result = collect(&arguments, config, options, cpus, megabytes, error);

	if (result == 0) {
		add_all(&arguments, config->eal, config->eal_count);
		add_all(&arguments, options->eal, options->eal_count);
		result = init(arguments, error);
	}
	free_texts(&arguments);
	return result;
}
