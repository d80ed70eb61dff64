// SPDX-License-Identifier: BSD-3-Clause
// Service names, as IANA registers them: accepted and printed wherever a port is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/protocol.h"

// The port of a service ("https", tcp) or -1. Names that exist for one protocol only are found for that one only.
// Case-insensitive, as getservbyname is not but people are. Any thread.
int service_port(const char *name, uint8_t protocol);

// The service at a port, or NULL. Any thread.
const char *service_name(uint16_t port, uint8_t protocol);

// "tcp" -> 6, "icmp6" and "icmpv6" -> 58, "132" -> 132; -1: unknown.
int protocol_number(const char *name);

// 6 -> "tcp"; numbers without a common name -> NULL.
const char *protocol_name(uint8_t protocol);
