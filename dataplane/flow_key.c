// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow_key_hash.h"

#include <errno.h>
#include <sys/random.h>

int hash_secret_draw(struct hash_secret *secret)
{
	ssize_t got = getrandom(secret, sizeof(*secret), 0);

	if (got < 0)
		return -errno;
	// Requests of up to 256 bytes are never cut short, getrandom(2).
	return (size_t)got == sizeof(*secret) ? 0 : -EIO;
}

uint64_t flow_key_hash(const struct flow_key *key, const struct hash_secret *secret)
{
	return flow_key_hash_inline(key, secret);
}

struct address_words {
	uint64_t high, low;
};

static inline void swap_if(bool swap, uint64_t *a, uint64_t *b)
{
	uint64_t difference = (*a ^ *b) & -(uint64_t)swap;

	*a ^= difference;
	*b ^= difference;
}

// Free of branches: which end is smaller is a coin toss for every packet.
unsigned flow_key_canonicalise(struct flow_key *key)
{
	struct address_words end[2];
	uint64_t port[2] = { rte_be_to_cpu_16(key->port[0]), rte_be_to_cpu_16(key->port[1]) };
	uint64_t high[2], low[2];
	bool swap;

	memcpy(end, key->address, sizeof(end));
	for (unsigned i = 0; i < 2; i++) {
		high[i] = rte_be_to_cpu_64(end[i].high);
		low[i] = rte_be_to_cpu_64(end[i].low);
	}
	swap = (high[1] < high[0]) |
	       ((high[1] == high[0]) & ((low[1] < low[0]) | ((low[1] == low[0]) & (port[1] < port[0]))));
	swap_if(swap, &end[0].high, &end[1].high);
	swap_if(swap, &end[0].low, &end[1].low);
	swap_if(swap, &port[0], &port[1]);
	memcpy(key->address, end, sizeof(end));
	key->port[0] = rte_cpu_to_be_16((uint16_t)port[0]);
	key->port[1] = rte_cpu_to_be_16((uint16_t)port[1]);
	return swap;
}
