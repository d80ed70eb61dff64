// SPDX-License-Identifier: BSD-3-Clause
// Trying rules: the client starts a job, asks for it now and then, and may stop it.
#include "control/commands.h"
#include "control/rules_try.h"

json_t *command_rules_try(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	const char *text, *file = "rules";
	size_t length;
	double seconds;
	struct rule_list list = { 0 };
	if (command_arguments(arguments, error, "{s:s%, s?s, s:F !}", "text", &text, &length, "file", &file, "seconds",
		    &seconds))
		return NULL;
	if (!(seconds > 0 && seconds <= RULES_TRY_SECONDS_MAX)) {
		error_set(error, "a time of up to %d seconds was expected", RULES_TRY_SECONDS_MAX);
		return NULL;
	}
	if (rule_list_parse(file, text, length, &list, error))
		return NULL;
	uint32_t job = rules_try_start(runtime, &list, seconds, error);
	rule_list_free(&list);
	return job ? json_pack("{s:I}", "job", (json_int_t)job) : NULL;
}

json_t *command_rules_tried(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	json_int_t job;
	int stop = 0;
	if (command_arguments(arguments, error, "{s:I, s?b !}", "job", &job, "stop", &stop))
		return NULL;
	if (job < 1 || job > UINT32_MAX) {
		error_set(error, "there is no job %lld", (long long)job);
		return NULL;
	}
	if (stop && rules_try_stop(runtime, (uint32_t)job, error))
		return NULL;
	return rules_try_report(runtime, (uint32_t)job, error);
}
