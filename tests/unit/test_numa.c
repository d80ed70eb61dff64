// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/numa.h"

static struct cpu_list list(const char *text)
{
	struct cpu_list cpus = { .count = 0 };
	if (text[0] && cpu_list_parse(text, &cpus) < 0)
		fail_msg("no list: %s", text);
	return cpus;
}

static void cpu_lists_are_read_and_printed_alike(void **state)
{
	(void)state;
	static const char *const cases[][2] = { { "0", "0" }, { "2,3,5-7", "2-3,5-7" }, { "7,5,6", "7,5-6" },
		{ "1023", "1023" }, { "3-3", "3" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[CPU_LIST_TEXT_MAX];
		struct cpu_list cpus = list(cases[i][0]);
		assert_string_equal(cpu_list_format(&cpus, text), cases[i][1]);
	}
}

static void what_is_no_cpu_list_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = { "", "a", "1,", ",1", "1-", "-1", "3-1", "1,1", "0-3,2", "1024", "0-1024",
		"4294967296", "99999999999999999999", "1 2", "1-2-3" };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cpu_list cpus = { .count = 0 };
		if (cpu_list_parse(cases[i], &cpus) == 0)
			fail_msg("accepted: '%s'", cases[i]);
	}
}

static void a_list_too_long_for_its_text_is_cut(void **state)
{
	(void)state;
	struct cpu_list cpus = { .count = 0 };
	char text[CPU_LIST_TEXT_MAX];
	for (uint16_t cpu = 0; cpu < 1000; cpu += 2)
		cpus.cpu[cpus.count++] = cpu;
	cpu_list_format(&cpus, text);
	assert_string_equal(text + strlen(text) - 4, ",...");
}

struct choice {
	const char *allowed, *workers, *control; // "": auto
	unsigned configured, asked; // numbers of workers
	bool share, told;
	const char *expect_workers; // NULL: an error
	const char *expect; // control CPUs, or what the error says
	bool shared;
};

static const struct choice choices[] = {
	{ "0-3", "", "", 0, 0, false, false, "1-3", "0", false },
	{ "4,9", "", "", 0, 0, false, false, "9", "4", false },
	{ "0-3", "", "", 2, 0, false, false, "1-2", "0", false },
	{ "0-3", "", "", 2, 3, false, false, "1-3", "0", false },
	{ "0-3", "", "2", 0, 0, false, false, "0-1,3", "2", false },
	{ "0-3", "0,1", "", 0, 0, false, false, "0-1", "2", false },
	{ "0-3", "0,1", "", 0, 1, false, false, "0", "2", false },
	{ "0-3", "2-3", "1", 0, 0, false, false, "2-3", "1", false },
	{ "0", "", "", 0, 0, false, false, NULL, "workers.share_cpus: true", false },
	{ "0-1", "", "", 2, 0, false, false, NULL, "2 workers and control need a CPU each", false },
	{ "0-1", "0-1", "", 0, 0, false, false, NULL, "workers.cpus takes all CPUs that this process may use (0-1)",
		false },
	{ "0-1", "0", "0", 0, 0, false, false, NULL, "in common", false },
	{ "0-1", "5", "", 0, 0, false, false, NULL, "workers.cpus names CPU 5", false },
	{ "0-1", "1", "7", 0, 0, false, false, NULL, "workers.control_cpus names CPU 7", false },
	{ "", "", "", 0, 0, true, false, NULL, "no CPU at all", false },
	{ "0-3", "", "", 0, 65, true, false, NULL, "at most 64", false },
	{ "0", "", "", 0, 0, true, false, "0", "0", true },
	{ "0", "", "", 0, 0, false, true, "0", "0", true },
	{ "0-1", "0-1", "", 0, 0, true, false, "0-1", "0", true },
	{ "0-3", "", "", 0, 0, true, false, "1-3", "0", false },
};

static void set_cpus(uint16_t **cpus, size_t *count, struct cpu_list *from)
{
	if (from->count > 0) {
		*cpus = from->cpu;
		*count = from->count;
	}
}

static void cpus_are_chosen_as_told_or_the_error_says_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		const struct choice *c = &choices[i];
		struct cpu_list allowed = list(c->allowed), workers = list(c->workers), control = list(c->control);
		struct config config = { .worker_cpu_count = c->configured, .share_cpus = c->share };
		struct cpu_plan plan;
		struct error error = { "" };
		char text[CPU_LIST_TEXT_MAX];
		set_cpus(&config.worker_cpus, &config.worker_cpu_count, &workers);
		set_cpus(&config.control_cpus, &config.control_cpu_count, &control);
		int result = cpu_choose(&config, c->asked, c->told, &allowed, &plan, &error);
		if (result != (c->expect_workers ? 0 : -1))
			fail_msg("case %zu: %d %s", i, result, error.text);
		if (!c->expect_workers) {
			if (!strstr(error.text, c->expect))
				fail_msg("case %zu: %s", i, error.text);
			continue;
		}
		assert_string_equal(cpu_list_format(&plan.workers, text), c->expect_workers);
		assert_string_equal(cpu_list_format(&plan.control, text), c->expect);
		assert_int_equal(plan.shared, c->shared);
	}
}

