// SPDX-License-Identifier: BSD-3-Clause
// Addresses and prefixes as text.
#pragma once

#include <stddef.h>

#include "dataplane/flow_key.h"

enum { ADDRESS_TEXT_MAX = 64 };

struct prefix {
	struct ip_address address; // host bits zero
	uint8_t family;            // FAMILY_NONE: any address of both families
	uint8_t bits;
};

// "192.0.2.7" or "2001:db8::7" (RFC 5952) into text. Returns text.
const char *address_format(const struct ip_address *address, uint8_t family, char text[ADDRESS_TEXT_MAX]);

// "192.0.2.0/24"; "any" for FAMILY_NONE; without "/32" and "/128". Returns text.
const char *prefix_format(const struct prefix *prefix, char text[ADDRESS_TEXT_MAX]);

// Reads "192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "any". 0; -1: not an address; -2: host bits are set behind the
// prefix; -3: prefix length out of range.
int prefix_parse(const char *text, struct prefix *prefix);
