// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_port.h"

#include <errno.h>
#include <stddef.h>

#include "dataplane/memory.h"

// Counters that each host has.
static uint32_t counters_of(const struct generate_ports *ports)
{
	return ports->allocation == GENERATE_PORTS_RANDOM      ? 0 :
	       ports->allocation == GENERATE_PORTS_DOUBLE_HASH ? GENERATE_PORT_TABLE :
								 1;
}

static size_t bytes_of(const struct generate_ports *ports)
{
	return (size_t)ports->hosts * counters_of(ports) * sizeof(*ports->next);
}

int generate_ports_init(struct generate_ports *ports, enum generate_allocation allocation, uint16_t low, uint16_t high,
			uint32_t hosts, uint64_t *random)
{
	*ports = (struct generate_ports){ .hosts = hosts, .low = low, .count = (uint32_t)high - low + 1,
		.allocation = (uint8_t)allocation,
		.secret = { random_next(random), random_next(random) } };
	if (bytes_of(ports) == 0)
		return 0;
	ports->next = memory_take("generate ports", bytes_of(ports), -1);
	if (!ports->next)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)hosts * counters_of(ports); i++)
		ports->next[i] = (uint16_t)random_below(random, ports->count);
	return 0;
}

void generate_ports_free(struct generate_ports *ports)
{
	memory_give(ports->next);
	ports->next = NULL;
}

// F and G of the RFC: a keyed hash of the two addresses and the destination's port.
static uint32_t hash(uint64_t secret, const struct generate_target *target)
{
	uint64_t pair = (uint64_t)target->host << 32 | target->destination;
	return (uint32_t)(random_mix(random_mix(pair ^ secret) + target->port) >> 32);
}

// The counter goes round in the range, so that no offset makes it skip a port.
static uint32_t advance(struct generate_ports *ports, size_t counter)
{
	uint32_t now = ports->next[counter];
	ports->next[counter] = (uint16_t)(now + 1 == ports->count ? 0 : now + 1);
	return now;
}

uint16_t generate_port_next(struct generate_ports *ports, const struct generate_target *target,
			    uint64_t *random)
{
	uint32_t place = 0;
	switch (ports->allocation) {
	case GENERATE_PORTS_SEQUENTIAL:
		place = advance(ports, target->host);
		break;
	case GENERATE_PORTS_RANDOM:
		place = random_below(random, ports->count);
		break;
	case GENERATE_PORTS_HASH:
		place = advance(ports, target->host) + hash(ports->secret[0], target) % ports->count;
		break;
	case GENERATE_PORTS_DOUBLE_HASH:
		place = hash(ports->secret[1], target) % GENERATE_PORT_TABLE;
		place = advance(ports, (size_t)target->host * GENERATE_PORT_TABLE + place) +
			hash(ports->secret[0], target) % ports->count;
		break;
	}
	return (uint16_t)(ports->low + place % ports->count);
}
