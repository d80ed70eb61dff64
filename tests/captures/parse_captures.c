// SPDX-License-Identifier: BSD-3-Clause
// Parses every packet of a folder of captures and compares it with the truth beside them.
// Usage: parse_captures FOLDER, where FOLDER/truth holds NAME.packets.tsv.gz for each capture NAME.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "dataplane/parse.h"

enum {
	SKIPPED = 77,
	SHOWN_MAX = 20, // differences printed of one capture
};

struct expected {
	unsigned number, captured, on_wire, protocol, source_port, destination_port;
	char l2[32], source[64], destination[64], flags[256];
	bool has_tuple;
};

struct tally {
	unsigned captures, packets, keyed, different;
};

static bool expected_read(FILE *truth, struct expected *e)
{
	char line[1024], protocol[16], source_port[16], destination_port[16], strict[16];

	*e = (struct expected){ 0 };
	do {
		if (!fgets(line, sizeof(line), truth))
			return false;
	} while (line[0] == '#');
	if (sscanf(line, "%u %u %u %31s %15s %63s %15s %63s %15s %15s %255s", &e->number, &e->captured, &e->on_wire,
		   e->l2, protocol, e->source, source_port, e->destination, destination_port, strict,
		   e->flags) != 11)
		return false;
	e->has_tuple = strcmp(e->source, "-") != 0;
	e->protocol = atoi(protocol);
	e->source_port = atoi(source_port);
	e->destination_port = atoi(destination_port);
	return true;
}

