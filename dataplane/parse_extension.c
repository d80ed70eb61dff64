// SPDX-License-Identifier: BSD-3-Clause
// The rarer parts of IP: IPv6 extension headers, jumbograms, fragments.
#include "dataplane/datagram.h"

#include <rte_common.h>

enum {
	OPTION_PAD1 = 0,
	OPTION_JUMBO = 0xc2,        // RFC 2675
	OPTION_HOME_ADDRESS = 0xc9, // RFC 6275: the true source of the pseudo-header
	DATAGRAM_MAX = 65535,
	JUMBO_MAX = 1 << 30, // longer than any frame: all that matters of a larger one
};

// The value of the option of this type and length in a hop-by-hop or destination options header, or NULL.
static const uint8_t *find_option(const uint8_t *header, uint32_t length, uint8_t type, uint8_t value_length)
{
	uint32_t at = 2;

	while (at + 2 <= length) {
		if (header[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		uint32_t next = at + 2 + header[at + 1];
		if (next > length)
			return NULL;
		if (header[at] == type && header[at + 1] == value_length)
			return header + at + 2;
		at = next;
	}
	return NULL;
}

static uint32_t jumbo_length(const struct datagram *d)
{
	uint32_t available = d->captured - d->l4;
	const uint8_t *header = d->frame + d->l4;
	uint32_t length = available < 8 ? UINT32_MAX : header[1] * 8u + 8;
	const uint8_t *value = length > available ? NULL : find_option(header, length, OPTION_JUMBO, 4);

	return value ? RTE_MIN(load_be32(value), (uint32_t)JUMBO_MAX) : 0;
}

void datagram_ip6_lengthless(struct datagram *d, uint8_t next)
{
	uint32_t jumbo = next == PROTO_HOP_BY_HOP ? jumbo_length(d) : 0;

	// RFC 2675 3: it is an error for the option to carry what the field could.
	if (jumbo > DATAGRAM_MAX) {
		d->end = d->l4 + jumbo;
		return;
	}
	if (next != PROTO_NONE && d->frame_end > d->l4) {
		d->end = d->frame_end;
		d->lengthless = true;
	}
}

void datagram_fragment(struct datagram *d, uint32_t start, uint32_t unfragmentable, struct fragment_info *fragment)
{
	uint32_t length = d->end - start;
	bool uneven = fragment->more && length % 8 != 0;

	fragment->length = length;
	d->flags |= fragment->offset ? PACKET_FRAGMENT_LATER : PACKET_FRAGMENT_FIRST;
	if (!d->lengthless &&
	    (length == 0 || uneven || unfragmentable + fragment->offset + length > DATAGRAM_MAX))
		datagram_fail(d, DROP_IP_LENGTH);
	// RFC 3128: it would overwrite the flags of the first fragment's TCP header.
	if (fragment->offset == 8 && d->protocol == PROTO_TCP)
		datagram_fail(d, DROP_FRAGMENT_TINY);
}

// Bytes of the extension header, as far as it can be told from available bytes: 8 at least.
static uint32_t extension_length(const uint8_t *header, uint32_t available, uint8_t type)
{
	if (available < 8 || type == PROTO_FRAGMENT)
		return 8;
	return type == PROTO_AH ? (header[1] + 2u) * 4 : header[1] * 8u + 8;
}

// false: a later fragment, behind whose header nothing can be read.
static bool fragment_header(struct datagram *d, uint32_t at, struct fragment_info *fragment)
{
	const uint8_t *header = d->frame + at;
	uint16_t field = load_be16(header + 2);

	if ((field & 0xfff9) == 0)
		return true; // atomic (RFC 6946): an ordinary packet
	if (d->flags & PACKET_FRAGMENT) // a fragment of a fragment: nobody makes them honestly
		datagram_fail(d, DROP_IP6_EXTENSION);
	d->flags &= ~PACKET_FRAGMENT;
	d->protocol = header[0];
	fragment->id = load_be32(header + 4);
	fragment->offset = field & 0xfff8;
	fragment->more = field & 1;
	datagram_fragment(d, at + 8, at - d->l3 - IP6_HEADER, fragment);
	return d->flags & PACKET_FRAGMENT_FIRST;
}

static bool hides_address(const uint8_t *header, uint32_t length, uint8_t type)
{
	if (type == PROTO_ROUTING)
		return header[3] != 0; // segments left: the destination is the last of them
	return type == PROTO_DESTINATION_OPTIONS && find_option(header, length, OPTION_HOME_ADDRESS, 16);
}

static void extension_cut(struct datagram *d, uint32_t at, uint32_t length)
{
	if (at + length <= d->end)
		return; // only the capture cut it
	datagram_fail(d, d->flags & PACKET_FRAGMENT_FIRST ? DROP_FRAGMENT_HEADER_CHAIN : DROP_IP6_EXTENSION);
}

void datagram_ip6_extensions(struct datagram *d, uint8_t next, struct fragment_info *fragment)
{
	uint32_t limit = RTE_MIN(d->end, d->captured);
	uint32_t at = d->l4;

	for (unsigned headers = 0; ip6_is_extension(next); headers++) {
		const uint8_t *header = d->frame + at;
		uint32_t length = extension_length(header, limit - at, next);

		if (headers == PARSE_EXTENSION_MAX) // dropped, but its tuple is told all the same
			datagram_fail(d, DROP_IP6_EXTENSION);
		d->protocol = next;
		if (length > limit - at) {
			extension_cut(d, at, length);
			return;
		}
		if (next == PROTO_FRAGMENT && !fragment_header(d, at, fragment))
			return;
		d->routed |= hides_address(header, length, next);
		next = header[0];
		at += length;
	}
	if (at > UINT16_MAX) // packet_meta's offsets end there
		datagram_fail(d, DROP_IP6_EXTENSION);
	d->l4 = at;
	d->protocol = next;
	d->transport = true;
}
