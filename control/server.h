// SPDX-License-Identifier: BSD-3-Clause
// The control socket: a unix stream socket (mode 0600, peer's uid checked), one JSON request a line, one reply a line.
// Never blocks: everything is driven by server_poll on the control thread.
#pragma once

#include <stdint.h>

#include "control/error.h"
#include "control/runtime.h"

enum {
	SERVER_REQUEST_MAX = 32 * 1024 * 1024, // bytes of one request: all rules that there may be; more ends the connection
	SERVER_CLIENTS_MAX = 64,
	SERVER_IDLE_SECONDS = 60, // a client that has said half a request, or does not read its reply, is dropped
};

struct server;

// Listens at path. A socket file that nobody answers is replaced; one that answers is an error.
// A missing folder is made. The error says what to do.
int server_open(struct server **server, const char *path, struct runtime *runtime, struct error *error);

// Closes all connections and removes the socket file, unless it is another's by now. NULL is fine.
void server_close(struct server *server);

// File descriptor to poll for input (an epoll instance). Readable too when a client's time is over.
int server_fd(const struct server *server);

// Handles what is ready, without blocking. One request of each client at most, so that none starves the others.
void server_poll(struct server *server);

// Drops clients whose time is over at now (nanoseconds of CLOCK_MONOTONIC). Part of server_poll; by itself for tests.
void server_expire(struct server *server, uint64_t now_ns);

// Connections now.
unsigned server_clients(const struct server *server);
