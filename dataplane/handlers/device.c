// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/handlers/kinds.h"

const struct handler_ops handler_device = {
	.kind = "device",
	.text = "sends packets to a DPDK device; what comes back leaves by the flow's interface",
	.needs_device = true,
	.fate = FATE_TRANSMIT,
};
