// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/check.h"

enum { TEXT_MAX = 64 * 1024 };

struct said {
	int status;
	char out[TEXT_MAX], err[TEXT_MAX];
};

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void read_back(FILE *file, char text[TEXT_MAX])
{
	rewind(file);
	text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
	fclose(file);
}

// Sends one stream to a file while check runs, and gives it back.
static int redirect(FILE *stream, FILE *to)
{
	fflush(stream);
	int kept = dup(fileno(stream));
	dup2(fileno(to), fileno(stream));
	return kept;
}

static void restore(FILE *stream, int kept)
{
	fflush(stream);
	dup2(kept, fileno(stream));
	close(kept);
}

static struct said *run_strict(const char *config, const char *rules, bool strict)
{
	static struct said said;
	FILE *out = tmpfile(), *err = tmpfile();
	int kept_out = redirect(stdout, out), kept_err = redirect(stderr, err);
	said.status = check(config, rules, strict);
	restore(stdout, kept_out);
	restore(stderr, kept_err);
	read_back(out, said.out);
	read_back(err, said.err);
	return &said;
}

static struct said *run(const char *config, const char *rules)
{
	return run_strict(config, rules, false);
}

static int into_folder(void **state)
{
	static char folder[] = "/tmp/portier-check-XXXXXX";
	*state = folder;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int out_of_folder(void **state)
{
	unlink("c.yaml");
	unlink("r.rules");
	return chdir("/") == 0 ? rmdir(*state) : -1;
}

static void good_configuration_is_told_in_full(void **state)
{
	(void)state;
	static const char *const told[] = { "c.yaml: nothing is wrong", "worker 0", "control", "flow table", "65536 flows",
		"interface wan0", "net_null0: queues: 1", "mtu 1400", "checksum verify", "handler web", "count, default",
		"handler app",
		"device net_null1: queues: 2, mtu 9000, checksum trust, uplink wan0", "tcp 203.0.113.0/24 port 443 (https) -> app",
		"udp any ports 5-9 interface wan0 vlan 7 -> web", "4 from r.rules, default reject" };
	write_file("c.yaml", "interfaces: [{name: wan0, device: net_null0, queues: 1, mtu: 1400, checksum: verify}]\n"
		"workers: {cpus: 1, share_cpus: true}\nflows: {capacity: 64K}\nhandlers:\n- {name: web, kind: count}\n"
		"- {name: app, kind: device, device: net_null1, uplink: wan0, mtu: 9000, queues: 2, checksum: trust}\ndefault_handler: web\nlisteners:\n"
		"- {protocol: tcp, address: 203.0.113.0/24, port: https, handler: app}\n"
		"- {protocol: udp, port: 5-9, interface: wan0, vlan: 7, handler: web}\nrules: r.rules\n");
	write_file("r.rules", "allow tcp 80\nallow tcp https\nallow udp 5-9\ndeny udp\ndefault reject\n");
	const struct said *said = run("c.yaml", NULL);
	assert_string_equal(said->err, "");
	assert_int_equal(said->status, 0);
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		if (!strstr(said->out, told[i]))
			fail_msg("'%s' is not in:\n%s", told[i], said->out);
}

static void built_in_configuration_is_fine(void **state)
{
	(void)state;
	const struct said *said = run(NULL, NULL);
	assert_int_equal(said->status, 0);
	assert_string_equal(said->err, "");
	assert_non_null(strstr(said->out, "the built-in configuration"));
	assert_non_null(strstr(said->out, "none: everything is allowed"));
}

static void thousands_of_listeners_are_summed_up(void **state)
{
	(void)state;
	FILE *file = fopen("c.yaml", "w");
	fputs("handlers: [{name: a, kind: drop}]\nlisteners:\n", file);
	for (unsigned port = 1; port <= 5000; port++)
		fprintf(file, "- {protocol: tcp, port: %u, handler: a}\n", port);
	fclose(file);
	const struct said *said = run("c.yaml", NULL);
	assert_int_equal(said->status, 0);
	assert_non_null(strstr(said->out, "and 4980 more"));
}

static void what_is_wrong_goes_to_standard_error_with_status_one(void **state)
{
	(void)state;
	static const struct {
		const char *config, *rules, *error;
	} cases[] = {
		{ "flows: {capacity: x}\n", "", "c.yaml:1:19: " },
		{ "rules: none.rules\n", "", "none.rules" },
		{ "rules: r.rules\n", "allow tcp 80\nalow tcp 81\n", "r.rules:2:" },
		{ "workers: {cpus: [1023]}\ninterfaces: [{name: a, device: net_null0}]\n", "",
			"c.yaml:1:17: workers.cpus names CPU 1023" },
		{ "workers: {cpus: [0], control_cpus: [0]}\n", "", "c.yaml:1:" }, // portier run would refuse it
		{ "workers: {cpus: 64, share_cpus: true}\nflows: {capacity: 64M}\n", "",
			"c.yaml:2:19: 64 workers with 67108864 flows each (flows.capacity) take " },
		{ "workers: {cpus: 2, share_cpus: true, steering: device}\n"
		  "interfaces: [{name: a, device: net_null0, queues: 1}]\n", "",
			"c.yaml:2:14: a: queues: 1, expected one for each of 2 workers" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		write_file("c.yaml", cases[i].config);
		write_file("r.rules", cases[i].rules);
		const struct said *said = run("c.yaml", NULL);
		assert_int_equal(said->status, 1);
		assert_string_equal(said->out, "");
		if (!strstr(said->err, cases[i].error))
			fail_msg("case %zu: %s", i, said->err);
	}
}

static void warnings_name_both_rules_and_fail_only_if_told_to(void **state)
{
	(void)state;
	static const char *const told[] = { "warning: r.rules:2: ", "can never match", "dropped by r.rules:1: ", "dport 22" };
	write_file("r.rules", "iptables -A INPUT -j DROP\niptables -A INPUT -p tcp -s 192.168.1.0/24 --dport 22 -j ACCEPT\n");
	const struct said *said = run(NULL, "r.rules");
	assert_int_equal(said->status, 0);
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		if (!strstr(said->err, told[i]))
			fail_msg("'%s' is not in:\n%s", told[i], said->err);
	assert_int_equal(run_strict(NULL, "r.rules", true)->status, 1);
	write_file("r.rules", "allow tcp 80\ndefault deny\n");
	said = run_strict(NULL, "r.rules", true);
	assert_string_equal(said->err, "");
	assert_int_equal(said->status, 0);
}

static void rules_for_interfaces_that_are_not_there_match_nothing(void **state)
{
	(void)state;
	write_file("c.yaml", "interfaces: [{name: wan0, device: net_null0}]\nworkers: {share_cpus: true, cpus: 1}\n"
		"handlers: [{name: a, kind: count}]\ndefault_handler: a\n");
	write_file("r.rules", "-A INPUT -i wan0 -j ACCEPT\n-A INPUT -i lan+ -j ACCEPT\n-A INPUT -i lan0 -j ACCEPT\n");
	const struct said *said = run("c.yaml", "r.rules");
	assert_int_equal(said->status, 0);
	assert_non_null(strstr(said->err, "r.rules:3:"));
	assert_non_null(strstr(said->err, "matches no packet: no configured interface has this name"));
	write_file("r.rules", "-A INPUT -i wan0 -j ACCEPT\n-A INPUT ! -i lan+ -p tcp --dport 80 -j DROP\n");
	assert_int_equal(run("c.yaml", "r.rules")->status, 0);
}

static void rules_given_take_the_place_of_the_configurations(void **state)
{
	(void)state;
	write_file("c.yaml", "rules: none.rules\n");
	write_file("r.rules", "allow tcp 80\ndefault allow\n");
	const struct said *said = run("c.yaml", "r.rules");
	assert_int_equal(said->status, 0);
	assert_non_null(strstr(said->out, "1 from r.rules, default accept"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_configuration_is_told_in_full),
		cmocka_unit_test(built_in_configuration_is_fine),
		cmocka_unit_test(thousands_of_listeners_are_summed_up),
		cmocka_unit_test(what_is_wrong_goes_to_standard_error_with_status_one),
		cmocka_unit_test(warnings_name_both_rules_and_fail_only_if_told_to),
		cmocka_unit_test(rules_for_interfaces_that_are_not_there_match_nothing),
		cmocka_unit_test(rules_given_take_the_place_of_the_configurations),
	};
	return cmocka_run_group_tests(tests, into_folder, out_of_folder);
}
