// SPDX-License-Identifier: BSD-3-Clause
#include "control/commands.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <rte_log.h>

#include "control/rule_warnings.h"
#include "control/stats.h"

int command_arguments(const json_t *arguments, struct error *error, const char *format, ...)
{
	json_error_t why;
	va_list values;
	va_start(values, format);
	// jansson only reads what it unpacks, but does not say so in its types.
	int failed = json_vunpack_ex((json_t *)(uintptr_t)arguments, &why, 0, format, values);
	va_end(values);
	return failed ? error_set(error, "arguments: %s", why.text) : 0;
}

static int no_arguments(const json_t *arguments, struct error *error)
{
	return command_arguments(arguments, error, "{!}");
}

static json_t *run_status(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_status(runtime);
}

static json_t *run_stats(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	if (no_arguments(arguments, error))
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
		"ledger", stats_ledger(runtime),
		"handlers", stats_handlers(runtime),
		"drops", stats_drops(runtime),
		"flows", stats_flows(runtime),
		"port_classes", stats_port_classes(runtime),
		"notes", stats_notes(runtime));
}

static json_t *run_interfaces(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_interfaces(runtime);
}

static json_t *run_workers(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_workers(runtime);
}

static json_t *run_listeners(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_listeners(runtime);
}

static json_t *run_handlers(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_handlers(runtime);
}

static json_t *run_drops(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	if (no_arguments(arguments, error))
		return NULL;
	json_t *by_handler = json_object(), *handlers = stats_handlers(runtime), *handler;
	size_t i;
	json_array_foreach(handlers, i, handler)
		if (json_array_size(json_object_get(handler, "drops")))
			json_object_set(by_handler, json_string_value(json_object_get(handler, "name")),
					json_object_get(handler, "drops"));
	json_decref(handlers);
	return json_pack("{s:o, s:o}", "drops", stats_drops(runtime), "handlers", by_handler);
}

static json_t *run_latency(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	return no_arguments(arguments, error) ? NULL : stats_latency(runtime);
}

// By RTE_LOG_*.
static const char *const log_levels[] = {
	[RTE_LOG_EMERG] = "emergency",
	[RTE_LOG_ALERT] = "alert",
	[RTE_LOG_CRIT] = "critical",
	[RTE_LOG_ERR] = "error",
	[RTE_LOG_WARNING] = "warning",
	[RTE_LOG_NOTICE] = "notice",
	[RTE_LOG_INFO] = "info",
	[RTE_LOG_DEBUG] = "debug",
};

enum { LOG_LEVELS = sizeof(log_levels) / sizeof(log_levels[0]) };

static int log_level(const char *name)
{
	for (int i = RTE_LOG_EMERG; i < LOG_LEVELS; i++)
		if (strcasecmp(name, log_levels[i]) == 0)
			return i;
	return -1;
}

// Whether any log of DPDK or portier has such a name.
static bool log_matches(const char *pattern)
{
	char *names = NULL, *rest, *name;
	size_t length;
	bool matches = false;
	FILE *stream = open_memstream(&names, &length);
	if (!stream)
		return true;
	rte_log_list_types(stream, "");
	fclose(stream);
	for (name = strtok_r(names, "\t\n", &rest); name && !matches; name = strtok_r(NULL, "\t\n", &rest))
		matches = fnmatch(pattern, name, 0) == 0;
	free(names);
	return matches;
}

static json_t *run_log(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	(void)runtime;
	const char *name, *asked = NULL;
	if (command_arguments(arguments, error, "{s:s, s?s !}", "level", &name, "of", &asked))
		return NULL;
	int level = log_level(name);
	if (level < 0) {
		error_set(error, "unknown log level '%s'; one of emergency, alert, critical, error, warning, notice, "
			  "info, debug was expected", name);
		return NULL;
	}
	const char *of = !asked ? "portier.*" : strcmp(asked, "all") == 0 ? "*" : asked;
	if (asked && !log_matches(of)) {
		error_set(error, "no log has a name like '%s'; \"portier.*\" is a pattern, and \"lib.eal\" a name", of);
		return NULL;
	}
	if (rte_log_set_level_pattern(of, (uint32_t)level)) {
		error_set(error, "'%s' is no pattern of log names; \"portier.*\" is one", of);
		return NULL;
	}
	return json_pack("{s:s, s:s}", "level", log_levels[level], "of", of);
}

static json_t *run_reload(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	if (no_arguments(arguments, error) || runtime_reload(runtime, error))
		return NULL;
	return rule_warnings_put(&runtime->lint, runtime->rules, json_pack("{s:I, s:I, s:I}",
		"generation", (json_int_t)(runtime->policy ? runtime->policy->generation : 0),
		"rules", (json_int_t)rule_store_count(runtime->rules),
		"listeners", (json_int_t)runtime->listener_count));
}

