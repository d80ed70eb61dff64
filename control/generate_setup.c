// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate_setup.h"

#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mempool.h>

#include "control/eal.h"
#include "dataplane/pollers.h"

enum {
	DESCRIPTORS_DEFAULT = 1024,
	CACHE = 256,
	PAGE = 4096, // without hugepages a pool lets no buffer cross one
	HEAP_SPARE_MB = 64,
};

static uint16_t longest_frame(const struct generate_config *config)
{
	uint16_t longest = GENERATE_FRAME_MIN;
	for (size_t i = 0; i < config->stream_count; i++)
		for (unsigned k = 0; k < config->streams[i].params.sizes; k++)
			longest = RTE_MAX(longest, config->streams[i].params.size[k].high);
	return longest;
}

static uint16_t buffer_room(const struct generate_config *config)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;
	room = RTE_MAX(room, (uint32_t)longest_frame(config) + RTE_ETHER_CRC_LEN);
	for (size_t i = 0; i < config->base.interface_count; i++)
		room = RTE_MAX(room, (uint32_t)config->base.interfaces[i].mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN +
			RTE_ETHER_CRC_LEN);
	return (uint16_t)(room + RTE_PKTMBUF_HEADROOM);
}

// What the queues of all devices may hold, and as many on their way.
static uint32_t buffers(const struct generate_config *config)
{
	uint32_t count = 4 * CACHE;
	for (size_t i = 0; i < config->base.interface_count; i++) {
		const struct config_interface *interface = &config->base.interfaces[i];
		count += 2u * (interface->rx_descriptors ? interface->rx_descriptors : DESCRIPTORS_DEFAULT);
		count += 2u * (interface->tx_descriptors ? interface->tx_descriptors : DESCRIPTORS_DEFAULT);
	}
	return count;
}

static size_t heap_megabytes(const struct generate_config *config)
{
	size_t buffer = RTE_ALIGN(sizeof(struct rte_mbuf) + buffer_room(config) + RTE_CACHE_LINE_SIZE, PAGE);
	size_t flow = sizeof(struct generate_flow) + 4 * sizeof(uint32_t) + sizeof(struct generate_column) +
		(config->check ? sizeof(struct generate_seen) : 0);
	return (buffers(config) * buffer + generate_config_flows(config) * flow) / (1024 * 1024) + HEAP_SPARE_MB;
}

static int start_eal(struct generate_setup *setup, char **eal, int eal_count, struct error *error)
{
	const struct config *base = &setup->config->base;
	const struct runtime_options options = { .mode = RUNTIME_LIVE, .eal = eal, .eal_count = (size_t)eal_count };
	struct cpu_list allowed;
	if (cpu_allowed(&allowed, error) != 0 || cpu_choose(base, 1, false, &allowed, &setup->cpus, error) != 0)
		return -1;
	if (numa_bind_thread(&setup->cpus.control, error) != 0)
		return -1;
	if (eal_start(base, &options, &setup->cpus, heap_megabytes(setup->config), error) != 0)
		return -1;
	setup->eal_running = true;
	return 0;
}

static int make_generate(struct generate_setup *setup, struct error *error)
{
	const struct generate_config *config = setup->config;
	struct generate *generate = calloc(1, sizeof(*generate));
	if (!generate)
		return error_set(error, "no memory");
	setup->generate = generate;
	generate->pollers = pollers_make(1);
	if (!generate->pollers)
		return error_set(error, "no memory for the generator's grace periods");
	generate->pool = rte_pktmbuf_pool_create("generate", buffers(config), CACHE, 0, buffer_room(config),
		SOCKET_ID_ANY);
	if (!generate->pool)
		return error_set(error, "no memory for %u packet buffers; give the EAL more (-m MEGABYTES, or hugepages)",
			buffers(config));
	generate->ticks_a_second = (double)rte_get_tsc_hz();
	generate->rate = config->rate;
	generate->unit = config->unit;
	generate->drop_late = config->drop_late;
	generate->yield = setup->cpus.shared || config->base.share_cpus;
	generate->duration_ticks = (uint64_t)(generate->ticks_a_second * config->duration_ms / 1e3);
	generate->settle_ticks = (uint64_t)(generate->ticks_a_second * config->settle_ms / 1e3);
	return 0;
}

static struct rte_mempool *pool_of(void *context, uint16_t queue)
{
	(void)queue;
	return ((struct generate_setup *)context)->generate->pool;
}