static bool has_flag(const struct expected *e, const char *flag)
{
	size_t length = strlen(flag);

	for (const char *at = e->flags; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, flag, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static void differs(struct tally *tally, unsigned *shown, const struct expected *e, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void differs(struct tally *tally, unsigned *shown, const struct expected *e, const char *format, ...)
{
	va_list arguments;

	tally->different++;
	if ((*shown)++ >= SHOWN_MAX)
		return;
	printf("  packet %u (%s %s): ", e->number, e->l2, e->flags);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static bool address_is(const struct ip_address *address, uint8_t family, const char *text)
{
	struct ip_address expected = { { 0 } };

	return inet_pton(family == FAMILY_IP4 ? AF_INET : AF_INET6, text, expected.byte) == 1 &&
	       memcmp(address, &expected, sizeof(expected)) == 0;
}

static bool tuple_is(const uint8_t *frame, const struct packet_meta *meta, const struct expected *e)
{
	struct ip_address source, destination;

	if (!(meta->flags & PACKET_HAS_TUPLE) || !e->has_tuple)
		return !(meta->flags & PACKET_HAS_TUPLE) && !e->has_tuple;
	packet_addresses(frame, meta, &source, &destination);
	return meta->protocol == e->protocol && address_is(&source, meta->family, e->source) &&
	       address_is(&destination, meta->family, e->destination) &&
	       ntohs(meta->source_port) == e->source_port && ntohs(meta->destination_port) == e->destination_port;
}

// What the flags of the truth say of a packet that was found in order, or of the reason why it was not.
static bool reason_fits(const uint8_t *frame, const struct packet_meta *meta, const struct expected *e)
{
	const uint8_t *udp_length = frame + meta->l4_offset + 4;
	bool uncheckable = meta->flags & PACKET_TRUNCATED; // no whole transport checksum

	switch (meta->reason) {
	case DROP_IP_CHECKSUM:
		return has_flag(e, "badck4");
	case DROP_L4_CHECKSUM:
		return has_flag(e, "badck");
	case DROP_TCP_HEADER:
		return has_flag(e, "tcpoff") || has_flag(e, "l4short");
	case DROP_UDP_LENGTH:
		return has_flag(e, "udplen") || has_flag(e, "l4short") || uncheckable ||
		       (udp_length[0] | udp_length[1]) == 0; // the truth lets it pass
	case DROP_NONE:
		return !has_flag(e, "nokey") && !has_flag(e, "badck4") && (!has_flag(e, "badck") || uncheckable);
	default:
		return true;
	}
}

static bool fragment_fits(const struct packet_meta *meta, const struct expected *e)
{
	return !(meta->flags & PACKET_HAS_TUPLE) || meta->reason == DROP_IP_LENGTH || meta->reason == DROP_IP_HEADER ||
	       (has_flag(e, "fragfirst") == !!(meta->flags & PACKET_FRAGMENT_FIRST) &&
		has_flag(e, "fragrest") == !!(meta->flags & PACKET_FRAGMENT_LATER));
}

// The parser has a straight line for common packets, which a policy that verifies checksums never takes.
static bool common_path_agrees(const struct parse_input *input)
{
	static const struct parse_options trust = { .checksum = CHECKSUM_TRUST, .martians_drop = true };
	static const struct parse_options verify = { .checksum = CHECKSUM_VERIFY, .martians_drop = true };
	struct parse_input good = *input;
	struct packet_meta meta[2];
	struct fragment_info fragment;

	memset(meta, 0xa5, sizeof(meta));
	good.ip_checksum = CHECKSUM_GOOD;
	good.l4_checksum = CHECKSUM_GOOD;
	parse_frame(input, &trust, &meta[0], &fragment);
	parse_frame(&good, &verify, &meta[1], &fragment);
	return memcmp(&meta[0], &meta[1], sizeof(meta[0])) == 0;
}

static void compare(const uint8_t *frame, const struct pcap_pkthdr *header, const struct expected *e,
		    struct tally *tally, unsigned *shown)
{
	static const struct parse_options options = { .checksum = CHECKSUM_VERIFY };
	uint8_t *copy = malloc(header->caplen ? header->caplen : 1); // its own end, so that a sanitizer sees it
	struct parse_input input = { .frame = copy, .captured = header->caplen, .on_wire = header->len };
	struct packet_meta meta;
	struct fragment_info fragment;

	memcpy(copy, frame, header->caplen);
	memset(&meta, 0xa5, sizeof(meta));
	parse_frame(&input, &options, &meta, &fragment);
	if (header->caplen != e->captured)
		differs(tally, shown, e, "%u bytes were captured, read %u", e->captured, header->caplen);
	else if (!tuple_is(copy, &meta, e))
		differs(tally, shown, e, "is %u %s %u > %s %u, parsed: flags %x protocol %u ports %u %u (%s)",
			e->protocol, e->source, e->source_port, e->destination, e->destination_port, meta.flags,
			meta.protocol, ntohs(meta.source_port), ntohs(meta.destination_port),
			drop_name(meta.reason));
	else if (!common_path_agrees(&input))
		differs(tally, shown, e, "the parser's common path says something else than its full one");
	else if (!reason_fits(copy, &meta, e) || !fragment_fits(&meta, e))
		differs(tally, shown, e, "reason %s, flags %x", drop_name(meta.reason), meta.flags);
	tally->packets++;
	tally->keyed += e->has_tuple;
	free(copy);
}

static void compare_capture(pcap_t *capture, FILE *truth, struct tally *tally)
{
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	struct expected expected;
	unsigned shown = 0;

	if (pcap_datalink(capture) != DLT_EN10MB)
		return;
	while (pcap_next_ex(capture, &header, &frame) == 1) {
		if (!expected_read(truth, &expected)) {
			printf("  the truth ends before the capture\n");
			tally->different++;
			return;
		}
		compare(frame, header, &expected, tally, &shown);
	}
	if (expected_read(truth, &expected)) {
		printf("  the capture ends before the truth, at packet %u\n", expected.number);
		tally->different++;
	}
}

static int compare_file(const char *folder, const char *name, struct tally *tally)
{
	char path[PATH_MAX], command[PATH_MAX + 32], error[PCAP_ERRBUF_SIZE];
	pcap_t *capture;
	FILE *truth;

	snprintf(path, sizeof(path), "%s/truth/%s.packets.tsv.gz", folder, name);
	if (strchr(path, '\'') || (truth = fopen(path, "r")) == NULL)
		return 0; // no capture, or nobody knows the truth about it
	fclose(truth);
	snprintf(command, sizeof(command), "exec zcat '%s'", path);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!capture) {
		fprintf(stderr, "%s: %s\n", path, error);
		return -EINVAL;
	}
	truth = popen(command, "r");
	if (!truth) {
		pcap_close(capture);
		return -errno;
	}
	printf("%s\n", name);
	compare_capture(capture, truth, tally);
	tally->captures++;
	pclose(truth);
	pcap_close(capture);
	return 0;
}

int main(int argc, char **argv)
{
	const char *folder = argc == 2 ? argv[1] : ".";
	struct tally tally = { 0 };
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);

	if (count < 0) {
		printf("SKIP: no captures: %s: %s (PORTIER_CAPTURES names their folder)\n", folder, strerror(errno));
		return SKIPPED;
	}
	for (int i = 0; i < count; i++) {
		if (compare_file(folder, entries[i]->d_name, &tally) != 0)
			tally.different++;
		free(entries[i]);
	}
	free(entries);
	printf("%u captures, %u packets, %u with a tuple, %u differences\n", tally.captures, tally.packets, tally.keyed,
	       tally.different);
	if (tally.captures == 0) {
		printf("SKIP: no capture in %s has its truth beside it\n", folder);
		return SKIPPED;
	}
	return tally.different ? EXIT_FAILURE : EXIT_SUCCESS;
}
