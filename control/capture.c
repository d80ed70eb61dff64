// SPDX-License-Identifier: BSD-3-Clause
#include "control/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DELIVERABLE_MAX = 65535, // net_pcap counts lengths in 16 bits
	FIRST_ROOM = 1024,
};

// What people hand over instead of a capture, by its first bytes.
static const struct {
	const char *magic;
	size_t length;
	const char *advice;
} lookalikes[] = {
	{ "\x1f\x8b", 2, "it is compressed with gzip: unpack it with gunzip first" },
	{ "\x28\xb5\x2f\xfd", 4, "it is compressed with zstd: unpack it with unzstd first" },
	{ "\xfd" "7zXZ", 5, "it is compressed with xz: unpack it with unxz first" },
	{ "BZh", 3, "it is compressed with bzip2: unpack it with bunzip2 first" },
	{ "LZ4", 3, "it is compressed with lz4: unpack it with unlz4 first" },
};

static const char *advice_for(int fd)
{
	char start[8] = { 0 };
	if (pread(fd, start, sizeof(start), 0) < 0)
		return "portier reads pcap and pcapng";
	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++)
		if (memcmp(start, lookalikes[i].magic, lookalikes[i].length) == 0)
			return lookalikes[i].advice;
	return "portier reads pcap and pcapng";
}

// A file that can be read twice: here, and by net_pcap.
static FILE *open_regular(const char *file, struct error *error)
{
	FILE *stream = strcmp(file, "-") == 0 ? NULL : fopen(file, "re");
	if (!stream && strcmp(file, "-") == 0) {
		error_set(error, "-: standard input can't be read twice, as a capture is: save it to a file first "
			"(a file of that name is ./-)");
		return NULL;
	}
	if (!stream) {
		error_set(error, "%s: cannot open the capture: %s", file, strerror(errno));
		return NULL;
	}
	struct stat status;
	if (fstat(fileno(stream), &status) < 0)
		error_set(error, "%s: %s", file, strerror(errno));
	else if (S_ISDIR(status.st_mode))
		error_set(error, "%s: is a directory, expected a capture file", file);
	else if (!S_ISREG(status.st_mode))
		error_set(error, "%s: is no regular file; a capture is read twice: save it to a file first", file);
	else if (status.st_size == 0)
		error_set(error, "%s: is empty (0 bytes), expected a pcap or pcapng capture", file);
	else
		return stream;
	fclose(stream);
	return NULL;
}

static pcap_t *open_pcap(const char *file, struct error *error)
{
	FILE *stream = open_regular(file, error);
	if (!stream)
		return NULL;
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap) {
		error_set(error, "%s: not a capture that libpcap reads (%s); %s", file, why,
			advice_for(fileno(stream)));
		fclose(stream);
		return NULL;
	}
	int type = pcap_datalink(pcap);
	if (type == DLT_EN10MB)
		return pcap;
	// libpcap's number of raw IP is not that of the file format.
	int number = type == DLT_RAW ? 101 : type;
	const char *name = pcap_datalink_val_to_name(type);
	error_set(error,
		"%s: link type %d (%s): portier reads Ethernet captures (link type 1); convert it with "
		"\"tcprewrite --dlt=enet\"",
		file, number, name ? name : "unknown");
	pcap_close(pcap);
	return NULL;
}

static bool resize(void **array, uint64_t room, size_t size)
{
	void *larger = reallocarray(*array, room, size);
	if (larger)
		*array = larger;
	return larger != NULL;
}

static bool index_grow(struct capture_index *index, uint64_t *room)
{
	if (index->count < *room)
		return true;
	*room = *room ? 2 * *room : FIRST_ROOM;
	return resize((void **)&index->time_ns, *room, sizeof(*index->time_ns)) &&
	       resize((void **)&index->captured, *room, sizeof(*index->captured)) &&
	       resize((void **)&index->on_wire, *room, sizeof(*index->on_wire));
}

// Buffers that a frame takes beyond its first.
static uint64_t extra_segments(uint32_t captured)
{
	return captured ? (captured - 1) / RTE_MBUF_DEFAULT_DATAROOM : 0;
}

