// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/pollers.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_interrupts.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

// munmap gets no context: whom it waits for has to stand here. Held while it waits, so that nobody frees them meanwhile.
static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;
static struct rte_rcu_qsbr *waited_for; // control: writes, interrupt thread: reads; under the mutex

static void wait_for(struct rte_rcu_qsbr *pollers)
{
	pthread_mutex_lock(&waiting);
	waited_for = pollers;
	pthread_mutex_unlock(&waiting);
}

struct rte_rcu_qsbr *pollers_make(unsigned count)
{
	struct rte_rcu_qsbr *pollers = rte_zmalloc("pollers", rte_rcu_qsbr_get_memsize(count), RTE_CACHE_LINE_SIZE);

	if (!pollers || rte_rcu_qsbr_init(pollers, count) != 0) {
		rte_free(pollers);
		return NULL;
	}
	wait_for(pollers);
	return pollers;
}

void pollers_free(struct rte_rcu_qsbr *pollers)
{
	if (!pollers)
		return;
	wait_for(NULL);
	rte_free(pollers);
}

// Gives way meanwhile: who is waited for may be on this very CPU.
static void wait_until_quiescent(void)
{
	pthread_mutex_lock(&waiting);
	if (waited_for) {
		uint64_t token = rte_rcu_qsbr_start(waited_for);
		while (rte_rcu_qsbr_check(waited_for, token, false) == 0)
			sched_yield();
	}
	pthread_mutex_unlock(&waiting);
}

// Takes the place of libc's in the whole process, DPDK's libraries included. net_memif's memif_disconnect runs in the
// interrupt thread as soon as the other end is gone: it marks the device as not connected, then unmaps the rings and buffers
// in which rte_eth_rx_burst or rte_eth_tx_burst may be at work (DPDK 22.11 to 26.07; it tells nobody before, by no callback).
// A burst that began before the mark is over when its thread is quiescent; one that begins behind it touches nothing.
// What this can't hold up: before it unmaps, the driver closes the eventfds of a peer that waits for interrupts.
int munmap(void *address, size_t length)
{
	if (rte_thread_is_intr())
		wait_until_quiescent();
	return (int)syscall(SYS_munmap, address, length);
}
