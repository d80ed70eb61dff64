// SPDX-License-Identifier: BSD-3-Clause
// portierctl: asks a running portier, and tells it what to do.
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl/ask.h"
#include "control/ctl/requests.h"
#include "control/ctl/watch.h"

enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
};

static const char *default_socket(void)
{
	const char *path = getenv("PORTIER_SOCKET");
	return path && *path ? path : "/run/portier.sock";
}

static void print_help(void)
{
	printf("Usage: portierctl [OPTION]... COMMAND [ARGUMENT]...\n"
	       "Asks a running portier, and tells it what to do.\n\nCommands:\n");
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		printf("  %-14s%s\n", command->name, command->help);
	printf("\nOptions:\n"
	       "  -s, --socket PATH  the control socket (default: $PORTIER_SOCKET, or /run/portier.sock)\n"
	       "  -j, --json         print the result as JSON\n"
	       "  -h, --help         this text; behind a command: its arguments\n"
	       "  -V, --version      print the version\n"
	       "\nExit status: 0, 1 after an error, 2 if it was called wrongly. More: man portierctl\n");
}

static int wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "portierctl: %s%s\nTry 'portierctl --help'.\n", what, which);
	return STATUS_USAGE;
}

// getopt takes "-1" for an option; no command takes a number below 0.
static int wrong_option(char **argv, int option)
{
	for (; *argv; argv++)
		if ((*argv)[0] == '-' && (*argv)[1] == option && isdigit(option))
			return wrong_usage("a number below 0 is meant nowhere: ", *argv);
	return wrong_usage("", "that was not understood");
}

// Returns -1 to go on, or the exit status.
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "watch", optional_argument, NULL, 'w' },
		{ "last", no_argument, NULL, 'l' },
		{ "at", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "s:jhVw", long_options, NULL)) != -1;) {
		switch (option) {
		case 's': options->socket = optarg; break;
		case 'j': options->json = true; break;
		case 'h': options->help = true; break;
		case 'l': options->last = true; break;
		case 'a': options->at = optarg; break;
		case 'V': printf("portierctl " PORTIER_VERSION "\n"); return STATUS_OK;
		case 'w':
			options->watch = true;
			if (optarg && !watch_seconds(optarg, &options->watch_seconds))
				return wrong_usage("--watch wants seconds, not ", optarg);
			break;
		default: return wrong_option(argv, optopt);
		}
	}
	return -1;
}

static bool takes(const struct ctl_command *command, const struct options *options)
{
	return (!options->watch || command->flags & TAKES_WATCH) && (!options->last || command->flags & TAKES_LAST) &&
	       (!options->at || command->flags & TAKES_AT);
}

static void print_result(const struct ctl_command *command, const struct options *options, const json_t *result)
{
	if (!options->json) {
		command->show(result);
		return;
	}
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

static int run(const struct ctl_command *command, const struct options *options, char **words, unsigned count)
{
	struct daemon daemon;
	const char *name = strcmp(command->name, "rules") == 0 ? "rules list" : command->name;
	json_t *arguments = command->arguments(options, words, count);
	if (!arguments || daemon_connect(&daemon, options->socket)) {
		json_decref(arguments);
		return STATUS_FAILED;
	}
	int status = STATUS_OK;
	if (options->watch) {
		json_decref(arguments);
		status = watch_stats(&daemon, options) ? STATUS_FAILED : STATUS_OK;
	} else {
		json_t *result = daemon_ask(&daemon, name, arguments);
		if (result)
			print_result(command, options, result);
		else
			status = STATUS_FAILED;
		json_decref(result);
	}
	daemon_disconnect(&daemon);
	if (fflush(stdout) || ferror(stdout))
		return perror("portierctl: standard output"), STATUS_FAILED;
	return status;
}

int main(int argc, char **argv)
{
	struct options options = { .socket = default_socket(), .watch_seconds = 1 };
	int status = read_options(argc, argv, &options);
	if (status >= 0)
		return status;
	unsigned used = 0, count = (unsigned)(argc - optind);
	char **words = argv + optind;
	if (!count || strcmp(words[0], "help") == 0) {
		if (!count && !options.help)
			return wrong_usage("a command was expected", "");
		print_help();
		return STATUS_OK;
	}
	const struct ctl_command *command = ctl_command_find(words, count, &used);
	if (!command)
		return wrong_usage("unknown command: ", words[0]);
	if (options.help) {
		printf("Usage: portierctl [OPTION]... %s %s\n%s\n", command->name, command->usage, command->help);
		return STATUS_OK;
	}
	words += used, count -= used;
	if (!takes(command, &options))
		return wrong_usage("an option does not go with the command ", command->name);
	if (options.watch && count == 1 && watch_seconds(words[0], &options.watch_seconds))
		count = 0;
	if (count < command->words_min || count > command->words_max) {
		fprintf(stderr, "portierctl: usage: portierctl %s %s\n", command->name, command->usage);
		return STATUS_USAGE;
	}
	return run(command, &options, words, count);
}
