// SPDX-License-Identifier: BSD-3-Clause
// Checksums: whom to believe, and sums made the slow way to verify by.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/unit/parse_checks.h"

static enum drop_reason parse_said(const struct packet *p, uint8_t policy, uint8_t ip, uint8_t l4)
{
	struct parse_options options = { .checksum = policy };
	struct parse_input input = { .frame = p->byte, .captured = p->length, .on_wire = p->length,
				     .ip_checksum = ip, .l4_checksum = l4 };
	struct packet_meta meta;
	struct fragment_info fragment;

	return parse_frame(&input, &options, &meta, &fragment);
}

static void checksum_policy_heeds_what_the_nic_says(void **state)
{
	enum { U = CHECKSUM_UNKNOWN, B = CHECKSUM_BAD, G = CHECKSUM_GOOD, N = CHECKSUM_NONE };
	static const struct {
		uint8_t policy, ip, l4;
		enum drop_reason reason; // of a packet with both sums wrong
	} cases[] = {
		{ CHECKSUM_TRUST, U, U, DROP_NONE },          { CHECKSUM_TRUST, B, U, DROP_IP_CHECKSUM },
		{ CHECKSUM_TRUST, U, B, DROP_L4_CHECKSUM },   { CHECKSUM_TRUST, G, N, DROP_NONE },
		{ CHECKSUM_VERIFY, U, U, DROP_IP_CHECKSUM },  { CHECKSUM_VERIFY, G, U, DROP_L4_CHECKSUM },
		{ CHECKSUM_VERIFY, N, B, DROP_L4_CHECKSUM },  { CHECKSUM_VERIFY, G, G, DROP_NONE },
		{ CHECKSUM_VERIFY, G, N, DROP_NONE },         { CHECKSUM_IGNORE, B, B, DROP_NONE },
	};
	struct packet p = ip4(6, tcp, sizeof(tcp));

	(void)state;
	p.byte[24] ^= 1;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(parse_said(&p, cases[i].policy, cases[i].ip, cases[i].l4), cases[i].reason);
}

static void udp_checksum_of_zero_is_legal_on_ip4_only(void **state)
{
	struct packet four = ip4(17, udp, 12), six = ip6(17, udp, 12);

	(void)state;
	assert_int_equal(parse_said(&four, CHECKSUM_TRUST, 0, CHECKSUM_BAD), DROP_NONE);
	assert_int_equal(parse_said(&four, CHECKSUM_VERIFY, 0, CHECKSUM_BAD), DROP_NONE);
	assert_int_equal(parse_said(&six, CHECKSUM_TRUST, 0, 0), DROP_NONE);
	assert_int_equal(parse_said(&six, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

// The sum of 16-bit words, the slow way.
static uint16_t plain_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void transport_checksums_are_verified(void **state)
{
	static const struct {
		uint8_t family, protocol, at; // where the checksum stands
	} cases[] = { { 4, 6, 16 }, { 6, 6, 16 }, { 4, 17, 6 }, { 6, 17, 6 }, { 4, 1, 2 }, { 6, 58, 2 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const void *payload = cases[i].protocol == 6 ? tcp : cases[i].protocol == 17 ? udp : echo;
		uint32_t length = cases[i].protocol == 6 ? 23 : 12; // an odd one too
		bool four = cases[i].family == 4;
		struct packet p = four ? ip4(cases[i].protocol, payload, length) : ip6(cases[i].protocol, payload, length);
		uint8_t *l4 = p.byte + (four ? IP4 : IP6);
		uint32_t pseudo = cases[i].protocol == 1 ? 0 : cases[i].protocol + length;

		if (cases[i].protocol == 58)
			l4[0] = 128;
		if (pseudo)
			pseudo += (uint16_t)~plain_sum(l4 - (four ? 8 : 32), four ? 8 : 32, 0);
		put16(l4 + cases[i].at, plain_sum(l4, length, pseudo));
		assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
		l4[length - 1] ^= 0x40;
		assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
		assert_int_equal(parse_said(&p, CHECKSUM_TRUST, 0, 0), DROP_NONE);
	}
}

static void hidden_destination_passes_unverified(void **state)
{
	uint8_t chain[24 + 12] = { 17, 2, 2, 1 };
	struct packet p;

	(void)state;
	memcpy(chain + 24, udp, 12);
	chain[24 + 7] = 1; // a wrong sum
	p = ip6(43, chain, sizeof(chain));
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
	p.byte[IP6 + 3] = 0; // no segments left
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

static void sctp_checksum_is_verified(void **state)
{
	// CRC32c of "123456789" is 0xe3069283: here over a header whose field is 0, computed bit by bit.
	uint8_t sctp[17] = { 0x30, 0x39, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 'd', 'a', 't', 'a', '!' };
	uint32_t crc = UINT32_MAX;
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof(sctp); i++) {
		crc ^= sctp[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		sctp[8 + i] = crc >> 8 * i & 0xff;
	p = ip4(132, sctp, sizeof(sctp));
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_NONE);
	p.byte[IP4 + 13] ^= 1;
	assert_int_equal(parse_said(&p, CHECKSUM_VERIFY, 0, 0), DROP_L4_CHECKSUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_policy_heeds_what_the_nic_says),
		cmocka_unit_test(udp_checksum_of_zero_is_legal_on_ip4_only),
		cmocka_unit_test(transport_checksums_are_verified),
		cmocka_unit_test(sctp_checksum_is_verified),
		cmocka_unit_test(hidden_destination_passes_unverified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
