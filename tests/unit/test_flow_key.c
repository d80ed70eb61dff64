// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <rte_hash_crc.h>

#include "dataplane/flow_key.h"

enum {
	KEYS = 65536,
	BINS = 8192,
};

static struct flow_key key4(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port)
{
	struct flow_key key = { .protocol = 6, .family = FAMILY_IP4 };

	from = rte_cpu_to_be_32(from);
	to = rte_cpu_to_be_32(to);
	memcpy(key.address[0].byte, &from, 4);
	memcpy(key.address[1].byte, &to, 4);
	key.port[0] = rte_cpu_to_be_16(from_port);
	key.port[1] = rte_cpu_to_be_16(to_port);
	return key;
}

static struct flow_key reversed(const struct flow_key *key)
{
	struct flow_key other = *key;

	other.address[0] = key->address[1];
	other.address[1] = key->address[0];
	other.port[0] = key->port[1];
	other.port[1] = key->port[0];
	return other;
}

static struct flow_key key6(unsigned byte, uint8_t from, uint8_t to, uint16_t port)
{
	struct flow_key key = { .protocol = 17, .family = FAMILY_IP6 };

	key.address[0].byte[byte] = from;
	key.address[1].byte[byte] = to;
	key.port[0] = rte_cpu_to_be_16(port);
	key.port[1] = rte_cpu_to_be_16(53);
	return key;
}

static void smaller_end_comes_first_whichever_way_the_packet_goes(void **state)
{
	const struct flow_key smaller_first[] = {
		key4(1, 9, 2, 8),
		key4(0x0a000001, 65535, 0xc0a80001, 1),
		key4(0x7fffffff, 1, 0x80000000, 1), // bytes are unsigned
		key4(5, 80, 5, 81),                 // the port decides
		key4(5, 0x00ff, 5, 0x0100),         // as a number, not as the machine's byte order
		key6(0, 1, 2, 99),
		key6(7, 1, 2, 99),
		key6(8, 1, 2, 99),
		key6(15, 0x7f, 0x80, 99),
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(smaller_first) / sizeof(smaller_first[0]); i++) {
		struct flow_key forth = smaller_first[i], back = reversed(&smaller_first[i]);

		assert_int_equal(flow_key_canonicalise(&forth), 0);
		assert_int_equal(flow_key_canonicalise(&back), 1);
		assert_memory_equal(&forth, &smaller_first[i], sizeof(forth));
		assert_memory_equal(&back, &smaller_first[i], sizeof(back));
		assert_true(flow_key_equal(&forth, &back));
	}
}

static void equal_ends_stay_as_they_are(void **state)
{
	struct flow_key key = key4(7, 7, 7, 7);

	(void)state;
	assert_int_equal(flow_key_canonicalise(&key), 0);
}

static void vlan_protocol_and_family_survive_the_swap(void **state)
{
	struct flow_key key = key4(9, 1, 3, 2);

	(void)state;
	key.vlan = 4095;
	assert_int_equal(flow_key_canonicalise(&key), 1);
	assert_int_equal(key.vlan, 4095);
	assert_int_equal(key.protocol, 6);
	assert_int_equal(key.family, FAMILY_IP4);
}

