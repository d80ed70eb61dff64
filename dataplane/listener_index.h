// SPDX-License-Identifier: BSD-3-Clause
// Which listener a packet's local end belongs to: the most specific one. Immutable once built; asked once a flow.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

enum {
	LISTENER_ANY_INTERFACE = 0xff,
	LISTENER_ANY_VLAN = 0xffff,
};

// A binding {protocol, local address prefix, ports, optionally interface and VLAN} -> handler.
struct listener {
	struct ip_address address; // host bits zero
	uint8_t family;            // enum ip_family; FAMILY_NONE: any address of both families (prefix 0)
	uint8_t prefix;            // bits
	uint8_t protocol;          // IANA number
	uint8_t interface;         // index, or LISTENER_ANY_INTERFACE
	uint16_t vlan;             // outermost id, or LISTENER_ANY_VLAN
	uint16_t port_low;         // host order, inclusive; protocols without ports: 0 to 65535 (ICMP: the type)
	uint16_t port_high;
	uint16_t handler; // handler id
	uint32_t id;      // stable over reloads while its text is the same; counters use it
};

// One end of a packet, as the index is asked.
struct listener_query {
	struct ip_address address;
	uint8_t family;
	uint8_t protocol;
	uint8_t interface;
	uint16_t vlan; // 0: untagged
	uint16_t port; // host order
	bool portless; // a later fragment of an unknown first: only listeners on any port match
};

struct listener_index;

// Builds the index of count listeners (copied). Two that tie, so that neither is more specific where both match, are
// an error: -EEXIST with their positions in tie[0] < tie[1]. -EINVAL: a prefix or range that can't be. -ENOMEM. 0 and
// *index otherwise. Control thread.
int listener_index_build(const struct listener *listeners, size_t count, struct listener_index **index,
			 size_t tie[2]);
void listener_index_free(struct listener_index *index);

// The most specific listener: interface and VLAN given beat not given, then the longer prefix, then the narrower
// range. NULL: nothing listens there. Any thread.
const struct listener *listener_index_find(const struct listener_index *index, const struct listener_query *query);
