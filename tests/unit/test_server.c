// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "control/line_buffer.h"
#include "control/server.h"
#include "tests/unit/fake_runtime.h"

static const char STATUS[] = "{\"version\":1,\"command\":\"status\"}\n";

struct fixture {
	struct fake_runtime fake;
	struct server *server;
	char folder[64];
	char path[100];
};

static struct fixture *fixture_of(void **state)
{
	return *state;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error error;
	fake_runtime_fill(&fixture->fake, 1);
	strcpy(fixture->folder, "/tmp/test_server.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/portier.sock", fixture->folder);
	if (server_open(&fixture->server, fixture->path, &fixture->fake.runtime, &error))
		fail_msg("%s", error.text);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = fixture_of(state);
	server_close(fixture->server);
	assert_int_equal(access(fixture->path, F_OK), -1);
	assert_int_equal(rmdir(fixture->folder), 0);
	fake_runtime_free(&fixture->fake);
	free(fixture);
	return 0;
}

static int try_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

// Unix sockets deliver at once: what was said is there.
static void run_server(struct fixture *fixture)
{
	struct pollfd wanted = { .fd = server_fd(fixture->server), .events = POLLIN };
	while (poll(&wanted, 1, 0) > 0) {
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		server_poll(fixture->server);
		clock_gettime(CLOCK_MONOTONIC, &after);
		if (after.tv_sec - before.tv_sec > 2)
			fail_msg("server_poll blocked");
	}
}

static int connected(struct fixture *fixture)
{
	int fd = try_connect(fixture->path);
	assert_true(fd >= 0);
	run_server(fixture);
	return fd;
}

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

static void socket_is_for_its_owner_only(void **state)
{
	struct stat there;
	assert_int_equal(lstat(fixture_of(state)->path, &there), 0);
	assert_true(S_ISSOCK(there.st_mode));
	assert_int_equal(there.st_mode & 0777, 0600);
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

static void another_user_is_refused(void **state)
{
	struct fixture *fixture = fixture_of(state);
	if (geteuid() != 0)
		skip();
	// As if the file's mode did not keep others out.
	assert_int_equal(chmod(fixture->folder, 0755) | chmod(fixture->path, 0666), 0);
	pid_t child = fork();
	if (child == 0) {
		char reply[1024] = "";
		if (setuid(65534))
			_exit(2);
		int fd = try_connect(fixture->path);
		_exit(fd >= 0 && read(fd, reply, sizeof(reply) - 1) > 0 && strstr(reply, "permission denied") ? 0 : 1);
	}
	int status;
	while (waitpid(child, &status, WNOHANG) == 0) {
		run_server(fixture);
		usleep(1000);
	}
	assert_int_equal(status, 0);
}

static void a_second_server_on_a_live_socket_is_refused(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct server *second = NULL;
	struct error error;
	assert_int_equal(server_open(&second, fixture->path, &fixture->fake.runtime, &error), -1);
	assert_non_null(strstr(error.text, "another portier answers at"));
	assert_non_null(strstr(error.text, fixture->path));
	int fd = connected(fixture);
	assert_true(fd >= 0);
	close(fd);
}

static void a_stale_socket_file_is_replaced(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct error error;
	server_close(fixture->server);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(server_open(&fixture->server, fixture->path, &fixture->fake.runtime, &error), 0);
	fd = connected(fixture);
	close(fd);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct server *second = NULL;
	struct error error;
	char path[128];
	snprintf(path, sizeof(path), "%s/file", fixture->folder);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(server_open(&second, path, &fixture->fake.runtime, &error), -1);
	assert_non_null(strstr(error.text, "no socket"));
	assert_int_equal(unlink(path), 0);
}

static void paths_that_can_t_be_are_errors(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct server *second = NULL;
	struct error error;
	char path[200] = "/tmp/";
	memset(path + 5, 'a', 150);
	assert_int_equal(server_open(&second, path, &fixture->fake.runtime, &error), -1);
	assert_non_null(strstr(error.text, "longer than"));
	assert_int_equal(server_open(&second, "", &fixture->fake.runtime, &error), -1);
	assert_int_equal(server_open(&second, "/nowhere/at/all.sock", &fixture->fake.runtime, &error), -1);
	assert_non_null(strstr(error.text, "/nowhere/at/all.sock"));
	snprintf(path, sizeof(path), "%s/missing/portier.sock", fixture->folder); // nothing is made in silence
	assert_int_equal(server_open(&second, path, &fixture->fake.runtime, &error), -1);
	assert_non_null(strstr(error.text, "mkdir -p"));
}

static void closing_leaves_a_successor_s_socket(void **state)
{
	struct fixture *fixture = fixture_of(state);
	struct server *second = NULL;
	struct error error;
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(server_open(&second, fixture->path, &fixture->fake.runtime, &error), 0);
	server_close(fixture->server);
	fixture->server = second;
	int fd = connected(fixture);
	close(fd);
}

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

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_in_pieces_of_any_size),
		WITH_SERVER(socket_is_for_its_owner_only),
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
		WITH_SERVER(another_user_is_refused),
		WITH_SERVER(a_second_server_on_a_live_socket_is_refused),
		WITH_SERVER(a_stale_socket_file_is_replaced),
		WITH_SERVER(what_is_no_socket_is_left_alone),
		WITH_SERVER(paths_that_can_t_be_are_errors),
		WITH_SERVER(closing_leaves_a_successor_s_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