static void two_secrets_differ_and_so_do_their_hashes(void **state)
{
	struct flow_key key = key4(1, 2, 3, 4);
	struct hash_secret a, b;

	(void)state;
	assert_int_equal(hash_secret_draw(&a), 0);
	assert_int_equal(hash_secret_draw(&b), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_true(a.word[i] != b.word[i]);
	assert_true(flow_key_hash(&key, &a) != flow_key_hash(&key, &b));
	assert_true(flow_key_hash(&key, &a) == flow_key_hash(&key, &a));
}

static void each_bit_of_the_key_changes_half_of_the_hash(void **state)
{
	struct hash_secret secret;

	(void)state;
	assert_int_equal(hash_secret_draw(&secret), 0);
	for (unsigned bit = 0; bit < 8 * sizeof(struct flow_key); bit++) {
		unsigned low = 0, high = 0;

		for (uint32_t i = 0; i < 256; i++) {
			struct flow_key key = key4(i, 1000, 77, 80), flipped = key;
			uint64_t difference;

			((uint8_t *)&flipped)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			difference = flow_key_hash(&key, &secret) ^ flow_key_hash(&flipped, &secret);
			low += (unsigned)__builtin_popcountll(difference & UINT32_MAX);
			high += (unsigned)__builtin_popcountll(difference >> 32);
		}
		// 256 times 32 coins: 4096 heads, a standard deviation of 45.
		assert_in_range(low, 4096 - 450, 4096 + 450);
		assert_in_range(high, 4096 - 450, 4096 + 450);
	}
}

// Sets of keys that weak hashes crowd together.
static struct flow_key sequential_ports(uint32_t i)
{
	return key4(0x0a000001, (uint16_t)i, 0xcb007132, 80);
}

static struct flow_key port_scan(uint32_t i)
{
	return key4(0x0a000001, 40000, 0xcb007132, (uint16_t)i);
}

static struct flow_key address_sweep(uint32_t i)
{
	return key4(0x0a000001, 40000, 0xcb000000 + i, 443);
}

static struct flow_key stride_of_256(uint32_t i)
{
	return key4(i << 8, 1024, 0xcb007132, 443);
}

// The symmetric Toeplitz key repeats after 16 bits: only the xor of the tuple's 16-bit words counts.
static struct flow_key same_toeplitz(uint32_t i)
{
	return key4(0x0a000000 | (i & 0xffff), (uint16_t)i, 0xcb007132, 80);
}

static uint32_t crc_of(const struct flow_key *key)
{
	uint32_t tuple[3];

	memcpy(&tuple[0], key->address[0].byte, 4);
	memcpy(&tuple[1], key->address[1].byte, 4);
	memcpy(&tuple[2], key->port, 4);
	return rte_hash_crc(tuple, sizeof(tuple), 0);
}

static void set_ports(struct flow_key *key, uint32_t ports)
{
	memcpy(key->port, &ports, sizeof(ports));
}

// Any addresses, and the one pair of ports that brings the CRC to 0: CRC is linear, so solve for it.
static struct flow_key same_crc(uint32_t i)
{
	struct flow_key key = key4(0x0a000000 + i * 2654435761u, 0, 0xcb007132 ^ i, 0);
	uint32_t start = crc_of(&key), column[32], unit[32], wanted = start, ports = 0;

	for (unsigned bit = 0; bit < 32; bit++) {
		unit[bit] = 1u << bit;
		set_ports(&key, unit[bit]);
		column[bit] = crc_of(&key) ^ start;
	}
	for (unsigned row = 0; row < 32; row++) { // Gauss: column[k] gets the only one with bit k
		unsigned pivot = row;

		while ((column[pivot] >> row & 1) == 0)
			pivot++;
		for (unsigned c = 0; c < 32; c++)
			if (c != pivot && column[c] >> row & 1) {
				column[c] ^= column[pivot];
				unit[c] ^= unit[pivot];
			}
		uint32_t swap = column[row];
		column[row] = column[pivot];
		column[pivot] = swap;
		swap = unit[row];
		unit[row] = unit[pivot];
		unit[pivot] = swap;
	}
	for (unsigned bit = 0; bit < 32; bit++)
		if (wanted >> bit & 1)
			ports ^= unit[bit];
	set_ports(&key, ports);
	assert_int_equal(crc_of(&key), 0);
	return key;
}

// Chi square over the bins, and the fullest bin, for the hash's low bits (buckets) and high bits (tags).
static void assert_spread(const uint16_t *bin)
{
	double square = 0, mean = (double)KEYS / BINS;
	unsigned fullest = 0;

	for (unsigned i = 0; i < BINS; i++) {
		square += (bin[i] - mean) * (bin[i] - mean) / mean;
		fullest = bin[i] > fullest ? bin[i] : fullest;
	}
	assert_true(square < BINS + 7 * 128); // standard deviation: sqrt(2 * BINS) = 128
	assert_in_range(fullest, 1, 32);      // of a mean of 8
}

static void sets_that_weak_hashes_crowd_together_fill_buckets_like_random_ones(void **state)
{
	static struct flow_key (*const set[])(uint32_t) = {
		sequential_ports, port_scan, address_sweep, stride_of_256, same_toeplitz, same_crc,
	};
	static uint16_t low[BINS], high[BINS];
	struct hash_secret secret;

	(void)state;
	assert_int_equal(hash_secret_draw(&secret), 0);
	for (unsigned s = 0; s < sizeof(set) / sizeof(set[0]); s++) {
		memset(low, 0, sizeof(low));
		memset(high, 0, sizeof(high));
		for (uint32_t i = 0; i < KEYS; i++) {
			struct flow_key key = set[s](i);
			uint64_t hash = flow_key_hash(&key, &secret);

			low[hash % BINS]++;
			high[hash >> 51]++;
		}
		assert_spread(low);
		assert_spread(high);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smaller_end_comes_first_whichever_way_the_packet_goes),
		cmocka_unit_test(equal_ends_stay_as_they_are),
		cmocka_unit_test(vlan_protocol_and_family_survive_the_swap),
		cmocka_unit_test(two_secrets_differ_and_so_do_their_hashes),
		cmocka_unit_test(each_bit_of_the_key_changes_half_of_the_hash),
		cmocka_unit_test(sets_that_weak_hashes_crowd_together_fill_buckets_like_random_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
