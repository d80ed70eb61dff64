// SPDX-License-Identifier: BSD-3-Clause
#include "bench/burst_input.h"

#include <string.h>

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/random.h"

enum { FRAME_MIN = 60, SYN = RTE_TCP_SYN_FLAG, ACK = RTE_TCP_ACK_FLAG, WINDOW = 8192, HTTPS = 443 };

// What a step is on the wire.
static const struct step {
	bool reply;
	uint8_t flags;
	uint32_t sequence, acknowledgement;
} steps[INPUT_STEPS] = {
	[STEP_OPEN] = { false, SYN, 1000, 0 },
	[STEP_ANSWER] = { true, SYN | ACK, 5000, 1001 },
	[STEP_ASK] = { false, ACK, 1001, 5001 },
	[STEP_REPLY] = { true, ACK, 5001, 1001 },
};

static uint32_t spread(uint32_t number)
{
	uint64_t state = number;
	return (uint32_t)random_next(&state);
}

// Returns where the type of what follows lies.
static uint8_t *write_ethernet(uint8_t *frame)
{
	memset(frame, 0, FRAME_MIN + sizeof(struct rte_ipv6_hdr));
	memcpy(frame, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
	return frame + 12;
}

static uint8_t *write_type(uint8_t *at, uint16_t type)
{
	at[0] = (uint8_t)(type >> 8);
	at[1] = (uint8_t)type;
	return at + 2;
}

static uint8_t *write_ip4(uint8_t *at, uint32_t client, bool reply, uint8_t protocol, uint16_t payload)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	rte_be32_t near = htonl(client), far = htonl(0xc6120001 + (client & 7));

	ip->version_ihl = 0x45;
	ip->total_length = htons((uint16_t)(sizeof(*ip) + payload));
	ip->time_to_live = 64;
	ip->next_proto_id = protocol;
	ip->src_addr = reply ? far : near;
	ip->dst_addr = reply ? near : far;
	return (uint8_t *)(ip + 1);
}

static uint8_t *write_ip6(uint8_t *at, uint32_t client, bool reply, uint8_t protocol, uint16_t payload)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
	uint8_t end[2][16] = { { 0x20, 0x01, 0x0d, 0xb8 }, { 0x20, 0x01, 0x0d, 0xb8, 1 } };
	rte_be32_t near = htonl(client);

	memcpy(&end[0][12], &near, sizeof(near));
	end[1][15] = (uint8_t)(1 + (client & 7));
	ip->vtc_flow = htonl(6u << 28);
	ip->payload_len = htons(payload);
	ip->proto = protocol;
	ip->hop_limits = 64;
	memcpy(&ip->src_addr, end[reply], sizeof(end[0]));
	memcpy(&ip->dst_addr, end[!reply], sizeof(end[0]));
	return (uint8_t *)(ip + 1);
}

static uint16_t transport_length(uint8_t protocol)
{
	enum { PAYLOAD = 18 };
	return protocol == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr) + PAYLOAD;
}

static void write_transport(uint8_t *at, uint32_t flow, const struct step *step, uint8_t protocol)
{
	const rte_be16_t near = htons((uint16_t)(1024 + spread(flow) % 60000)), far = htons(HTTPS);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)at;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)at;

	tcp->src_port = step->reply ? far : near;
	tcp->dst_port = step->reply ? near : far;
	if (protocol == IPPROTO_UDP) {
		udp->dgram_len = htons(transport_length(protocol));
		return;
	}
	tcp->sent_seq = htonl(step->sequence);
	tcp->recv_ack = htonl(step->acknowledgement);
	tcp->data_off = 5 << 4;
	tcp->tcp_flags = step->flags;
	tcp->rx_win = htons(WINDOW);
}

struct shape {
	uint8_t protocol;
	bool ip6, tagged;
};

