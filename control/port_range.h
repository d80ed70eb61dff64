// SPDX-License-Identifier: BSD-3-Clause
// Ports as people write them: numbers, ranges, service names, port classes; ICMP types in their place.
#pragma once

#include "control/error.h"
#include "dataplane/rule.h"

// Reads "80", "80-90", "https", "system"...; of ICMP and ICMPv6 a type: "8", "echo-request". 0, or -1 with what was
// expected.
int port_range_parse(const char *text, uint8_t protocol, struct port_range *range, struct error *error);
