// SPDX-License-Identifier: BSD-3-Clause
#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "control/connection.h"
#include "control/socket_file.h"

enum {
	EVENTS_MAX = 32,
	EXPIRE_SECONDS = 1, // how often clients' times are looked at
};

struct server {
	struct runtime *runtime;
	struct socket_file file;
	int epoll;
	int timer;
	unsigned client_count;
	struct connection *clients[SERVER_CLIENTS_MAX];
};

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int watch(struct server *server, int operation, int fd, uint32_t events, void *what)
{
	struct epoll_event event = { .events = events, .data.ptr = what };
	return epoll_ctl(server->epoll, operation, fd, &event);
}

int server_open(struct server **out, const char *path, struct runtime *runtime, struct error *error)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return error_set(error, "no memory for the control socket");
	server->runtime = runtime;
	server->timer = -1;
	server->file.fd = -1;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (socket_file_open(&server->file, path, error))
		goto failed;
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct itimerspec every = { { EXPIRE_SECONDS, 0 }, { EXPIRE_SECONDS, 0 } };
	if (server->epoll < 0 || timerfd_settime(server->timer, 0, &every, NULL) ||
	    watch(server, EPOLL_CTL_ADD, server->timer, EPOLLIN, &server->timer) ||
	    watch(server, EPOLL_CTL_ADD, server->file.fd, EPOLLIN, &server->file)) {
		error_set(error, "control socket %s: %s", path, strerror(errno));
		goto failed;
	}
	*out = server;
	return 0;
failed:
	server_close(server);
	return -1;
}

static void drop_client(struct server *server, struct connection *client)
{
	for (unsigned i = 0; i < server->client_count; i++)
		if (server->clients[i] == client)
			server->clients[i] = server->clients[--server->client_count];
	connection_destroy(client); // closing its descriptor takes it out of the epoll set
}

void server_close(struct server *server)
{
	if (!server)
		return;
	while (server->client_count)
		drop_client(server, server->clients[0]);
	socket_file_close(&server->file);
	if (server->timer >= 0)
		close(server->timer);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int server_fd(const struct server *server)
{
	return server->epoll;
}

unsigned server_clients(const struct server *server)
{
	return server->client_count;
}

// Why the peer may not talk to us, or NULL.
static const char *refusal(const struct server *server, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		return "permission denied: the peer has no credentials";
	if (peer.uid != 0 && peer.uid != geteuid())
		return "permission denied: only root and the user that portier runs as may control it";
	if (server->client_count == SERVER_CLIENTS_MAX)
		return "too many clients: close some and try again";
	return NULL;
}

static uint32_t wanted_events(const struct connection *client)
{
	return connection_wants_to_write(client) ? EPOLLOUT : EPOLLIN;
}

static void accept_client(struct server *server)
{
	int fd = accept4(server->file.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	const char *why = refusal(server, fd);
	if (why) {
		connection_refuse(fd, why);
		close(fd);
		return;
	}
	struct connection *client = connection_create(fd, SERVER_REQUEST_MAX);
	if (!client) {
		close(fd);
		return;
	}
	server->clients[server->client_count++] = client;
	if (watch(server, EPOLL_CTL_ADD, fd, EPOLLIN, client))
		drop_client(server, client);
}

static void serve_client(struct server *server, struct connection *client)
{
	uint32_t before = wanted_events(client);
	if (connection_advance(client, server->runtime, monotonic_ns())) {
		drop_client(server, client);
		return;
	}
	uint32_t after = wanted_events(client);
	if (before != after && watch(server, EPOLL_CTL_MOD, connection_fd(client), after, client))
		drop_client(server, client);
}

void server_expire(struct server *server, uint64_t now_ns)
{
	const uint64_t limit = SERVER_IDLE_SECONDS * UINT64_C(1000000000);
	for (unsigned i = server->client_count; i-- > 0;)
		if (connection_waiting_ns(server->clients[i], now_ns) > limit)
			drop_client(server, server->clients[i]);
}

void server_poll(struct server *server)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(server->epoll, events, EVENTS_MAX, 0);
	bool expire = false;
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == &server->timer)
			expire = true;
		else if (events[i].data.ptr == &server->file)
			accept_client(server);
		else
			serve_client(server, events[i].data.ptr);
	}
	// Only now: a client dropped earlier could still be among the events.
	uint64_t ticks;
	if (expire && read(server->timer, &ticks, sizeof(ticks)) > 0)
		server_expire(server, monotonic_ns());
}
