// SPDX-License-Identifier: BSD-3-Clause
#include "control/explain_words.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/address.h"
#include "control/port_range.h"
#include "control/services.h"
#include "dataplane/parse.h"

enum {
	WORD_MAX = 80,
	ECHO_REQUEST = 8,
	ECHO_REQUEST6 = 128,
	VLAN_MOST = 4094,
};

static const struct {
	const char *name;
	uint8_t flag;
} flag_names[] = {
	{ "fin", TCP_FIN },
	{ "syn", TCP_SYN },
	{ "rst", TCP_RST },
	{ "psh", TCP_PSH },
	{ "ack", TCP_ACK },
	{ "urg", TCP_URG },
};

// Words

struct reader {
	const char *at;
	char word[WORD_MAX];
	struct error *error;
};

// false: no more. A word that is too long is cut, and will mean nothing.
static bool next_word(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
	size_t length = strcspn(reader->at, " \t");
	snprintf(reader->word, sizeof(reader->word), "%.*s", (int)(length < WORD_MAX ? length : WORD_MAX - 1), reader->at);
	reader->at += length;
	return length > 0;
}

static int expect_word(struct reader *reader, const char *expected)
{
	if (next_word(reader))
		return 0;
	return error_set(reader->error, "%s was expected at the end", expected);
}

static int read_number(const struct reader *reader, const char *text, unsigned most, const char *what, unsigned *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value > most)
		return error_set(reader->error, "'%s': %s from 0 to %u was expected", reader->word, what, most);
	*number = (unsigned)value;
	return 0;
}

static int read_protocol(struct reader *reader, struct explain_words *words)
{
	if (expect_word(reader, "a protocol"))
		return -1;
	int number = protocol_number(reader->word);
	if (number < 0)
		return error_set(reader->error, "'%s': a protocol was expected: tcp, udp, icmp, icmpv6... or a number",
			reader->word);
	words->protocol = (uint8_t)number;
	return 0;
}

