// SPDX-License-Identifier: BSD-3-Clause
#include "control/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/worker.h"

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "rules", required_argument, NULL, 'r' },
	{ "workers", required_argument, NULL, 'w' },
	{ "flows", required_argument, NULL, 'f' },
	{ "packets", required_argument, NULL, 'p' },
	{ "json", required_argument, NULL, 'j' },
	{ "svg", required_argument, NULL, 'g' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "explain", required_argument, NULL, 'x' },
	{ "latency", optional_argument, NULL, 'l' },
	{ "strict", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *option_name(int letter)
{
	const struct option *option = long_options;
	while (option->name && option->val != letter)
		option++;
	return option->name;
}

static int set_workers(struct replay_options *replay, const char *text, struct error *error)
{
	char *end;
	unsigned long workers = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || workers < 1 || workers > WORKER_MAX)
		return error_set(error, "--workers %s: expected a number from 1 to %d", text, WORKER_MAX);
	replay->workers = (unsigned)workers;
	return 0;
}

static int set_explain(struct replay_options *replay, const char *text, struct error *error)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || number == 0)
		return error_set(error, "--explain %s: expected the number of a packet, from 1", text);
	replay->explain = number;
	return 0;
}

static int set_latency(struct options *options, const char *text, struct error *error)
{
	char *end;
	unsigned long one_in = text ? strtoul(text, &end, 10) : LATENCY_ONE_IN;
	if (text && (text[0] < '0' || text[0] > '9' || *end || one_in < 1 || one_in > LATENCY_ONE_IN_MAX))
		return error_set(error, "--latency=%s: expected a number from 1 to %d: one packet in so many is measured",
			text, LATENCY_ONE_IN_MAX);
	options->latency = (unsigned)one_in;
	return 0;
}

static int take(struct options *options, int letter, char *value, struct error *error)
{
	struct replay_options *replay = &options->replay;
	const char **const texts[] = {
		['c'] = &replay->config,
		['r'] = &replay->rules,
		['f'] = &replay->flows,
		['p'] = &replay->packets,
		['j'] = &replay->json,
		['g'] = &options->svg,
	};
	if (letter == 'w')
		return set_workers(replay, value, error);
	if (letter == 'l')
		return set_latency(options, value, error);
	if (letter == 'x')
		return set_explain(replay, value, error);
	if (letter == 'h')
		options->help = true;
	else if (letter == 'q')
		replay->quiet = true;
	else if (letter == 's')
		options->strict = true;
	else
		*texts[letter] = value;
	return 0;
}

// getopt moves what is no option behind "--": what follows that is split off before. Returns where it stands.
static int split_eal(struct replay_options *replay, int argc, char **argv)
{
	int end = 0;
	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	replay->eal_count = end < argc ? argc - end - 1 : 0;
	replay->eal = argv + argc - replay->eal_count;
	argv[end] = NULL;
	return end;
}

int options_parse(struct options *options, const char *allowed, int argc, char **argv, struct error *error)
{
	*options = (struct options){ .help = false };
	argc = split_eal(&options->replay, argc, argv);
	bool seen[UCHAR_MAX + 1] = { false };
	int letter;
	optind = 0; // GNU: begin anew
	while ((letter = getopt_long(argc, argv, ":c:qh", long_options, NULL)) != -1) {
		if (letter == ':')
			return error_set(error, "%s: a value is missing", argv[optind - 1]);
		if (letter == '?')
			return error_set(error, "unknown option %s", argv[optind - 1]);
		if (letter != 'h' && !strchr(allowed, letter))
			return error_set(error, "option --%s is not for this command", option_name(letter));
		if (seen[letter])
			return error_set(error, "--%s is given twice", option_name(letter));
		seen[letter] = true;
		if (take(options, letter, optarg, error) < 0)
			return -1;
	}
	options->replay.captures = argv + optind;
	options->replay.capture_count = argc - optind;
	return 0;
}