static void what_the_file_says_wrongly_is_told_with_its_place(void **state)
{
	static const struct {
		const char *allowed, *workers, *control, *place;
	} cases[] = {
		{ "0-1", "0-1", "", "c.yaml:3:9: workers.cpus takes all" },
		{ "0-1", "5", "", "c.yaml:3:9: workers.cpus names CPU 5" },
		{ "0-1", "1", "7", "c.yaml:4:17: workers.control_cpus names CPU 7" },
		{ "0-1", "1", "1", "c.yaml:4:17: workers.cpus and workers.control_cpus have" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cpu_list allowed = list(cases[i].allowed), workers = list(cases[i].workers),
				control = list(cases[i].control);
		struct config config = { .file = "c.yaml", .worker_cpus_place = { 3, 9 }, .control_cpus_place = { 4, 17 } };
		struct cpu_plan plan;
		struct error error = { "" };
		set_cpus(&config.worker_cpus, &config.worker_cpu_count, &workers);
		set_cpus(&config.control_cpus, &config.control_cpu_count, &control);
		assert_int_equal(cpu_choose(&config, 0, false, &allowed, &plan, &error), -1);
		if (strncmp(error.text, cases[i].place, strlen(cases[i].place)) != 0)
			fail_msg("case %zu: %s", i, error.text);
	}
}

static void more_workers_than_cpus_go_round_when_sharing(void **state)
{
	(void)state;
	struct config config = { .share_cpus = true };
	struct cpu_list allowed = list("0-1");
	struct cpu_plan plan;
	struct error error;
	char text[256];
	assert_int_equal(cpu_choose(&config, 3, false, &allowed, &plan, &error), 0);
	static const uint16_t expected[] = { 1, 0, 1 };
	assert_int_equal(plan.workers.count, 3);
	assert_memory_equal(plan.workers.cpu, expected, sizeof(expected));
	assert_true(plan.shared);
	assert_int_equal(cpu_lcores(&plan, text, sizeof(text)), 0);
	assert_string_equal(text, "0@(0),1@1,2@0,3@1");
	assert_int_equal(cpu_lcores(&plan, text, 8), -1);
}

static void auto_stops_at_the_most_workers_there_can_be(void **state)
{
	(void)state;
	struct config config = { .share_cpus = false };
	struct cpu_list allowed = list("0-127");
	struct cpu_plan plan;
	assert_int_equal(cpu_choose(&config, 0, false, &allowed, &plan, NULL), 0);
	assert_int_equal(plan.workers.count, WORKER_MAX);
}

static void thread_binds_to_what_it_may_use_and_nothing_else(void **state)
{
	(void)state;
	struct cpu_list before, after, one = { .count = 1 }, none = { .count = 0 };
	struct error error;
	assert_int_equal(cpu_allowed(&before, &error), 0);
	assert_true(before.count > 0);
	one.cpu[0] = before.cpu[before.count - 1];
	assert_int_equal(numa_bind_thread(&one, &error), 0);
	assert_int_equal(cpu_allowed(&after, &error), 0);
	assert_int_equal(after.count, 1);
	assert_int_equal(after.cpu[0], one.cpu[0]);
	assert_int_equal(numa_bind_thread(&none, &error), -1);
	assert_int_equal(numa_bind_thread(&before, &error), 0);
}

static void mismatch_needs_two_known_nodes(void **state)
{
	(void)state;
	char text[256] = "";
	int node = numa_node_of(0);
	assert_true(node >= -1);
	assert_false(numa_mismatch("wan0", -1, 0, 0, text, sizeof(text)));
	assert_int_equal(numa_mismatch("wan0", node + 1, 3, 0, text, sizeof(text)), node >= 0);
	if (node < 0)
		return;
	assert_false(numa_mismatch("wan0", node, 0, 0, text, sizeof(text)));
	assert_non_null(strstr(text, "'wan0' is on NUMA node"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_lists_are_read_and_printed_alike),
		cmocka_unit_test(what_is_no_cpu_list_is_refused),
		cmocka_unit_test(a_list_too_long_for_its_text_is_cut),
		cmocka_unit_test(cpus_are_chosen_as_told_or_the_error_says_what_to_do),
		cmocka_unit_test(what_the_file_says_wrongly_is_told_with_its_place),
		cmocka_unit_test(more_workers_than_cpus_go_round_when_sharing),
		cmocka_unit_test(auto_stops_at_the_most_workers_there_can_be),
		cmocka_unit_test(thread_binds_to_what_it_may_use_and_nothing_else),
		cmocka_unit_test(mismatch_needs_two_known_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