// "[2001:db8::1]:80", "192.0.2.1:80", "2001:db8::1". Cuts the port off; NULL: there is none.
static char *cut_port(char *word)
{
	char *colon = strrchr(word, ':');
	if (word[0] == '[') {
		char *close = strchr(word, ']');
		if (!close)
			return NULL;
		*close = '\0';
		memmove(word, word + 1, strlen(word));
		return close[1] == ':' ? close + 2 : NULL;
	}
	if (!colon || strchr(word, ':') != colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int read_port(struct reader *reader, const struct explain_words *words, const char *port, uint16_t *number)
{
	struct port_range range;
	bool ported = protocol_has_ports(words->protocol);
	if (!port)
		return ported ? error_set(reader->error, "'%s': a port was expected behind the address: ADDRESS:PORT, or "
			"[ADDRESS]:PORT", reader->word) : 0;
	if (!ported)
		return error_set(reader->error, "'%s': no port was expected: the protocol has none", port);
	if (port_range_parse(port, words->protocol, &range, NULL) || range.low != range.high)
		return error_set(reader->error, "'%s': one port was expected: a number from 0 to 65535 or a service name", port);
	*number = range.low;
	return 0;
}

static int read_end(struct reader *reader, struct explain_words *words, struct ip_address *address, uint16_t *port)
{
	struct prefix prefix;
	char copy[WORD_MAX];
	if (expect_word(reader, "an address, with a port if the protocol has them,"))
		return -1;
	memcpy(copy, reader->word, sizeof(copy));
	char *port_text = cut_port(copy);
	if (prefix_parse(copy, &prefix) || prefix.family == FAMILY_NONE ||
	    prefix.bits != (prefix.family == FAMILY_IP4 ? 32 : 128))
		return error_set(reader->error, "'%s': an address was expected, such as 192.0.2.7:80 or [2001:db8::7]:80",
			reader->word);
	if (words->family && words->family != prefix.family)
		return error_set(reader->error, "'%s': an address of the first one's family was expected", reader->word);
	words->family = prefix.family;
	*address = prefix.address;
	return read_port(reader, words, port_text, port);
}

static bool read_flags(const char *word, uint8_t *flags)
{
	*flags = 0;
	if (strcasecmp(word, "none") == 0)
		return true;
	while (*word) {
		size_t length = strcspn(word, "-,+"), i = 0;
		const size_t count = sizeof(flag_names) / sizeof(flag_names[0]);
		while (i < count && (strlen(flag_names[i].name) != length || strncasecmp(flag_names[i].name, word, length) != 0))
			i++;
		if (i == count)
			return false;
		*flags |= flag_names[i].flag;
		word += length + (word[length] != '\0');
	}
	return true;
}

static int read_type(struct reader *reader, struct explain_words *words)
{
	struct port_range range;
	unsigned code = 0;
	char *slash = strchr(reader->word, '/');
	if (slash) {
		*slash = '\0';
		if (read_number(reader, slash + 1, UINT8_MAX, "a code", &code))
			return -1;
	}
	if (port_range_parse(reader->word, words->protocol, &range, NULL) || range.low != range.high ||
	    range.high > UINT8_MAX)
		return error_set(reader->error, "'%s': an ICMP type was expected, such as echo-request or 3/1, or 'vlan' or 'in'",
			reader->word);
	words->icmp_type = (uint8_t)range.low;
	words->icmp_code = (uint8_t)code;
	return 0;
}

static int read_vlan(struct reader *reader, struct explain_words *words)
{
	unsigned vlan = 0;
	if (expect_word(reader, "a VLAN id") || read_number(reader, reader->word, VLAN_MOST, "a VLAN id", &vlan))
		return -1;
	words->tagged = true;
	words->vlan = (uint16_t)vlan;
	return 0;
}

static int read_interface(struct reader *reader, struct explain_words *words)
{
	if (expect_word(reader, "an interface"))
		return -1;
	snprintf(words->interface, sizeof(words->interface), "%.31s", reader->word);
	return 0;
}

static int read_rest(struct reader *reader, struct explain_words *words)
{
	while (next_word(reader)) {
		int result;
		if (strcasecmp(reader->word, "vlan") == 0)
			result = read_vlan(reader, words);
		else if (strcasecmp(reader->word, "in") == 0)
			result = read_interface(reader, words);
		else if (protocol_is_icmp(words->protocol))
			result = read_type(reader, words);
		else if (words->protocol == IPPROTO_TCP && read_flags(reader->word, &words->tcp_flags))
			result = 0;
		else
			result = error_set(reader->error, "'%s': %s'vlan ID' or 'in INTERFACE' was expected", reader->word,
				words->protocol == IPPROTO_TCP ? "TCP flags (syn, syn-ack, ack, rst, fin...), " : "");
		if (result)
			return -1;
	}
	return 0;
}

static int check_family(const struct reader *reader, const struct explain_words *words)
{
	if (words->protocol == (words->family == FAMILY_IP4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return error_set(reader->error, words->family == FAMILY_IP4 ? "ICMP of IPv4 is icmp, not icmpv6" :
			"ICMP of IPv6 is icmpv6, not icmp");
	return 0;
}

int explain_words_parse(const char *text, struct explain_words *words, struct error *error)
{
	struct reader reader = { .at = text, .error = error };
	*words = (struct explain_words){ .tcp_flags = TCP_SYN };
	if (read_protocol(&reader, words) || read_end(&reader, words, &words->source, &words->source_port) ||
	    read_end(&reader, words, &words->destination, &words->destination_port) || check_family(&reader, words))
		return -1;
	words->icmp_type = words->family == FAMILY_IP4 ? ECHO_REQUEST : ECHO_REQUEST6;
	return read_rest(&reader, words);
}

// Bytes

static uint8_t *put8(uint8_t *to, unsigned value)
{
	*to = (uint8_t)value;
	return to + 1;
}

static uint8_t *put16(uint8_t *to, unsigned value)
{
	return put8(put8(to, value >> 8), value);
}

static uint8_t *put_zeroes(uint8_t *to, size_t count)
{
	memset(to, 0, count);
	return to + count;
}

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t count)
{
	memcpy(to, bytes, count);
	return to + count;
}

static uint8_t *put_tcp(uint8_t *to, const struct explain_words *words)
{
	to = put_zeroes(to, 8); // sequence numbers
	to = put8(to, 5 << 4);
	to = put8(to, words->tcp_flags);
	return put_zeroes(put16(to, 65535), 4);
}

static uint8_t *put_transport(uint8_t *to, const struct explain_words *words)
{
	enum { UDP_HEADER = 8, DCCP_WORDS = 3 };
	if (protocol_is_icmp(words->protocol)) {
		to = put8(put8(to, words->icmp_type), words->icmp_code);
		return put16(put16(put16(to, 0), 1), 1); // checksum, identifier, sequence number
	}
	if (!protocol_has_ports(words->protocol))
		return put_zeroes(to, 8);
	to = put16(put16(to, words->source_port), words->destination_port);
	switch (words->protocol) {
	case IPPROTO_TCP:
		return put_tcp(to, words);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return put16(put16(to, UDP_HEADER), 0);
	case IPPROTO_DCCP:
		return put_zeroes(put8(to, DCCP_WORDS), 7);
	default:
		return put_zeroes(to, 8);
	}
}

static uint8_t *put_ip4(uint8_t *to, const struct explain_words *words, size_t payload)
{
	enum { HEADER = 20, HOPS = 64 };
	to = put16(put8(put8(to, 0x45), 0), (unsigned)(HEADER + payload));
	to = put8(put8(put_zeroes(to, 4), HOPS), words->protocol);
	return put_bytes(put_bytes(put16(to, 0), words->source.byte, 4), words->destination.byte, 4);
}

static uint8_t *put_ip6(uint8_t *to, const struct explain_words *words, size_t payload)
{
	enum { HOPS = 64 };
	to = put_zeroes(put8(to, 0x60), 3);
	to = put8(put8(put16(to, (unsigned)payload), words->protocol), HOPS);
	return put_bytes(put_bytes(to, words->source.byte, 16), words->destination.byte, 16);
}

uint32_t explain_words_frame(const struct explain_words *words, uint8_t frame[EXPLAIN_FRAME_MAX])
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint8_t transport[64];
	size_t payload = (size_t)(put_transport(transport, words) - transport);
	uint8_t *to = put_bytes(frame, macs, sizeof(macs));
	if (words->tagged)
		to = put16(put16(to, 0x8100), words->vlan);
	to = put16(to, words->family == FAMILY_IP4 ? 0x0800 : 0x86dd);
	to = words->family == FAMILY_IP4 ? put_ip4(to, words, payload) : put_ip6(to, words, payload);
	return (uint32_t)(put_bytes(to, transport, payload) - frame);
}
