// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/stats.h"
#include "tests/unit/ask_commands.h"

static void what_is_no_request_is_refused_with_a_text(void **state)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{ "", "no JSON" },
		{ "garbage", "no JSON" },
		{ "{\"version\":1,\"command\":\"status\"", "no JSON" },
		{ "{\"version\":1,\"command\":\"status\"}{}", "no JSON" },
		{ "{\"version\":1,\"version\":1,\"command\":\"status\"}", "duplicate" },
		{ "\"\\u0000\"", "no JSON" },
		{ "[]", "not a request" },
		{ "[[[[[[[[[[[[[[[[[[[[", "no JSON" },
		{ "{}", "not a request" },
		{ "{\"version\":1}", "command" },
		{ "{\"version\":2,\"command\":\"status\"}", "version mismatch" },
		{ "{\"version\":2,\"orders\":\"status\"}", "version mismatch" },
		{ "{\"version\":\"1\",\"command\":\"status\"}", "not a request" },
		{ "{\"version\":1,\"command\":7}", "not a request" },
		{ "{\"version\":1,\"command\":\"dance\"}", "unknown command 'dance'" },
		{ "{\"version\":1,\"command\":\"status\",\"arguments\":[]}", "object" },
		{ "{\"version\":1,\"command\":\"status\",\"argument\":{}}", "not a request" },
		{ "{\"version\":1,\"command\":\"status\",\"arguments\":{\"x\":1}}", "arguments" },
		{ "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filtre\":\"tcp\"}}", "arguments" },
		{ "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filter\":7}}", "arguments" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(fake_of(state), cases[i].request, cases[i].part);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char bytes[] = "{\"version\":1,\"command\":\"\xff\xfe\"}\0more";
	json_t *reply = command_answer(&fake_of(state)->runtime, bytes, sizeof(bytes) - 1);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
}

