// SPDX-License-Identifier: BSD-3-Clause
// Why a packet went no further: one enum, one table of names, one table of texts.
#pragma once

#include <stdint.h>

enum drop_reason {
	DROP_NONE = 0,

	// The frame and its headers (parse)
	DROP_RUNT,
	DROP_VLAN_DEPTH,
	DROP_NON_IP,
	DROP_IP_VERSION,
	DROP_IP_HEADER,
	DROP_IP_LENGTH,
	DROP_IP_CHECKSUM,
	DROP_IP6_EXTENSION,
	DROP_TRUNCATED,
	DROP_TCP_HEADER,
	DROP_UDP_LENGTH,
	DROP_L4_HEADER,
	DROP_L4_CHECKSUM,

	// Martians: packets that nobody can have sent honestly
	DROP_MARTIAN_SOURCE,
	DROP_MARTIAN_LAND,
	DROP_MARTIAN_TCP_PORT,

	// Fragments
	DROP_FRAGMENT_TINY,
	DROP_FRAGMENT_OVERLAP,
	DROP_FRAGMENT_DUPLICATE,
	DROP_FRAGMENT_PIECES,
	DROP_FRAGMENT_HEADER_CHAIN,
	DROP_FRAGMENT_UNKNOWN,
	DROP_FRAGMENT_TABLE_FULL,

	// Demultiplexing
	DROP_ICMP_UNRELATED,
	DROP_TCP_NOT_SYN,
	DROP_RULE,
	DROP_DEFAULT_POLICY,
	DROP_REJECT_UNANSWERED,
	DROP_NO_LISTENER,

	// Room ran out
	DROP_WORKER_RING_FULL,
	DROP_TX_FULL,
	DROP_TX_TOO_LONG,
	DROP_TX_CLOSED,
	DROP_NO_BUFFER,

	// A handler's own drops
	DROP_HANDLER_DROP,
	DROP_HANDLER_FULL,
	DROP_HANDLER_UNSUITABLE,

	DROP_REASONS // how many there are
};

// The stable name of a reason, as printed in reports and JSON ("ip_checksum"); "-" for DROP_NONE.
const char *drop_name(enum drop_reason reason);

// One line for a person ("IPv4 header checksum is wrong").
const char *drop_text(enum drop_reason reason);

// The reason with this name, or -1. Any thread.
int drop_from_name(const char *name);
