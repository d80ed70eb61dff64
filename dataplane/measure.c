// SPDX-License-Identifier: BSD-3-Clause
// Reads the clock where packets that are measured leave: a handler is done with them, or a device has taken them.
#include "dataplane/burst.h"

#include <rte_cycles.h>

// The clocks of two cores may be a few ticks apart.
static void add(struct latency *latency, uint64_t received, uint64_t now)
{
	latency_add(latency, now > received ? now - received : 0);
}

uint64_t burst_passed_in(const struct burst *burst, unsigned count)
{
	uint64_t measured = 0;
	for (unsigned i = 0; i < count; i++)
		measured |= (uint64_t)(packet_note(burst->mbuf[i])->received != 0) << i;
	return measured;
}

void burst_measure(const struct worker *worker, const struct burst *burst, uint8_t handler)
{
	uint64_t now = rte_rdtsc();
	for (uint64_t left = burst->measured; left; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left);
		if (burst->fate[at].account == handler && burst->fate[at].kind != FATE_TRANSMIT)
			add(&worker->latency->of[handler], burst_received(burst, at), now);
	}
}

void egress_measure(const struct worker *worker, const struct egress *egress, unsigned sent)
{
	uint64_t now = rte_rdtsc();
	for (uint64_t left = egress->measured; left; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left);
		uint8_t account = egress->account[at];
		if (at < sent)
			add(&worker->latency->of[account < FLOW_HANDLER_MAX ? account : worker->latency->handlers],
				egress->received[at], now);
	}
}