// Remembers the bytes of the frame at the end of the index.
static bool keep_giant(struct capture_index *index, const u_char *bytes, uint32_t captured)
{
	bool full = (index->giant_count & (index->giant_count - 1)) == 0; // 0 or a power of two
	uint64_t room = index->giant_count ? 2 * index->giant_count : 1;
	if (full && !resize((void **)&index->giants, room, sizeof(*index->giants)))
		return false;
	struct capture_giant *giant = &index->giants[index->giant_count];
	giant->position = index->count;
	giant->bytes = malloc(captured);
	if (!giant->bytes)
		return false;
	memcpy(giant->bytes, bytes, captured);
	index->giant_count++;
	return true;
}

// Time stamps of hostile captures may be anything: they stay within what 64 bits of nanoseconds hold.
static uint64_t time_ns(const struct timeval *stamp)
{
	const int64_t latest = INT64_MAX / 1000000000 - 1;
	int64_t seconds = stamp->tv_sec;
	if (seconds < 0) // libpcap takes the 32 bits of a pcap file as signed: after 2038
		seconds = seconds < INT32_MIN ? 0 : (uint32_t)seconds;
	seconds = seconds > latest ? latest : seconds;
	int64_t ns = stamp->tv_usec < 0 ? 0 : stamp->tv_usec > 999999999 ? 999999999 : stamp->tv_usec;
	return (uint64_t)(seconds * 1000000000 + ns);
}

static bool add_packet(struct capture *capture, uint64_t *room, const struct pcap_pkthdr *header,
	const u_char *bytes)
{
	struct capture_index *index = &capture->index;
	uint32_t captured = header->caplen;
	if (!index_grow(index, room))
		return false;
	if (captured > DELIVERABLE_MAX && !keep_giant(index, bytes, captured))
		return false;
	uint64_t time = time_ns(&header->ts);
	index->time_ns[index->count] = time;
	index->captured[index->count] = captured;
	index->on_wire[index->count] = header->len > captured ? header->len : captured;
	capture->first_ns = index->count && capture->first_ns < time ? capture->first_ns : time;
	capture->last_ns = capture->last_ns > time ? capture->last_ns : time;
	index->extra_segments += extra_segments(captured);
	capture->bytes += captured;
	capture->longest = capture->longest > captured ? capture->longest : captured;
	index->count++;
	return true;
}

// Returns what pcap_next_ex said last, or 0 where memory ran out.
static int walk(pcap_t *pcap, struct capture *capture)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	uint64_t room = 0;
	int result;
	while ((result = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		if (header->caplen > FRAME_MAX) { // libpcap lets none through in pcap, but in pcapng
			snprintf(capture->broken, sizeof(capture->broken), "packet %lu holds %u bytes, more than %u",
				(unsigned long)capture->index.count + 1, header->caplen, FRAME_MAX);
			return PCAP_ERROR_BREAK;
		}
		if (!add_packet(capture, &room, header, bytes))
			return 0;
	}
	return result;
}

int capture_open(const char *file, struct capture *capture, struct error *error)
{
	memset(capture, 0, sizeof(*capture));
	capture->file = file;
	pcap_t *pcap = open_pcap(file, error);
	if (!pcap)
		return -1;
	int result = walk(pcap, capture);
	if (result == PCAP_ERROR)
		snprintf(capture->broken, sizeof(capture->broken), "%s", pcap_geterr(pcap));
	pcap_close(pcap);
	if (result != 0)
		return 0;
	error_set(error, "%s: no memory for the index behind packet %lu", file, (unsigned long)capture->index.count);
	capture_close(capture);
	return -1;
}

void capture_close(struct capture *capture)
{
	struct capture_index *index = &capture->index;
	for (uint64_t i = 0; i < index->giant_count; i++)
		free(index->giants[i].bytes);
	free(index->giants);
	free(index->time_ns);
	free(index->captured);
	free(index->on_wire);
	memset(index, 0, sizeof(*index));
}
