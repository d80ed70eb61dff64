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

#include "control/capture.h"

enum {
	MAGIC_MICRO = 0xa1b2c3d4,
	MAGIC_NANO = 0xa1b23c4d,
	ETHERNET = 1,
};

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, figures, snap, link;
};

struct record_header {
	uint32_t seconds, fraction, captured, on_wire;
};

struct test_file {
	char name[64];
	FILE *stream;
};

static struct test_file file_create(void)
{
	struct test_file file = { .name = "/tmp/portier-test-capture-XXXXXX" };
	int fd = mkstemp(file.name);
	assert_true(fd >= 0);
	file.stream = fdopen(fd, "w");
	assert_non_null(file.stream);
	return file;
}

static struct test_file pcap_create(uint32_t magic, uint32_t link)
{
	struct test_file file = file_create();
	struct file_header header = { magic, 2, 4, 0, 0, 262144, link };
	fwrite(&header, sizeof(header), 1, file.stream);
	return file;
}

static void pcap_add(struct test_file *file, struct record_header header)
{
	fwrite(&header, sizeof(header), 1, file->stream);
	for (uint32_t i = 0; i < header.captured; i++)
		fputc((int)(i % 251), file->stream);
}

static int file_open(struct test_file *file, struct capture *capture, struct error *error)
{
	fclose(file->stream);
	error->text[0] = '\0';
	int result = capture_open(file->name, capture, error);
	unlink(file->name);
	return result;
}

static void refused(struct test_file file, const char *expected)
{
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), -1);
	if (!strstr(error.text, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, error.text);
	assert_memory_equal(error.text, file.name, strlen(file.name));
}

