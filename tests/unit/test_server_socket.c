// SPDX-License-Identifier: BSD-3-Clause
// The server's socket file: whose it is, and what may stand in its place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/served.h"

static void socket_is_for_its_owner_only(void **state)
{
	struct stat there;
	assert_int_equal(lstat(fixture_of(state)->path, &there), 0);
	assert_true(S_ISSOCK(there.st_mode));
	assert_int_equal(there.st_mode & 0777, 0600);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(socket_is_for_its_owner_only),
		WITH_SERVER(another_user_is_refused),
		WITH_SERVER(a_second_server_on_a_live_socket_is_refused),
		WITH_SERVER(a_stale_socket_file_is_replaced),
		WITH_SERVER(what_is_no_socket_is_left_alone),
		WITH_SERVER(paths_that_can_t_be_are_errors),
		WITH_SERVER(closing_leaves_a_successor_s_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
