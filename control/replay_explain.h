// SPDX-License-Identifier: BSD-3-Clause
// portier replay --explain: replays captures up to one packet, and tells what becomes of that one, and why.
#pragma once

#include "control/replay.h"

// Returns the exit status: 0, 1 after an error that was printed.
int replay_explain(const struct replay_options *options);
