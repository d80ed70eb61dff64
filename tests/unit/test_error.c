// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "control/error.h"

// Error texts end here, whatever was put into them.
struct guarded {
	struct error error;
	char guard[16];
};

static char long_text[3 * sizeof(struct error)];

static int fill_long_text(void **state)
{
	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	return 0;
}

static void text_is_formatted_and_the_result_is_an_error(void **state)
{
	(void)state;
	struct error error;
	assert_int_equal(error_set(&error, "port %d is %s", 70000, "too large"), -1);
	assert_string_equal(error.text, "port 70000 is too large");
}

static void place_stands_in_front(void **state)
{
	(void)state;
	struct error error;
	assert_int_equal(error_at(&error, "a.yaml", 3, 14, "unknown key \"%s\"", "colour"), -1);
	assert_string_equal(error.text, "a.yaml:3:14: unknown key \"colour\"");
}

static void prefixes_pile_up_in_front(void **state)
{
	(void)state;
	struct error error;
	error_set(&error, "no such device");
	assert_int_equal(error_prefix(&error, "interface %s", "wan"), -1);
	assert_int_equal(error_prefix(&error, "start"), -1);
	assert_string_equal(error.text, "start: interface wan: no such device");
}

static void percent_signs_in_a_text_are_kept_by_a_prefix(void **state)
{
	(void)state;
	struct error error;
	error_set(&error, "%s", "100%s %n");
	error_prefix(&error, "rule");
	assert_string_equal(error.text, "rule: 100%s %n");
}

static void texts_that_are_too_long_are_cut(void **state)
{
	(void)state;
	struct guarded at = { .guard = "guard" };
	error_set(&at.error, "%s", long_text);
	assert_int_equal(strlen(at.error.text), sizeof(at.error.text) - 1);
	error_at(&at.error, "file", 1, 2, "%s", long_text);
	assert_int_equal(strlen(at.error.text), sizeof(at.error.text) - 1);
	assert_memory_equal(at.error.text, "file:1:2: xx", 12);
	error_prefix(&at.error, "prefix");
	assert_int_equal(strlen(at.error.text), sizeof(at.error.text) - 1);
	assert_memory_equal(at.error.text, "prefix: file:1:2: xx", 20);
	error_prefix(&at.error, "%s", long_text);
	assert_int_equal(strlen(at.error.text), sizeof(at.error.text) - 1);
	assert_string_equal(at.guard, "guard");
}

static void file_name_that_fills_the_text_is_cut(void **state)
{
	(void)state;
	struct guarded at = { .guard = "guard" };
	assert_int_equal(error_at(&at.error, long_text, 1, 2, "lost"), -1);
	assert_int_equal(strlen(at.error.text), sizeof(at.error.text) - 1);
	assert_string_equal(at.guard, "guard");
}

static void nobody_listening_is_still_an_error(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, "text"), -1);
	assert_int_equal(error_at(NULL, "file", 1, 2, "text"), -1);
	assert_int_equal(error_prefix(NULL, "text"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_formatted_and_the_result_is_an_error),
		cmocka_unit_test(place_stands_in_front),
		cmocka_unit_test(prefixes_pile_up_in_front),
		cmocka_unit_test(percent_signs_in_a_text_are_kept_by_a_prefix),
		cmocka_unit_test(texts_that_are_too_long_are_cut),
		cmocka_unit_test(file_name_that_fills_the_text_is_cut),
		cmocka_unit_test(nobody_listening_is_still_an_error),
	};
	return cmocka_run_group_tests(tests, fill_long_text, NULL);
}
