// SPDX-License-Identifier: BSD-3-Clause
#include "control/capture_head.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int broken(const char *file, pcap_t *pcap, struct error *error)
{
	return error_set(error, "%s: %s", file, pcap_geterr(pcap));
}

static int copy_packets(const char *file, pcap_t *from, pcap_dumper_t *to, uint64_t count, struct error *error)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	for (; count > 0; count--) {
		if (pcap_next_ex(from, &header, &bytes) != 1)
			return broken(file, from, error);
		pcap_dump((u_char *)to, header, bytes);
	}
	return pcap_dump_flush(to) == 0 ? 0 : error_set(error, "%s: cannot be copied: %s", file, strerror(errno));
}

static int take_packet(const char *file, pcap_t *from, struct capture_packet *packet, struct error *error)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	if (pcap_next_ex(from, &header, &bytes) != 1)
		return broken(file, from, error);
	packet->captured = header->caplen;
	packet->bytes = malloc(header->caplen + 1);
	if (!packet->bytes)
		return error_set(error, "no memory for a packet");
	memcpy(packet->bytes, bytes, header->caplen);
	return 0;
}

static int open_head(struct capture_head *head, struct error *error)
{
	head->fd = memfd_create("portier-capture", MFD_CLOEXEC);
	if (head->fd < 0)
		return error_set(error, "no memory for a copy of the capture: %s", strerror(errno));
	snprintf(head->file, sizeof(head->file), "/proc/self/fd/%d", head->fd);
	return 0;
}

// The dumper closes its stream, and a copy of the descriptor with it.
static pcap_dumper_t *open_dumper(const struct capture_head *head, pcap_t *kind, struct error *error)
{
	int copy = dup(head->fd);
	FILE *stream = copy >= 0 ? fdopen(copy, "w") : NULL;
	pcap_dumper_t *dumper = stream ? pcap_dump_fopen(kind, stream) : NULL;
	if (dumper)
		return dumper;
	error_set(error, "a copy of the capture cannot be written: %s", strerror(errno));
	if (stream)
		fclose(stream);
	else if (copy >= 0)
		close(copy);
	return NULL;
}

static int copy(const char *file, uint64_t count, const struct capture_head *head, struct capture_packet *packet,
		struct error *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *from = pcap_open_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!from)
		return error_set(error, "%s: %s", file, why);
	pcap_dumper_t *to = open_dumper(head, from, error);
	int result = to ? copy_packets(file, from, to, count, error) : -1;
	if (result == 0)
		result = take_packet(file, from, packet, error);
	if (to)
		pcap_dump_close(to);
	pcap_close(from);
	return result;
}

int capture_head_make(const char *file, uint64_t count, struct capture_head *head, struct capture_packet *packet,
		      struct error *error)
{
	*packet = (struct capture_packet){ .bytes = NULL };
	*head = (struct capture_head){ .fd = -1 };
	if (open_head(head, error) == 0 && copy(file, count, head, packet, error) == 0)
		return 0;
	free(packet->bytes);
	capture_head_close(head);
	return -1;
}

void capture_head_close(struct capture_head *head)
{
	if (head->fd >= 0)
		close(head->fd);
	head->fd = -1;
}
