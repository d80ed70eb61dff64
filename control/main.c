// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/check.h"
#include "control/daemon.h"
#include "control/generate.h"
#include "control/ndr.h"
#include "control/options.h"
#include "control/replay.h"
#include "control/replay_explain.h"

enum { STATUS_ERROR = 1, STATUS_USAGE = 2 };

struct command {
	const char *name;
	const char *options;  // letters, as options_parse takes them
	bool captures;        // takes arguments that are no options
	bool needs_config;
	int (*run)(const struct options *options);
	const char *help;
};

static int run_replay(const struct options *options)
{
	return options->replay.explain ? replay_explain(&options->replay) : replay(&options->replay);
}

static int run_daemon(const struct options *options)
{
	const struct replay_options *given = &options->replay;
	return daemon_run(&(struct daemon_options){ .config = given->config, .rules = given->rules,
		.json = given->json, .latency = options->latency, .eal = given->eal, .eal_count = given->eal_count });
}

static int run_check(const struct options *options)
{
	return check(options->replay.config, options->replay.rules, options->strict);
}

static struct generate_options generate_options_of(const struct options *options)
{
	const struct replay_options *given = &options->replay;
	return (struct generate_options){ .config = given->config, .json = given->json, .svg = options->svg,
		.quiet = given->quiet, .eal = given->eal, .eal_count = given->eal_count };
}

static int run_generate(const struct options *options)
{
	const struct generate_options given = generate_options_of(options);
	return generate(&given);
}

static int run_ndr(const struct options *options)
{
	const struct generate_options given = generate_options_of(options);
	return ndr(&given);
}

static const struct command commands[] = {
	{ "replay", "crwfpjqx", true, false, run_replay,
	  "portier replay [-c CONF] [--rules FILE] [--workers N] [--flows FILE] [--packets FILE]\n"
	  "               [--json FILE] [--quiet] [--explain NO] CAPTURE... [-- EAL arguments]\n\n"
	  "Reads captures (pcap, pcapng; Ethernet) through the data path of live traffic and prints a report.\n\n"
	  "  -c, --config FILE  configuration; without one everything is accepted and counted\n"
	  "  --rules FILE       rules, instead of the configuration's\n"
	  "  --workers N        workers (1)\n"
	  "  --flows FILE       writes a line a flow, tab-separated; \"-\": to standard output\n"
	  "  --packets FILE     writes a line a packet, likewise\n"
	  "  --json FILE        writes the report as JSON, likewise\n"
	  "  -q, --quiet        prints no report\n"
	  "  --explain NO       replays up to packet NO and tells what becomes of that one, and why, instead of a report\n" },
	{ "run", "crjl", false, true, run_daemon,
	  "portier run -c CONF [--rules FILE] [--latency[=N]] [--json FILE] [-- EAL arguments]\n\n"
	  "Runs on NICs or virtual devices until SIGTERM or Ctrl-C; SIGHUP reloads rules and listeners.\n\n"
	  "  -c, --config FILE  configuration\n"
	  "  --rules FILE       rules, instead of the configuration's\n"
	  "  --latency[=N]      measures how long one packet in N (64) takes; \"portierctl latency\" shows it\n"
	  "  --json FILE        writes the report at the end as JSON; \"-\": to standard output\n" },
	{ "check", "crs", false, false, run_check,
	  "portier check [-c CONF] [--rules FILE] [--strict]\n\n"
	  "Says what is wrong with configuration and rules, or what would run. Warns of rules that are not likely to be meant:\n"
	  "that can never match, that open too much or nothing. Starts nothing.\n\n"
	  "  -c, --config FILE  configuration\n"
	  "  --rules FILE       rules, instead of the configuration's\n"
	  "  --strict           fails after a warning too\n" },
	{ "generate", "cjq", false, true, run_generate,
	  "portier generate -c CONF [--json FILE] [--quiet] [-- EAL arguments]\n\n"
	  "Sends traffic out of a network device for a while, checks what comes back, and prints a report.\n\n"
	  "  -c, --config FILE  configuration: devices, rate, duration, streams (portier.generate(5))\n"
	  "  --json FILE        writes the report as JSON; \"-\": to standard output\n"
	  "  -q, --quiet        prints no report\n" },
	{ "ndr", "cjgq", false, true, run_ndr,
	  "portier ndr -c CONF [--json FILE] [--svg FILE] [--quiet] [-- EAL arguments]\n\n"
	  "Finds the highest rate at which a device under test, which sends back what it gets, loses nothing: trials at one rate\n"
	  "after another (RFC 2544 26.1), traffic standing still while counters are read.\n\n"
	  "  -c, --config FILE  as of portier generate; its rate is the highest that is tried\n"
	  "  --json FILE        writes all trials as JSON; \"-\": to standard output\n"
	  "  --svg FILE         draws them\n"
	  "  -q, --quiet        prints no table\n" },
};

static const char general_help[] =
	"portier: packets to flows, flows to handlers by port\n\n"
	"  portier replay CAPTURE...  reads captures and prints a report\n"
	"  portier run -c CONF        runs on network devices\n"
	"  portier check [-c CONF]    looks a configuration over\n"
	"  portier generate -c CONF   sends traffic and checks what comes back\n"
	"  portier ndr -c CONF        finds the highest rate without loss\n"
	"  portier --version\n\n"
	"\"portier COMMAND --help\" tells more; portierctl talks to a running portier.\n";

static const struct command *command_named(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int refuse(const char *command, const char *what, const char *which)
{
	fprintf(stderr, "portier: %s%s; try \"portier %s%s--help\"\n", what, which, command, command[0] ? " " : "");
	return STATUS_USAGE;
}

static int print(const char *text)
{
	fputs(text, stdout); // finish_output sees whether it could
	return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options;
	struct error error;
	if (options_parse(&options, command->options, argc, argv, &error) < 0)
		return refuse(command->name, error.text, "");
	const struct replay_options *given = &options.replay;
	if (options.help)
		return print(command->help);
	if (command->captures && given->capture_count == 0)
		return refuse(command->name, "no capture was named", "");
	if (!command->captures && given->capture_count > 0)
		return refuse(command->name, "unexpected argument ", given->captures[0]);
	if (command->needs_config && !given->config)
		return refuse(command->name, "-c FILE is missing", "");
	return command->run(&options);
}

static int dispatch(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return print("portier " PORTIER_VERSION "\n");
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return print(general_help);
	const struct command *command = command_named(word);
	if (!command)
		return refuse("", argc > 1 ? "unknown command " : "a command is missing", word);
	return run(command, argc - 1, argv + 1);
}

// What was printed must have got there: a full disk is no success.
static int finish_output(int status)
{
	errno = EIO; // where an earlier write failed
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != 0)
		return status;
	perror("portier: standard output");
	return STATUS_ERROR;
}

int main(int argc, char **argv)
{
	return finish_output(dispatch(argc, argv));
}
