// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

static void device(const struct handler *handler, const struct packet_view *view)
{
	for (unsigned i = 0; i < view->count; i++) {
		struct fate *fate = &view->fate[view->index[i]];
		fate->kind = FATE_TRANSMIT;
		fate->interface = handler->interface;
	}
}

const struct handler_ops handler_device = {
	.kind = "device",
	.text = "sends packets to a DPDK device; what comes back leaves by the flow's interface",
	.needs_device = true,
	.process = device,
};
