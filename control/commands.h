// SPDX-License-Identifier: BSD-3-Clause
// What a client may ask: one const table of commands.
#pragma once

#include <jansson.h>

#include "control/protocol.h"
#include "control/runtime.h"

struct command {
	const char *name;      // "stats", "rules add"
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

// The reply that refuses a request. New reference.
json_t *command_refusal(const char *why);

// Reads arguments as json_unpack does, and refuses those that are unknown or of a wrong type. 0, or -1 with a text.
// Strings live as long as the arguments.
int command_arguments(const json_t *arguments, struct error *error, const char *format, ...);

// In files of their own.
json_t *command_flows(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_explain(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_list(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_load(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_add(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_insert(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_replace(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_try(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_tried(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_rules_delete(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_allow(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_deny(struct runtime *runtime, const json_t *arguments, struct error *error);
json_t *command_reject(struct runtime *runtime, const json_t *arguments, struct error *error);