static json_t *run_help(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	(void)runtime;
	if (no_arguments(arguments, error))
		return NULL;
	json_t *list = json_array();
	for (const struct command *command = commands; command->name; command++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", command->name, "arguments",
						      command->arguments, "help", command->help));
	return list;
}

const struct command commands[] = {
	{ "status", "", "what runs, since when, with what", run_status },
	{ "stats", "", "the ledger, handlers, flows and drops", run_stats },
	{ "interfaces", "", "devices, their links and counters", run_interfaces },
	{ "workers", "", "what each worker core does", run_workers },
	{ "listeners", "", "which ports go to which handler, and how much came", run_listeners },
	{ "handlers", "", "what handlers received and did", run_handlers },
	{ "drops", "", "why packets went no further", run_drops },
	{ "latency", "", "how long packets take, by handler", run_latency },
	{ "flows", "[FILTER]", "live flows", command_flows },
	{ "rules list", "[--native]", "rules in order, with their hits", command_rules_list },
	{ "rules load", "FILE", "replace all rules by those of a file", command_rules_load },
	{ "rules add", "TEXT [--at N]", "add one rule, last or before rule N", command_rules_add },
	{ "rules insert", "TEXT", "add one rule, first", command_rules_insert },
	{ "rules replace", "ID TEXT", "put a rule in the place of another", command_rules_replace },
	{ "rules delete", "ID", "delete one rule", command_rules_delete },
	{ "rules try", "FILE SECONDS", "try rules on live traffic beside those in force", command_rules_try },
	{ "rules tried", "JOB [stop]", "what a trial has found", command_rules_tried },
	{ "allow", "PROTO [PORT] [from CIDR]", "add an allow rule, first unless --last", command_allow },
	{ "deny", "PROTO [PORT] [from CIDR]", "add a deny rule, first unless --last", command_deny },
	{ "reject", "PROTO [PORT] [from CIDR]", "add a reject rule, first unless --last", command_reject },
	{ "explain", "PROTO SOURCE[:PORT] DESTINATION[:PORT] [FLAGS | TYPE] [vlan ID] [in INTERFACE]",
	  "what becomes of a packet, and why", command_explain },
	{ "reload", "", "read configuration and rules file anew", run_reload },
	{ "log", "LEVEL [PATTERN]", "how much is logged", run_log },
	{ "help", "", "this list", run_help },
	{ NULL, NULL, NULL, NULL },
};

json_t *command_refusal(const char *why)
{
	json_t *text = json_string(why);
	return json_pack("{s:i, s:b, s:o}", "version", PROTOCOL_VERSION, "ok", 0, "error",
			 text ? text : json_string("the request holds bytes that are no text"));
}

static const struct command *find_command(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

// Takes request apart. NULL with a text if it is not one.
static const struct command *read_request(const json_t *request, const json_t **arguments, struct error *error)
{
	int version = 0;
	const char *name = "";
	json_t *given = NULL;
	json_error_t why;
	const json_t *asked = json_object_get(request, "version");
	if (json_is_integer(asked) && json_integer_value(asked) != PROTOCOL_VERSION) {
		error_set(error, "protocol version mismatch: this portier (" PORTIER_VERSION ") speaks version %d, the "
			  "client %lld: use the portierctl that came with it", PROTOCOL_VERSION,
			  (long long)json_integer_value(asked));
		return NULL;
	}
	if (json_unpack_ex((json_t *)(uintptr_t)request, &why, 0, "{s:i, s:s, s?o !}", "version", &version,
			   "command", &name, "arguments", &given)) {
		error_set(error, "not a request: %s; {\"version\": %d, \"command\": NAME, \"arguments\": {...}} was "
			  "expected", why.text, PROTOCOL_VERSION);
		return NULL;
	}
	const struct command *command = find_command(name);
	if (!command)
		error_set(error, "unknown command '%s': try 'help'", name);
	else if (given && !json_is_object(given))
		error_set(error, "\"arguments\" has to be an object");
	else
		return *arguments = given, command;
	return NULL;
}

static json_t *run_request(struct runtime *runtime, const json_t *request, struct error *error)
{
	const json_t *given = NULL;
	const struct command *command = read_request(request, &given, error);
	if (!command)
		return NULL;
	json_t *none = json_object();
	json_t *result = command->run(runtime, given ? given : none, error);
	json_decref(none);
	return result;
}

json_t *command_answer(struct runtime *runtime, const char *text, size_t length)
{
	struct error error = { .text = "out of memory" };
	json_error_t why;
	json_t *request = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
	if (!request)
		error_set(&error, "the request is no JSON object in one line: column %d: %s", why.column, why.text);
	json_t *result = request ? run_request(runtime, request, &error) : NULL;
	json_decref(request);
	if (!result)
		return command_refusal(error.text);
	return json_pack("{s:i, s:b, s:o}", "version", PROTOCOL_VERSION, "ok", 1, "result", result);
}
