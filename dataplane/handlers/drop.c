// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

const struct handler_ops handler_drop = {
	.kind = "drop",
	.text = "drops packets, counted as the handler's own drops",
	.fate = FATE_DROP,
	.reason = DROP_HANDLER_DROP,
};
