// SPDX-License-Identifier: BSD-3-Clause
// Checksums: what the NIC says, what is computed, and what neither can know.
#include "dataplane/checksum.h"
#include "dataplane/datagram.h"

enum { // RFC 791 3.1
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

// Whether a source route that is not used up hides the destination.
static bool ip4_routed(const uint8_t *header, uint32_t length)
{
	uint32_t at = IP4_HEADER;

	while (at + 3 <= length && header[at] != OPTION_END) {
		uint8_t option = header[at], bytes = header[at + 1];

		if (option == OPTION_NOP) {
			at++;
			continue;
		}
		if ((option == OPTION_LOOSE_ROUTE || option == OPTION_STRICT_ROUTE) && header[at + 2] < bytes)
			return true;
		if (bytes < 2)
			return false;
		at += bytes;
	}
	return false;
}

static enum checksum_state state_of(bool good)
{
	return good ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

static bool pseudo_is_good(const struct datagram *d, uint32_t length)
{
	return checksum_transport(datagram_addresses(d), d->family == FAMILY_IP4 ? 4 : 16,
				  d->protocol, d->frame + d->l4, length) == 0;
}

static bool sctp_is_good(const uint8_t *packet, uint32_t length)
{
	uint32_t said;

	memcpy(&said, packet + 8, sizeof(said));
	return checksum_sctp(packet, length) == said;
}

static bool udp_without_checksum(const struct datagram *d)
{
	return d->protocol == PROTO_UDP && load_be16(d->frame + d->l4 + 6) == 0;
}

static enum checksum_state compute_udp(const struct datagram *d)
{
	uint32_t length = load_be16(d->frame + d->l4 + 4);

	if (udp_without_checksum(d))
		return state_of(d->family == FAMILY_IP4); // RFC 768; RFC 8200 8.1
	return state_of(pseudo_is_good(d, length ? length : d->l4_length));
}

// UNKNOWN for what can't be computed. UDP-Lite's coverage is its users' business.
static enum checksum_state compute_transport(const struct datagram *d)
{
	const uint8_t *header = d->frame + d->l4;
	bool ip4 = d->family == FAMILY_IP4;

	switch (d->protocol) {
	case PROTO_UDP:
		return compute_udp(d);
	case PROTO_TCP:
		return state_of(pseudo_is_good(d, d->l4_length));
	case PROTO_ICMP:
		return ip4 ? state_of(checksum_internet(header, d->l4_length) == 0) : CHECKSUM_UNKNOWN;
	case PROTO_ICMP6:
		return ip4 ? CHECKSUM_UNKNOWN : state_of(pseudo_is_good(d, d->l4_length));
	case PROTO_SCTP:
		return state_of(sctp_is_good(header, d->l4_length));
	default:
		return CHECKSUM_UNKNOWN;
	}
}

static bool ip_is_bad(const struct datagram *d, const struct parse_input *input, bool verify)
{
	const uint8_t *header = d->frame + d->l3;

	if (!verify)
		return input->ip_checksum == CHECKSUM_BAD;
	return input->ip_checksum <= CHECKSUM_BAD && checksum_internet(header, (header[0] & 0xf) * 4) != 0;
}

static bool transport_is_bad(const struct datagram *d, const struct parse_input *input, bool verify)
{
	const uint8_t *header = d->frame + d->l3;
	bool bad = input->l4_checksum == CHECKSUM_BAD;

	if (d->flags & PACKET_FRAGMENT || !(d->flags & PACKET_L4_WHOLE))
		return false;
	// Some NICs (82599) take a UDP checksum of 0 for a wrong one.
	if (!verify)
		return bad && !(d->family == FAMILY_IP4 && udp_without_checksum(d));
	if (input->l4_checksum > CHECKSUM_BAD || d->flags & PACKET_TRUNCATED || d->routed)
		return false;
	if (d->family == FAMILY_IP4 && ip4_routed(header, (header[0] & 0xf) * 4))
		return false;

	enum checksum_state computed = compute_transport(d);
	return computed == CHECKSUM_BAD || (computed == CHECKSUM_UNKNOWN && bad);
}

void datagram_checksums(struct datagram *d, const struct parse_input *input, enum checksum_policy policy)
{
	bool verify = policy == CHECKSUM_VERIFY;

	if (policy == CHECKSUM_IGNORE)
		return;
	if (d->family == FAMILY_IP4 && ip_is_bad(d, input, verify))
		datagram_fail(d, DROP_IP_CHECKSUM);
	else if (transport_is_bad(d, input, verify))
		datagram_fail(d, DROP_L4_CHECKSUM);
}
