// SPDX-License-Identifier: BSD-3-Clause
#include "control/workers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring_elem.h>

#include "dataplane/burst.h"
#include "dataplane/memory.h"
#include "dataplane/rule_log.h"

enum {
	INBOX_LIVE = 4096,
	INBOX_REPLAY = 256,   // a replay waits; small rings keep the pool small where frames are long
	TRACE_RECORDS = 8192,
	ENDED_RECORDS = 8192,
	POOL_CACHE = 256,     // of each thread
	POOL_CACHE_MIN = 16,
	DEVICE_SHARE = 4096,  // packets that the device of a handler may hold
	SPARE = 1024,         // answers, and bursts on their way
	HEAP_SPARE_MB = 256,  // compiled rules, ethdev's own
	WHEEL_TICKS_PER_SECOND = 10,
	ANSWER_BURST = 100,
};

static uint32_t inbox_size(const struct runtime_options *options)
{
	return options->mode == RUNTIME_REPLAY ? INBOX_REPLAY : INBOX_LIVE;
}

static uint32_t frame_room(uint16_t mtu)
{
	return mtu + (uint32_t)RTE_ETHER_HDR_LEN + 4 * RTE_VLAN_HLEN;
}

uint32_t worker_pool_room(const struct config *config)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;
	for (size_t i = 0; i < config->interface_count; i++)
		room = RTE_MAX(room, frame_room(config->interfaces[i].mtu));
	for (size_t i = 0; i < config->handler_count; i++)
		room = RTE_MAX(room, frame_room(config->handlers[i].mtu));
	return room + RTE_PKTMBUF_HEADROOM;
}

static uint32_t descriptors(const struct config_interface *interface)
{
	enum { DEFAULT = 1024 };
	return (interface->rx_descriptors ? interface->rx_descriptors : DEFAULT) +
	       (interface->tx_descriptors ? interface->tx_descriptors : DEFAULT);
}

static uint32_t handler_devices(const struct config *config)
{
	uint32_t devices = 0;
	for (size_t i = 0; i < config->handler_count; i++)
		devices += config->handlers[i].device[0] != '\0';
	return devices;
}

// A replay's pool is made anew each time: what many workers' caches would hold takes longer to make than to do without.
static uint32_t pool_cache(const struct runtime_options *options, unsigned workers)
{
	if (options->mode != RUNTIME_REPLAY)
		return POOL_CACHE;
	return RTE_MAX(4u * POOL_CACHE / RTE_MAX(workers, 4u), (uint32_t)POOL_CACHE_MIN);
}

// In a replay only worker 0 receives, unless handlers have devices: the others take what they need for answers of its.
static bool shares_pool(const struct config *config, const struct runtime_options *options, unsigned id)
{
	return options->mode == RUNTIME_REPLAY && id > 0 && handler_devices(config) == 0;
}

// At least the sum of all that can hold a buffer, so that a stalled handler starves nobody.
uint32_t worker_pool_count(const struct config *config, const struct runtime_options *options, unsigned workers,
			   unsigned id)
{
	if (shares_pool(config, options, id))
		return 0;
	uint32_t devices = handler_devices(config), caches = pool_cache(options, workers) * 2 * (workers + 1);
	uint32_t bursts = 2 * BURST_MAX * workers; // that workers have in hand, and answers to them
	uint32_t packets = inbox_size(options) * workers + caches + bursts + SPARE + config->spare_buffers +
			   devices * DEVICE_SHARE;
	if (workers > 1)
		packets += ((uint32_t)config->interface_count + devices + 1) * EGRESS_RING_SIZE;
	for (size_t i = 0; i < config->interface_count; i++)
		packets += descriptors(&config->interfaces[i]);
	uint64_t segments = options->longest_frame / RTE_MBUF_DEFAULT_DATAROOM;
	return packets + (uint32_t)RTE_MIN(packets * segments, options->extra_segments);
}

