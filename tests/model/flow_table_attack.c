// SPDX-License-Identifier: BSD-3-Clause
// The flow table under tuples that somebody picked: with the structure of scans, and so that weak hashes crowd them
// together. Each set must fill the table to 87 % without a refusal, and with about as few entries in second buckets as
// random tuples have, whatever the secret.
//
// flow_table_attack [SECRETS [SEED [LOG2_SLOTS [SETS]]]]: without arguments many secrets in a small table, few in larger
// ones; SETS: random and only those whose names begin so.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_hash_crc.h>
#include <rte_thash.h>

#include "dataplane/flow_table_private.h"
#include "dataplane/random.h"

enum {
	TUPLE_BITS = 96,
	HASH_BITS = 32,
	PLANE_BITS = 40,     // of the solutions that are tried
	TOLERATED_PERCENT = 125, // entries in second buckets, with the worst secret: of those of random tuples
	SMALL_LOG2 = 15,         // slots: in smaller tables chance decides how many they are
};

// Source address and port, destination address and port, as the sender picks them: in host order.
struct tuple {
	uint32_t from, to;
	uint16_t from_port, to_port;
	uint8_t protocol;
};

// What the sets are made of.
struct material {
	uint64_t random; // seed of the random set
	uint32_t half;   // of the table's buckets
	struct tuple crc[PLANE_BITS], toeplitz[PLANE_BITS], symmetric[PLANE_BITS]; // bases of what hashes to 0
};

static struct tuple random_tuples(const struct material *material, uint32_t i)
{
	uint64_t a = random_mix(material->random + 2 * i), b = random_mix(material->random + 2 * i + 1);

	return (struct tuple){ (uint32_t)a, (uint32_t)(a >> 32), (uint16_t)b, (uint16_t)(b >> 16), 6 };
}

static struct tuple one_source_all_ports(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb007132 + (i >> 16), 40000, (uint16_t)i, 6 };
}

static struct tuple one_source_all_its_ports(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb007132 + (i >> 16), (uint16_t)i, 443, 6 };
}

static struct tuple larger_source_all_ports(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0xcb007132, 0x0a000001 + (i >> 16), 40000, (uint16_t)i, 6 };
}

// As many ports as half the buckets, of as many sources as fill the table: they must not come to lie on each other.
static struct tuple few_sources_low_half_of_ports(const struct material *material, uint32_t i)
{
	return (struct tuple){ 0x0a000001 + i / material->half, 0xcb007132, (uint16_t)(i % material->half), 443, 6 };
}

static struct tuple few_sources_even_ports(const struct material *material, uint32_t i)
{
	return (struct tuple){ 0x0a000001 + i / material->half, 0xcb007132, (uint16_t)(i % material->half << 1), 443, 6 };
}

static struct tuple few_sources_swapped_ports(const struct material *material, uint32_t i)
{
	return (struct tuple){ 0x0a000001 + i / material->half, 0xcb007132,
			       rte_bswap16((uint16_t)(i % material->half)), 443, 6 };
}

static struct tuple sources_with_1024_ports(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001 + (i >> 10), 0xcb007132, 1024 + (i & 0x3ff), 443, 6 };
}

static struct tuple network_by_port(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb000000 | (i & 0xffff), 40000, (uint16_t)(1 + (i >> 16)), 6 };
}

static struct tuple sequential_ports_at_both_ends(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb007132, (uint16_t)(1024 + (i & 0x7ff)), (uint16_t)(1 + (i >> 11)), 17 };
}

static struct tuple equal_ports_at_both_ends(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001 + (i >> 16), 0xcb007132, (uint16_t)i, (uint16_t)i, 17 };
}

static struct tuple address_sweep(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb000000 + i, 40000, 443, 6 };
}

static struct tuple address_sweep_at_both_ends(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000000 + (i & 0x3ff), 0xcb000000 + (i >> 10), 40000, 443, 6 };
}

// Steps as the processor sees them: an arithmetic progression in the words that are hashed.
static struct tuple swapped_address_sweep(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, rte_bswap32(0x0100007f + (i << 8)), 40000, 443, 6 };
}

