// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/drop.h"

#include <string.h>

struct drop_description {
	const char *name;
	const char *text;
};

static const struct drop_description descriptions[DROP_REASONS] = {
	[DROP_NONE] = { "-", "not dropped" },
	[DROP_RUNT] = { "runt", "frame ends before its EtherType" },
	[DROP_VLAN_DEPTH] = { "vlan_depth", "more VLAN tags than portier follows" },
	[DROP_NON_IP] = { "non_ip", "neither IPv4 nor IPv6" },
	[DROP_IP_VERSION] = { "ip_version", "IP version differs from the EtherType's" },
	[DROP_IP_HEADER] = { "ip_header", "IP header cut off, or IHL below 5" },
	[DROP_IP_LENGTH] = { "ip_length", "IP length impossible: below its header, 0, or of a fragment" },
	[DROP_IP_CHECKSUM] = { "ip_checksum", "IPv4 header checksum is wrong" },
	[DROP_IP6_EXTENSION] = { "ip6_extension", "IPv6 extension header cut off, or too many" },
	[DROP_TRUNCATED] = { "truncated", "frame holds less than the datagram's length" },
	[DROP_TCP_HEADER] = { "tcp_header", "TCP header cut off, or data offset impossible" },
	[DROP_UDP_LENGTH] = { "udp_length", "UDP header cut off, or length impossible" },
	[DROP_L4_HEADER] = { "l4_header", "SCTP, DCCP, UDP-Lite or ICMP header cut off" },
	[DROP_L4_CHECKSUM] = { "l4_checksum", "transport checksum is wrong" },
	[DROP_MARTIAN_SOURCE] = { "martian_source", "source is multicast or broadcast" },
	[DROP_MARTIAN_LAND] = { "martian_land", "same address and port on both sides" },
	[DROP_MARTIAN_TCP_PORT] = { "martian_tcp_port", "TCP port 0" },
	[DROP_FRAGMENT_TINY] = { "fragment_tiny", "first fragment without a whole transport header "
						  "(RFC 1858, 3128)" },
	[DROP_FRAGMENT_OVERLAP] = { "fragment_overlap", "fragments overlap (RFC 5722)" },
	[DROP_FRAGMENT_DUPLICATE] = { "fragment_duplicate", "all bytes of this fragment came before" },
	[DROP_FRAGMENT_PIECES] = { "fragment_pieces", "datagram in more separate pieces than portier follows" },
	[DROP_FRAGMENT_HEADER_CHAIN] = { "fragment_header_chain", "IPv6 first fragment without the "
								  "whole header chain (RFC 7112)" },
	[DROP_FRAGMENT_UNKNOWN] = { "fragment_unknown", "later fragment whose first was not seen" },
	[DROP_FRAGMENT_TABLE_FULL] = { "fragment_table_full", "no room to follow this datagram" },
	[DROP_ICMP_UNRELATED] = { "icmp_unrelated", "ICMP error about a packet of no known flow, or not sent to its source" },
	[DROP_TCP_NOT_SYN] = { "tcp_not_syn", "TCP segment of no flow that is no SYN (pickup: strict)" },
	[DROP_RULE] = { "rule_drop", "denied by a rule" },
	[DROP_DEFAULT_POLICY] = { "default_drop", "denied by the default policy" },
	[DROP_REJECT_UNANSWERED] = { "reject_unanswered", "rejected, but no answer may be or was sent" },
	[DROP_NO_LISTENER] = { "no_listener", "nothing listens there" },
	[DROP_WORKER_RING_FULL] = { "worker_ring_full", "the ring to the flow's worker is full" },
	[DROP_TX_FULL] = { "tx_full", "the interface took no more packets" },
	[DROP_TX_TOO_LONG] = { "tx_too_long", "longer than the interface's MTU lets out" },
	[DROP_TX_CLOSED] = { "tx_closed", "the interface that the flow came from is closed" },
	[DROP_NO_BUFFER] = { "no_buffer", "no packet buffer left" },
	[DROP_HANDLER_DROP] = { "handler_drop", "dropped by its handler's purpose" },
	[DROP_HANDLER_FULL] = { "handler_full", "the handler took no more packets" },
	[DROP_HANDLER_UNSUITABLE] = { "handler_unsuitable", "not a packet that the handler can treat" },
};

const char *drop_name(enum drop_reason reason)
{
	return descriptions[reason].name;
}

const char *drop_text(enum drop_reason reason)
{
	return descriptions[reason].text;
}

int drop_from_name(const char *name)
{
	for (int reason = DROP_NONE + 1; reason < DROP_REASONS; reason++)
		if (strcmp(descriptions[reason].name, name) == 0)
			return reason;
	return -1;
}
