// SPDX-License-Identifier: BSD-3-Clause
// Sets of values as rte_acl takes them: bits under a mask, ranges, prefixes.
#include "dataplane/rule_compile.h"
#include "dataplane/wide.h"

// Bytes

static bool byte_set_equal(const struct byte_set *a, const struct byte_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

// The set, where one bit of the value is taken for given: the same whatever that bit is.
static struct byte_set cofactor(const struct byte_set *set, unsigned bit, bool one)
{
	static const uint64_t ones[6] = {
		UINT64_C(0xaaaaaaaaaaaaaaaa), UINT64_C(0xcccccccccccccccc), UINT64_C(0xf0f0f0f0f0f0f0f0),
		UINT64_C(0xff00ff00ff00ff00), UINT64_C(0xffff0000ffff0000), UINT64_C(0xffffffff00000000),
	};
	struct byte_set made;
	for (unsigned i = 0; i < 4; i++) {
		unsigned step = bit < 6 ? 0 : 1u << (bit - 6), shift = 1u << (bit & 7);
		uint64_t word = set->word[one ? i | step : i & ~step];
		if (bit < 6) {
			word &= one ? ones[bit] : ~ones[bit];
			word |= one ? word >> shift : word << shift;
		}
		made.word[i] = word;
	}
	return made;
}

// Splits at bits that matter only: what is left is all or nothing, whatever the other bits are.
static unsigned split(const struct byte_set *set, unsigned bit, struct byte_cube at, struct byte_cube *cube)
{
	for (; bit < 8; bit++) {
		struct byte_set half[2] = { cofactor(set, bit, false), cofactor(set, bit, true) };
		if (byte_set_equal(&half[0], &half[1]))
			continue;
		struct byte_cube zero = { at.value, at.mask | (uint8_t)(1u << bit) };
		struct byte_cube one = { at.value | (uint8_t)(1u << bit), zero.mask };
		unsigned count = split(&half[0], bit + 1, zero, cube);
		return count + split(&half[1], bit + 1, one, cube + count);
	}
	if (!byte_set_has(set, 0))
		return 0;
	*cube = at;
	return 1;
}

unsigned byte_set_cubes(const struct byte_set *set, struct byte_cube cube[CUBES_MAX])
{
	return split(set, 0, (struct byte_cube){ 0, 0 }, cube);
}

// Addresses

// The shortest prefix that starts at low and ends no later than high.
static unsigned prefix_bits(wide low, wide high, unsigned whole)
{
	unsigned bits = whole;
	while (bits > 0 && (low & (wide)1 << (128 - bits)) == 0 && wide_last(low, bits - 1) <= high)
		bits--;
	return bits;
}

static uint64_t range_prefixes(const struct address_range *range, unsigned whole, struct address_prefix *prefix)
{
	wide low = wide_of(&range->low), high = wide_last(wide_of(&range->high), whole), last;
	uint64_t count = 0;
	do {
		unsigned bits = prefix_bits(low, high, whole);
		last = wide_last(low, bits);
		if (prefix)
			prefix[count] = (struct address_prefix){ wide_address(low), (uint8_t)bits };
		count++;
		low = last + 1;
	} while (last < high);
	return count;
}

uint64_t address_set_prefixes(const struct address_set *set, uint8_t family, struct address_prefix *prefix)
{
	unsigned whole = family == FAMILY_IP4 ? 32 : 128;
	uint64_t count = 0;
	for (uint32_t i = 0; i < set->count; i++)
		count += range_prefixes(&set->range[i], whole, prefix ? prefix + count : NULL);
	return count;
}
