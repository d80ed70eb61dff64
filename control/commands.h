// SPDX-License-Identifier: BSD-3-Clause
// What a client may ask: one const table of commands.
#pragma once

#include <jansson.h>

#include "control/runtime.h"

struct command {
	const char *name;      // "stats"
	const char *arguments; // "[FILTER]", for help
	const char *help;      // one line
	// arguments: the request's "arguments" object, never NULL. Returns the reply's "result" (new reference) or NULL
	// with a text. Control thread.
	json_t *(*run)(struct runtime *runtime, const json_t *arguments, struct error *error);
};

extern const struct command commands[]; // name NULL at the end

// Runs the command of one request {"version": 1, "command": ..., "arguments": {...}} and returns the whole reply
// {"version": 1, "ok": true, "result": ...} or {"version": 1, "ok": false, "error": "..."}. New reference.
json_t *command_answer(struct runtime *runtime, const char *request, size_t length);
