// SPDX-License-Identifier: BSD-3-Clause
// Rules, and what became of a change of them.
#include <stdio.h>
#include <string.h>

#include "control/ctl/show.h"
#include "control/explain_print.h"

static long long number_at(const json_t *result, const char *key)
{
	return (long long)json_integer_value(json_object_get(result, key));
}

void show_lines(const char *text, FILE *out)
{
	for (; text && *text; text++)
		fputc(((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f ? '?' : *text, out);
}

void show_rules(const json_t *result)
{
	static const struct column columns[] = {
		{ "ID", "id", CELL_TEXT },
		{ "PACKETS", "packets", CELL_COUNT },
		{ "BYTES", "bytes", CELL_BYTES },
		{ "RULE", "text", CELL_TEXT },
	};
	const char *native = json_string_value(json_object_get(result, "native"));
	if (native)
		show_lines(native, stdout);
	else
		show_array(result, columns, sizeof(columns) / sizeof(columns[0]), "no rules");
}

void show_warnings(const json_t *result)
{
	size_t i;
	const json_t *warning;
	fflush(stdout);
	json_array_foreach(json_object_get(result, "warnings"), i, warning) {
		fputs("warning: ", stderr);
		show_lines(json_string_value(json_object_get(warning, "text")), stderr);
		fputc('\n', stderr);
	}
	if (number_at(result, "more_warnings"))
		fprintf(stderr, "warning: and %lld more of the same kinds\n", number_at(result, "more_warnings"));
}

void show_added(const json_t *result)
{
	char text[CELL_MAX];
	printf("rule %lld at place %lld: %s\n", number_at(result, "id"), number_at(result, "position"),
	       cell_format(json_object_get(result, "text"), CELL_TEXT, text));
	show_warnings(result);
}

void show_published(const json_t *result)
{
	printf("%lld rules are in force, generation %lld\n", number_at(result, "rules"),
	       number_at(result, "generation"));
	show_warnings(result);
}

void show_reloaded(const json_t *result)
{
	printf("%lld rules and %lld listeners are in force, generation %lld\n", number_at(result, "rules"),
	       number_at(result, "listeners"), number_at(result, "generation"));
	show_warnings(result);
}

void show_explained(const json_t *result)
{
	explain_print(result, stdout, show_bold());
}
