// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "control/options.h"
#include "dataplane/latency.h"

enum { ARGUMENTS_MAX = 32 };

struct line {
	char text[256];
	char *argument[ARGUMENTS_MAX + 1];
	int count;
};

// Splits a line at its blanks.
static void split(struct line *line, const char *text)
{
	snprintf(line->text, sizeof(line->text), "%s", text);
	line->count = 0;
	for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " "))
		line->argument[line->count++] = word;
	line->argument[line->count] = NULL;
}

static void every_option_has_its_place_and_captures_may_stand_anywhere(void **state)
{
	(void)state;
	struct line line;
	struct options options;
	split(&line, "replay a.pcap -c x.yaml --rules r --workers 3 b.pcap --flows f --packets p --json - -q -- -l 0 x");
	assert_int_equal(options_parse(&options, "crwfpjq", line.count, line.argument, NULL), 0);
	const struct replay_options *replay = &options.replay;
	assert_string_equal(replay->config, "x.yaml");
	assert_string_equal(replay->rules, "r");
	assert_string_equal(replay->flows, "f");
	assert_string_equal(replay->packets, "p");
	assert_string_equal(replay->json, "-");
	assert_int_equal(replay->workers, 3);
	assert_true(replay->quiet);
	assert_false(options.help);
	assert_int_equal(replay->capture_count, 2);
	assert_string_equal(replay->captures[0], "a.pcap");
	assert_string_equal(replay->captures[1], "b.pcap");
	assert_int_equal(replay->eal_count, 3);
	assert_string_equal(replay->eal[0], "-l");
	assert_string_equal(replay->eal[2], "x");
}

static void explain_wants_the_number_of_a_packet(void **state)
{
	(void)state;
	static const char *const wrong[] = { "replay --explain 0 a", "replay --explain x a", "replay --explain -1 a",
		"replay --explain 5x a", "replay --explain 99999999999999999999 a", "replay --explain" };
	struct line line;
	struct options options;
	struct error error;
	split(&line, "replay --explain 17 a.pcap");
	assert_int_equal(options_parse(&options, "crwfpjqx", line.count, line.argument, NULL), 0);
	assert_int_equal(options.replay.explain, 17);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		split(&line, wrong[i]);
		assert_int_equal(options_parse(&options, "crwfpjqx", line.count, line.argument, &error), -1);
		assert_non_null(strstr(error.text, "--explain"));
	}
	split(&line, "check --strict");
	assert_int_equal(options_parse(&options, "crs", line.count, line.argument, NULL), 0);
	assert_true(options.strict);
}

static void latency_may_say_how_many_packets_it_is_one_of(void **state)
{
	(void)state;
	static const char *const wrong[] = { "run --latency=0", "run --latency=", "run --latency=-1", "run --latency=x",
		"run --latency=64x", "run --latency=1000001" };
	static const struct {
		const char *line;
		unsigned one_in;
	} right[] = { { "run -c x", 0 }, { "run --latency -c x", LATENCY_ONE_IN }, { "run --latency=1", 1 },
		{ "run --latency=1000000", 1000000 } };
	struct line line;
	struct options options;
	struct error error;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		split(&line, right[i].line);
		assert_int_equal(options_parse(&options, "crjl", line.count, line.argument, NULL), 0);
		assert_int_equal(options.latency, right[i].one_in);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		split(&line, wrong[i]);
		assert_int_equal(options_parse(&options, "crjl", line.count, line.argument, &error), -1);
		assert_non_null(strstr(error.text, "expected a number from 1 to 1000000"));
	}
}

static void nothing_given_leaves_nothing_set(void **state)
{
	(void)state;
	static const char *const lines[] = { "check", "check --" };
	for (size_t i = 0; i < 2; i++) {
		struct line line;
		struct options options;
		split(&line, lines[i]);
		assert_int_equal(options_parse(&options, "cr", line.count, line.argument, NULL), 0);
		assert_null(options.replay.config);
		assert_int_equal(options.replay.workers, 0);
		assert_int_equal(options.replay.capture_count, 0);
		assert_int_equal(options.replay.eal_count, 0);
	}
}

static void help_is_an_option_of_every_command(void **state)
{
	(void)state;
	struct line line;
	struct options options;
	split(&line, "run --help");
	assert_int_equal(options_parse(&options, "", line.count, line.argument, NULL), 0);
	assert_true(options.help);
}

static void wrong_lines_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "x --colour", "unknown option --colour" },
		{ "x -z", "unknown option -z" },
		{ "x --flows f", "--flows is not for this command" },
		{ "x --workers", "--workers: a value is missing" },
		{ "x -c", "-c: a value is missing" },
		{ "x -c a --config b", "--config is given twice" },
		{ "x --workers 1 --workers 1", "--workers is given twice" },
		{ "x --workers 0", "--workers 0: expected a number from 1 to" },
		{ "x --workers 65", "--workers 65: expected a number from 1 to" },
		{ "x --workers -1", "--workers -1: expected a number from 1 to" },
		{ "x --workers 2x", "--workers 2x: expected a number from 1 to" },
		{ "x --workers 99999999999999999999", "expected a number from 1 to" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line line;
		struct options options;
		struct error error;
		split(&line, cases[i].line);
		assert_int_equal(options_parse(&options, "cw", line.count, line.argument, &error), -1);
		if (!strstr(error.text, cases[i].expected))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].expected, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_its_place_and_captures_may_stand_anywhere),
		cmocka_unit_test(explain_wants_the_number_of_a_packet),
		cmocka_unit_test(latency_may_say_how_many_packets_it_is_one_of),
		cmocka_unit_test(nothing_given_leaves_nothing_set),
		cmocka_unit_test(help_is_an_option_of_every_command),
		cmocka_unit_test(wrong_lines_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
