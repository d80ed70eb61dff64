// SPDX-License-Identifier: BSD-3-Clause
// What clients say to the server, and in which manner they say it or go.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "tests/unit/served.h"

static const char STATUS[] = "{\"version\":1,\"command\":\"status\"}\n";

static void say(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

// What is there to read now; ends with '\0'.
static size_t hear(struct fixture *fixture, int fd, char *text, size_t room)
{
	size_t length = 0;
	run_server(fixture);
	for (ssize_t got; length + 1 < room && (got = recv(fd, text + length, room - length - 1, MSG_DONTWAIT)) > 0;) {
		length += (size_t)got;
		run_server(fixture);
	}
	text[length] = '\0';
	return length;
}

static bool hung_up(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static unsigned lines(const char *text)
{
	unsigned count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void one_request_gets_one_line(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char reply[8192];
	int fd = connected(fixture);
	say(fd, STATUS, strlen(STATUS));
	hear(fixture, fd, reply, sizeof(reply));
	assert_int_equal(lines(reply), 1);
	assert_non_null(strstr(reply, "\"ok\":true"));
	close(fd);
}

static void a_request_in_pieces_is_put_together(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char reply[8192];
	int fd = connected(fixture);
	for (size_t i = 0; STATUS[i]; i++) {
		assert_int_equal(hear(fixture, fd, reply, sizeof(reply)), 0);
		say(fd, &STATUS[i], 1);
	}
	hear(fixture, fd, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\"ok\":true"));
	close(fd);
}

static void many_requests_at_once_get_as_many_lines(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static char reply[200000];
	int fd = connected(fixture);
	for (int i = 0; i < 100; i++)
		say(fd, STATUS, strlen(STATUS));
	shutdown(fd, SHUT_WR);
	hear(fixture, fd, reply, sizeof(reply));
	assert_int_equal(lines(reply), 100);
	assert_true(hung_up(fd));
	close(fd);
	assert_int_equal(server_clients(fixture->server), 0);
}

static void a_request_that_ends_with_the_connection_is_answered(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static char reply[16384];
	int fd = connected(fixture);
	say(fd, STATUS, strlen(STATUS));
	say(fd, STATUS, strlen(STATUS) - 1);
	run_server(fixture);
	shutdown(fd, SHUT_WR);
	hear(fixture, fd, reply, sizeof(reply));
	assert_int_equal(lines(reply), 2);
	assert_null(strstr(reply, "\"ok\":false"));
	assert_true(hung_up(fd));
	close(fd);
	assert_int_equal(server_clients(fixture->server), 0);
}

static void half_a_request_before_the_end_is_refused_with_a_reason(void **state)
{
	struct fixture *fixture = fixture_of(state);
	char reply[8192];
	for (size_t half = 1; half < strlen(STATUS) - 1; half += 7) {
		int fd = connected(fixture);
		say(fd, STATUS, half);
		shutdown(fd, SHUT_WR);
		hear(fixture, fd, reply, sizeof(reply));
		assert_int_equal(lines(reply), 1);
		assert_non_null(strstr(reply, "\"ok\":false"));
		assert_non_null(strstr(reply, "ended in the middle of a request"));
		assert_true(hung_up(fd));
		close(fd);
	}
	assert_int_equal(server_clients(fixture->server), 0);
}

static void garbage_gets_an_error_and_the_next_request_is_served(void **state)
{
	static const char garbage[] = "\x00\xff\x01 no json {{{\n\n\r\n";
	struct fixture *fixture = fixture_of(state);
	char reply[8192];
	int fd = connected(fixture);
	say(fd, garbage, sizeof(garbage) - 1);
	say(fd, STATUS, strlen(STATUS));
	hear(fixture, fd, reply, sizeof(reply));
	assert_int_equal(lines(reply), 4);
	assert_non_null(strstr(reply, "\"ok\":false"));
	assert_non_null(strstr(reply, "\"ok\":true"));
	close(fd);
}

static void a_client_that_talks_without_end_is_told_and_dropped(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static char block[65536], reply[4096];
	memset(block, 'x', sizeof(block));
	int fd = connected(fixture);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	uint64_t sent = 0;
	while (sent <= SERVER_REQUEST_MAX + 2 * sizeof(block)) {
		ssize_t got = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		if (got < 0 && errno != EAGAIN)
			break;
		sent += got > 0 ? (uint64_t)got : 0;
		run_server(fixture);
	}
	hear(fixture, fd, reply, sizeof(reply));
	assert_non_null(strstr(reply, "longer than"));
	assert_int_equal(server_clients(fixture->server), 0);
	close(fd);
	fd = connected(fixture);
	say(fd, STATUS, strlen(STATUS));
	assert_true(hear(fixture, fd, reply, sizeof(reply)) > 0);
	close(fd);
}

static uint64_t later(unsigned seconds)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec + seconds) * 1000000000;
}

