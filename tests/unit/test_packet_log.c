// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/packet_log.h"
#include "dataplane/policy.h"

static const char header[] =
	"no\tcaplen\tvlans\tproto\tsrc\tsport\tdst\tdport\tflow\tdir\tverdict\treason\trule\thandler\n";

static const struct handler handlers[] = {
	{ .name = "web", .id = 0 },
	{ .name = "rest", .id = 1 },
};

struct test_log {
	char name[64];
	struct packet_log *log;
};

static struct test_log log_create(unsigned workers)
{
	struct test_log test = { .name = "/tmp/portier-test-packets-XXXXXX" };
	int fd = mkstemp(test.name);
	assert_true(fd >= 0);
	close(fd);
	struct error error;
	test.log = packet_log_open(test.name, handlers, 2, workers, &error);
	assert_non_null(test.log);
	return test;
}

// Closes the log and returns what stands behind the header, for free().
static char *log_text(struct test_log *test)
{
	struct error error;
	assert_int_equal(packet_log_close(test->log, &error), 0);
	FILE *stream = fopen(test->name, "r");
	assert_non_null(stream);
	unlink(test->name);
	size_t room = 4 * 1024 * 1024;
	char *text = malloc(room);
	size_t length = fread(text, 1, room - 1, stream);
	fclose(stream);
	text[length] = '\0';
	assert_memory_equal(text, header, strlen(header));
	memmove(text, text + strlen(header), length - strlen(header) + 1);
	return text;
}

static void log_holds(struct test_log *test, const char *expected)
{
	char *text = log_text(test);
	assert_string_equal(text, expected);
	free(text);
}

static struct trace_record plain(uint64_t number)
{
	return (struct trace_record){ .number = number, .captured = 60, .rule = RULE_NONE, .handler = HANDLER_NONE };
}

