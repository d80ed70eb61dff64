// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/line_buffer.h"

// What a line buffer of at most 8 bytes makes of a text that comes in pieces of size.
static void feed(const char *text, size_t size, char *out)
{
	struct line_buffer buffer;
	const char *line;
	size_t length, room, at = 0, total = strlen(text);
	line_buffer_init(&buffer, 8);
	for (*out = '\0'; at < total;) {
		char *to = line_buffer_room(&buffer, &room);
		size_t n = total - at < size ? total - at : size;
		n = n < room ? n : room;
		assert_non_null(to);
		memcpy(to, text + at, n);
		at += n;
		line_buffer_filled(&buffer, n);
		enum line_result result;
		while ((result = line_buffer_next(&buffer, &line, &length)) == LINE_FOUND)
			sprintf(out + strlen(out), "[%.*s]", (int)length, line);
		assert_int_equal(line_buffer_ready(&buffer), result == LINE_TOO_LONG);
		if (result == LINE_TOO_LONG) {
			strcat(out, "!");
			break;
		}
	}
	line_buffer_free(&buffer);
}

static void lines_are_the_same_in_pieces_of_any_size(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "a\nbc\n", "[a][bc]" },
		{ "\n\n", "[][]" },
		{ "a\r\n\r\n", "[a][]" },
		{ "12345678\n12345678\r\n", "[12345678][12345678]" },
		{ "half", "" },
		{ "a\nhalf", "[a]" },
		{ "123456789\n", "!" },
		{ "ok\n123456789", "[ok]!" },
		{ "12345678\rx\n", "!" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t size = 1; size < 24; size++) {
			char out[256];
			feed(cases[i].text, size, out);
			assert_string_equal(out, cases[i].lines);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_in_pieces_of_any_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
