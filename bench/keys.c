// SPDX-License-Identifier: BSD-3-Clause
#include "bench/keys.h"

#include <math.h>

#include "dataplane/random.h"

// The addresses hold 62 bits of the mixed number, the first port the other two, so that no number's key is another's. The
// first address has its first bit clear, the second has it set: canonical.
struct flow_key4 key4_of(uint64_t number)
{
	const uint64_t a = random_mix(number + 1), b = random_mix(~number);

	return (struct flow_key4){
		.address = { rte_cpu_to_be_32((uint32_t)a & 0x7fffffff), rte_cpu_to_be_32((uint32_t)(a >> 31) | 0x80000000) },
		.port = { (rte_be16_t)(a >> 62 | (b & 0x3fff) << 2), (rte_be16_t)(b >> 16) },
		.protocol = b >> 63 ? 6 : 17,
		.family = FAMILY_IP4,
	};
}

struct flow_key key6_of(uint64_t number)
{
	const uint64_t a = random_mix(number + 1), b = random_mix(~number), net0 = 0xb80d0120, net1 = 0x0010032a; // 2001:db8, 2a03:1000
	const uint64_t word[4] = { net0 | b << 32, a, net1 | b >> 32 << 32, random_mix(a ^ b) };
	struct flow_key key = {
		.port = { (rte_be16_t)(a >> 7), (rte_be16_t)(b >> 23) },
		.protocol = b >> 63 ? 6 : 17,
		.family = FAMILY_IP6,
	};

	memcpy(key.address, word, sizeof(word));
	return key;
}

size_t key_bytes(enum ip_family family)
{
	return family == FAMILY_IP4 ? sizeof(struct flow_key4) : sizeof(struct flow_key);
}

void key_make(enum ip_family family, uint64_t number, void *key)
{
	if (family == FAMILY_IP4)
		*(struct flow_key4 *)key = key4_of(number);
	else
		*(struct flow_key *)key = key6_of(number);
}

void keys_make(enum ip_family family, const uint32_t number[], size_t n, void *keys)
{
	const size_t step = key_bytes(family);

	for (size_t i = 0; i < n; i++)
		key_make(family, number[i], (char *)keys + i * step);
}

// Each step is a bijection of the numbers below 2^bits.
uint32_t scatter(uint32_t n, unsigned bits)
{
	const uint32_t mask = (uint32_t)((UINT64_C(1) << bits) - 1);

	n = (n * 0x9e3779b1u) & mask;
	n ^= n >> (bits / 2 + 1);
	n = (n * 0x85ebca6bu) & mask;
	n ^= n >> (bits / 3 + 1);
	return (n * 0xc2b2ae35u) & mask;
}

static double integral(const struct zipf *zipf, double x)
{
	return pow(x, 1 - zipf->exponent) / (1 - zipf->exponent);
}

static double integral_inverse(const struct zipf *zipf, double y)
{
	return pow(y * (1 - zipf->exponent), 1 / (1 - zipf->exponent));
}

void zipf_init(struct zipf *zipf, double exponent, uint32_t n)
{
	*zipf = (struct zipf){ .exponent = exponent, .n = n };
	zipf->from = integral(zipf, 1.5) - 1;
	zipf->to = integral(zipf, n + 0.5);
	zipf->squeeze = 2 - integral_inverse(zipf, integral(zipf, 2.5) - pow(2, -exponent));
}

uint32_t zipf_draw(const struct zipf *zipf, uint64_t *random)
{
	for (;;) {
		double y = zipf->to + (double)(random_next(random) >> 11) * 0x1p-53 * (zipf->from - zipf->to);
		double x = integral_inverse(zipf, y);
		double k = fmin(fmax(floor(x + 0.5), 1), zipf->n);

		if (k - x <= zipf->squeeze || y >= integral(zipf, k + 0.5) - pow(k, -zipf->exponent))
			return (uint32_t)k - 1;
	}
}
