// SPDX-License-Identifier: BSD-3-Clause
// One connection of the control socket: what it has said so far, and what it has not read yet.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/runtime.h"

struct connection;

// Takes over a connected, non-blocking socket. NULL without memory (the socket stays the caller's).
struct connection *connection_create(int fd, size_t request_max);
void connection_destroy(struct connection *connection);
int connection_fd(const struct connection *connection);

// Reads, answers one request at most, writes, as far as it goes without blocking. -1: the connection is over.
int connection_advance(struct connection *connection, struct runtime *runtime, uint64_t now_ns);

// Whether it is to be called when the socket takes output (else: when it has input). Nothing is read while a reply waits,
// so that a client that does not read holds one reply and no more.
bool connection_wants_to_write(const struct connection *connection);

// For how long it has been in the middle of a request or not read its reply; 0: neither.
uint64_t connection_waiting_ns(const struct connection *connection, uint64_t now_ns);

// Tells a peer why it is not let in. The socket stays the caller's.
void connection_refuse(int fd, const char *why);
