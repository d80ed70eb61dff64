// SPDX-License-Identifier: BSD-3-Clause
// What a run that ends by itself exits with.
#pragma once

#include <stdio.h>

#include "control/error.h"

enum exit_status {
	STATUS_OK = 0,
	STATUS_ERROR = 1,
	STATUS_INTERRUPTED = 130, // by a signal, as shells tell it
};

// Prints what went wrong. Returns STATUS_ERROR.
static inline int complain(const struct error *error)
{
	fprintf(stderr, "portier: %s\n", error->text);
	return STATUS_ERROR;
}
