// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/interface.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "dataplane/device_trouble.h"
#include "dataplane/rss.h"

enum {
	DESCRIPTORS_DEFAULT = 1024,
	TAGS_BYTES = 8, // two VLAN tags are sent beside a full MTU
};

// What drivers don't tell of themselves.
struct driver_quirk {
	const char *driver;
	bool paired;    // as many tx as rx queues
	bool one_queue; // unless more are asked for: the peer decides how many are served
	bool hashless;  // claims RSS, but does not spread
	bool by_link;   // see interface_pollable
	uint16_t longest; // frame that it takes whatever its MTU says; 0: goes by the MTU
};

static const struct driver_quirk quirks[] = {
	{ "net_null", .hashless = true, .longest = UINT16_MAX },
	{ "net_ring", .longest = UINT16_MAX },
	{ "net_pcap", .longest = 16128 }, // cuts longer ones
	{ "net_tap", .paired = true, .hashless = true },
	{ "net_af_packet", .paired = true },
	{ "net_memif", .paired = true, .one_queue = true, .by_link = true },
};

static struct driver_quirk quirk_of(const char *driver)
{
	for (size_t i = 0; i < sizeof(quirks) / sizeof(*quirks); i++)
		if (strcmp(quirks[i].driver, driver) == 0)
			return quirks[i];
	return (struct driver_quirk){ .driver = driver };
}

static int fail(char error[INTERFACE_ERROR_MAX], int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char error[INTERFACE_ERROR_MAX], int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, INTERFACE_ERROR_MAX, format, arguments);
	va_end(arguments);
	return code < 0 ? code : -EINVAL;
}

static void warn(const struct interface *interface, const char *text, int code)
{
	int type = rte_log_register_type_and_pick_level("portier.interface", RTE_LOG_INFO);
	rte_log(RTE_LOG_WARNING, (uint32_t)(type < 0 ? RTE_LOGTYPE_USER1 : type), "%s: %s: %s\n", interface->name, text,
		strerror(-code));
}

// The first port of the device that nobody has. RTE_MAX_ETHPORTS: none; *taken says that there is one in use.
static uint16_t find_port(const char *device, char taken[RTE_ETH_MAX_OWNER_NAME_LEN])
{
	struct rte_dev_iterator iterator;
	uint16_t port, found = RTE_MAX_ETHPORTS;
	taken[0] = '\0';
	RTE_ETH_FOREACH_MATCHING_DEV(port, device, &iterator) {
		struct rte_eth_dev_owner owner = { 0 };
		if (rte_eth_dev_owner_get(port, &owner) != 0)
			continue;
		if (owner.id == RTE_ETH_DEV_NO_OWNER && found == RTE_MAX_ETHPORTS)
			found = port;
		else if (owner.id != RTE_ETH_DEV_NO_OWNER)
			snprintf(taken, RTE_ETH_MAX_OWNER_NAME_LEN, "%s", owner.name);
	}
	return found;
}

static int claim_port(struct interface *interface, uint16_t port, char error[INTERFACE_ERROR_MAX])
{
	struct rte_eth_dev_owner owner = { 0 };
	snprintf(owner.name, sizeof(owner.name), "%s", interface->name);
	int result = rte_eth_dev_owner_new(&owner.id);
	if (result == 0)
		result = rte_eth_dev_owner_set(port, &owner);
	if (result != 0)
		return fail(error, result, "'%s' can't be claimed: %s", interface->device, strerror(-result));
	interface->port_id = port;
	return 0;
}

static int probe(struct interface *interface, char error[INTERFACE_ERROR_MAX])
{
	char taken[RTE_ETH_MAX_OWNER_NAME_LEN];
	uint16_t port = find_port(interface->device, taken);
	if (port == RTE_MAX_ETHPORTS && !taken[0]) {
		int result = rte_dev_probe(interface->device);
		port = find_port(interface->device, taken);
		if (port == RTE_MAX_ETHPORTS && !taken[0]) {
			result = result < 0 ? result : -ENODEV;
			device_trouble(interface->device, result, error, INTERFACE_ERROR_MAX);
			return result;
		}
	}
	if (port == RTE_MAX_ETHPORTS)
		return fail(error, -EBUSY, "'%s' is in use by '%s' already, expected another device", interface->device, taken);
	return claim_port(interface, port, error);
}

