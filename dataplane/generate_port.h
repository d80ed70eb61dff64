// SPDX-License-Identifier: BSD-3-Clause
// Ephemeral ports, as hosts allocate them.
#pragma once

#include <stdint.h>

#include "dataplane/random.h"

enum generate_allocation {
	GENERATE_PORTS_SEQUENTIAL = 0, // one behind the other, of each host
	GENERATE_PORTS_RANDOM,         // RFC 6056 3.3.2, algorithm 2: drawn anew until one is free
	GENERATE_PORTS_HASH,           // RFC 6056 3.3.3, algorithm 3: a counter behind an offset of its own for each destination
	GENERATE_PORTS_DOUBLE_HASH,    // RFC 6056 3.3.4, algorithm 4: that, with several counters
};

enum { GENERATE_PORT_TABLE = 16 }; // counters of a host under algorithm 4

struct generate_ports {
	uint16_t *next; // counters of the hosts; owned
	uint64_t secret[2];
	uint32_t hosts;
	uint32_t count; // ports from low on
	uint16_t low;
	uint8_t allocation; // enum generate_allocation
};

// Where a conversation goes.
struct generate_target {
	uint32_t host;        // whose port is wanted
	uint32_t destination; // any number that stands for its address
	uint16_t port;        // of the destination
};

// Ports low to high, of that many hosts, whose counters begin at places that the random numbers say. 0 or -ENOMEM.
// Control thread.
int generate_ports_init(struct generate_ports *ports, enum generate_allocation allocation, uint16_t low, uint16_t high,
			uint32_t hosts, uint64_t *random);
void generate_ports_free(struct generate_ports *ports);

// The port that the host tries next for a conversation with that target. Whether it is free there is the caller's to know:
// he asks again if it is not. One thread.
uint16_t generate_port_next(struct generate_ports *ports, const struct generate_target *target,
			    uint64_t *random);
