// SPDX-License-Identifier: BSD-3-Clause
// ICMP and ICMPv6 in terms of flows: queries have an identifier, errors a quoted packet.
#include "dataplane/datagram.h"

enum icmp_kind {
	ICMP_OTHER = 0,
	ICMP_REQUEST,
	ICMP_REPLY,
	ICMP_ERROR,
};

struct icmp_type {
	uint8_t kind;    // enum icmp_kind
	uint8_t request; // type of the request, of queries
};

static const struct icmp_type icmp4_types[256] = { // RFC 792, 950
	[0] = { ICMP_REPLY, 8 },
	[3 ... 5] = { ICMP_ERROR, 0 },
	[8] = { ICMP_REQUEST, 8 },
	[11 ... 12] = { ICMP_ERROR, 0 },
	[13] = { ICMP_REQUEST, 13 },
	[14] = { ICMP_REPLY, 13 },
	[15] = { ICMP_REQUEST, 15 },
	[16] = { ICMP_REPLY, 15 },
	[17] = { ICMP_REQUEST, 17 },
	[18] = { ICMP_REPLY, 17 },
};

static const struct icmp_type icmp6_types[256] = { // RFC 4443 2.1
	[1 ... 127] = { ICMP_ERROR, 0 },
	[128] = { ICMP_REQUEST, 128 },
	[129] = { ICMP_REPLY, 128 },
};

void datagram_icmp(struct datagram *d)
{
	const uint8_t *header = d->frame + d->l4;
	const struct icmp_type *type = &(d->family == FAMILY_IP4 ? icmp4_types : icmp6_types)[header[0]];

	d->icmp_type = header[0];
	if (type->kind == ICMP_ERROR) {
		d->flags |= PACKET_ICMP_ERROR;
		d->ports_known = false;
	} else if (type->kind == ICMP_OTHER) {
		d->flow_port[1] = rte_cpu_to_be_16(header[0]);
	} else if (d->l4_length < ICMP_HEADER) {
		d->ports_known = false;
	} else {
		unsigned asker = type->kind == ICMP_REPLY;

		d->flags |= asker ? PACKET_ICMP_REPLY : 0;
		memcpy(&d->flow_port[asker], header + 4, sizeof(d->flow_port[asker]));
		d->flow_port[!asker] = rte_cpu_to_be_16(type->request);
	}
}
