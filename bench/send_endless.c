// SPDX-License-Identifier: BSD-3-Clause
// Sends the packets of a capture out of a network interface over and over, as fast as the kernel
// takes them: what feeds the kernel's own packet path in a comparison. Until it is killed.
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <pcap/pcap.h>

enum { BATCH = 64 };

struct packets {
	struct iovec *packet;
	size_t count, room;
};

static int keep(struct packets *packets, const u_char *data, size_t bytes)
{
	if (packets->count == packets->room) {
		size_t room = packets->room ? 2 * packets->room : 1024;
		void *grown = realloc(packets->packet, room * sizeof(packets->packet[0]));

		if (grown == NULL)
			return -ENOMEM;
		packets->packet = grown;
		packets->room = room;
	}
	void *copy = malloc(bytes);

	if (copy == NULL)
		return -ENOMEM;
	packets->packet[packets->count++] = (struct iovec){ memcpy(copy, data, bytes), bytes };
	return 0;
}

// Everything in memory before the first one is sent. 0, or -errno; says itself what is wrong.
static int read_capture(const char *path, struct packets *packets)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	struct pcap_pkthdr *header;
	const u_char *data;
	int status = 0, more = 0;

	if (capture == NULL) {
		fprintf(stderr, "send_endless: %s: %s\n", path, error);
		return -EINVAL;
	}
	while (status == 0 && (more = pcap_next_ex(capture, &header, &data)) == 1)
		status = keep(packets, data, header->caplen);
	if (more == PCAP_ERROR || status < 0 || packets->count == 0) {
		fprintf(stderr, "send_endless: %s: %s\n", path,
		        status < 0           ? strerror(-status)
		        : more == PCAP_ERROR ? pcap_geterr(capture)
		                             : "no packet in it");
		status = -EINVAL;
	}
	pcap_close(capture);
	return status;
}

// Past the queueing discipline, as a device's driver would be fed. A descriptor, or -1 with errno.
static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface) };
	int one = 1, fd;

	if (address.sll_ifindex == 0)
		return -1;
	fd = socket(AF_PACKET, SOCK_RAW, 0); // protocol 0: receives nothing
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

// What it has no room for is gone, as on a wire.
static void send_batch(int fd, const struct packets *packets, size_t first)
{
	struct mmsghdr message[BATCH];
	unsigned count = 0, sent = 0;

	memset(message, 0, sizeof(message));
	for (; count < BATCH; count++) {
		message[count].msg_hdr.msg_iov = &packets->packet[(first + count) % packets->count];
		message[count].msg_hdr.msg_iovlen = 1;
	}
	while (sent < count) {
		int done = sendmmsg(fd, message + sent, count - sent, 0);

		sent += done > 0 ? (unsigned)done : 1;
	}
}

int main(int argc, char **argv)
{
	struct packets packets = { 0 };
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: send_endless INTERFACE CAPTURE\n");
		return 2;
	}
	if (read_capture(argv[2], &packets) < 0)
		return 1;
	fd = open_socket(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "send_endless: interface %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	puts("sending");
	fflush(stdout);
	for (size_t first = 0;; first = (first + BATCH) % packets.count)
		send_batch(fd, &packets, first);
}
