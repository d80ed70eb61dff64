// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/answer.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/checksum.h"
#include "dataplane/datagram.h"

enum {
	MAC_BYTES = 6,
	HOP_LIMIT = 64,
	IP4_DONT_FRAGMENT = 0x4000,
	QUOTE_MAX_IP6 = 1280 - IP6_HEADER - ICMP_HEADER, // RFC 4443 2.4 (c)
	ICMP4_UNREACHABLE = 3,
	ICMP6_UNREACHABLE = 1,
	ICMP6_REDIRECT = 137,
};

// RFC 792, RFC 1812 5.2.7.1; RFC 4443 3.1.
static const uint8_t icmpx[ICMPX_CODES][2] = { // IPv4, IPv6
	[ICMPX_NO_ROUTE] = { 0, 0 },
	[ICMPX_PORT] = { 3, 4 },
	[ICMPX_HOST] = { 1, 3 },
	[ICMPX_PROHIBITED] = { 13, 1 },
};

bool answer_allowed(struct answer_limit *limit, uint64_t now)
{
	uint64_t due = RTE_MAX(limit->next, now); // when this answer would come at the steady rate

	if (limit->interval == 0 || due - now > limit->burst)
		return false;
	limit->next = due + limit->interval;
	return true;
}

static void store_be16(uint8_t *to, uint16_t value)
{
	rte_be16_t swapped = rte_cpu_to_be_16(value);

	memcpy(to, &swapped, sizeof(swapped));
}

static void store_be32(uint8_t *to, uint32_t value)
{
	rte_be32_t swapped = rte_cpu_to_be_32(value);

	memcpy(to, &swapped, sizeof(swapped));
}

static bool is_unspecified(const uint8_t *address, unsigned bytes)
{
	static const uint8_t zeros[16];

	return memcmp(address, zeros, bytes) == 0;
}

static bool is_group(const uint8_t *address, enum ip_family family)
{
	if (family == FAMILY_IP6)
		return address[0] == 0xff;
	return address[0] >> 4 == 0xe || load_be32(address) == UINT32_MAX;
}

// Whether somebody may be answered: RFC 1122 3.2.2, RFC 4443 2.4 (e), RFC 9293 3.10.7.
static bool is_due(const uint8_t *frame, const struct packet_meta *meta, const uint8_t *addresses, unsigned bytes)
{
	if (!(meta->flags & PACKET_HAS_TUPLE) || meta->flags & (PACKET_FRAGMENT_LATER | PACKET_ICMP_ERROR))
		return false;
	if (frame[0] & 1 || frame[MAC_BYTES] & 1)
		return false;
	if (is_unspecified(addresses, bytes) || is_group(addresses, meta->family) ||
	    is_group(addresses + bytes, meta->family))
		return false;
	if (meta->protocol == PROTO_ICMP6 && meta->icmp_type == ICMP6_REDIRECT)
		return false;
	return meta->protocol != PROTO_TCP || (meta->flags & PACKET_L4_WHOLE && !(meta->tcp_flags & TCP_RST));
}

// MAC addresses turned round, tags and EtherType as they are. Returns the length.
static uint32_t write_ethernet(const uint8_t *frame, const struct packet_meta *meta, uint8_t *out)
{
	memcpy(out, frame + MAC_BYTES, MAC_BYTES);
	memcpy(out + MAC_BYTES, frame, MAC_BYTES);
	memcpy(out + 2 * MAC_BYTES, frame + 2 * MAC_BYTES, meta->l3_offset - 2 * MAC_BYTES);
	return meta->l3_offset;
}

// An IP header for length bytes of payload, addresses turned round.
static void write_ip(const uint8_t *addresses, enum ip_family family, uint8_t protocol, uint32_t length, uint8_t *out)
{
	unsigned bytes = family == FAMILY_IP4 ? 4 : 16;
	uint32_t header = family == FAMILY_IP4 ? IP4_HEADER : IP6_HEADER;

	memset(out, 0, header);
	memcpy(out + header - 2 * bytes, addresses + bytes, bytes);
	memcpy(out + header - bytes, addresses, bytes);
	if (family == FAMILY_IP6) {
		out[0] = 0x60;
		store_be16(out + 4, length);
		out[6] = protocol;
		out[7] = HOP_LIMIT;
		return;
	}
	out[0] = 0x45;
	store_be16(out + 2, header + length);
	store_be16(out + 6, IP4_DONT_FRAGMENT);
	out[8] = HOP_LIMIT;
	out[9] = protocol;

	uint16_t checksum = checksum_internet(out, header);

	memcpy(out + 10, &checksum, sizeof(checksum));
}

