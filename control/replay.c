// SPDX-License-Identifier: BSD-3-Clause
#include "control/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "control/capture.h"
#include "control/collector.h"
#include "control/exit_status.h"
#include "control/feed.h"
#include "control/json_file.h"
#include "control/report.h"
#include "control/stats.h"
#include "control/text_file.h"

enum { REPLAY_FLOWS_MAX = 1 << 24 }; // for each worker, however many packets there are

struct replay {
	const struct replay_options *options;
	struct capture *captures;
	struct config config;
	struct runtime runtime;
	struct collector collector;
	struct text_file *json;
	struct feed feed;
	json_t *flows; // at the end of the last capture
	int status;
};

static void fails(struct replay *replay, const struct error *error)
{
	replay->status = complain(error);
}

static bool same_file(const char *a, const char *b)
{
	struct stat first, second;
	if (stat(a, &first) < 0 || stat(b, &second) < 0)
		return strcmp(a, b) == 0;
	// Devices such as /dev/null take from many.
	return S_ISREG(first.st_mode) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// Writing to what is read, or twice to one file, would ruin both.
static int check_outputs(const struct replay_options *options, struct error *error)
{
	const char *const outputs[] = { options->packets, options->flows, options->json };
	const size_t count = sizeof(outputs) / sizeof(outputs[0]);
	for (size_t i = 0; i < count; i++) {
		if (!outputs[i])
			continue;
		for (size_t j = i + 1; j < count; j++)
			if (outputs[j] && same_file(outputs[i], outputs[j]))
				return error_set(error, "%s: named for two outputs; give each a file of its own",
					outputs[i]);
		for (int j = 0; j < options->capture_count; j++)
			if (same_file(outputs[i], options->captures[j]))
				return error_set(error, "%s: is the capture that is read; write to another file",
					outputs[i]);
	}
	return 0;
}

static int open_captures(struct replay *replay, struct error *error)
{
	const struct replay_options *options = replay->options;
	if (options->capture_count == 0)
		return error_set(error, "no capture was named; try \"portier replay --help\"");
	replay->captures = calloc((size_t)options->capture_count, sizeof(*replay->captures));
	if (!replay->captures)
		return error_set(error, "no memory");
	for (int i = 0; i < options->capture_count; i++)
		if (capture_open(options->captures[i], &replay->captures[i], error) < 0)
			return -1;
	return 0;
}

static void close_captures(struct replay *replay)
{
	for (int i = 0; replay->captures && i < replay->options->capture_count; i++)
		capture_close(&replay->captures[i]);
	free(replay->captures);
}

static int load_config(struct replay *replay, struct error *error)
{
	if (replay->options->config)
		return config_load(replay->options->config, &replay->config, error);
	return config_default(&replay->config, error);
}

static void size_buffers(const struct replay *replay, struct runtime_options *how)
{
	for (int i = 0; i < replay->options->capture_count; i++) {
		const struct capture *capture = &replay->captures[i];
		how->longest_frame = RTE_MAX(how->longest_frame, capture->longest);
		how->extra_segments += capture->index.extra_segments;
	}
}

// Room for a flow a packet on each worker, unanswered ones too, unless the configuration says how much: else flows would be
// told or not by how many workers there are.
static void size_flows(struct replay *replay)
{
	struct config *config = &replay->config;
	uint64_t packets = 0;
	if (config->flow_capacity_given)
		return;
	for (int i = 0; i < replay->options->capture_count; i++)
		packets += replay->captures[i].index.count;
	uint64_t wanted = packets * 100 / config->embryonic_percent + 1;
	wanted = RTE_MIN(wanted, (uint64_t)REPLAY_FLOWS_MAX);
	config->flow_capacity = RTE_MAX(config->flow_capacity, (uint32_t)wanted);
}

static int start_runtime(struct replay *replay, struct error *error)
{
	const struct replay_options *options = replay->options;
	struct runtime_options how = {
		.mode = RUNTIME_REPLAY,
		.workers = options->workers ? options->workers : 1,
		.trace_packets = options->packets != NULL,
		.record_flows = true,
		.rules_file = options->rules,
		.eal = options->eal,
		.eal_count = (size_t)options->eal_count,
	};
	size_buffers(replay, &how);
	size_flows(replay);
	return runtime_start(&replay->runtime, &replay->config, &how, error);
}

// Whatever output can't be opened: the others are closed again, by close_outputs.
static int open_outputs(struct replay *replay, struct error *error)
{
	const struct replay_options *options = replay->options;
	const struct runtime *runtime = &replay->runtime;
	struct collector *collector = &replay->collector;
	if (options->packets) {
		collector->packets = packet_log_open(options->packets, runtime->handlers, runtime->handler_count,
			runtime->worker_count, error);
		if (!collector->packets)
			return -1;
	}
	if (options->flows) {
		collector->flows = flow_log_open(options->flows, runtime->handlers, runtime->handler_count, error);
		if (!collector->flows)
			return -1;
	}
	if (options->json) {
		replay->json = text_file_open(options->json, error);
		if (!replay->json)
			return -1;
	}
	return 0;
}

static void close_outputs(struct replay *replay)
{
	struct error error;
	if (replay->collector.packets && packet_log_close(replay->collector.packets, &error) < 0)
		fails(replay, &error);
	if (replay->collector.flows && flow_log_close(replay->collector.flows, &error) < 0)
		fails(replay, &error);
	if (replay->json && text_file_close(replay->json, &error) < 0)
		fails(replay, &error);
}

static void feed_all(struct replay *replay)
{
	struct error error;
	for (int i = 0; i < replay->options->capture_count && !replay->feed.interrupted; i++)
		if (feed_capture(&replay->feed, &replay->captures[i], &error) < 0)
			fails(replay, &error);
}

// From the start of the workers until they stand still.
static void run_workers(struct replay *replay, const sigset_t *stop_signals)
{
	struct runtime *runtime = &replay->runtime;
	struct error error;
	replay->collector.runtime = runtime;
	runtime->pump = collector_pump;
	runtime->pump_context = &replay->collector;
	feed_start(&replay->feed, runtime, stop_signals);
	if (runtime_launch(runtime, &error) == 0)
		feed_all(replay);
	else
		fails(replay, &error);
	replay->flows = stats_flows(runtime);
	runtime_end_flows(runtime);
	runtime_stop(runtime);
	collector_pump(&replay->collector);
}

static bool is_stdout(const char *name)
{
	return name && strcmp(name, "-") == 0;
}

static void tell_broken(struct replay *replay)
{
	for (int i = 0; i < replay->options->capture_count; i++) {
		const struct capture *capture = &replay->captures[i];
		struct error error;
		if (!capture->broken[0])
			continue;
		error_set(&error, "%s: breaks off after packet %lu: %s", capture->file,
			(unsigned long)capture->index.count, capture->broken);
		fails(replay, &error);
	}
}

// Before complaints, which go elsewhere.
static void flush(struct replay *replay, FILE *out)
{
	struct error error;
	if (fflush(out) == 0)
		return;
	error_set(&error, "the report can't be written: %s", strerror(errno));
	fails(replay, &error);
}

static void report(struct replay *replay)
{
	const struct replay_options *options = replay->options;
	bool taken = is_stdout(options->packets) || is_stdout(options->flows) || is_stdout(options->json);
	FILE *out = taken ? stderr : stdout;
	const struct report_input input = {
		.runtime = &replay->runtime,
		.captures = replay->captures,
		.capture_count = (unsigned)options->capture_count,
		.top = &replay->collector.top,
		.flows = replay->flows,
		.interfaces = replay->feed.interfaces,
		.seconds = (double)replay->feed.ticks / (double)rte_get_tsc_hz(),
		.interrupted = replay->feed.interrupted,
	};
	json_t *object = report_build(&input);
	if (replay->json)
		json_file_put(replay->json, object);
	close_outputs(replay);
	if (!options->quiet)
		report_print(object, out);
	flush(replay, out);
	if (!json_is_true(json_object_get(json_object_get(object, "ledger"), "balanced")))
		fails(replay, &(struct error){ "the ledger is not balanced: packets ended without a name" });
	json_decref(object);
}

static void run(struct replay *replay)
{
	struct error error;
	sigset_t stop_signals, before;
	sigemptyset(&stop_signals);
	sigaddset(&stop_signals, SIGINT);
	sigaddset(&stop_signals, SIGTERM);
	// Blocked before there are threads: all of them inherit it, and the feed alone looks for them.
	pthread_sigmask(SIG_BLOCK, &stop_signals, &before);
	if (start_runtime(replay, &error) < 0) {
		fails(replay, &error);
	} else if (open_outputs(replay, &error) < 0) {
		close_outputs(replay);
		fails(replay, &error);
		runtime_destroy(&replay->runtime);
	} else {
		run_workers(replay, &stop_signals);
		feed_interrupted(&replay->feed); // also one that came while the last lines were written
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		report(replay);
		tell_broken(replay);
		runtime_destroy(&replay->runtime);
		json_decref(replay->feed.interfaces);
		json_decref(replay->flows);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (replay->feed.interrupted)
		replay->status = STATUS_INTERRUPTED;
}

int replay(const struct replay_options *options)
{
	struct error error;
	struct replay *replay = calloc(1, sizeof(*replay));
	if (!replay)
		return STATUS_ERROR;
	replay->options = options;
	if (check_outputs(options, &error) < 0 || open_captures(replay, &error) < 0) {
		fails(replay, &error);
	} else if (load_config(replay, &error) < 0) {
		fails(replay, &error);
	} else {
		run(replay);
		config_free(&replay->config);
	}
	close_captures(replay);
	int status = replay->status;
	free(replay);
	return status;
}
