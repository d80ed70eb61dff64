// SPDX-License-Identifier: BSD-3-Clause
// Makes the tuples that rules and listeners are asked about. Owner thread.
#pragma once

#include "dataplane/burst.h"

// Whether a connection may be taken up at this packet: of TCP a SYN, or a segment from its midst, but neither the answer to a SYN
// that was not seen nor an end. Any thread.
bool opens_connection(const struct packet_meta *meta);

// Who sends a packet, as far as it tells by itself.
enum opener opener_of(const struct packet_meta *meta);

// The same of a flow that lives: it does not turn round in mid-life.
enum opener opener_of_flow(const struct flow *flow, const struct flow_cold *cold);

// Whether a fragment's first, or what there is of a header that is cut off, has told no ports: those of the key are 0 and 0 then.
bool key_is_portless(const struct packet_meta *meta);

// What rules judge a packet by: its own outermost headers. Where rules judge flows, later fragments have the ports of
// their first.
void tuple_of_packet(const struct worker *worker, const struct burst *burst, unsigned at,
		     enum connection_state connection, struct packet_tuple *tuple);

// What they judge a flow by: the packet that opened it, as far as the flow remembers.
void tuple_of_flow(const struct flow *flow, const struct flow_cold *cold, struct packet_tuple *tuple);

// What a listener is looked for by, for a packet that opens a flow: the flow's ends.
void tuple_of_key(const struct burst *burst, unsigned at, struct packet_tuple *tuple);
