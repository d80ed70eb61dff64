// SPDX-License-Identifier: BSD-3-Clause
// Symmetric receive-side scaling: what is asked of the device, and whether it does it. Control thread.
#pragma once

#include <stdbool.h>

#include <rte_ethdev.h>

#include "dataplane/interface.h"

// What to ask for in rte_eth_dev_configure: hash types that the device has, and a symmetric key of the length that it
// wants, kept in interface->rss_key. false: the device has no RSS that would do; why says so.
bool rss_plan(struct interface *interface, const struct rte_eth_dev_info *info, struct rte_eth_rss_conf *conf,
	      const char **why);

// After the start: reads back what the device really does and verifies that both directions of a flow meet. Keeps key,
// types and table in interface for interface_rss_owner. false: why says what is missing.
bool rss_verify(struct interface *interface, const char **why);
