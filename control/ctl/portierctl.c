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
		printf("  %-15s%s\n", command->name, command->help);
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

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "watch", optional_argument, NULL, 'w' },
	{ "last", no_argument, NULL, 'l' },
	{ "native", no_argument, NULL, 'n' },
	{ "at", required_argument, NULL, 'a' },
	{ "for", required_argument, NULL, 'f' },
	{ NULL, 0, NULL, 0 },
};

// getopt takes "-1" for an option; no command takes a number below 0.
static int wrong_option(char **argv, int option)
{
	for (; *argv; argv++)
		if ((*argv)[0] == '-' && (*argv)[1] == option && isdigit(option))
			return wrong_usage("a number below 0 is meant nowhere: ", *argv);
	return wrong_usage("", "that was not understood");
}

// Returns -1 to go on, or the exit status.
static int take_option(struct options *options, char **argv, int option)
{
	switch (option) {
	case 's': options->socket = optarg; break;
	case 'j': options->json = true; break;
	case 'h': options->help = true; break;
	case 'l': options->last = true; break;
	case 'n': options->native = true; break;
	case 'a': options->at = optarg; break;
	case 'f': options->seconds = optarg; break;
	case 'V': printf("portierctl " PORTIER_VERSION "\n"); return STATUS_OK;
	case 'w':
		options->watch = true;
		if (optarg && !watch_seconds(optarg, &options->watch_seconds))
			return wrong_usage("--watch wants seconds, not ", optarg);
		break;
	default: return wrong_option(argv, optopt);
	}
	return -1;
}

// Whether what follows the words is a rule: its "-p" and "-j" are not ours.
static bool rule_follows(char **words, unsigned count)
{
	unsigned used;
	const struct ctl_command *command = ctl_command_find(words, count, &used);
	return command && used == count && command->flags & TAKES_RULE;
}

// An option of ours between a command and its rule: those that have no letter.
static bool is_long_option(const char *text)
{
	size_t length = strcspn(text, "=");
	for (const struct option *option = long_options; option->name; option++)
		if (strncmp(text, "--", 2) == 0 && strlen(option->name) + 2 == length &&
		    strncmp(text + 2, option->name, length - 2) == 0)
			return true;
	return false;
}

// Options may stand anywhere among the words, which are moved together: *count of them, from the first argument on.
// Returns -1 to go on, or the exit status.
static int read_options(int argc, char **argv, struct options *options, unsigned *count)
{
	*count = 0;
	while (optind < argc) {
		bool rule = rule_follows(argv + 1, *count);
		if (rule && strcmp(argv[optind], "--") == 0)
			optind++;
		if (rule && (optind == argc || !is_long_option(argv[optind])))
			break;
		int option = getopt_long(argc, argv, "+s:jhVw", long_options, NULL);
		int status = option == -1 ? -1 : take_option(options, argv, option);
		if (status >= 0)
			return status;
		if (option == -1 && optind < argc)
			argv[1 + (*count)++] = argv[optind++];
	}
	while (optind < argc)
		argv[1 + (*count)++] = argv[optind++];
	return -1;
}

static bool takes(const struct ctl_command *command, const struct options *options)
{
	return (!options->watch || command->flags & TAKES_WATCH) && (!options->last || command->flags & TAKES_LAST) &&
	       (!options->at || command->flags & TAKES_AT) && (!options->native || command->flags & TAKES_NATIVE) &&
	       (!options->seconds || command->flags & TAKES_FOR);
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
	struct daemon daemon = { .fd = -1 };
	bool alone = command->flags & NEEDS_NO_DAEMON;
	const char *name = strcmp(command->name, "rules") == 0 ? "rules list" : command->name;
	json_t *arguments = command->arguments(options, words, count);
	if (!arguments || (!alone && daemon_connect(&daemon, options->socket))) {
		json_decref(arguments);
		return STATUS_FAILED;
	}
	int status = STATUS_OK;
	if (command->run) {
		status = command->run(&daemon, options, arguments) ? STATUS_FAILED : STATUS_OK;
	} else if (options->watch) {
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
	unsigned used = 0, count;
	int status = read_options(argc, argv, &options, &count);
	if (status >= 0)
		return status;
	char **words = argv + 1;
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
