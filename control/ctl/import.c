// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/import.h"

#include <stdlib.h>

#include "control/rule_list.h"
#include "control/rule_print.h"

static int print_text(const char *text, bool as_json)
{
	if (!as_json)
		return fputs(text, stdout) < 0;
	json_t *result = json_pack("{s:s}", "text", text);
	int failed = !result || json_dumpf(result, stdout, JSON_INDENT(2)) || putchar('\n') < 0;
	json_decref(result);
	return failed;
}

static int print_list(const struct rule_list *list, bool as_json)
{
	char *text = rule_list_print(list->entry, NULL, list->count, list->default_verdict);
	if (!text)
		fprintf(stderr, "portierctl: no memory for the text of the rules\n");
	int failed = !text || print_text(text, as_json);
	free(text);
	return failed;
}

int import_run(struct daemon *daemon, const struct options *options, json_t *arguments)
{
	(void)daemon;
	const char *text, *file;
	size_t length;
	struct rule_list list = { 0 };
	struct error error = { "" };
	int failed = json_unpack(arguments, "{s:s%, s:s}", "text", &text, &length, "file", &file);
	if (!failed)
		failed = rule_list_parse(file, text, length, &list, &error);
	if (failed)
		fprintf(stderr, "%s\n", error.text);
	else
		failed = print_list(&list, options->json);
	rule_list_free(&list);
	json_decref(arguments);
	return failed != 0;
}
