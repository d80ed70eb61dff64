// SPDX-License-Identifier: BSD-3-Clause
// Sends packets back: MAC addresses, IP addresses and ports swapped, so that the reply carries the flow's reversed tuple.
//
// Swapping leaves the Internet checksums right, since they are sums over the same 16-bit words (RFC 1071). An ICMP echo
// request becomes a reply, for which the checksum is updated by RFC 1624.
#include "dataplane/handlers/kinds.h"

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

enum {
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
};

static void swap_bytes(uint8_t *a, uint8_t *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t byte = a[i];
		a[i] = b[i];
		b[i] = byte;
	}
}

static void swap_addresses(uint8_t *ip, uint8_t family)
{
	if (family == FAMILY_IP4)
		swap_bytes(ip + offsetof(struct rte_ipv4_hdr, src_addr), ip + offsetof(struct rte_ipv4_hdr, dst_addr), 4);
	else
		swap_bytes(ip + offsetof(struct rte_ipv6_hdr, src_addr), ip + offsetof(struct rte_ipv6_hdr, dst_addr), 16);
}

// RFC 1624: HC' = ~(~HC + ~m + m')
static uint16_t checksum_update(rte_be16_t checksum, rte_be16_t from, rte_be16_t to)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~from + to;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

// Turns an echo request into its reply. false: no echo request.
static bool echo_reply(uint8_t *icmp, uint8_t request, uint8_t reply)
{
	if (icmp[0] != request || icmp[1] != 0)
		return false;
	struct rte_icmp_hdr *header = (struct rte_icmp_hdr *)icmp;
	header->icmp_cksum = checksum_update(header->icmp_cksum, rte_cpu_to_be_16((uint16_t)(request << 8)),
		rte_cpu_to_be_16((uint16_t)(reply << 8)));
	icmp[0] = reply;
	return true;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

// What goes back has to be something that the other side can take for an answer.
static bool turn_round(uint8_t *frame, const struct packet_meta *meta)
{
	bool whole = meta->flags & PACKET_L4_WHOLE;
	bool later = meta->flags & PACKET_FRAGMENT_LATER;
	uint8_t *l4 = frame + meta->l4_offset;

	if (meta->flags & PACKET_ICMP_ERROR)
		return false;
	if (has_ports(meta->protocol) && !later) {
		if (!whole)
			return false;
		swap_bytes(l4, l4 + 2, 2);
	} else if (meta->protocol == IPPROTO_ICMP && !later) {
		if (!whole || !echo_reply(l4, ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY))
			return false;
	} else if (meta->protocol == IPPROTO_ICMPV6 && !later) {
		if (!whole || !echo_reply(l4, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY))
			return false;
	}
	swap_addresses(frame + meta->l3_offset, meta->family);
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	swap_bytes(ethernet->src_addr.addr_bytes, ethernet->dst_addr.addr_bytes, RTE_ETHER_ADDR_LEN);
	return true;
}

// All that is going to be swapped must be writable in the first segment.
static bool reachable(const struct rte_mbuf *mbuf, const struct packet_meta *meta)
{
	enum { ICMP_TOUCHED = 8 };
	uint32_t end = meta->flags & PACKET_FRAGMENT_LATER ? meta->l3_offset + sizeof(struct rte_ipv6_hdr) :
							     meta->l4_offset + (uint32_t)ICMP_TOUCHED;
	return (meta->flags & PACKET_HAS_TUPLE) && rte_mbuf_refcnt_read(mbuf) == 1 &&
	       end <= rte_pktmbuf_data_len(mbuf);
}

static void reflect(const struct handler *handler, const struct packet_view *view)
{
	(void)handler;
	for (unsigned i = 0; i < view->count; i++) {
		uint16_t at = view->index[i];
		struct rte_mbuf *mbuf = view->mbuf[at];
		struct fate *fate = &view->fate[at];

		if (reachable(mbuf, &view->meta[at]) &&
			turn_round(rte_pktmbuf_mtod(mbuf, uint8_t *), &view->meta[at])) {
			fate->kind = FATE_TRANSMIT;
			fate->interface = view->interface[at];
		} else {
			fate->kind = FATE_DROP;
			fate->reason = DROP_HANDLER_UNSUITABLE;
		}
	}
}

const struct handler_ops handler_reflect = {
	.kind = "reflect",
	.text = "sends packets back with addresses and ports swapped, and answers pings",
	.process = reflect,
};