static uint16_t write_shape(uint8_t *frame, uint32_t flow, enum input_step at_step, struct shape shape)
{
	const struct step *step = &steps[at_step];
	uint16_t payload = transport_length(shape.protocol);
	uint32_t client = 0x0a000000 | flow;
	uint8_t *at = write_ethernet(frame);

	if (shape.tagged) {
		at = write_type(at, RTE_ETHER_TYPE_VLAN);
		at = write_type(at, 1 + flow % 100);
	}
	at = write_type(at, shape.ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	at = (shape.ip6 ? write_ip6 : write_ip4)(at, client, step->reply, shape.protocol, payload);
	write_transport(at, flow, step, shape.protocol);
	return (uint16_t)RTE_MAX((int)(at - frame) + payload, (int)FRAME_MIN);
}

static uint16_t ip4_udp(uint8_t *frame, uint32_t flow, enum input_step step)
{
	return write_shape(frame, flow, step, (struct shape){ IPPROTO_UDP });
}

static uint16_t ip4_tcp(uint8_t *frame, uint32_t flow, enum input_step step)
{
	return write_shape(frame, flow, step, (struct shape){ IPPROTO_TCP });
}

static uint16_t ip6_udp(uint8_t *frame, uint32_t flow, enum input_step step)
{
	return write_shape(frame, flow, step, (struct shape){ IPPROTO_UDP, .ip6 = true });
}

static uint16_t ip6_tcp(uint8_t *frame, uint32_t flow, enum input_step step)
{
	return write_shape(frame, flow, step, (struct shape){ IPPROTO_TCP, .ip6 = true });
}

static uint16_t vlan_tcp(uint8_t *frame, uint32_t flow, enum input_step step)
{
	return write_shape(frame, flow, step, (struct shape){ IPPROTO_TCP, .tagged = true });
}

// Two thirds TCP, a fifth IPv6, a tenth tagged.
static uint16_t mixed(uint8_t *frame, uint32_t flow, enum input_step step)
{
	uint32_t random = spread(flow);
	return write_shape(frame, flow, step, (struct shape){ random % 3 ? IPPROTO_TCP : IPPROTO_UDP,
		.ip6 = (random >> 8) % 5 == 0, .tagged = (random >> 16) % 10 == 0 });
}

static uint16_t many_tags(uint8_t *frame)
{
	enum { TAGS = 40 };
	uint8_t *at = write_ethernet(frame);

	for (unsigned i = 0; i < TAGS; i++) {
		at = write_type(at, RTE_ETHER_TYPE_VLAN);
		at = write_type(at, 1);
	}
	at = write_type(at, RTE_ETHER_TYPE_IPV4);
	return (uint16_t)(at - frame);
}

static uint16_t many_extensions(uint8_t *frame, uint32_t source)
{
	enum { EXTENSIONS = 8, BYTES = 8 };
	uint8_t *at = write_type(write_ethernet(frame), RTE_ETHER_TYPE_IPV6);

	memset(at, 0, INPUT_FRAME_MAX - 14);
	at = write_ip6(at, source, false, IPPROTO_DSTOPTS, EXTENSIONS * BYTES + transport_length(IPPROTO_TCP));
	for (unsigned i = 0; i < EXTENSIONS; i++, at += BYTES) {
		at[0] = i + 1 < EXTENSIONS ? IPPROTO_DSTOPTS : IPPROTO_TCP;
		at[2] = 1; // PadN
		at[3] = 4;
	}
	write_transport(at, source, &steps[STEP_OPEN], IPPROTO_TCP);
	return (uint16_t)(at - frame + transport_length(IPPROTO_TCP));
}

// A port unreachable about a packet that nobody sent.
static uint16_t icmp_error(uint8_t *frame, uint32_t source)
{
	uint8_t *at = write_type(write_ethernet(frame), RTE_ETHER_TYPE_IPV4);
	uint16_t quoted = sizeof(struct rte_ipv4_hdr) + transport_length(IPPROTO_TCP);

	at = write_ip4(at, source, true, IPPROTO_ICMP, sizeof(struct rte_icmp_hdr) + quoted);
	at[0] = 3;
	at[1] = 3;
	at = write_ip4(at + sizeof(struct rte_icmp_hdr), source, false, IPPROTO_TCP, transport_length(IPPROTO_TCP));
	write_transport(at, source, &steps[STEP_ASK], IPPROTO_TCP);
	return (uint16_t)(at - frame + transport_length(IPPROTO_TCP));
}

enum { WRONGS = 15 };

// One thing that is wrong in the frame of a TCP SYN.
static uint16_t spoil(uint8_t *frame, unsigned wrong)
{
	uint8_t *ip = frame + 14, *tcp = ip + sizeof(struct rte_ipv4_hdr);

	switch (wrong) {
	case 0: return 13; // a runt
	case 1: write_type(frame + 12, RTE_ETHER_TYPE_ARP); break;
	case 2: ip[0] = 0x55; break; // a version that there isn't
	case 3: ip[0] = 0x44; break; // a header shorter than a header
	case 4: ip[2] = 4; break;    // longer than its frame
	case 5: tcp[12] = 4 << 4; break;
	case 6: ip[9] = IPPROTO_UDP; break; // and the length of 0 that the sequence number is then
	case 7: memcpy(ip + 16, ip + 12, 4), memcpy(tcp + 2, tcp, 2); break; // to itself
	case 8: ip[12] = 224; break;      // from a group
	case 9: tcp[0] = tcp[1] = 0; break; // from port 0
	case 10: ip[7] = 185; break;        // a later fragment without its first
	case 11: ip[6] = 0x20; ip[3] = 28; break; // a first fragment without the whole header
	}
	return FRAME_MIN;
}

// Each in turn of what a parser may be given, in random order.
static uint16_t hostile(uint8_t *frame, uint32_t flow, enum input_step step)
{
	uint32_t random = spread(flow);
	unsigned wrong = random % (WRONGS + 1);

	(void)step;
	if (wrong == 12)
		return many_tags(frame);
	if (wrong == 13)
		return many_extensions(frame, 0x0a000000 | flow);
	if (wrong == 14)
		return icmp_error(frame, 0x0a000000 | flow);
	ip4_tcp(frame, flow, STEP_OPEN);
	return wrong == WRONGS ? FRAME_MIN : spoil(frame, wrong);
}

uint16_t input_fresh(uint8_t *frame, uint64_t number)
{
	uint16_t length = ip4_tcp(frame, (uint32_t)number & 0xffffff, STEP_OPEN);
	uint8_t *ip = frame + 14;

	ip[12] = 11; // a network of its own
	ip[23] = (uint8_t)(number >> 24); // another destination port, each 16 million
	return length;
}

const struct input inputs[INPUTS] = {
	{ "ip4 udp", .write = ip4_udp },
	{ "ip4 tcp", .write = ip4_tcp },
	{ "ip6 udp", .write = ip6_udp },
	{ "ip6 tcp", .write = ip6_tcp },
	{ "vlan tcp", .write = vlan_tcp },
	{ "mixed", .write = mixed },
	{ "new 1 percent", .write = ip4_tcp, .fresh = 10 },
	{ "new flood", .write = ip4_tcp, .fresh = 1024 },
	{ "denied flood", .write = ip4_tcp, .fresh = 1024, .denied = true },
	{ "hostile", .write = hostile, .hostile = true },
};
