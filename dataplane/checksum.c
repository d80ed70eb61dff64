// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/checksum.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

enum {
	SCTP_CHECKSUM_AT = 8,
	SCTP_HEADER = 12,
};

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

// 32 bits at a time: the carries of the upper half come home in fold (RFC 1071 2).
static uint64_t sum_words(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t at = 0, word;

	for (; length - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, bytes + at, length - at);
	return sum + word;
}

uint16_t checksum_internet(const uint8_t *bytes, uint32_t length)
{
	return fold(sum_words(bytes, length));
}

uint16_t checksum_transport(const uint8_t *addresses, uint32_t address_bytes, uint8_t protocol, const uint8_t *payload,
			    uint32_t length)
{
	uint64_t sum = sum_words(addresses, 2 * address_bytes);

	sum += rte_cpu_to_be_16(protocol);
	sum += rte_cpu_to_be_16(length & 0xffff) + rte_cpu_to_be_16(length >> 16);
	return fold(sum + sum_words(payload, length));
}

// CRC32c of bytes at any alignment, which rte_hash_crc does not promise.
static uint32_t crc32c(const uint8_t *bytes, uint32_t length, uint32_t crc)
{
	uint32_t at = 0, word;

	for (; length - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		crc = rte_hash_crc_4byte(word, crc);
	}
	for (; at < length; at++)
		crc = rte_hash_crc_1byte(bytes[at], crc);
	return crc;
}

uint32_t checksum_sctp(const uint8_t *packet, uint32_t length)
{
	uint32_t crc = rte_hash_crc_4byte(0, crc32c(packet, SCTP_CHECKSUM_AT, UINT32_MAX));

	return rte_cpu_to_le_32(~crc32c(packet + SCTP_HEADER, length - SCTP_HEADER, crc));
}
