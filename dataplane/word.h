// SPDX-License-Identifier: BSD-3-Clause
// Several bytes at once, as they stand in memory. Any thread.
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "the lowest byte of a word stands first");

static inline uint16_t load_raw16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t load_raw32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t load_raw64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t rotate32(uint32_t value, unsigned bits)
{
	return value << bits | value >> (-bits & 31);
}

static inline uint64_t rotate64(uint64_t value, unsigned bits)
{
	return value << bits | value >> (-bits & 63);
}

static __rte_always_inline void put_word(void *to, uint64_t low, uint64_t high)
{
	const uint64_t word = low | high << 32;

	memcpy(to, &word, sizeof(word));
}