size_t workers_heap_megabytes(const struct config *config, const struct runtime_options *options, unsigned workers)
{
	// Without hugepages a mempool lets no buffer cross a page.
	enum { PAGE = 4096, OBJECT_HEADER = 64 };
	size_t buffer = RTE_ALIGN(OBJECT_HEADER + sizeof(struct rte_mbuf) + sizeof(struct packet_note) +
		worker_pool_room(config), PAGE);
	size_t pools = 0;
	for (unsigned id = 0; id < workers; id++)
		pools += worker_pool_count(config, options, workers, id) * buffer;
	size_t rings = RULE_LOG_RECORDS * sizeof(struct rule_log_record) + TRACE_RECORDS * sizeof(struct trace_record) + ENDED_RECORDS * sizeof(struct flow_record) +
		       (INTERFACE_MAX + 1) * INBOX_LIVE * sizeof(void *);
	return (pools + workers * rings) / (1024 * 1024) + HEAP_SPARE_MB;
}

static uint64_t meminfo(const char *key)
{
	char line[128], format[64];
	uint64_t value = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	snprintf(format, sizeof(format), "%s: %%" SCNu64, key);
	while (file && fgets(line, sizeof(line), file) && sscanf(line, format, &value) != 1)
		;
	if (file)
		fclose(file);
	return value;
}

// Bytes: of ordinary pages and of hugepages. 0: the machine does not say.
static uint64_t memory_there(void)
{
	uint64_t kilobytes = meminfo("MemAvailable");
	return kilobytes ? 1024 * (kilobytes + meminfo("HugePages_Free") * meminfo("Hugepagesize")) : 0;
}

static size_t times_bytes(const struct config *config)
{
	return config->flow_capacity * sizeof(struct flow_times);
}

static uint64_t table_bytes(const struct config *config, const struct runtime_options *options)
{
	struct flow_table_params params = { .capacity = config->flow_capacity };
	return flow_table_bytes(&params) + ageing_bytes() + fragment_table_bytes(config->fragment_capacity) +
	       (options->record_flows ? times_bytes(config) : 0);
}

static int check_queues(const struct config *config, const char *name, uint16_t queues, unsigned workers,
			struct config_place place, struct error *error)
{
	if (!queues || queues >= workers)
		return 0;
	error_set(error, "%s: queues: %u, expected one for each of %u workers, or auto, since workers.steering is device",
		name, queues, workers);
	return config_error_at(config, place, error);
}

int workers_check_queues(const struct config *config, const struct runtime_options *options, unsigned workers,
			 struct error *error)
{
	if (!runtime_devices_steer(config, options))
		return 0;
	for (size_t i = 0; i < config->interface_count; i++) {
		const struct config_interface *interface = &config->interfaces[i];
		if (check_queues(config, interface->name, interface->queues, workers, interface->place, error) != 0)
			return -1;
	}
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *handler = &config->handlers[i];
		if (check_queues(config, handler->name, handler->queues, workers, handler->place, error) != 0)
			return -1;
	}
	return 0;
}

int workers_check_memory(const struct config *config, const struct runtime_options *options, unsigned workers,
			 struct error *error)
{
	const double gibibyte = 1 << 30;
	// A replay that is told nothing has room for a flow a packet: more than it is likely to touch.
	if (options->mode == RUNTIME_REPLAY && !config->flow_capacity_given)
		return 0;
	uint64_t there = memory_there();
	uint64_t heap = (uint64_t)workers_heap_megabytes(config, options, workers) << 20;
	uint64_t wanted = workers * table_bytes(config, options) + heap;
	if (there == 0 || wanted <= there)
		return 0;
	error_set(error, "%u worker%s with %u flows each (flows.capacity) %s %.1f GiB of memory, and %.1f GiB are there: "
		"ask for fewer flows or fewer workers", workers, workers == 1 ? "" : "s", config->flow_capacity,
		workers == 1 ? "takes" : "take", (double)wanted / gibibyte, (double)there / gibibyte);
	return config_error_at(config, config->flow_capacity_place, error);
}