static void half_a_request_is_waited_for_but_not_for_ever(void **state)
{
	struct fixture *fixture = fixture_of(state);
	int silent = connected(fixture), half = connected(fixture);
	say(half, "{\"vers", 6);
	run_server(fixture);
	server_expire(fixture->server, later(SERVER_IDLE_SECONDS - 2));
	assert_int_equal(server_clients(fixture->server), 2);
	server_expire(fixture->server, later(SERVER_IDLE_SECONDS + 2));
	assert_int_equal(server_clients(fixture->server), 1);
	assert_true(hung_up(half));
	assert_false(hung_up(silent));
	close(silent);
	close(half);
}

static void a_client_that_says_its_request_drop_by_drop_runs_out_of_time(void **state)
{
	struct fixture *fixture = fixture_of(state);
	int fd = connected(fixture);
	say(fd, "{", 1);
	run_server(fixture);
	uint64_t end = later(SERVER_IDLE_SECONDS + 2);
	say(fd, " ", 1);
	run_server(fixture);
	server_expire(fixture->server, end);
	assert_int_equal(server_clients(fixture->server), 0);
	close(fd);
}

// Many listeners make a reply that no socket buffer holds.
static void make_long_replies(struct fixture *fixture)
{
	enum { MANY = 20000 };
	fixture->fake.runtime.listeners = calloc(MANY, sizeof(struct listener));
	fixture->fake.runtime.listener_count = MANY;
}

static const char LISTENERS[] = "{\"version\":1,\"command\":\"listeners\"}\n";

static void a_slow_reader_holds_up_nobody_and_gets_one_reply_at_a_time(void **state)
{
	struct fixture *fixture = fixture_of(state);
	static char reply[8 * 1024 * 1024];
	make_long_replies(fixture);
	int slow = connected(fixture), other = connected(fixture);
	for (int i = 0; i < 3; i++)
		say(slow, LISTENERS, strlen(LISTENERS));
	run_server(fixture);
	say(other, STATUS, strlen(STATUS));
	assert_true(hear(fixture, other, reply, sizeof(reply)) > 0);
	size_t total = 0;
	unsigned whole = 0;
	for (size_t got; (got = hear(fixture, slow, reply, sizeof(reply))) > 0; total += got)
		whole += lines(reply);
	assert_int_equal(whole, 3);
	assert_true(total > 3 * 1024 * 1024);
	close(slow);
	close(other);
}

static void a_client_that_never_reads_is_dropped(void **state)
{
	struct fixture *fixture = fixture_of(state);
	make_long_replies(fixture);
	int fd = connected(fixture);
	say(fd, LISTENERS, strlen(LISTENERS));
	run_server(fixture);
	assert_int_equal(server_clients(fixture->server), 1);
	server_expire(fixture->server, later(SERVER_IDLE_SECONDS + 2));
	assert_int_equal(server_clients(fixture->server), 0);
	close(fd);
}

static void a_client_that_goes_before_its_reply_harms_nobody(void **state)
{
	struct fixture *fixture = fixture_of(state);
	make_long_replies(fixture);
	for (int i = 0; i < 5; i++) {
		int fd = connected(fixture);
		say(fd, LISTENERS, strlen(LISTENERS));
		if (i % 2)
			run_server(fixture);
		close(fd);
		run_server(fixture);
	}
	assert_int_equal(server_clients(fixture->server), 0);
}

static void too_many_clients_are_told_so(void **state)
{
	struct fixture *fixture = fixture_of(state);
	int fd[SERVER_CLIENTS_MAX];
	char reply[1024];
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
		fd[i] = connected(fixture);
	int one_more = connected(fixture);
	hear(fixture, one_more, reply, sizeof(reply));
	assert_non_null(strstr(reply, "too many clients"));
	assert_true(hung_up(one_more));
	close(one_more);
	close(fd[0]);
	run_server(fixture);
	fd[0] = connected(fixture);
	say(fd[0], STATUS, strlen(STATUS));
	hear(fixture, fd[0], reply, sizeof(reply));
	assert_non_null(strstr(reply, "\"ok\":true"));
	for (int i = 0; i < SERVER_CLIENTS_MAX; i++)
		close(fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(one_request_gets_one_line),
		WITH_SERVER(a_request_in_pieces_is_put_together),
		WITH_SERVER(many_requests_at_once_get_as_many_lines),
		WITH_SERVER(a_request_that_ends_with_the_connection_is_answered),
		WITH_SERVER(half_a_request_before_the_end_is_refused_with_a_reason),
		WITH_SERVER(garbage_gets_an_error_and_the_next_request_is_served),
		WITH_SERVER(a_client_that_talks_without_end_is_told_and_dropped),
		WITH_SERVER(half_a_request_is_waited_for_but_not_for_ever),
		WITH_SERVER(a_client_that_says_its_request_drop_by_drop_runs_out_of_time),
		WITH_SERVER(a_slow_reader_holds_up_nobody_and_gets_one_reply_at_a_time),
		WITH_SERVER(a_client_that_never_reads_is_dropped),
		WITH_SERVER(a_client_that_goes_before_its_reply_harms_nobody),
		WITH_SERVER(too_many_clients_are_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