static void each_field_has_its_column(void **state)
{
	(void)state;
	struct trace_record records[] = {
		{ .number = 1, .flow = 1, .captured = 74, .family = FAMILY_IP4, .protocol = 6,
		  .source = { { 192, 168, 1, 100 } }, .destination = { { 203, 0, 113, 50 } },
		  .source_port = rte_cpu_to_be_16(54321), .destination_port = rte_cpu_to_be_16(80),
		  .direction = TRACE_ORIG, .verdict = VERDICT_ACCEPT, .rule = 7, .handler = 0 },
		{ .number = 2, .flow = 1, .captured = 66, .family = FAMILY_IP4, .protocol = 6,
		  .source = { { 0, 0, 0, 0 } }, .destination = { { 255, 255, 255, 255 } },
		  .direction = TRACE_RESP, .verdict = VERDICT_ACCEPT, .rule = RULE_DEFAULT, .handler = 1 },
		{ .number = 3, .captured = 1514, .vlan_tags = 2, .family = FAMILY_IP6, .protocol = 58,
		  .source = { { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, .destination = { { [15] = 2 } },
		  .verdict = VERDICT_REJECT, .reason = DROP_NON_IP, .rule = 9, .handler = HANDLER_NONE },
		{ .number = 4, .captured = 262144, .vlan_tags = 32, .verdict = VERDICT_DROP,
		  .reason = DROP_NON_IP, .rule = RULE_NONE, .handler = HANDLER_NONE },
	};
	struct test_log test = log_create(1);
	packet_log_add(test.log, 0, records, 4);
	log_holds(&test,
		"1\t74\t0\t6\t192.168.1.100\t54321\t203.0.113.50\t80\t1\t>\taccept\t-\t7\tweb\n"
		"2\t66\t0\t6\t0.0.0.0\t0\t255.255.255.255\t0\t1\t<\taccept\t-\tdefault\trest\n"
		"3\t1514\t2\t58\t2001:db8::1\t0\t::2\t0\t-\t-\treject\tnon_ip\t9\t-\n"
		"4\t262144\t32\t-\t-\t-\t-\t-\t-\t-\tdrop\tnon_ip\t-\t-\n");
}

// Deals numbers 1 to count to workers at random and hands them in, a few of one worker at a time.
static void deal(struct packet_log *log, unsigned workers, unsigned count)
{
	struct trace_record *dealt = calloc((size_t)workers * count, sizeof(*dealt));
	unsigned held[8] = { 0 }, given[8] = { 0 };
	for (unsigned i = 1; i <= count; i++) {
		unsigned worker = (unsigned)random() % workers;
		dealt[worker * count + held[worker]++] = plain(i);
	}
	for (unsigned left = count; left > 0;) {
		unsigned worker = (unsigned)random() % workers;
		unsigned part = (unsigned)random() % 100;
		if (part > held[worker] - given[worker])
			part = held[worker] - given[worker];
		packet_log_add(log, worker, &dealt[worker * count + given[worker]], part);
		given[worker] += part;
		left -= part;
	}
	free(dealt);
}

static void lines_are_in_the_order_of_the_file_whatever_the_workers_do(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned workers = 1; workers <= 8; workers++) {
		struct test_log test = log_create(workers);
		deal(test.log, workers, 5000);
		char *text = log_text(&test), *at = text;
		for (unsigned i = 1; i <= 5000; i++) {
			assert_int_equal(strtoul(at, NULL, 10), i);
			at = strchr(at, '\n') + 1;
		}
		assert_string_equal(at, "");
		free(text);
	}
}

static void one_worker_far_ahead_waits_for_the_other(void **state)
{
	(void)state;
	struct test_log test = log_create(2);
	for (unsigned i = 2; i <= 20000; i++) {
		struct trace_record record = plain(i);
		packet_log_add(test.log, 1, &record, 1);
	}
	struct trace_record late = plain(1);
	packet_log_add(test.log, 0, &late, 1);
	char *text = log_text(&test);
	assert_memory_equal(text, "1\t60\t", 5);
	free(text);
}

static void what_waits_behind_a_gap_is_written_in_order_at_the_end(void **state)
{
	(void)state;
	struct test_log test = log_create(3);
	struct trace_record first[] = { plain(3), plain(7) }, second[] = { plain(2), plain(5) };
	packet_log_add(test.log, 0, first, 2);
	packet_log_add(test.log, 2, second, 2);
	char *text = log_text(&test), *at = text;
	static const unsigned expected[] = { 2, 3, 5, 7 };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(strtoul(at, NULL, 10), expected[i]);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
	free(text);
}

static void no_packets_leave_the_header_alone(void **state)
{
	(void)state;
	struct test_log test = log_create(2);
	log_holds(&test, "");
}

static void full_disk_is_told_at_the_end(void **state)
{
	(void)state;
	static const unsigned counts[] = { 0, 1, 50000 };
	for (unsigned i = 0; i < 3; i++) {
		struct error error;
		struct packet_log *log = packet_log_open("/dev/full", handlers, 2, 1, &error);
		assert_non_null(log);
		deal(log, 1, counts[i]);
		assert_int_equal(packet_log_close(log, &error), -1);
		assert_string_equal(error.text, "/dev/full: cannot write: No space left on device");
	}
}

static void file_that_cannot_be_made_is_an_error_at_once(void **state)
{
	(void)state;
	struct error error;
	assert_null(packet_log_open("/nowhere/packets.tsv", handlers, 2, 1, &error));
	assert_string_equal(error.text, "/nowhere/packets.tsv: cannot open for writing: No such file or directory");
	assert_null(packet_log_open("/tmp", handlers, 2, 1, &error));
	assert_non_null(strstr(error.text, "Is a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_its_column),
		cmocka_unit_test(lines_are_in_the_order_of_the_file_whatever_the_workers_do),
		cmocka_unit_test(one_worker_far_ahead_waits_for_the_other),
		cmocka_unit_test(what_waits_behind_a_gap_is_written_in_order_at_the_end),
		cmocka_unit_test(no_packets_leave_the_header_alone),
		cmocka_unit_test(full_disk_is_told_at_the_end),
		cmocka_unit_test(file_that_cannot_be_made_is_an_error_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
