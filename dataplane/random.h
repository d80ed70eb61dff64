// SPDX-License-Identifier: BSD-3-Clause
// Random numbers for traffic, benchmarks and tests: fast, repeatable from a seed, no secret. SplitMix64 (Steele, Lea, Flood:
// Fast Splittable Pseudorandom Number Generators, OOPSLA 2014). A state is any number, of one thread.
#pragma once

#include <stdint.h>

// Its finaliser: a bijection.
static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

// 0 to count - 1; count is not 0.
static inline uint32_t random_below(uint64_t *state, uint32_t count)
{
	return (uint32_t)((random_next(state) >> 32) * count >> 32);
}
