// SPDX-License-Identifier: BSD-3-Clause
// A rate, kept by the clock: when the next is due. Costs are in what the rate counts: packets, bits, flows.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct generate_pace {
	double ticks_each; // between two; 0: no limit
	double next;       // TSC at which the next is due
	double backlog;    // ticks that may be made up for; more is given up, and counted
	double given_up;   // ticks
};

// rate: a second; 0: no limit.
static inline void generate_pace_start(struct generate_pace *pace, double rate, double ticks_a_second, uint64_t now)
{
	enum { MADE_UP_FOR = 1000 }; // a thousandth of a second
	*pace = (struct generate_pace){ .ticks_each = rate > 0 ? ticks_a_second / rate : 0, .next = (double)now,
		.backlog = ticks_a_second / MADE_UP_FOR };
}

static inline bool generate_pace_due(const struct generate_pace *pace, double now)
{
	return pace->next <= now;
}

static inline void generate_pace_spend(struct generate_pace *pace, double cost)
{
	pace->next += pace->ticks_each * cost;
}

// A sender that was held up makes up for a little of it: a long burst would not be what was asked for.
static inline void generate_pace_catch_up(struct generate_pace *pace, double now)
{
	double late = now - pace->next - pace->backlog;
	if (late <= 0 || pace->ticks_each <= 0)
		return;
	pace->given_up += late;
	pace->next += late;
}
