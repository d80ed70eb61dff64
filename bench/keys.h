// SPDX-License-Identifier: BSD-3-Clause
// Flow keys made from numbers: different numbers make different keys, and nothing needs to be stored to make one again.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

struct flow_key4 key4_of(uint64_t number);
struct flow_key key6_of(uint64_t number);

// 16 for FAMILY_IP4, 40 for FAMILY_IP6: what all tables take.
size_t key_bytes(enum ip_family family);

// An array of struct flow_key4 or struct flow_key.
void keys_make(enum ip_family family, const uint32_t number[], size_t n, void *keys);
void key_make(enum ip_family family, uint64_t number, void *key);

// A permutation of the numbers below 2^bits.
uint32_t scatter(uint32_t n, unsigned bits);

// Zipf's law over ranks 0 to n - 1, by rejection-inversion (Hoermann and Derflinger, ACM TOMACS 6, 1996).
struct zipf {
	double exponent, from, to, squeeze;
	uint32_t n;
};

void zipf_init(struct zipf *zipf, double exponent, uint32_t n);
uint32_t zipf_draw(const struct zipf *zipf, uint64_t *random);
