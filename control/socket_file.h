// SPDX-License-Identifier: BSD-3-Clause
// A listening unix socket and its file.
#pragma once

#include <sys/types.h>

#include "control/error.h"

struct socket_file {
	int fd;         // -1: not open
	char path[108]; // as long as an address may be
	dev_t device;   // which file it is: somebody may have put another in its place
	ino_t inode;
};

// Listens at path with mode 0600, non-blocking. Replaces a socket that nobody listens at; makes the folder if only that is
// missing. 0, or -1 with a text that says what to do. Control thread.
int socket_file_open(struct socket_file *file, const char *path, struct error *error);

// Closes, and removes the file if it is still the same.
void socket_file_close(struct socket_file *file);
