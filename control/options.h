// SPDX-License-Identifier: BSD-3-Clause
// The command line of portier's commands.
#pragma once

#include "control/error.h"
#include "control/replay.h"

struct options {
	struct replay_options replay; // config, rules, captures (what is no option) and EAL arguments: of every command
	bool help;
	bool strict;
	const char *svg; // NULL: none
	unsigned latency; // of so many packets one is measured; 0: not said
};

// Reads what follows a command's word. allowed: the letters of the options that the command takes ('c' config, 'r' rules,
// 'w' workers, 'f' flows, 'p' packets, 'j' json, 'g' svg, 'q' quiet, 's' strict, 'x' explain, 'l' latency); help is always.
// What follows "--" is for the EAL. Permutes argv. An option that is given twice is an error. 0, or -1 with a text.
int options_parse(struct options *options, const char *allowed, int argc, char **argv, struct error *error);
