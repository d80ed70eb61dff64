// SPDX-License-Identifier: BSD-3-Clause
// "limit rate" as a generic cell rate algorithm: its whole state is the time at which there will be room for a full burst
// again. Each packet that is let through moves it on by what the packet costs.
#include <stdatomic.h>

#include "dataplane/rule_match.h"

enum { BURST_DEFAULT = 5 }; // packets; as nft and iptables have it

// Nanoseconds at the steady rate. Half of the range at most, so that adding it to a time does not overflow.
static uint64_t time_of(const struct rule_limit *limit, uint64_t units)
{
	const uint64_t second_ns = 1000000000, most = UINT64_MAX / 4;
	unsigned __int128 time = (unsigned __int128)limit->period_sec * second_ns * units / limit->rate;
	return time < most ? (uint64_t)time : most;
}

// Packets: whole costs, so that a burst is exactly as many of them.
static uint64_t time_of_burst(const struct rule_limit *limit)
{
	uint64_t burst = limit->burst ? limit->burst : BURST_DEFAULT, product;
	if (limit->bytes)
		return time_of(limit, limit->rate + limit->burst < limit->rate ? UINT64_MAX : limit->rate + limit->burst);
	return __builtin_mul_overflow(time_of(limit, 1), burst, &product) || product > UINT64_MAX / 4 ? UINT64_MAX / 4 :
													    product;
}

// Relaxed, for the word is all that the workers share: no other memory is read or written by what it says. That one worker
// takes what another has taken already is what the exchange forbids: it fails if the word has changed since it was read.
bool rule_limit_take(const struct rule *rule, uint64_t bytes, uint64_t now_ns)
{
	const struct rule_limit *limit = &rule->limit;
	uint64_t cost = time_of(limit, limit->bytes ? bytes : 1), last = now_ns + time_of_burst(limit), after;
	uint64_t next = atomic_load_explicit(&rule->limit_state->next, memory_order_relaxed);
	do {
		after = (next > now_ns ? next : now_ns) + cost;
		if (after > last)
			return limit->over;
	} while (!atomic_compare_exchange_weak_explicit(&rule->limit_state->next, &next, after, memory_order_relaxed,
		memory_order_relaxed));
	return !limit->over;
}
