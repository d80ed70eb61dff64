// SPDX-License-Identifier: BSD-3-Clause
// Later fragments find the ports of their first: a bounded, ageing table. One a worker, owner thread only. A full table
// shuts out no first fragment: the oldest datagram makes room, those whose first was not seen before all others.
#pragma once

#include <stddef.h>

#include "dataplane/parse.h"

struct fragment_table;

// capacity: datagrams followed at once. lifetime: ticks of the caller's clock after which a datagram is forgotten
// (RFC 791: 15 s at least; RFC 8200: 60 s). socket: NUMA node, -1: any. Memory as in flow_table.h.
// NULL if there is no memory. Control thread.
struct fragment_table *fragment_table_create(uint32_t capacity, uint64_t lifetime, const struct hash_secret *secret,
					     int socket);
void fragment_table_destroy(struct fragment_table *table);

// Forgets all datagrams. Owner thread.
void fragment_table_clear(struct fragment_table *table);

// Bytes that a table of this capacity takes.
size_t fragment_table_bytes(uint32_t capacity);

// Judges one fragment at time now (ticks). First fragments are remembered with their ports; later ones get the ports of
// their first (and on IPv6 its protocol) put into meta->key, and its PACKET_ICMP_REPLY. Returns DROP_NONE, or
// FRAGMENT_OVERLAP (then the whole datagram is dead: RFC 5722), FRAGMENT_DUPLICATE (it brings no byte that was not there),
// FRAGMENT_PIECES (it would be one separate piece too many; others go on), FRAGMENT_UNKNOWN (first not seen, or forgotten), FRAGMENT_TABLE_FULL (a first fragment, but the table has no entries at
// all) or ICMP_UNRELATED (the rest of an ICMP error: only its first fragment has a quote). source and destination are the
// packet's own addresses.
enum drop_reason fragment_resolve(struct fragment_table *table, struct packet_meta *meta,
				  const struct fragment_info *info, const struct ip_address *source,
				  const struct ip_address *destination, uint64_t now);
