// SPDX-License-Identifier: BSD-3-Clause
// The client's commands: words into requests, results into text.
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "control/ctl/ask.h"

struct options {
	const char *socket;
	bool json;
	bool help;
	bool last;
	bool native;
	const char *at;
	const char *seconds; // --for
	bool watch;
	double watch_seconds;
};

enum option_flag { // what a command takes besides the options that all take
	TAKES_WATCH = 1 << 0,
	TAKES_LAST = 1 << 1,
	TAKES_AT = 1 << 2,
	TAKES_NATIVE = 1 << 3,
	TAKES_FOR = 1 << 4,
	NEEDS_NO_DAEMON = 1 << 6, // has a run of its own, which asks nobody
	TAKES_RULE = 1 << 5, // what stands behind its options is a rule, and no option is looked for in it
};

struct ctl_command {
	const char *name;   // one word or two
	const char *usage;  // its arguments
	const char *help;   // one line
	unsigned words_min, words_max;
	unsigned flags;     // enum option_flag
	// The request's arguments out of the words behind the name (new reference), NULL after an error was printed.
	json_t *(*arguments)(const struct options *options, char **words, unsigned count);
	void (*show)(const json_t *result);
	// Asks and shows by itself, where one request does not do; NULL: one does. Takes the arguments. The exit status.
	int (*run)(struct daemon *daemon, const struct options *options, json_t *arguments);
};

extern const struct ctl_command ctl_commands[]; // name NULL at the end

// The command that the words begin with, *used of them; NULL: none.
const struct ctl_command *ctl_command_find(char **words, unsigned count, unsigned *used);

// {"text", "file"} of a file of rules; "-": standard input. The client reads it, so that its path means what it means to the
// client. NULL after an error was printed.
json_t *request_rule_file(const struct options *options, char **words, unsigned count);
