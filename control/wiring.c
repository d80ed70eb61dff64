// SPDX-License-Identifier: BSD-3-Clause
// Which worker polls and sends on which queue: sets of queues that are published like policies, and the rings over which
// workers without a queue of their own send.
#include "control/runtime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

enum { EGRESS_RING_SIZE = 1024 };

struct rte_mempool *runtime_pool(void *context, uint16_t queue)
{
	const struct runtime *runtime = context;
	return runtime->workers[queue % runtime->worker_count]->pool;
}

void runtime_pump(const struct runtime *runtime)
{
	if (runtime->pump)
		runtime->pump(runtime->pump_context);
	sched_yield();
}

void runtime_wait_grace(struct runtime *runtime)
{
	if (!runtime->workers_running)
		return;
	uint64_t token = rte_rcu_qsbr_start(runtime->qsbr);
	while (rte_rcu_qsbr_check(runtime->qsbr, token, false) == 0)
		runtime_pump(runtime);
}

static bool rings_empty(const struct runtime *runtime)
{
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		const struct worker *worker = runtime->workers[i];
		if (!rte_ring_empty(worker->inbox))
			return false;
		for (uint32_t rings = worker->egress_drains; rings; rings &= rings - 1)
			if (!rte_ring_empty(worker->egress[__builtin_ctz(rings)].ring))
				return false;
	}
	return true;
}

void runtime_settle(struct runtime *runtime)
{
	if (!runtime->workers_running)
		return;
	// An empty ring does not say that its last packets were dealt with: what was taken out is done a grace period later,
	// and may by then have filled another ring.
	do {
		while (!rings_empty(runtime))
			runtime_pump(runtime);
		runtime_wait_grace(runtime);
	} while (!rings_empty(runtime));
}

// RSS has chosen the worker already; where it has not, interfaces with few queues are spread over the workers.
static unsigned poller_of(const struct runtime *runtime, const struct interface *interface, unsigned queue)
{
	if (interface->steering == STEER_RSS)
		return queue;
	return (interface->index + queue) % runtime->worker_count;
}

static int publish_queues(struct runtime *runtime, struct error *error)
{
	struct rx_set *fresh[WORKER_MAX];
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		fresh[i] = calloc(1, sizeof(*fresh[i]));
		if (!fresh[i]) {
			while (i > 0)
				free(fresh[--i]);
			return error_set(error, "out of memory");
		}
	}
	for (uint32_t left = runtime->attached; left; left &= left - 1) {
		const struct interface *interface = &runtime->interfaces[__builtin_ctz(left)];
		for (unsigned queue = 0; queue < interface->rx_queues; queue++) {
			struct rx_set *set = fresh[poller_of(runtime, interface, queue)];
			set->queue[set->count++] = (struct rx_queue){ .interface = interface->index,
				.queue = (uint16_t)queue,
				.capture = runtime->captures[interface->index] };
		}
	}
	for (unsigned i = 0; i < runtime->worker_count; i++)
		atomic_store_explicit(&runtime->workers[i]->rx, fresh[i], memory_order_release);
	runtime_wait_grace(runtime);
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		free(runtime->rx_sets[i]);
		runtime->rx_sets[i] = fresh[i];
	}
	return 0;
}

static struct rte_ring *egress_ring(const struct interface *interface, unsigned queue, int socket)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "egress_%u_%u", interface->index, queue);
	return rte_ring_create(name, EGRESS_RING_SIZE, socket, RING_F_SC_DEQ);
}

static struct parse_options parse_options(const struct runtime *runtime, const struct interface *interface)
{
	const struct config *config = runtime->config;
	bool live = runtime->options.mode == RUNTIME_LIVE;
	return (struct parse_options){
		.martians_drop = config->martians_drop,
		.truncated_drop = config->truncated == TRUNCATED_DROP || (config->truncated == TRUNCATED_AUTO && live),
		.vlan_in_key = config->vlan_in_key,
		.checksum = interface->checksum,
	};
}

// Workers 0 to tx_queues - 1 have a queue of their own; the others leave their packets in these one's rings.
static int wire(struct runtime *runtime, const struct interface *interface, struct error *error)
{
	uint8_t index = interface->index;
	unsigned queues = RTE_MIN((unsigned)interface->tx_queues, runtime->worker_count);

	for (unsigned i = 0; i < runtime->worker_count; i++) {
		struct worker *worker = runtime->workers[i];
		struct egress *egress = &worker->egress[index];
		if (interface->role == INTERFACE_HANDLER)
			worker->handler_devices |= UINT32_C(1) << index;
		worker->parse_options[index] = parse_options(runtime, interface);
		egress->queue = (uint16_t)(i % queues);
		egress->own = i < queues;
		egress->ring = NULL;
		if (queues == runtime->worker_count)
			continue;
		if (!egress->own) {
			egress->ring = runtime->workers[i % queues]->egress[index].ring;
			continue;
		}
		egress->ring = egress_ring(interface, i, worker->socket);
		if (!egress->ring)
			return error_set(error, "no memory for the sending rings of %s", interface->name);
		worker->egress_drains |= UINT32_C(1) << index;
	}
	return 0;
}

static void unwire_egress(struct runtime *runtime, uint8_t index)
{
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		struct worker *worker = runtime->workers[i];
		if (worker->egress_drains & UINT32_C(1) << index)
			rte_ring_free(worker->egress[index].ring);
		worker->egress_drains &= ~(UINT32_C(1) << index);
		memset(&worker->egress[index], 0, sizeof(worker->egress[index]));
	}
}

int runtime_attach(struct runtime *runtime, uint8_t index, struct capture_index *capture, struct error *error)
{
	const struct interface *interface = &runtime->interfaces[index];

	if (wire(runtime, interface, error) != 0) {
		unwire_egress(runtime, index);
		return -1;
	}
	runtime->captures[index] = capture;
	runtime->attached |= UINT32_C(1) << index;
	return publish_queues(runtime, error);
}

void runtime_detach(struct runtime *runtime, uint8_t index)
{
	runtime->attached &= ~(UINT32_C(1) << index);
	runtime->captures[index] = NULL;
	publish_queues(runtime, NULL);
	runtime_settle(runtime);
	// Nothing is sent there any more: no worker has a packet of it, and none comes in.
	unwire_egress(runtime, index);
}