static struct rte_ring *make_ring(const char *kind, unsigned id, unsigned element, unsigned count, int socket,
				  unsigned flags)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "%s_%u", kind, id);
	return rte_ring_create_elem(name, element, count, socket, flags);
}

static bool make_rings(struct worker *worker, const struct runtime_options *options)
{
	worker->inbox = make_ring("inbox", worker->id, sizeof(void *), inbox_size(options), worker->socket,
		RING_F_SC_DEQ);
	if (options->trace_packets)
		worker->trace = make_ring("trace", worker->id, sizeof(struct trace_record), TRACE_RECORDS,
			worker->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (options->record_flows)
		worker->ended = make_ring("ended", worker->id, sizeof(struct flow_record), ENDED_RECORDS,
			worker->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	worker->shown = make_ring("shown", worker->id, sizeof(struct rule_log_record), RULE_LOG_RECORDS, worker->socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
	return worker->inbox && worker->shown && (worker->trace || !options->trace_packets) &&
	       (worker->ended || !options->record_flows);
}

static bool make_pool(struct worker *worker, const struct runtime *runtime)
{
	const struct config *config = runtime->config;
	const struct runtime_options *options = &runtime->options;
	char name[32];
	if (shares_pool(config, options, worker->id)) {
		worker->pool = runtime->workers[0]->pool;
		return true;
	}
	snprintf(name, sizeof(name), "packets_%u", worker->id);
	worker->pool = rte_pktmbuf_pool_create(name, worker_pool_count(config, options, worker->workers, worker->id),
		pool_cache(options, worker->workers), sizeof(struct packet_note), (uint16_t)worker_pool_room(config),
		worker->socket);
	return worker->pool != NULL;
}

static bool make_ageing(struct worker *worker, const struct runtime *runtime)
{
	const struct config *config = runtime->config;
	struct ageing_params params = {
		.table = worker->flows,
		.tick = runtime->tick_hz / WHEEL_TICKS_PER_SECOND,
		.embryonic_quota = (uint32_t)((uint64_t)config->flow_capacity * config->embryonic_percent / 100),
		.on_end = worker_flow_ended,
		.context = worker,
		.socket = worker->socket,
	};
	for (unsigned state = 0; state < FLOW_STATES; state++)
		params.timeout[state] = (uint64_t)((double)config->timeout_ms[state] * (double)runtime->tick_hz / 1e3);
	worker->ageing = ageing_create(&params);
	return worker->ageing != NULL;
}

static bool make_counters(struct worker *worker)
{
	worker->handler_counters = memory_take("handler counters",
		FLOW_HANDLER_MAX * sizeof(struct handler_counters), worker->socket);
	worker->rule_counters = memory_take("rule counters", (RULE_NONE + 1) * sizeof(struct traffic), worker->socket);
	worker->listener_counters = memory_take("listener counters", (LISTENER_NONE + 1) * sizeof(struct traffic),
		worker->socket);
	worker->listener_flows = memory_take("listener flow counters", FLOW_LISTENER_MAX * sizeof(uint64_t),
		worker->socket);
	return worker->handler_counters && worker->rule_counters && worker->listener_counters &&
	       worker->listener_flows;
}

static bool make_tables(struct worker *worker, const struct runtime *runtime, struct hash_secret *secret)
{
	const struct config *config = runtime->config;
	struct flow_table_params params = { .capacity = config->flow_capacity, .socket = worker->socket,
		.secret = *secret };
	uint64_t lifetime = (uint64_t)((double)config->fragment_timeout_ms * (double)runtime->tick_hz / 1e3);

	worker->flows = flow_table_create(&params);
	worker->fragments = fragment_table_create(config->fragment_capacity, lifetime, secret, worker->socket);
	worker->burst = memory_take("burst", sizeof(struct burst), worker->socket);
	worker->linear = memory_take("frame", FRAME_MAX, worker->socket);
	if (runtime->options.record_flows)
		worker->times = memory_take("times of flows", times_bytes(config), worker->socket);
	return worker->flows && worker->fragments && worker->burst && worker->linear &&
	       (worker->times || !runtime->options.record_flows);
}

static bool make_latency(struct worker *worker, const struct runtime *runtime)
{
	unsigned handlers = (unsigned)runtime->config->handler_count;
	if (!runtime->options.latency)
		return true;
	worker->latency = memory_take("latency", latency_meter_bytes(handlers), worker->socket);
	if (!worker->latency)
		return false;
	worker->latency->handlers = handlers;
	worker->latency->sampler = (struct latency_sampler){ .one_in = runtime->options.latency, .random = worker->id };
	return true;
}

static void configure(struct worker *worker, const struct runtime *runtime, unsigned id)
{
	const struct config *config = runtime->config;
	bool replay = runtime->options.mode == RUNTIME_REPLAY;

	worker->id = id;
	worker->lcore = id + 1; // lcore 0 is control
	worker->workers = runtime->worker_count;
	worker->steers = runtime->worker_count > 1 && !runtime_devices_steer(config, &runtime->options);
	worker->clock = replay ? CLOCK_CAPTURE : CLOCK_TSC;
	worker->share_cpu = runtime->cpus.shared;
	worker->qsbr = runtime->qsbr;
	if (config->answers_per_second)
		worker->answers.interval = runtime->tick_hz / config->answers_per_second;
	worker->answers.burst = worker->answers.interval * RTE_MIN(config->answers_per_second, (uint32_t)ANSWER_BURST);
	if (config->logs_per_second)
		worker->shows.interval = runtime->tick_hz / config->logs_per_second;
	worker->shows.burst = worker->shows.interval * config->logs_per_second;
	worker->tick_ns = (uint64_t)(1e9 / (double)runtime->tick_hz * 4294967296.0);
}

struct worker *worker_make(struct runtime *runtime, unsigned id, struct error *error)
{
	struct hash_secret secret;
	int socket = numa_node_of(runtime->cpus.workers.cpu[id]);
	struct worker *worker = memory_take("worker", sizeof(*worker), socket);
	if (!worker) {
		error_set(error, "no memory for worker %u", id);
		return NULL;
	}
	worker->socket = socket;
	configure(worker, runtime, id);
	const char *missing = hash_secret_draw(&secret) != 0                         ? "random secret" :
			      !make_counters(worker)                                   ? "counters" :
			      !make_latency(worker, runtime)                           ? "latency histograms" :
			      !make_tables(worker, runtime, &secret)                   ? "flow and fragment tables" :
			      !make_ageing(worker, runtime)                            ? "timer wheel" :
			      !make_rings(worker, &runtime->options)                   ? "rings" :
			      !make_pool(worker, runtime)                              ? "packet buffers" :
											 NULL;
	if (missing) {
		error_set(error, "no memory for the %s of worker %u (%u flows each: flows.capacity; \"portier check\" "
			"says what is needed)", missing, id, runtime->config->flow_capacity);
		worker_unmake(runtime, worker);
		return NULL;
	}
	return worker;
}

void worker_unmake(const struct runtime *runtime, struct worker *worker)
{
	if (worker->ageing)
		ageing_destroy(worker->ageing);
	if (worker->flows)
		flow_table_destroy(worker->flows);
	if (worker->fragments)
		fragment_table_destroy(worker->fragments);
	rte_ring_free(worker->inbox);
	rte_ring_free(worker->shown);
	rte_ring_free(worker->trace);
	rte_ring_free(worker->ended);
	if (!shares_pool(runtime->config, &runtime->options, worker->id))
		rte_mempool_free(worker->pool);
	memory_give(worker->burst);
	memory_give(worker->linear);
	memory_give(worker->times);
	memory_give(worker->handler_counters);
	memory_give(worker->rule_counters);
	memory_give(worker->listener_counters);
	memory_give(worker->listener_flows);
	memory_give(worker->latency);
	memory_give(worker);
}