static int open_interface(struct generate_setup *setup, size_t i, struct error *error)
{
	const struct config *base = &setup->config->base;
	const struct config_interface *from = &base->interfaces[i];
	const struct interface_params params = { .name = from->name, .device = from->device, .role = INTERFACE_LINK,
		.index = (uint8_t)i, .checksum = CHECKSUM_IGNORE, .promiscuous = from->promiscuous, .mtu = from->mtu,
		.queues = 1, .workers = 1, .rx_descriptors = from->rx_descriptors, .tx_descriptors = from->tx_descriptors,
		.pool = pool_of, .context = setup };
	char text[INTERFACE_ERROR_MAX];
	if (interface_open(&setup->interfaces[i], &params, text) != 0) {
		error_set(error, "%s: %s", from->name, text);
		return config_error_at(base, from->place, error);
	}
	setup->interface_count++;
	if (longest_frame(setup->config) <= setup->interfaces[i].max_frame)
		return 0;
	error_set(error, "%s sends frames of at most %u bytes, and streams have some of %u: expected smaller sizes, or a larger "
		"mtu", from->name, setup->interfaces[i].max_frame + RTE_ETHER_CRC_LEN,
		longest_frame(setup->config) + RTE_ETHER_CRC_LEN);
	return config_error_at(base, from->place, error);
}

// The other end may come later: memif, vhost and cables.
static int wait_for_link(struct generate_setup *setup, size_t i, struct error *error)
{
	enum { LOOK_EVERY_MS = 5 };
	uint32_t speed;
	for (uint32_t waited = 0; !interface_link_up(&setup->interfaces[i], &speed); waited += LOOK_EVERY_MS) {
		if (waited >= setup->config->link_timeout_ms) {
			error_set(error, "%s has no link after %u ms (link_timeout): is the other end there?",
				setup->interfaces[i].name, waited);
			return config_error_at(&setup->config->base, setup->config->base.interfaces[i].place, error);
		}
		rte_delay_us_sleep(LOOK_EVERY_MS * 1000);
	}
	return 0;
}

static int open_interfaces(struct generate_setup *setup, struct error *error)
{
	const size_t count = setup->config->base.interface_count;
	for (size_t i = 0; i < count; i++)
		if (open_interface(setup, i, error) != 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (wait_for_link(setup, i, error) != 0)
			return -1;
	for (size_t side = 0; side < GENERATE_SIDES; side++)
		setup->generate->port[side] = &setup->interfaces[side < count ? side : 0];
	setup->generate->ports = (unsigned)count;
	return 0;
}

static void free_streams(struct generate_setup *setup)
{
	for (unsigned i = 0; i < setup->stream_count; i++)
		generate_stream_free(&setup->streams[i]);
	setup->stream_count = 0;
	if (setup->generate)
		generate_check_free(&setup->generate->check);
}

static int make_streams(struct generate_setup *setup, struct error *error)
{
	const struct generate_config *config = setup->config;
	struct generate *generate = setup->generate;
	generate->random = config->seed;
	generate->choosing = random_mix(config->seed + 1);
	for (size_t i = 0; i < config->stream_count; i++) {
		const struct generate_stream_config *from = &config->streams[i];
		if (generate_stream_init(&setup->streams[i], &from->params, &generate->random) != 0)
			return error_set(error, "no memory for the %u flows of stream '%s': ask for fewer", from->params.flows,
				from->name);
		setup->stream_count++;
		generate->streams[i] = &setup->streams[i];
		generate->weights[i] = from->weight;
	}
	generate->stream_count = setup->stream_count;
	// Another run's late replies are none of this one's.
	uint64_t key = random_mix(rte_rdtsc()) ^ random_next(&generate->random);
	if (generate_check_init(&generate->check, config->check ? generate_config_flows(config) : 0, key) != 0)
		return error_set(error, "no memory to check the replies of %u flows", generate_config_flows(config));
	return 0;
}

int generate_setup_reset(struct generate_setup *setup, struct error *error)
{
	struct generate *generate = setup->generate;
	free_streams(setup);
	generate->ahead_at = generate->ahead_count = 0;
	generate->refused = (struct traffic){ 0 };
	generate->starved = 0;
	return make_streams(setup, error);
}

int generate_setup_make(struct generate_setup *setup, const struct generate_config *config, char **eal, int eal_count,
			struct error *error)
{
	*setup = (struct generate_setup){ .config = config };
	if (start_eal(setup, eal, eal_count, error) == 0 && make_generate(setup, error) == 0 &&
		make_streams(setup, error) == 0 && open_interfaces(setup, error) == 0)
		return 0;
	generate_setup_undo(setup);
	return -1;
}

void generate_setup_undo(struct generate_setup *setup)
{
	for (unsigned i = setup->interface_count; i-- > 0;)
		interface_close(&setup->interfaces[i]);
	free_streams(setup);
	if (setup->generate) {
		rte_mempool_free(setup->generate->pool);
		pollers_free(setup->generate->pollers);
	}
	free(setup->generate);
	if (setup->eal_running)
		rte_eal_cleanup();
	*setup = (struct generate_setup){ .config = NULL };
}
