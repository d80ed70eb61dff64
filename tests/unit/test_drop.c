// SPDX-License-Identifier: BSD-3-Clause
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/drop.h"

static void every_reason_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (int reason = 0; reason < DROP_REASONS; reason++) {
		assert_non_null(drop_name(reason));
		assert_non_null(drop_text(reason));
		assert_int_not_equal(drop_text(reason)[0], '\0');
	}
	assert_string_equal(drop_name(DROP_NONE), "-");
}

static void names_are_words_that_are_found_again(void **state)
{
	(void)state;
	for (int reason = 1; reason < DROP_REASONS; reason++) {
		const char *name = drop_name(reason);

		assert_int_equal(drop_from_name(name), reason); // so no two are equal
		for (const char *c = name; *c; c++)
			assert_true(islower(*c) || isdigit(*c) || *c == '_');
	}
}

static void unknown_names_are_refused(void **state)
{
	static const char *const names[] = { "", "-", "RUNT", "runt ", "ip_checksu", "nonsense" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(drop_from_name(names[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_and_a_text),
		cmocka_unit_test(names_are_words_that_are_found_again),
		cmocka_unit_test(unknown_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
