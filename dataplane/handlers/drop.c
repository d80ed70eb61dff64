// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

static void drop(const struct handler *handler, const struct packet_view *view)
{
	(void)handler;
	for (unsigned i = 0; i < view->count; i++) {
		struct fate *fate = &view->fate[view->index[i]];
		fate->kind = FATE_DROP;
		fate->reason = DROP_HANDLER_DROP;
	}
}

const struct handler_ops handler_drop = {
	.kind = "drop",
	.text = "drops packets, counted as the handler's own drops",
	.process = drop,
};
