// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

const struct handler_ops handler_count = {
	.kind = "count",
	.text = "counts packets and frees them",
	.fate = FATE_CONSUME,
};
