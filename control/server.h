// SPDX-License-Identifier: BSD-3-Clause
// The control socket: a unix stream socket (mode 0600, peer's uid checked), one JSON request a line, one reply a line.
// Never blocks: everything is driven by server_poll on the control thread.
#pragma once

#include "control/error.h"
#include "control/runtime.h"

enum {
	SERVER_REQUEST_MAX = 8 * 1024 * 1024, // bytes of one request; more is an error and ends the connection
	SERVER_CLIENTS_MAX = 64,
	SERVER_IDLE_SECONDS = 60, // a client that has said half a request and no more is dropped
};

struct server;

// Listens at path. A socket file that nobody answers is replaced; one that answers is an error ("already running").
int server_open(struct server **server, const char *path, struct runtime *runtime, struct error *error);

// Closes all connections and removes the socket file.
void server_close(struct server *server);

// File descriptor to poll for input (an epoll instance).
int server_fd(const struct server *server);

// Handles what is ready, without blocking.
void server_poll(struct server *server);