static void every_command_without_arguments_answers(void **state)
{
	static const char *const names[] = { "status", "stats", "interfaces", "workers", "listeners", "handlers", "drops",
					     "flows", "rules list", "help" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_decref(result_of(fake_of(state), names[i], "{}"));
}

static void help_lists_every_command(void **state)
{
	json_t *list = result_of(fake_of(state), "help", "{}");
	size_t count = 0;
	while (commands[count].name)
		count++;
	assert_int_equal(json_array_size(list), count);
	json_decref(list);
}

static void ledger_sums_workers_and_says_what_is_in_flight(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	struct worker_counters *a = &fake->workers[0].counters, *b = &fake->workers[1].counters;
	a->received = (struct traffic){ 10, 1000 };
	a->passed_out = (struct traffic){ 4, 400 };
	a->handed = (struct traffic){ 5, 500 };
	a->drops[DROP_RUNT] = (struct traffic){ 1, 100 };
	b->passed_in = (struct traffic){ 3, 300 };
	b->answered = (struct traffic){ 3, 300 };
	json_t *ledger = stats_ledger(&fake->runtime);
	assert_int_equal(number_at(ledger, "in_flight"), 1);
	assert_true(json_is_false(json_object_get(ledger, "balanced")));
	assert_int_equal(number_at(json_object_get(ledger, "received"), "packets"), 10);
	assert_int_equal(number_at(json_object_get(ledger, "dropped"), "bytes"), 100);
	json_decref(ledger);
}

static void ledger_is_balanced_only_if_every_handler_is(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.received.packets = 2;
	fake->workers[0].counters.handed.packets = 2;
	fake->handler_counters[0][0].handed.packets = 2;
	fake->handler_counters[0][0].consumed.packets = 1;
	json_t *before = stats_ledger(&fake->runtime);
	assert_true(json_is_false(json_object_get(before, "balanced")));
	assert_int_equal(number_at(before, "in_flight"), 0);
	fake->handler_counters[1][0].drops[DROP_HANDLER_FULL].packets = 1;
	json_t *after = stats_ledger(&fake->runtime);
	assert_true(json_is_true(json_object_get(after, "balanced")));
	assert_int_equal(stats_ledger_balance(&fake->runtime), 0);
	json_decref(before);
	json_decref(after);
}

static void drops_name_only_reasons_that_were_met_largest_first(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.drops[DROP_RUNT].packets = 1;
	fake->workers[0].counters.drops[DROP_RULE].packets = 2;
	fake->workers[1].counters.drops[DROP_RULE].packets = 5;
	fake->handler_counters[1][1].drops[DROP_HANDLER_FULL].packets = 9;
	json_t *result = result_of(fake, "drops", "{}"), *drops = json_object_get(result, "drops");
	assert_int_equal(json_array_size(drops), 2);
	assert_string_equal(text_at(json_array_get(drops, 0), "reason"), drop_name(DROP_RULE));
	assert_int_equal(number_at(json_array_get(drops, 0), "packets"), 7);
	assert_string_equal(text_at(json_array_get(drops, 1), "text"), drop_text(DROP_RUNT));
	json_t *of_handlers = json_object_get(result, "handlers");
	assert_int_equal(json_object_size(of_handlers), 1);
	assert_int_equal(number_at(json_array_get(json_object_get(of_handlers, "rest"), 0), "packets"), 9);
	json_decref(result);
}

static void notes_sum_what_became_of_answers(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.answers_lost = 2;
	fake->workers[1].counters.answers_lost = 3;
	fake->workers[1].counters.answers_limited = 7;
	json_t *stats = result_of(fake, "stats", "{}"), *notes = json_object_get(stats, "notes");
	assert_int_equal(number_at(notes, "answers_lost"), 5);
	assert_int_equal(number_at(notes, "answers_limited"), 7);
	json_decref(stats);
}

static void listeners_show_ports_services_and_names(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	struct listener listeners[] = {
		{ .protocol = 6, .interface = LISTENER_ANY_INTERFACE, .vlan = LISTENER_ANY_VLAN, .port_low = 443,
		  .port_high = 443, .handler = 0, .id = 0 },
		{ .protocol = 17, .interface = LISTENER_ANY_INTERFACE, .vlan = 7, .port_low = 80, .port_high = 90,
		  .handler = 1, .id = 1 },
		{ .protocol = 253, .interface = LISTENER_ANY_INTERFACE, .vlan = LISTENER_ANY_VLAN, .port_low = 0,
		  .port_high = 65535, .handler = 200, .id = 2 },
	};
	fake->runtime.listeners = malloc(sizeof(listeners));
	memcpy(fake->runtime.listeners, listeners, sizeof(listeners));
	fake->runtime.listener_count = 3;
	json_t *list = result_of(fake, "listeners", "{}");
	const json_t *https = json_array_get(list, 0), *range = json_array_get(list, 1), *odd = json_array_get(list, 2);
	assert_string_equal(text_at(https, "port"), "443");
	assert_string_equal(text_at(https, "service"), "https");
	assert_string_equal(text_at(https, "address"), "any");
	assert_string_equal(text_at(https, "handler"), "web");
	assert_true(json_is_null(json_object_get(https, "vlan")));
	assert_true(json_is_null(json_object_get(https, "interface")));
	assert_string_equal(text_at(range, "port"), "80-90");
	assert_true(json_is_null(json_object_get(range, "service")));
	assert_int_equal(number_at(range, "vlan"), 7);
	assert_int_equal(number_at(range, "flows"), 8);
	assert_string_equal(text_at(odd, "protocol"), "253");
	assert_string_equal(text_at(odd, "port"), "any");
	assert_string_equal(text_at(odd, "handler"), "-");
	json_decref(list);
}

static void reload_and_log_do_what_they_say(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "reload", "{}"));
	assert_int_equal(fake->reloaded, 1);
	json_t *level = result_of(fake, "log", "{\"level\":\"DEBUG\"}");
	assert_string_equal(text_at(level, "level"), "debug");
	json_decref(level);
	json_decref(result_of(fake, "log", "{\"level\":\"notice\",\"of\":\"all\"}"));
	json_decref(result_of(fake, "log", "{\"level\":\"notice\",\"of\":\"lib.e?l\"}"));
	assert_refused(fake, "{\"version\":1,\"command\":\"log\",\"arguments\":{\"level\":\"loud\"}}", "loud");
	assert_refused(fake, "{\"version\":1,\"command\":\"log\",\"arguments\":{\"level\":\"info\",\"of\":\"nosuch.type\"}}",
		       "no log has a name like 'nosuch.type'");
}

static void file_names_that_are_no_text_don_t_break_the_reply(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	strcpy(fake->config.file, "/tmp/caf\xe9.yaml");
	json_t *status = result_of(fake, "status", "{}");
	assert_string_equal(text_at(status, "config_file"), "/tmp/caf?.yaml");
	json_decref(status);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_request_is_refused_with_a_text),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(every_command_without_arguments_answers),
		cmocka_unit_test(help_lists_every_command),
		cmocka_unit_test(ledger_sums_workers_and_says_what_is_in_flight),
		cmocka_unit_test(ledger_is_balanced_only_if_every_handler_is),
		cmocka_unit_test(drops_name_only_reasons_that_were_met_largest_first),
		cmocka_unit_test(notes_sum_what_became_of_answers),
		cmocka_unit_test(listeners_show_ports_services_and_names),
		cmocka_unit_test(reload_and_log_do_what_they_say),
		cmocka_unit_test(file_names_that_are_no_text_don_t_break_the_reply),
	};
	give_each_a_runtime(tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
