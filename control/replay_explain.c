// SPDX-License-Identifier: BSD-3-Clause
#include "control/replay_explain.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/capture.h"
#include "control/capture_head.h"
#include "control/explain.h"
#include "control/explain_print.h"
#include "control/feed.h"
#include "control/text_file.h"

enum {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
};

struct place {
	struct capture capture; // opened: the one that has the packet
	uint64_t before;        // packets of it that come before
	int number;             // of the capture
};

static int refuse_outputs(const struct replay_options *options, struct error *error)
{
	if (options->packets || options->flows)
		return error_set(error, "--explain tells of one packet: --packets and --flows don't go with it");
	return 0;
}

// Captures before that of the packet are counted through.
static int find_packet(const struct replay_options *options, struct place *place, struct error *error)
{
	uint64_t before = 0;
	for (place->number = 0; place->number < options->capture_count; place->number++) {
		if (capture_open(options->captures[place->number], &place->capture, error) < 0)
			return -1;
		if (options->explain <= before + place->capture.index.count) {
			place->before = options->explain - before - 1;
			return 0;
		}
		before += place->capture.index.count;
		capture_close(&place->capture);
	}
	return error_set(error, "there is no packet %lu: the captures have %lu", (unsigned long)options->explain,
		(unsigned long)before);
}

static int feed_file(struct feed *feed, const char *file, struct error *error)
{
	struct capture capture;
	if (capture_open(file, &capture, error) < 0)
		return -1;
	int result = feed_capture(feed, &capture, error);
	capture_close(&capture);
	return result;
}

// All packets before that one go through the workers, which stand still afterwards with their flows and fragments.
static int feed_before(struct runtime *runtime, const struct replay_options *options, const struct place *place,
		       const struct capture_head *head, struct error *error)
{
	struct feed feed;
	sigset_t none;
	int result = 0;
	sigemptyset(&none);
	feed_start(&feed, runtime, &none);
	if (runtime_launch(runtime, error) != 0)
		return -1;
	for (int i = 0; result == 0 && i < place->number; i++)
		result = feed_file(&feed, options->captures[i], error);
	if (result == 0 && place->before > 0)
		result = feed_file(&feed, head->file, error);
	runtime_stop(runtime);
	json_decref(feed.interfaces);
	return result;
}

static int write_json(const char *file, const json_t *explained, struct error *error)
{
	struct text_file *text = file ? text_file_open(file, error) : NULL;
	if (!file)
		return 0;
	if (!text)
		return -1;
	char *dump = json_dumps(explained, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	text_put(text, dump ? dump : "null");
	text_put_char(text, '\n');
	free(dump);
	return text_file_close(text, error);
}

static int tell(const struct runtime *runtime, const struct replay_options *options, const struct place *place,
		const struct capture_packet *packet, struct error *error)
{
	const struct capture_index *index = &place->capture.index;
	const struct explain_input input = {
		.frame = packet->bytes,
		.captured = index->captured[place->before],
		.on_wire = index->on_wire[place->before],
		.time = RTE_MAX(runtime->workers[0]->now, index->time_ns[place->before]),
		.checksum = CHECKSUM_UNKNOWN,
	};
	json_t *explained = explain_frame(runtime, &input, error);
	if (!explained)
		return -1;
	if (!options->quiet) {
		printf("packet %lu: number %lu of %s\n", (unsigned long)options->explain,
			(unsigned long)place->before + 1, place->capture.file);
		explain_print(explained, stdout, isatty(STDOUT_FILENO));
	}
	int result = write_json(options->json, explained, error);
	json_decref(explained);
	return result;
}

static int run(const struct replay_options *options, const struct config *config, const struct place *place,
	       const struct capture_head *head, const struct capture_packet *packet, struct error *error)
{
	struct runtime runtime;
	struct runtime_options how = {
		.mode = RUNTIME_REPLAY,
		.workers = options->workers ? options->workers : 1,
		.rules_file = options->rules,
		.longest_frame = FRAME_MAX,
		.extra_segments = place->capture.index.extra_segments,
		.eal = options->eal,
		.eal_count = (size_t)options->eal_count,
	};
	if (runtime_start(&runtime, config, &how, error) < 0)
		return -1;
	int result = feed_before(&runtime, options, place, head, error);
	if (result == 0)
		result = tell(&runtime, options, place, packet, error);
	runtime_destroy(&runtime);
	return result;
}

static int with_config(const struct replay_options *options, const struct place *place, struct error *error)
{
	struct config config;
	struct capture_head head;
	struct capture_packet packet;
	int result = options->config ? config_load(options->config, &config, error) : config_default(&config, error);
	if (result < 0)
		return -1;
	result = capture_head_make(place->capture.file, place->before, &head, &packet, error);
	if (result == 0) {
		result = run(options, &config, place, &head, &packet, error);
		capture_head_close(&head);
		free(packet.bytes);
	}
	config_free(&config);
	return result;
}

int replay_explain(const struct replay_options *options)
{
	struct error error = { "" };
	struct place place = { .number = 0 };
	int result = refuse_outputs(options, &error);
	if (result == 0)
		result = find_packet(options, &place, &error);
	if (result == 0) {
		result = with_config(options, &place, &error);
		capture_close(&place.capture);
	}
	if (result < 0)
		fprintf(stderr, "portier: %s\n", error.text);
	return result < 0 ? STATUS_ERROR : STATUS_OK;
}
