// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/table.h"

static void thousands_stand_apart(void **state)
{
	(void)state;
	static const struct {
		uint64_t number;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 12345, "12,345" }, { 100000, "100,000" },
		{ 1234567, "1,234,567" }, { UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[NUMBER_TEXT_MAX];
		assert_string_equal(number_format(cases[i].number, text), cases[i].text);
	}
}

static const struct table_column columns[] = { { "NAME", false }, { "PACKETS", true }, { "TEXT", false } };

static void prints(struct table *table, bool bold, const char *expected)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	table_print(table, out, bold);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	(void)state;
	struct table *table = table_create(columns, 3);
	table_text(table, "a");
	table_number(table, 1);
	table_text(table, "x");
	table_text(table, "2001:db8::1");
	table_number(table, 1234567890);
	table_text(table, "longer than its title");
	prints(table, false,
		"  NAME               PACKETS  TEXT\n"
		"  a                        1  x\n"
		"  2001:db8::1  1,234,567,890  longer than its title\n");
}

static void titles_are_bold_where_asked(void **state)
{
	(void)state;
	prints(table_create(columns, 3), true, "\033[1m  NAME  PACKETS  TEXT\n\033[0m");
}

static void table_without_titles_has_rows_only(void **state)
{
	(void)state;
	static const struct table_column untitled[] = { { NULL, false }, { NULL, true } };
	struct table *table = table_create(untitled, 2);
	table_text(table, "received");
	table_number(table, 12);
	prints(table, true, "  received  12\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_stand_apart),
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(titles_are_bold_where_asked),
		cmocka_unit_test(table_without_titles_has_rows_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