static void every_packet_is_noted_with_its_time_and_lengths(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	pcap_add(&file, (struct record_header){ 10, 500000, 60, 60 });
	pcap_add(&file, (struct record_header){ 9, 999999, 64, 1514 });
	pcap_add(&file, (struct record_header){ 11, 1, 0, 60 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, 3);
	assert_int_equal(capture.index.time_ns[0], 10500000000ull);
	assert_int_equal(capture.index.time_ns[2], 11000001000ull);
	assert_int_equal(capture.index.captured[1], 64);
	assert_int_equal(capture.index.on_wire[1], 1514);
	assert_int_equal(capture.index.captured[2], 0);
	assert_int_equal(capture.first_ns, 9999999000ull); // not the first packet's
	assert_int_equal(capture.last_ns, 11000001000ull);
	assert_int_equal(capture.bytes, 124);
	assert_int_equal(capture.longest, 64);
	assert_string_equal(capture.broken, "");
	capture_close(&capture);
}

static void time_stamps_that_go_back_are_kept_as_they_stand(void **state)
{
	(void)state;
	static const uint32_t stamps[] = { 5, 9, 3, 8, 9, 10, 1 };
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	for (unsigned i = 0; i < 7; i++)
		pcap_add(&file, (struct record_header){ stamps[i], 0, 60, 60 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(capture.index.time_ns[i], stamps[i] * 1000000000ull);
	capture_close(&capture);
}

static void nanoseconds_are_kept(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_NANO, ETHERNET);
	pcap_add(&file, (struct record_header){ 1, 123456789, 60, 60 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.time_ns[0], 1123456789ull);
	capture_close(&capture);
}

static void fractions_beyond_a_second_do_not_overflow(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	pcap_add(&file, (struct record_header){ UINT32_MAX, UINT32_MAX, 60, 60 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.time_ns[0] / 1000000000, UINT32_MAX);
	capture_close(&capture);
}

static void original_length_is_never_less_than_captured(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	pcap_add(&file, (struct record_header){ 1, 0, 60, 10 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.on_wire[0], 60);
	capture_close(&capture);
}

static void no_packets_at_all_is_a_capture(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, 0);
	assert_string_equal(capture.broken, "");
	capture_close(&capture);
}

static void what_was_read_before_the_break_counts(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	pcap_add(&file, (struct record_header){ 1, 0, 60, 60 });
	pcap_add(&file, (struct record_header){ 2, 0, 60, 60 });
	fwrite("\1\2\3\4\5", 5, 1, file.stream);
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, 2);
	assert_non_null(strstr(capture.broken, "truncated"));
	capture_close(&capture);
}

static void insane_lengths_break_a_capture_off(void **state)
{
	(void)state;
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	pcap_add(&file, (struct record_header){ 1, 0, 60, 60 });
	struct record_header insane = { 2, 0, 0x53fe0000, 60 };
	fwrite(&insane, sizeof(insane), 1, file.stream);
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, 1);
	assert_string_not_equal(capture.broken, "");
	capture_close(&capture);
}

static void bytes_of_frames_above_16_bits_are_kept(void **state)
{
	(void)state;
	static const uint32_t length[] = { 65535, 65536, 60, 80000, 200000, 70000 };
	static const uint64_t giants[] = { 1, 3, 4, 5 };
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	for (unsigned i = 0; i < 6; i++)
		pcap_add(&file, (struct record_header){ i, 0, length[i], length[i] });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, 6);
	assert_int_equal(capture.index.giant_count, 4);
	assert_int_equal(capture.longest, 200000);
	for (unsigned i = 0; i < 4; i++) {
		const struct capture_giant *giant = &capture.index.giants[i];
		assert_int_equal(giant->position, giants[i]);
		for (uint32_t at = 0; at < length[giant->position]; at++)
			assert_int_equal(giant->bytes[at], at % 251);
	}
	capture_close(&capture);
}

static void many_packets_fit(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	struct test_file file = pcap_create(MAGIC_MICRO, ETHERNET);
	for (uint32_t i = 0; i < MANY; i++)
		pcap_add(&file, (struct record_header){ i, 0, i % 64, i % 64 });
	struct capture capture;
	struct error error;
	assert_int_equal(file_open(&file, &capture, &error), 0);
	assert_int_equal(capture.index.count, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(capture.index.time_ns[i], i * 1000000000ull);
		assert_int_equal(capture.index.captured[i], i % 64);
	}
	capture_close(&capture);
}

static void other_link_types_are_refused_by_name(void **state)
{
	(void)state;
	refused(pcap_create(MAGIC_MICRO, 101), "link type 101 (RAW): portier reads Ethernet captures");
	refused(pcap_create(MAGIC_MICRO, 113), "link type 113 (LINUX_SLL): portier reads Ethernet captures");
}

static struct test_file text_create(const char *bytes, size_t length)
{
	struct test_file file = file_create();
	fwrite(bytes, length, 1, file.stream);
	return file;
}

static void files_that_are_no_captures_are_refused(void **state)
{
	(void)state;
	refused(text_create("", 0), "is empty");
	refused(text_create("no capture at all, but a letter", 31), "not a capture that libpcap reads");
	refused(text_create("\xd4\xc3\xb2", 3), "not a capture that libpcap reads");
	refused(text_create("\xd4\xc3\xb2\xa1\2\0", 6), "not a capture that libpcap reads");
	refused(text_create("\x1f\x8b\x08\0\0\0\0\0\0\0", 10), "gunzip");
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *file, *expected;
	} cases[] = {
		{ "/tmp", "/tmp: is a directory" },
		{ "/dev/null", "/dev/null: is no regular file" },
		{ "/nowhere/at all.pcap", "/nowhere/at all.pcap: cannot open the capture: No such file" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture capture;
		struct error error;
		assert_int_equal(capture_open(cases[i].file, &capture, &error), -1);
		if (!strstr(error.text, cases[i].expected))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].expected, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_noted_with_its_time_and_lengths),
		cmocka_unit_test(time_stamps_that_go_back_are_kept_as_they_stand),
		cmocka_unit_test(nanoseconds_are_kept),
		cmocka_unit_test(fractions_beyond_a_second_do_not_overflow),
		cmocka_unit_test(original_length_is_never_less_than_captured),
		cmocka_unit_test(no_packets_at_all_is_a_capture),
		cmocka_unit_test(what_was_read_before_the_break_counts),
		cmocka_unit_test(insane_lengths_break_a_capture_off),
		cmocka_unit_test(bytes_of_frames_above_16_bits_are_kept),
		cmocka_unit_test(many_packets_fit),
		cmocka_unit_test(other_link_types_are_refused_by_name),
		cmocka_unit_test(files_that_are_no_captures_are_refused),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