static struct tuple progression_of_address_and_port(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000000 + i, 0xcb000000 + 257 * i, (uint16_t)(3 * i), 443, 6 };
}

static struct tuple progression_of_large_steps(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, rte_bswap32(0xcb + 4099 * i), 53, 53, 17 };
}

static struct tuple all_protocols(const struct material *material, uint32_t i)
{
	(void)material;
	return (struct tuple){ 0x0a000001, 0xcb000000 + (i >> 8), 0, 0, (uint8_t)i };
}

// The i-th point of the plane over a basis: distinct for distinct i, as i times an odd number is.
static struct tuple in_plane(const struct tuple basis[PLANE_BITS], uint64_t coordinates)
{
	struct tuple sum = { .protocol = 6 };

	for (unsigned bit = 0; bit < PLANE_BITS; bit++)
		if (coordinates >> bit & 1) {
			sum.from ^= basis[bit].from;
			sum.to ^= basis[bit].to;
			sum.from_port ^= basis[bit].from_port;
			sum.to_port ^= basis[bit].to_port;
		}
	return sum;
}

static struct tuple same_crc(const struct material *material, uint32_t i)
{
	return in_plane(material->crc, i);
}

static struct tuple same_crc_scattered(const struct material *material, uint32_t i)
{
	return in_plane(material->crc, i * UINT64_C(0x9e3779b97f4a7c15));
}

static struct tuple same_toeplitz(const struct material *material, uint32_t i)
{
	return in_plane(material->toeplitz, i);
}

static struct tuple same_toeplitz_scattered(const struct material *material, uint32_t i)
{
	return in_plane(material->toeplitz, i * UINT64_C(0x9e3779b97f4a7c15));
}

static struct tuple same_symmetric_toeplitz(const struct material *material, uint32_t i)
{
	return in_plane(material->symmetric, i * UINT64_C(0x9e3779b97f4a7c15));
}

static const struct set {
	const char *name;
	struct tuple (*tuple)(const struct material *material, uint32_t i);
} sets[] = {
	{ "random", random_tuples }, // what the others are measured by
	{ "one_source_all_ports", one_source_all_ports },
	{ "one_source_all_its_ports", one_source_all_its_ports },
	{ "larger_source_all_ports", larger_source_all_ports },
	{ "few_sources_low_half_of_ports", few_sources_low_half_of_ports },
	{ "few_sources_even_ports", few_sources_even_ports },
	{ "few_sources_swapped_ports", few_sources_swapped_ports },
	{ "sources_with_1024_ports", sources_with_1024_ports },
	{ "network_by_port", network_by_port },
	{ "sequential_ports_at_both_ends", sequential_ports_at_both_ends },
	{ "equal_ports_at_both_ends", equal_ports_at_both_ends },
	{ "address_sweep", address_sweep },
	{ "address_sweep_at_both_ends", address_sweep_at_both_ends },
	{ "swapped_address_sweep", swapped_address_sweep },
	{ "progression_of_address_and_port", progression_of_address_and_port },
	{ "progression_of_large_steps", progression_of_large_steps },
	{ "all_protocols", all_protocols },
	{ "same_crc", same_crc },
	{ "same_crc_scattered", same_crc_scattered },
	{ "same_toeplitz", same_toeplitz },
	{ "same_toeplitz_scattered", same_toeplitz_scattered },
	{ "same_symmetric_toeplitz", same_symmetric_toeplitz },
};
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

// The linear hashes that an attacker may know.
static uint32_t crc(const uint32_t word[3])
{
	return rte_hash_crc(word, 12, 0);
}

static const uint8_t microsoft_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
	0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static uint32_t toeplitz(const uint32_t word[3])
{
	uint32_t tuple[3] = { word[0], word[1], word[2] };

	return rte_softrss(tuple, 3, microsoft_key);
}

static uint32_t symmetric_toeplitz(const uint32_t word[3])
{
	uint32_t tuple[3] = { word[0], word[1], word[2] };
	uint8_t key[40];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
	return rte_softrss(tuple, 3, key);
}

// A row of the elimination: a difference of tuples, and what it does to the hash.
struct row {
	uint32_t word[3];
	uint32_t hash;
};

