// SPDX-License-Identifier: BSD-3-Clause
// The search for the highest rate that passes (RFC 2544 26.1): from the highest down, by halves. Pure.
#pragma once

#include <stdbool.h>

struct ndr_search {
	double passed;    // highest rate that did; 0: none
	double failed;    // lowest rate that did not; 0: none
	double next;      // to be tried
	double precision; // share of the rate
};

static inline void ndr_search_start(struct ndr_search *search, double highest, double precision)
{
	*search = (struct ndr_search){ .next = highest, .precision = precision };
}

// Notes how next went and draws the next one. Returns whether there is one.
static inline bool ndr_search_step(struct ndr_search *search, bool passed)
{
	if (passed)
		search->passed = search->next;
	else
		search->failed = search->next;
	if (search->failed == 0 || search->failed - search->passed <= search->precision * search->failed)
		return false;
	search->next = (search->passed + search->failed) / 2;
	return search->next >= 1;
}
