// SPDX-License-Identifier: BSD-3-Clause
// For the tests of the server: one that runs on a socket in a folder of its own, and a way to connect.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/server.h"
#include "tests/unit/fake_runtime.h"

struct fixture {
	struct fake_runtime fake;
	struct server *server;
	char folder[64];
	char path[100];
};

static inline struct fixture *fixture_of(void **state)
{
	return *state;
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	struct fixture *fixture = fixture_of(state);
	server_close(fixture->server);
	assert_int_equal(access(fixture->path, F_OK), -1);
	assert_int_equal(rmdir(fixture->folder), 0);
	fake_runtime_free(&fixture->fake);
	free(fixture);
	return 0;
}

static inline int try_connect(const char *path)
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
static inline void run_server(struct fixture *fixture)
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

static inline int connected(struct fixture *fixture)
{
	int fd = try_connect(fixture->path);
	assert_true(fd >= 0);
	run_server(fixture);
	return fd;
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
