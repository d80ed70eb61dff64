// SPDX-License-Identifier: BSD-3-Clause
// The kinds of handler that there are.
#pragma once

#include "dataplane/handler.h"

extern const struct handler_ops handler_count;   // counts and frees
extern const struct handler_ops handler_device;  // sends to a device, behind which an application sits
extern const struct handler_ops handler_drop;    // drops, counted as its own drops
extern const struct handler_ops handler_reflect; // sends back with both ends swapped
