// SPDX-License-Identifier: BSD-3-Clause
// The peer: the same rules in one rte_acl context, as DPDK's own examples set it up for five-tuples.
#pragma once

#include <string.h>

#include <rte_acl.h>

#include "bench/classify_rules.h"

struct plain_key {
	uint8_t protocol;
	uint8_t unused[3];
	uint8_t address[32]; // source, destination: 4 or 16 bytes each
	rte_be16_t source_port, destination_port;
};

struct plain {
	struct rte_acl_ctx *acl;
	unsigned words; // of an address
};

// All rules of the list are of one family. 0 or -errno.
int plain_build(struct plain *plain, const struct rule_list *list, uint8_t family, int socket);
void plain_free(struct plain *plain);

static inline void plain_key_fill(struct plain_key *key, const struct packet_tuple *tuple, unsigned words)
{
	rte_be16_t ports[2] = { rte_cpu_to_be_16(tuple->source_port), rte_cpu_to_be_16(tuple->destination_port) };
	key->protocol = tuple->protocol;
	memcpy(key->address, &tuple->source, 4 * words);
	memcpy(key->address + 4 * words, &tuple->destination, 4 * words);
	memcpy(key->address + 8 * words, ports, sizeof(ports));
}
