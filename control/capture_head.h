// SPDX-License-Identifier: BSD-3-Clause
// The beginning of a capture as a capture of its own, and the packet behind it.
#pragma once

#include <stdint.h>

#include "control/error.h"

struct capture_packet {
	uint8_t *bytes; // for free()
	uint32_t captured;
};

struct capture_head {
	int fd;        // of a file without a name; -1: none
	char file[32]; // by which it can be opened again
};

// Copies the first count packets of a capture, and the bytes of the next one. 0; -1 with a text, and nothing is open.
int capture_head_make(const char *file, uint64_t count, struct capture_head *head, struct capture_packet *packet,
		      struct error *error);
void capture_head_close(struct capture_head *head);
