// SPDX-License-Identifier: BSD-3-Clause
// An interface: a DPDK ethdev, be it a NIC or a virtual device. Set up by control before the workers poll it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "dataplane/parse.h"

enum {
	INTERFACE_MAX = 32,
	INTERFACE_NONE = 0xff,
	INTERFACE_ERROR_MAX = 512,
};

enum interface_role {
	INTERFACE_LINK = 0, // traffic comes from here: interfaces in the configuration
	INTERFACE_HANDLER,  // the device of a handler
};

// How the two directions of a flow come to one worker.
enum steering {
	STEER_NONE = 0, // one worker: all is its own
	STEER_RSS,      // symmetric RSS of the device, one queue a worker, verified at start
	STEER_SOFTWARE, // fewer queues than workers: by the flow's hash over rings
	STEER_DEVICE,   // one queue a worker, each its own: the configuration vouches that the device spreads by flow
};

struct capture_index; // control/capture.h's note of every packet of a capture file, for replay

struct interface {
	char name[32];       // of the configuration
	char device[256];    // PCI address or vdev string, as configured
	char driver[32];     // "net_pcap"
	uint8_t index;       // in the table of interfaces
	uint8_t role;        // enum interface_role
	uint8_t steering;    // enum steering
	uint8_t checksum;    // enum checksum_policy
	bool open;           // between interface_open and interface_close
	bool by_link;        // bursts only while it has a link: see interface_pollable
	uint16_t port_id;    // DPDK's
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors;
	uint16_t tx_descriptors;
	uint16_t mtu;
	uint16_t max_frame; // longest frame that may be sent: MTU + Ethernet header + tags
	bool promiscuous;
	bool rx_ip_checksum; // the device checks IPv4 header checksums
	bool rx_l4_checksum; // and transport checksums
	uint16_t handler;    // id, of INTERFACE_HANDLER
	int socket;          // NUMA node, -1: any
	struct rte_ether_addr mac;
	char steering_text[128]; // how symmetric distribution was reached, for a person
	_Alignas(8) uint8_t rss_key[64]; // of STEER_RSS; read in words
	uint8_t rss_key_length;
	uint64_t rss_types;      // of RTE_ETH_RSS_*, that the device hashes on
	uint16_t reta_size;
	uint16_t reta[RTE_ETH_RSS_RETA_SIZE_512]; // queue by hash; of STEER_RSS
};

struct interface_params {
	const char *name;
	const char *device;  // "0000:3b:00.0" or "net_tap0,iface=tap0"
	uint8_t role;
	uint8_t index;
	uint8_t checksum;
	bool promiscuous;
	uint16_t mtu;        // 0: the device's
	uint16_t queues;     // wanted, at most workers; 0: as many as workers
	uint16_t workers;
	bool device_steers;  // with several workers: STEER_DEVICE, nothing else
	uint16_t rx_descriptors; // 0: 1024
	uint16_t tx_descriptors; // 0: 1024
	bool capture;        // net_pcap reading a file: no checks that make no sense there
	struct rte_mempool *(*pool)(void *context, uint16_t queue); // the pool of the worker that polls this queue
	void *context;
};

// Probes the device (rte_dev_probe), configures queues, RSS, offloads, starts it. 0, or -errno with a text that says
// what is wrong and what to do. Nothing stays behind on failure. Control thread.
int interface_open(struct interface *interface, const struct interface_params *params,
		   char error[INTERFACE_ERROR_MAX]);

// Stops and closes the device. No worker may poll it any more. Control thread.
void interface_close(struct interface *interface);

// Whether the device's RSS brought a packet to the worker that owns its flow. NICs hash fragments and ICMP errors on
// addresses alone, or on other addresses than their flow's. Any thread.
static inline bool interface_rss_steers(const struct interface *interface, const struct packet_meta *meta)
{
	return interface->steering == STEER_RSS && !(meta->flags & (PACKET_FRAGMENT | PACKET_ICMP_ERROR));
}

// The worker that owns a flow whose both directions the device's RSS sends there: Toeplitz over the key's tuple and the
// device's indirection table. Used for packets that the device hashes on less (fragments, ICMP errors). Any thread.
uint16_t interface_rss_owner(const struct interface *interface, const struct flow_key *key);

// Whether the device's RSS puts both directions of n random tuples on one queue, by its own key and table.
// Part of interface_open; by itself for tests.
bool interface_rss_symmetric(const struct interface *interface, unsigned n);

// Whether a burst may be asked of the device now. net_memif's bursts look up where the rings are mapped before they ask whether
// it is connected: one that lasts from before a connection into it would work on the address from before. Threads that poll.
static inline bool interface_pollable(const struct interface *interface)
{
	struct rte_eth_link link;
	if (likely(!interface->by_link))
		return true;
	bool up = rte_eth_link_get_nowait(interface->port_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	rte_smp_rmb(); // the burst's look at the rings must not come before the look at the link, which comes up last
	return up;
}

// rte_eth_rx_burst and rte_eth_tx_burst; 0 where the device may not be asked. Threads that poll.
static inline unsigned interface_receive(const struct interface *interface, uint16_t queue, struct rte_mbuf **mbuf,
					 unsigned count)
{
	return interface_pollable(interface) ? rte_eth_rx_burst(interface->port_id, queue, mbuf, (uint16_t)count) : 0;
}

static inline unsigned interface_send(const struct interface *interface, uint16_t queue, struct rte_mbuf **mbuf,
				      unsigned count)
{
	return interface_pollable(interface) ? rte_eth_tx_burst(interface->port_id, queue, mbuf, (uint16_t)count) : 0;
}

// Link state right now, without waiting. Control thread.
bool interface_link_up(const struct interface *interface, uint32_t *speed_mbps);