static void choose_queues(struct interface *interface, const struct interface_params *params,
			  const struct rte_eth_dev_info *info, const struct driver_quirk *quirk)
{
	uint16_t workers = RTE_MAX(params->workers, 1);
	bool one = quirk->one_queue && !params->device_steers;
	uint16_t wanted = params->queues ? RTE_MIN(params->queues, workers) : one ? 1 : workers;
	interface->rx_queues = RTE_MIN(wanted, info->max_rx_queues);
	interface->tx_queues = RTE_MIN(quirk->one_queue ? wanted : workers, info->max_tx_queues);
	if (quirk->paired)
		interface->rx_queues = interface->tx_queues = RTE_MIN(interface->rx_queues, interface->tx_queues);
}

static void choose_offloads(struct interface *interface, const struct rte_eth_dev_info *info,
			    struct rte_eth_conf *conf)
{
	const uint64_t ip = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	const uint64_t l4 = RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	if (interface->checksum == CHECKSUM_IGNORE)
		return;
	conf->rxmode.offloads |= (ip | l4) & info->rx_offload_capa;
	interface->rx_ip_checksum = (conf->rxmode.offloads & ip) == ip;
	interface->rx_l4_checksum = (conf->rxmode.offloads & l4) == l4;
}

// Frames that don't fit one buffer come in pieces, if the device can; else it drops them. FAST_FREE is never asked for:
// buffers of several pools leave by one queue.
static void choose_scatter(const struct interface *interface, const struct interface_params *params,
			   const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	struct rte_mempool *pool = params->pool(params->context, 0);
	uint32_t longest = interface->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + TAGS_BYTES;
	if (!pool || longest + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(pool))
		return;
	conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER & info->rx_offload_capa;
	conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS & info->tx_offload_capa;
}

// Drivers that leave max_mtu open say by max_rx_pktlen what fits.
static uint32_t largest_mtu(const struct rte_eth_dev_info *info)
{
	const uint32_t frame = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	bool by_frame = info->max_mtu == UINT16_MAX && info->max_rx_pktlen > frame;
	return by_frame ? RTE_MIN(info->max_rx_pktlen - frame, (uint32_t)UINT16_MAX) : info->max_mtu;
}

static int check_mtu(const struct interface *interface, const struct interface_params *params,
		     const struct rte_eth_dev_info *info, char error[INTERFACE_ERROR_MAX])
{
	if (!params->mtu || (params->mtu >= info->min_mtu && params->mtu <= largest_mtu(info)))
		return 0;
	return fail(error, -EINVAL, "mtu %u does not fit '%s', expected %u to %u", params->mtu, interface->device,
		info->min_mtu, largest_mtu(info));
}

static int set_mtu(struct interface *interface, const struct interface_params *params,
		   const struct driver_quirk *quirk, char error[INTERFACE_ERROR_MAX])
{
	int result = params->mtu ? rte_eth_dev_set_mtu(interface->port_id, params->mtu) : 0;
	rte_eth_dev_get_mtu(interface->port_id, &interface->mtu);
	// A device without the operation keeps what it was configured with.
	if (result != 0 && !(result == -ENOTSUP && interface->mtu == params->mtu))
		return fail(error, result, "mtu %u can't be set on '%s': %s; leave 'mtu' out, or set it on the kernel's side",
			params->mtu, interface->device, strerror(-result));
	interface->max_frame = quirk->longest ? quirk->longest :
		(uint16_t)RTE_MIN(interface->mtu + RTE_ETHER_HDR_LEN + TAGS_BYTES, UINT16_MAX);
	return 0;
}

