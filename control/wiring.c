// SPDX-License-Identifier: BSD-3-Clause
// Which worker polls and sends on which queue: sets of queues that are published like policies, and the rings over which
// workers without a queue of their own send.
#include "control/runtime.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "control/workers.h"

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
		const struct wiring *wiring = runtime->wirings[i];
		if (!rte_ring_empty(runtime->workers[i]->inbox))
			return false;
		for (uint32_t rings = wiring->drains; rings; rings &= rings - 1)
			if (!rte_ring_empty(wiring->wire[__builtin_ctz(rings)].ring))
				return false;
	}
	return true;
}

void runtime_settle(struct runtime *runtime)
{
	if (!runtime->workers_running)
		return;
	// An empty ring does not say that its last packets were dealt with: what was taken out is done a grace period later,
	// and may by then have filled another ring. From inbox to sending ring is the longest way, so that rings which are
	// empty before, between and behind two grace periods stay so.
	bool quiet;
	do {
		while (!rings_empty(runtime))
			runtime_pump(runtime);
		runtime_wait_grace(runtime);
		quiet = rings_empty(runtime);
		runtime_wait_grace(runtime);
		quiet = quiet && rings_empty(runtime);
	} while (!quiet);
}

// The device has chosen the worker already; where it has not, interfaces with few queues are spread over the workers.
static unsigned poller_of(const struct runtime *runtime, const struct interface *interface, unsigned queue)
{
	if (interface->steering == STEER_RSS || interface->steering == STEER_DEVICE)
		return queue;
	return (interface->index + queue) % runtime->worker_count;
}

struct parse_options runtime_parse_options(const struct runtime *runtime, const struct interface *interface)
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

static bool has(uint32_t set, unsigned index)
{
	return set >> index & 1;
}

// Workers 0 to tx_queues - 1 have a queue of their own; the others leave their packets in these one's rings.
static void draw_wire(const struct runtime *runtime, const struct interface *interface, unsigned worker,
		      struct wiring *wiring)
{
	unsigned queues = RTE_MIN((unsigned)interface->tx_queues, runtime->worker_count), index = interface->index;
	struct wire *wire = &wiring->wire[index];

	if (queues == 0)
		return;
	wire->queue = (uint16_t)(worker % queues);
	wire->ring = runtime->egress_rings[index][worker % queues];
	if (has(runtime->sending, index))
		wire->kind = worker < queues ? WIRE_OWN : WIRE_RELAY;
	if (worker < queues && wire->ring)
		wiring->drains |= UINT32_C(1) << index;
}

static void draw_queues(const struct runtime *runtime, const struct interface *interface, unsigned worker,
			struct wiring *wiring)
{
	for (unsigned queue = 0; queue < interface->rx_queues; queue++)
		if (poller_of(runtime, interface, queue) == worker)
			wiring->rx[wiring->rx_count++] = (struct rx_queue){ .interface = interface->index,
				.queue = (uint16_t)queue,
				.capture = runtime->captures[interface->index] };
}

static void draw(const struct runtime *runtime, unsigned worker, struct wiring *wiring)
{
	for (unsigned i = 0; i < runtime->interface_count; i++) {
		const struct interface *interface = &runtime->interfaces[i];
		if (!interface->open)
			continue;
		wiring->parse_options[i] = runtime_parse_options(runtime, interface);
		wiring->verifies_checksums |= wiring->parse_options[i].checksum == CHECKSUM_VERIFY;
		if (interface->role == INTERFACE_HANDLER)
			wiring->handler_devices |= UINT32_C(1) << i;
		if (has(runtime->polled, i))
			draw_queues(runtime, interface, worker, wiring);
		draw_wire(runtime, interface, worker, wiring);
	}
}

int runtime_wire(struct runtime *runtime, struct error *error)
{
	struct wiring *fresh[WORKER_MAX];
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		fresh[i] = calloc(1, sizeof(*fresh[i]));
		if (!fresh[i]) {
			while (i > 0)
				free(fresh[--i]);
			return error_set(error, "out of memory");
		}
		draw(runtime, i, fresh[i]);
	}
	for (unsigned i = 0; i < runtime->worker_count; i++)
		atomic_store_explicit(&runtime->workers[i]->published, fresh[i], memory_order_release);
	runtime_wait_grace(runtime);
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		free(runtime->wirings[i]);
		runtime->wirings[i] = fresh[i];
	}
	return 0;
}

static struct rte_ring *egress_ring(const struct interface *interface, unsigned queue, int socket)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "egress_%u_%u", interface->index, queue);
	return rte_ring_create(name, EGRESS_RING_SIZE, socket, RING_F_SC_DEQ);
}

static void free_rings(struct runtime *runtime, unsigned index)
{
	for (unsigned queue = 0; queue < runtime->worker_count; queue++) {
		rte_ring_free(runtime->egress_rings[index][queue]);
		runtime->egress_rings[index][queue] = NULL;
	}
}

static int make_rings(struct runtime *runtime, const struct interface *interface, struct error *error)
{
	if (interface->tx_queues >= runtime->worker_count)
		return 0;
	for (unsigned queue = 0; queue < interface->tx_queues; queue++) {
		int socket = runtime->workers[queue]->socket;
		struct rte_ring *ring = egress_ring(interface, queue, socket);
		runtime->egress_rings[interface->index][queue] = ring;
		if (!ring) {
			free_rings(runtime, interface->index);
			return error_set(error, "no memory for the sending rings of %s", interface->name);
		}
	}
	return 0;
}

int runtime_attach(struct runtime *runtime, uint8_t index, struct capture_index *capture, struct error *error)
{
	if (make_rings(runtime, &runtime->interfaces[index], error) != 0)
		return -1;
	runtime->captures[index] = capture;
	runtime->polled |= UINT32_C(1) << index;
	runtime->sending |= UINT32_C(1) << index;
	return runtime_wire(runtime, error);
}

// In this order nothing is lost without a name: no more packets come in; those on their way arrive; none is sent there
// any more; the last ones leave the rings, to be dropped as tx_closed if anything; the rings go.
static void detach(struct runtime *runtime, uint32_t interfaces)
{
	runtime->polled &= ~interfaces;
	runtime_wire(runtime, NULL);
	runtime_settle(runtime);
	runtime->sending &= ~interfaces;
	runtime_wire(runtime, NULL);
	runtime_settle(runtime);

	struct rte_ring *rings[INTERFACE_MAX][WORKER_MAX];
	memcpy(rings, runtime->egress_rings, sizeof(rings));
	for (uint32_t left = interfaces; left; left &= left - 1)
		memset(runtime->egress_rings[__builtin_ctz(left)], 0, sizeof(runtime->egress_rings[0]));
	runtime_wire(runtime, NULL);
	for (uint32_t left = interfaces; left; left &= left - 1) {
		unsigned index = (unsigned)__builtin_ctz(left);
		for (unsigned queue = 0; queue < runtime->worker_count; queue++)
			rte_ring_free(rings[index][queue]);
		runtime->captures[index] = NULL;
	}
}

void runtime_detach(struct runtime *runtime, uint8_t index)
{
	detach(runtime, UINT32_C(1) << index);
}

void runtime_detach_all(struct runtime *runtime)
{
	detach(runtime, runtime->polled | runtime->sending);
}