static void swap_rows(struct row *a, struct row *b)
{
	struct row kept = *a;

	*a = *b;
	*b = kept;
}

static void add_row(struct row *to, const struct row *row)
{
	for (unsigned w = 0; w < 3; w++)
		to->word[w] ^= row->word[w];
	to->hash ^= row->hash;
}

// Differences that leave the hash as it is: all sums of them do. The hash is linear but for a constant.
static void solve(uint32_t (*hash)(const uint32_t word[3]), struct tuple basis[PLANE_BITS])
{
	struct row row[TUPLE_BITS] = { 0 };
	const uint32_t zero[3] = { 0 };
	unsigned done = 0;

	for (unsigned bit = 0; bit < TUPLE_BITS; bit++) {
		row[bit].word[bit / 32] = 1u << bit % 32;
		row[bit].hash = hash(row[bit].word) ^ hash(zero);
	}
	for (unsigned bit = 0; bit < HASH_BITS; bit++) {
		unsigned pivot = done;

		while (pivot < TUPLE_BITS && !(row[pivot].hash >> bit & 1))
			pivot++;
		if (pivot == TUPLE_BITS)
			continue;
		swap_rows(&row[done], &row[pivot]);
		for (unsigned r = done + 1; r < TUPLE_BITS; r++)
			if (row[r].hash >> bit & 1)
				add_row(&row[r], &row[done]);
		done++;
	}
	for (unsigned i = 0; i < PLANE_BITS; i++) {
		const uint32_t *word = row[TUPLE_BITS - 1 - i].word;

		if (hash(word) != hash(zero))
			abort();
		basis[i] = (struct tuple){ word[0], word[1], (uint16_t)(word[2] >> 16), (uint16_t)word[2], 0 };
	}
}

static struct flow_key key_of(const struct tuple *tuple, bool wide)
{
	struct flow_key key = { .protocol = tuple->protocol, .family = wide ? FAMILY_IP6 : FAMILY_IP4 };
	uint32_t from = rte_cpu_to_be_32(tuple->from), to = rte_cpu_to_be_32(tuple->to);

	memcpy(&key.address[0].byte[wide ? 12 : 0], &from, sizeof(from));
	memcpy(&key.address[1].byte[wide ? 12 : 0], &to, sizeof(to));
	if (wide)
		key.address[0].byte[0] = key.address[1].byte[0] = 0x20;
	key.port[0] = rte_cpu_to_be_16(tuple->from_port);
	key.port[1] = rte_cpu_to_be_16(tuple->to_port);
	flow_key_canonicalise(&key);
	return key;
}

struct outcome {
	uint32_t inserted, second;
	uint64_t failed, worst; // most entries that one insert moved
};

static uint64_t displacements(const struct flow_table *table)
{
	return table->narrow.displacements + table->wide.displacements;
}

// A tuple that is the same flow as an earlier one, the other way round, is left out.
static struct outcome fill(const struct material *material, const struct set *set, struct flow_table *table, uint32_t count,
			   bool wide)
{
	struct outcome outcome = { 0 };
	struct flow_table_stats stats;

	for (uint32_t i = 0; outcome.inserted + outcome.failed < count; i++) {
		const struct tuple tuple = set->tuple(material, i);
		const struct flow_key key = key_of(&tuple, wide);
		uint64_t before = displacements(table);

		if (flow_table_lookup(table, &key) != FLOW_NONE)
			continue;
		if (flow_table_insert(table, &key) != FLOW_NONE)
			outcome.inserted++;
		else
			outcome.failed++;
		outcome.worst = RTE_MAX(outcome.worst, displacements(table) - before);
	}
	flow_table_stats(table, &stats);
	outcome.second = stats.in_second_bucket;
	return outcome;
}

