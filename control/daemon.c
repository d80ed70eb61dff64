// SPDX-License-Identifier: BSD-3-Clause
#include "control/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <systemd/sd-daemon.h>

#include "control/json_file.h"
#include "control/report.h"
#include "control/rule_log.h"
#include "control/rules_try.h"
#include "control/runtime.h"
#include "control/server.h"
#include "control/stats.h"

// Blocked before any thread starts, so that every thread inherits the mask and signals come by the descriptor alone.
static int open_signals(struct error *error)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		return error_set(error, "signals can't be blocked: %s", strerror(errno));
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		error_set(error, "no descriptor for signals: %s", strerror(errno));
	return fd;
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static void print_policy(const struct runtime *runtime)
{
	size_t rules = rule_store_count(runtime->rules), listeners = runtime->listener_count;
	fprintf(stderr, "%zu rule%s, %zu listener%s", rules, plural(rules), listeners, plural(listeners));
}

// The service manager takes a READY=1 as the reload's end only if it is later than this (sd_notify(3)).
static void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

static void reload(struct runtime *runtime)
{
	struct error error = { .text = "" };
	notify_reloading();
	if (runtime_reload(runtime, &error) == 0) {
		fprintf(stderr, "portier: reloaded: ");
		print_policy(runtime);
		fprintf(stderr, ", generation %u\n", runtime->policy->generation);
	} else {
		fprintf(stderr, "portier: not reloaded, all stays as it was: %s\n", error.text);
	}
	sd_notify(0, "READY=1");
}

// Returns false when it is time to stop.
static bool handle_signal(struct runtime *runtime, int signals)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGHUP)
			return false;
		reload(runtime);
	}
	return true;
}

static void serve(struct runtime *runtime, struct server *server, int signals)
{
	struct pollfd polled[] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = server_fd(server), .events = POLLIN },
	};
	enum { SERVER_TICK_MS = 100 }; // the workers' log rings hold what they may log in that time

	for (;;) {
		if (poll(polled, 2, SERVER_TICK_MS) < 0 && errno != EINTR)
			return;
		if (!handle_signal(runtime, signals))
			return;
		server_poll(server);
		rules_try_tick(runtime);
		rule_log_print(runtime, stderr);
	}
}

static void print_start(const struct runtime *runtime)
{
	fprintf(stderr, "portier: %u worker%s, %u interface%s, ", runtime->worker_count,
		plural(runtime->worker_count), runtime->interface_count, plural(runtime->interface_count));
	print_policy(runtime);
	fprintf(stderr, "; control socket %s\n", runtime->config->socket_path);
}

// The workers stand still, so that the ledger must be balanced.
static int report(const struct runtime *runtime, const char *file, struct error *error)
{
	struct flow_top top = { .count = 0 };
	json_t *flows = stats_flows(runtime), *interfaces = stats_interfaces(runtime);
	const struct report_input input = {
		.runtime = runtime,
		.top = &top,
		.flows = flows,
		.interfaces = interfaces,
		.seconds = (double)(rte_rdtsc() - runtime->started_tsc) / (double)rte_get_tsc_hz(),
	};
	json_t *object = report_build(&input);
	if (!file || strcmp(file, "-") != 0)
		report_print(object, stdout);
	int status = file ? json_file_write(object, file, error) : 0;
	json_decref(object);
	json_decref(flows);
	json_decref(interfaces);
	if (stats_ledger_balance(runtime) != 0)
		return error_set(error, "the ledger is not balanced: packets ended without a name");
	return status;
}

static int run(struct runtime *runtime, struct server *server, int signals, const char *json, struct error *error)
{
	if (runtime_launch(runtime, error) != 0)
		return -1;
	print_start(runtime);
	sd_notify(0, "READY=1");
	serve(runtime, server, signals);
	sd_notify(0, "STOPPING=1");
	runtime_stop(runtime);
	rule_log_print(runtime, stderr);
	return report(runtime, json, error);
}

// The socket comes first: a second daemon is refused before it touches a device. Clients wait until it is served.
static int start_and_run(const struct config *config, const struct runtime_options *options, int signals,
			 const char *json, struct error *error)
{
	struct runtime runtime;
	struct server *server;
	if (server_open(&server, config->socket_path, &runtime, error) != 0)
		return -1;
	int status = runtime_start(&runtime, config, options, error);
	if (status == 0) {
		status = run(&runtime, server, signals, json, error);
		runtime_destroy(&runtime);
	}
	server_close(server);
	return status;
}

static int load(const char *file, struct config *config, struct error *error)
{
	if (config_load(file, config, error) != 0)
		return -1;
	if (config->interface_count > 0)
		return 0;
	config_free(config);
	return error_set(error, "%s: no interfaces: that is enough for portier replay, portier run needs one", file);
}

int daemon_run(const struct daemon_options *given)
{
	struct error error = { .text = "" };
	struct config config;
	const struct runtime_options options = { .mode = RUNTIME_LIVE, .rules_file = given->rules,
		.latency = given->latency, .eal = given->eal, .eal_count = (size_t)given->eal_count };
	int status = -1;

	if (load(given->config, &config, &error) != 0) {
		fprintf(stderr, "portier: %s\n", error.text);
		return EXIT_FAILURE;
	}
	int signals = open_signals(&error);
	if (signals >= 0)
		status = start_and_run(&config, &options, signals, given->json, &error);
	if (status != 0)
		fprintf(stderr, "portier: %s\n", error.text);
	if (signals >= 0)
		close(signals);
	config_free(&config);
	return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
