// SPDX-License-Identifier: BSD-3-Clause
// Random numbers for traffic: fast, repeatable from a seed, no secret.
#pragma once

#include <stdint.h>

struct generate_random {
	uint64_t state;
};

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
static inline uint64_t generate_random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t generate_random_next(struct generate_random *random)
{
	return generate_random_mix(random->state += UINT64_C(0x9e3779b97f4a7c15));
}

// 0 to count - 1; count is not 0.
static inline uint32_t generate_random_below(struct generate_random *random, uint32_t count)
{
	return (uint32_t)((generate_random_next(random) >> 32) * count >> 32);
}
