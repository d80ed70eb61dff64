// SPDX-License-Identifier: BSD-3-Clause
// portier ndr: the highest rate at which a device under test loses nothing.
#pragma once

#include "control/generate.h"

// Returns the exit status: 0, 1 after an error that was printed or if no rate passed, 130 after a signal.
int ndr(const struct generate_options *options);
