// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rss.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_thash.h>

enum {
	RSS_KEY_DEFAULT = 40, // bytes, where the device does not say
	RSS_PROBES = 256,     // random tuples of the check at start
};

// SCTP is left out: some NICs hash its verification tag, which differs by direction.
static const uint64_t types_l3 = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |
	RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER;
static const uint64_t types_l4 = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
	RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

bool rss_plan(struct interface *interface, const struct rte_eth_dev_info *info, struct rte_eth_rss_conf *conf,
	      const char **why)
{
	uint8_t length = info->hash_key_size ? info->hash_key_size : RSS_KEY_DEFAULT;
	uint64_t types = (types_l3 | types_l4) & info->flow_type_rss_offloads;
	if (types == 0) {
		*why = "the device has no RSS";
		return false;
	}
	if (length > sizeof(interface->rss_key) || length < RSS_KEY_DEFAULT) {
		*why = "the device's RSS key has an odd length";
		return false;
	}
	// A key that repeats every 16 bits makes Toeplitz blind to the order of 16-bit words, so to who is source
	// (Woo and Park, "Scalable TCP session monitoring with symmetric receive-side scaling").
	for (unsigned i = 0; i < length; i++)
		interface->rss_key[i] = i % 2 ? 0x5a : 0x6d;
	interface->rss_key_length = length;
	interface->rss_types = types;
	*conf = (struct rte_eth_rss_conf){ .rss_key = interface->rss_key, .rss_key_len = length, .rss_hf = types };
	return true;
}

// Toeplitz's input as the device builds it: addresses, then ports, in words of host order.
struct rss_input {
	uint32_t word[9];
	uint32_t count;
};

static void add_address(struct rss_input *input, const struct ip_address *address, uint8_t family)
{
	unsigned words = family == FAMILY_IP4 ? 1 : 4;
	for (unsigned i = 0; i < words; i++) {
		uint32_t word;
		memcpy(&word, &address->byte[4 * i], sizeof(word));
		input->word[input->count++] = rte_be_to_cpu_32(word);
	}
}

static uint64_t l4_type(const struct flow_key *key)
{
	if (key->protocol == IPPROTO_TCP)
		return key->family == FAMILY_IP4 ? RTE_ETH_RSS_NONFRAG_IPV4_TCP : RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	if (key->protocol == IPPROTO_UDP)
		return key->family == FAMILY_IP4 ? RTE_ETH_RSS_NONFRAG_IPV4_UDP : RTE_ETH_RSS_NONFRAG_IPV6_UDP;
	return 0;
}

// The queue of a packet that goes from one end of the key to the other.
static uint16_t queue_of(const struct interface *interface, const struct flow_key *key, unsigned source)
{
	struct rss_input input = { .count = 0 };
	add_address(&input, &key->address[source], key->family);
	add_address(&input, &key->address[!source], key->family);
	if (interface->rss_types & l4_type(key))
		input.word[input.count++] = (uint32_t)rte_be_to_cpu_16(key->port[source]) << 16 |
			rte_be_to_cpu_16(key->port[!source]);
	uint32_t hash = rte_softrss(input.word, input.count, interface->rss_key);
	return interface->reta[hash % interface->reta_size];
}

uint16_t interface_rss_owner(const struct interface *interface, const struct flow_key *key)
{
	return queue_of(interface, key, 0);
}

// A small generator of its own (SplitMix64): the check is the same at each start.
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void random_key(uint64_t *state, unsigned n, struct flow_key *key)
{
	*key = (struct flow_key){ .family = n & 1 ? FAMILY_IP6 : FAMILY_IP4,
		.protocol = n & 2 ? IPPROTO_UDP : IPPROTO_TCP };
	for (unsigned end = 0; end < 2; end++) {
		uint64_t half[2] = { next_random(state), next_random(state) };
		memcpy(key->address[end].byte, half, key->family == FAMILY_IP4 ? 4 : 16);
		key->port[end] = (rte_be16_t)next_random(state);
	}
}

bool interface_rss_symmetric(const struct interface *interface, unsigned n)
{
	uint64_t state = 1;
	if (interface->reta_size == 0 || interface->rss_key_length < RSS_KEY_DEFAULT)
		return false;
	for (unsigned i = 0; i < n; i++) {
		struct flow_key key;
		random_key(&state, i, &key);
		if (queue_of(interface, &key, 0) != queue_of(interface, &key, 1))
			return false;
	}
	return true;
}

enum { RETA_GROUPS = RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE };

static int read_table(struct interface *interface)
{
	struct rte_eth_rss_reta_entry64 group[RETA_GROUPS] = { 0 };
	for (unsigned i = 0; i < RETA_GROUPS; i++)
		group[i].mask = UINT64_MAX;
	int result = rte_eth_dev_rss_reta_query(interface->port_id, group, interface->reta_size);
	for (unsigned i = 0; result == 0 && i < interface->reta_size; i++)
		interface->reta[i] = group[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return result;
}

static int write_table(const struct interface *interface)
{
	struct rte_eth_rss_reta_entry64 group[RETA_GROUPS] = { 0 };
	for (unsigned i = 0; i < interface->reta_size; i++) {
		group[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		group[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % interface->rx_queues;
	}
	return rte_eth_dev_rss_reta_update(interface->port_id, group, interface->reta_size);
}

// Every entry names a queue, and every queue is named.
static bool covers_queues(const struct interface *interface)
{
	uint64_t named = 0;
	for (unsigned i = 0; i < interface->reta_size; i++) {
		if (interface->reta[i] >= interface->rx_queues)
			return false;
		named |= UINT64_C(1) << interface->reta[i];
	}
	return (unsigned)__builtin_popcountll(named) == interface->rx_queues;
}

bool rss_verify(struct interface *interface, const char **why)
{
	struct rte_eth_dev_info info;
	struct rte_eth_rss_conf conf = { .rss_key = interface->rss_key, .rss_key_len = interface->rss_key_length };
	*why = "the device does not tell its RSS key";
	if (rte_eth_dev_info_get(interface->port_id, &info) != 0 ||
		rte_eth_dev_rss_hash_conf_get(interface->port_id, &conf) != 0 || conf.rss_hf == 0)
		return false;
	interface->rss_types &= conf.rss_hf;
	*why = "the device does not tell its RSS table";
	interface->reta_size = info.reta_size;
	if (info.reta_size == 0 || info.reta_size > RTE_ETH_RSS_RETA_SIZE_512 || read_table(interface) != 0)
		return false;
	*why = "the device's RSS table does not spread over all queues";
	if (!covers_queues(interface) &&
		(write_table(interface) != 0 || read_table(interface) != 0 || !covers_queues(interface)))
		return false;
	*why = "the device's RSS is not symmetric";
	return interface_rss_symmetric(interface, RSS_PROBES);
}
