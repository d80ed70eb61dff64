// SPDX-License-Identifier: BSD-3-Clause
// Addresses of both families as numbers of 128 bits, with what counts in front, and prefixes of them.
#pragma once

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/flow_key.h"

typedef unsigned __int128 wide;

static inline wide wide_of(const struct ip_address *address)
{
	uint64_t half[2];
	memcpy(half, address, sizeof(half));
	return (wide)rte_be_to_cpu_64(half[0]) << 64 | rte_be_to_cpu_64(half[1]);
}

static inline struct ip_address wide_address(wide value)
{
	struct ip_address address;
	uint64_t half[2] = { rte_cpu_to_be_64((uint64_t)(value >> 64)), rte_cpu_to_be_64((uint64_t)value) };
	memcpy(&address, half, sizeof(address));
	return address;
}

// The last address of the prefix of so many bits that begins at low. Shifts by 128 are none.
static inline wide wide_last(wide low, unsigned bits)
{
	return bits == 0 ? ~(wide)0 : bits == 128 ? low : low | (~(wide)0 >> bits);
}