static int configure(struct interface *interface, const struct interface_params *params,
		     struct rte_eth_dev_info *info, const struct driver_quirk *quirk, const char **no_rss,
		     char error[INTERFACE_ERROR_MAX])
{
	struct rte_eth_conf conf = { .rxmode = { .mtu = params->mtu } };
	interface->mtu = params->mtu ? params->mtu : RTE_ETHER_MTU;
	choose_queues(interface, params, info, quirk);
	choose_offloads(interface, info, &conf);
	choose_scatter(interface, params, info, &conf);
	if (interface->rx_queues == 0 || interface->tx_queues == 0)
		return fail(error, -ENOTSUP, "'%s' has %u rx and %u tx queues, expected one of each at least (net_pcap: give "
			"rx_pcap= or rx_iface=, and tx_pcap= or tx_iface=)", interface->device, info->max_rx_queues,
			info->max_tx_queues);
	if (params->device_steers && interface->rx_queues < params->workers)
		return fail(error, -ENOTSUP, "'%s' has %u rx queue%s, expected one for each of %u workers (workers.steering: "
			"device)", interface->device, interface->rx_queues, interface->rx_queues == 1 ? "" : "s",
			params->workers);
	*no_rss = interface->rx_queues < params->workers ? "fewer queues than workers" :
		quirk->hashless ? "the device does not hash" : NULL;
	if (params->workers > 1 && !*no_rss && rss_plan(interface, info, &conf.rx_adv_conf.rss_conf, no_rss))
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	int result = rte_eth_dev_configure(interface->port_id, interface->rx_queues, interface->tx_queues, &conf);
	if (result != 0)
		return fail(error, result, "'%s' refuses %u rx and %u tx queues: %s; ask for fewer (queues:)", interface->device,
			interface->rx_queues, interface->tx_queues, strerror(-result));
	return 0;
}

static int setup_queues(struct interface *interface, const struct interface_params *params,
			char error[INTERFACE_ERROR_MAX])
{
	unsigned node = interface->socket < 0 ? (unsigned)SOCKET_ID_ANY : (unsigned)interface->socket;
	interface->rx_descriptors = params->rx_descriptors ? params->rx_descriptors : DESCRIPTORS_DEFAULT;
	interface->tx_descriptors = params->tx_descriptors ? params->tx_descriptors : DESCRIPTORS_DEFAULT;
	int result = rte_eth_dev_adjust_nb_rx_tx_desc(interface->port_id, &interface->rx_descriptors,
		&interface->tx_descriptors);
	if (result != 0)
		return fail(error, result, "'%s' can't have %u and %u descriptors: %s", interface->device,
			interface->rx_descriptors, interface->tx_descriptors, strerror(-result));
	for (uint16_t q = 0; result == 0 && q < interface->rx_queues; q++) {
		struct rte_mempool *pool = params->pool(params->context, q);
		result = pool ? rte_eth_rx_queue_setup(interface->port_id, q, interface->rx_descriptors, node, NULL, pool)
			      : -ENOMEM;
	}
	for (uint16_t q = 0; result == 0 && q < interface->tx_queues; q++)
		result = rte_eth_tx_queue_setup(interface->port_id, q, interface->tx_descriptors, node, NULL);
	if (result == 0)
		return 0;
	return fail(error, result, "a queue of '%s' can't be set up: %s%s", interface->device, strerror(-result),
		result == -ENOMEM ? "; give the EAL more memory (-m MEGABYTES, or hugepages)" : "");
}

// Before the start. Either may fail on devices that can't choose: then what comes, comes.
static void set_promiscuous(struct interface *interface, const struct interface_params *params)
{
	int result = params->promiscuous ? rte_eth_promiscuous_enable(interface->port_id)
					 : rte_eth_promiscuous_disable(interface->port_id);
	if (result != 0 && params->promiscuous && !params->capture)
		warn(interface, "promiscuous mode can't be set, going on without", result);
	interface->promiscuous = rte_eth_promiscuous_get(interface->port_id) == 1;
	rte_eth_allmulticast_enable(interface->port_id);
}

