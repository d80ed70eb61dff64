// SPDX-License-Identifier: BSD-3-Clause
// Reads rule files, whose names come one a line on standard input, and prints each as portier lists it: "ok BYTES" and the
// text, or "error BYTES" and what is wrong.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_list.h"
#include "control/rule_print.h"

static void answer(const char *how, const char *text)
{
	printf("%s %zu\n%s", how, strlen(text), text);
	fflush(stdout);
}

static void print_file(const char *file)
{
	struct rule_list list;
	struct error error;
	if (rule_list_load(file, &list, &error)) {
		answer("error", error.text);
		return;
	}
	char *text = rule_list_print(list.entry, NULL, list.count, list.default_verdict);
	answer(text ? "ok" : "error", text ? text : "no memory");
	free(text);
	rule_list_free(&list);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	while ((length = getline(&line, &room, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		print_file(line);
	}
	free(line);
	return 0;
}
