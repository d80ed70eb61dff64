// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

static void count(const struct handler *handler, const struct packet_view *view)
{
	(void)handler;
	for (unsigned i = 0; i < view->count; i++)
		view->fate[view->index[i]].kind = FATE_CONSUME;
}

const struct handler_ops handler_count = {
	.kind = "count",
	.text = "counts packets and frees them",
	.process = count,
};
