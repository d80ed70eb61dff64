// SPDX-License-Identifier: BSD-3-Clause
// The client's end of the control socket.
#pragma once

#include <stdio.h>

#include <jansson.h>

struct daemon {
	const char *path;
	int fd;
	FILE *replies;
};

// Connects. 0, or -1 after an error was printed that says what to do.
int daemon_connect(struct daemon *daemon, const char *path);
void daemon_disconnect(struct daemon *daemon);

// Sends a command (the reference to arguments is taken) and waits for its result. New reference, or NULL after the
// error was printed.
json_t *daemon_ask(struct daemon *daemon, const char *command, json_t *arguments);
