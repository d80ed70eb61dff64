// SPDX-License-Identifier: BSD-3-Clause
// The packet log of a replay: the workers' traces, merged into the order of the file, a line a packet. One thread.
#pragma once

#include "control/error.h"
#include "dataplane/handler.h"
#include "dataplane/trace.h"

struct packet_log;

// Opens the file ("-": standard output) and writes the header. handlers: names by id, count of them. NULL with a text.
struct packet_log *packet_log_open(const char *file, const struct handler *handlers, unsigned handler_count,
				   unsigned workers, struct error *error);

// Takes records of one worker. Numbers rise within a worker, and have no gap over all of them: what comes early waits.
void packet_log_add(struct packet_log *log, unsigned worker, const struct trace_record *records, unsigned count);

// Writes what still waits, gaps or not, and closes. 0, or -1 with the text of the first error that any write met.
int packet_log_close(struct packet_log *log, struct error *error);