static struct outcome attempt(const struct material *material, const struct set *set, uint64_t secret, unsigned log2_slots,
			      bool wide)
{
	uint32_t slots = wide ? 10u << (log2_slots - 3) : 1u << log2_slots, count = (uint32_t)(slots * 0.87);
	struct flow_table_params params = { .capacity = count, .ip4_capacity = wide ? 1 : 0, .wide_capacity = wide ? 0 : 1,
					    .socket = -1 };
	struct flow_table *table;
	struct outcome outcome;

	for (unsigned w = 0; w < 8; w++)
		params.secret.word[w] = random_next(&secret);
	table = flow_table_create(&params);
	if (table == NULL || (wide ? (table->wide.bucket_mask + 1) * BUCKET_SLOTS : (table->narrow.mask + 1) * NARROW_SLOTS) !=
			     slots)
		abort();
	outcome = fill(material, set, table, count, wide);
	flow_table_destroy(table);
	return outcome;
}

struct sum {
	uint64_t inserted, second, failed, worst, failed_secrets;
	double least, most; // share of entries in second buckets
};

static struct sum attempts(struct material *material, const struct set *set, uint64_t seed, unsigned secrets,
			   unsigned log2_slots, bool wide)
{
	struct sum sum = { .least = 1 };

	for (unsigned s = 0; s < secrets; s++) {
		material->random = random_mix(seed + s);
		struct outcome one = attempt(material, set, random_mix(seed + 1000 + s), log2_slots, wide);
		double share = (double)one.second / one.inserted;

		sum.inserted += one.inserted;
		sum.second += one.second;
		sum.failed += one.failed;
		sum.failed_secrets += one.failed > 0;
		sum.worst = RTE_MAX(sum.worst, one.worst);
		sum.least = RTE_MIN(sum.least, share);
		sum.most = RTE_MAX(sum.most, share);
	}
	return sum;
}

static void print_title(uint64_t seed, unsigned secrets, unsigned log2_slots, bool wide)
{
	printf("%s, 2^%u slots to 87 %%, %u secrets from seed %" PRIu64 "\n%-34s %15s %32s %5s %5s\n", wide ? "IPv6" : "IPv4",
	       log2_slots, secrets, seed, "tuples", "refused: by, of", "in second: least, mean, most, %", "ratio", "moves");
}

// Returns how many sets found a weakness.
static unsigned run(struct material *material, uint64_t seed, unsigned secrets, unsigned log2_slots, const char *names, bool wide)
{
	double random_share = 1;
	unsigned bad = 0;

	material->half = RTE_MIN(1u << (log2_slots - 3), 1u << 15);
	print_title(seed, secrets, log2_slots, wide);
	for (unsigned s = 0; s < SETS; s++) {
		if (s > 0 && strncmp(sets[s].name, names, strlen(names)) != 0)
			continue;
		struct sum sum = attempts(material, &sets[s], seed, secrets, log2_slots, wide);

		double share = (double)sum.second / sum.inserted;

		if (s == 0)
			random_share = share;
		bool even = log2_slots < SMALL_LOG2 || sum.most * 100 <= random_share * TOLERATED_PERCENT;
		bool fine = sum.failed == 0 && even;
		printf("%-34s %5" PRIu64 " %9" PRIu64 " %15.2f %7.2f %8.2f %5.2f %5" PRIu64 "%s\n", sets[s].name, sum.failed_secrets,
		       sum.failed, 100 * sum.least, 100 * share, 100 * sum.most, share / random_share, sum.worst,
		       fine ? "" : "  <-- weak");
		bad += !fine;
	}
	return bad;
}

int main(int argc, char **argv)
{
	static const struct {
		unsigned secrets, log2_slots;
	} quick[2][3] = { { { 200, 12 }, { 10, 16 }, { 2, 19 } }, { { 50, 12 }, { 2, 16 }, { 1, 19 } } }; // IPv4, IPv6
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20260101;
	struct material material;
	unsigned bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	solve(crc, material.crc);
	solve(toeplitz, material.toeplitz);
	solve(symmetric_toeplitz, material.symmetric);
	for (unsigned wide = 0; wide < 2; wide++)
		for (unsigned q = 0; q < (argc > 1 ? 1 : 3); q++)
			bad += run(&material, seed, argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : quick[wide][q].secrets,
				   argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : quick[wide][q].log2_slots,
				   argc > 4 ? argv[4] : "", wide);
	return bad > 0;
}