static void choose_steering(struct interface *interface, const struct interface_params *params, const char *no_rss)
{
	if (params->workers <= 1) {
		interface->steering = STEER_NONE;
		snprintf(interface->steering_text, sizeof(interface->steering_text), "one worker");
	} else if (params->device_steers) {
		interface->steering = STEER_DEVICE;
		snprintf(interface->steering_text, sizeof(interface->steering_text),
			"each worker keeps what its queue brings, as configured; not verified");
	} else if (!no_rss && rss_verify(interface, &no_rss)) {
		interface->steering = STEER_RSS;
		snprintf(interface->steering_text, sizeof(interface->steering_text),
			"symmetric RSS of the device, %u-byte key, table of %u, verified", interface->rss_key_length,
			interface->reta_size);
	} else {
		interface->steering = STEER_SOFTWARE;
		interface->rss_key_length = 0;
		interface->reta_size = 0;
		snprintf(interface->steering_text, sizeof(interface->steering_text), "in software over rings: %s", no_rss);
	}
}

static int start(struct interface *interface, const struct interface_params *params, char error[INTERFACE_ERROR_MAX])
{
	struct rte_eth_dev_info info;
	const char *no_rss = NULL;
	int result = rte_eth_dev_info_get(interface->port_id, &info);
	if (result != 0)
		return fail(error, result, "'%s' does not say what it can: %s", interface->device, strerror(-result));
	struct driver_quirk quirk = quirk_of(info.driver_name);
	snprintf(interface->driver, sizeof(interface->driver), "%s", info.driver_name);
	interface->by_link = quirk.by_link;
	interface->socket = rte_eth_dev_socket_id(interface->port_id);
	result = check_mtu(interface, params, &info, error);
	if (result == 0)
		result = configure(interface, params, &info, &quirk, &no_rss, error);
	if (result == 0)
		result = set_mtu(interface, params, &quirk, error);
	if (result == 0)
		result = setup_queues(interface, params, error);
	if (result != 0)
		return result;
	set_promiscuous(interface, params);
	result = rte_eth_dev_start(interface->port_id);
	if (result != 0)
		return fail(error, result, "'%s' does not start: %s; see DPDK's messages above", interface->device,
			strerror(-result));
	rte_eth_macaddr_get(interface->port_id, &interface->mac);
	choose_steering(interface, params, no_rss);
	return 0;
}

int interface_open(struct interface *interface, const struct interface_params *params,
		   char error[INTERFACE_ERROR_MAX])
{
	*interface = (struct interface){ .role = params->role, .index = params->index, .checksum = params->checksum,
		.socket = SOCKET_ID_ANY };
	snprintf(interface->name, sizeof(interface->name), "%s", params->name);
	snprintf(interface->device, sizeof(interface->device), "%s", params->device);
	int result = probe(interface, error);
	if (result != 0)
		return result;
	interface->open = true;
	result = start(interface, params, error);
	if (result != 0)
		interface_close(interface);
	return result;
}

void interface_close(struct interface *interface)
{
	struct rte_eth_dev_info info = { 0 };
	if (!interface->open)
		return;
	interface->open = false;
	rte_eth_dev_info_get(interface->port_id, &info);
	rte_eth_dev_stop(interface->port_id);
	rte_eth_dev_close(interface->port_id);
	uint16_t sibling;
	RTE_ETH_FOREACH_DEV_OF(sibling, info.device)
		return; // other ports of the device live on
	if (info.device)
		rte_dev_remove(info.device);
}

bool interface_link_up(const struct interface *interface, uint32_t *speed_mbps)
{
	struct rte_eth_link link = { 0 };
	bool up = interface->open && rte_eth_link_get_nowait(interface->port_id, &link) == 0 &&
		link.link_status == RTE_ETH_LINK_UP;
	*speed_mbps = up ? link.link_speed : 0;
	return up;
}