// RFC 9293 3.10.7.1. Returns the length.
static uint32_t write_reset(const uint8_t *tcp, uint32_t l4_length, uint8_t *out)
{
	uint32_t offset = (tcp[12] >> 4) * 4;
	uint32_t payload = l4_length > offset ? l4_length - offset : 0;
	uint32_t length = payload + !!(tcp[13] & TCP_SYN) + !!(tcp[13] & TCP_FIN);

	memset(out, 0, TCP_HEADER);
	memcpy(out, tcp + 2, 2);
	memcpy(out + 2, tcp, 2);
	out[12] = TCP_HEADER / 4 << 4;
	if (tcp[13] & TCP_ACK) {
		memcpy(out + 4, tcp + 8, 4);
		out[13] = TCP_RST;
	} else {
		store_be32(out + 8, load_be32(tcp + 4) + length);
		out[13] = TCP_RST | TCP_ACK;
	}
	return TCP_HEADER;
}

// How much of the datagram an ICMP answer may quote, without the frame's padding.
static uint32_t quote_length(const uint8_t *frame, uint32_t captured, const struct packet_meta *meta)
{
	const uint8_t *ip = frame + meta->l3_offset;
	bool ip4 = meta->family == FAMILY_IP4;
	uint32_t field = load_be16(ip + (ip4 ? 2 : 4));
	uint32_t length = captured - meta->l3_offset;
	uint32_t room = ANSWER_BYTES_MAX - meta->l3_offset - IP6_HEADER - ICMP_HEADER;

	if (field != 0)
		length = RTE_MIN(length, field + (ip4 ? 0u : IP6_HEADER));
	length = RTE_MIN(length, ip4 ? (uint32_t)ANSWER_QUOTE_MAX : (uint32_t)QUOTE_MAX_IP6);
	return RTE_MIN(length, room);
}

static uint8_t icmp_code(enum rule_answer answer, uint8_t code, enum ip_family family)
{
	if (answer == ANSWER_ICMP_CODE && !(code & ANSWER_ICMPX))
		return code;
	unsigned meant = answer == ANSWER_BY_PROTOCOL ? ICMPX_PORT :
			 answer == ANSWER_PROHIBITED  ? ICMPX_PROHIBITED :
							code % ICMPX_CODES;
	return icmpx[meant][family == FAMILY_IP6];
}

static uint32_t write_unreachable(const uint8_t *datagram, uint32_t quoted, enum ip_family family, uint8_t code,
				  uint8_t *out)
{
	memset(out, 0, ICMP_HEADER);
	out[0] = family == FAMILY_IP4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE;
	out[1] = code;
	memcpy(out + ICMP_HEADER, datagram, quoted);
	return ICMP_HEADER + quoted;
}

uint32_t answer_build(const uint8_t *frame, uint32_t captured, const struct packet_meta *meta, enum rule_answer answer,
		      uint8_t code, uint8_t *out)
{
	bool ip4 = meta->family == FAMILY_IP4, tcp = meta->protocol == PROTO_TCP;
	bool reset = tcp && (answer == ANSWER_BY_PROTOCOL || answer == ANSWER_TCP_RESET);
	unsigned bytes = ip4 ? 4 : 16;
	const uint8_t *addresses = frame + meta->l3_offset + (ip4 ? 12 : 8);
	uint32_t l3, length;
	uint8_t *payload, protocol;
	uint16_t checksum;

	if (!is_due(frame, meta, addresses, bytes) || meta->l3_offset > ANSWER_BYTES_MAX / 2)
		return 0;
	if (answer == ANSWER_TCP_RESET && !tcp)
		return 0;
	l3 = write_ethernet(frame, meta, out);
	payload = out + l3 + (ip4 ? IP4_HEADER : IP6_HEADER);
	if (reset)
		length = write_reset(frame + meta->l4_offset, meta->l4_length, payload);
	else
		length = write_unreachable(frame + meta->l3_offset, quote_length(frame, captured, meta), meta->family,
					   icmp_code(answer, code, meta->family), payload);
	protocol = reset ? PROTO_TCP : ip4 ? PROTO_ICMP : PROTO_ICMP6;
	write_ip(addresses, meta->family, protocol, length, out + l3);
	if (protocol == PROTO_ICMP)
		checksum = checksum_internet(payload, length);
	else
		checksum = checksum_transport(payload - 2 * bytes, bytes, protocol, payload, length);
	memcpy(payload + (reset ? 16 : 2), &checksum, sizeof(checksum));
	return payload + length - out;
}
