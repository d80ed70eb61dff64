// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_values.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/rule_entry.h"
#include "control/services.h"

enum {
	MULTIPORT_MAX = 15, // ports that xt_multiport has room for; a range takes two
	RATE_MAX = 10000,   // xt_limit counts in tenths of milliseconds
	TCP_FLAGS_ALL = 0x3f, // what iptables calls so: not ECE and CWR
};

bool iptables_number(const char *text, uint32_t most, uint32_t *number)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 9 || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	*number = (uint32_t)strtoul(text, NULL, 10);
	return *number <= most;
}

// Ports

static bool read_port(const char *text, uint8_t protocol, uint16_t *port)
{
	uint32_t number;
	int named = -1;
	if (!iptables_number(text, UINT16_MAX, &number)) {
		named = service_port(text, protocol);
		number = (uint32_t)named;
	}
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

static bool is_range(const struct iptables_word *word)
{
	return strchr(word->text, ':') != NULL;
}

// The ends of "LOW:HIGH"; an end that is left out is the one that there is.
static bool read_ends(char *text, uint8_t protocol, struct port_range *range)
{
	char *colon = strchr(text, ':');
	*range = (struct port_range){ 0, UINT16_MAX };
	*colon = '\0';
	bool good = (!text[0] || read_port(text, protocol, &range->low)) &&
		    (!colon[1] || read_port(colon + 1, protocol, &range->high));
	*colon = ':';
	return good;
}

int iptables_ports(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t protocol,
		   struct port_range *range)
{
	bool good = false;
	if (!word->end && is_range(word)) {
		good = read_ends(word->text, protocol, range);
	} else if (!word->end) {
		good = read_port(word->text, protocol, &range->low);
		range->high = range->low;
	}
	if (!good)
		return iptables_unexpected(reader, word, "expected a port: a number from 0 to 65535, a service name of the "
					   "protocol, or LOW:HIGH");
	if (range->low > range->high)
		return iptables_unexpected(reader, word, "expected a range that begins with its lower end");
	return 0;
}

static int read_list_part(const struct iptables_reader *reader, const struct iptables_word *part, uint8_t protocol,
			  struct port_ranges *set, unsigned *room)
{
	struct port_range range;
	unsigned takes = is_range(part) ? 2 : 1;
	if (is_range(part) && (part->text[0] == ':' || part->text[part->length - 1] == ':'))
		return iptables_unexpected(reader, part, "expected both ends of a range, as multiport wants them");
	if (iptables_ports(reader, part, protocol, &range))
		return -1;
	if (takes > *room)
		return iptables_unexpected(reader, part, "expected no more ports: multiport takes 15, and a range counts as "
					   "two");
	*room -= takes;
	if (port_ranges_add(set, range.low, range.high))
		return error_set(reader->error, "%s: no memory for the rules", reader->file);
	return 0;
}

int iptables_port_list(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t protocol,
		       struct port_ranges *set)
{
	struct iptables_word rest = *word, part;
	unsigned room = MULTIPORT_MAX;
	while (iptables_part(&rest, ',', &part)) {
		if (read_list_part(reader, &part, protocol, set, &room))
			return -1;
	}
	return 0;
}

// Addresses

static int address_bits(enum ip_family family)
{
	return family == FAMILY_IP4 ? 32 : 128;
}

static bool read_address(const char *text, enum ip_family family, struct ip_address *address)
{
	*address = (struct ip_address){ { 0 } };
	return inet_pton(family == FAMILY_IP4 ? AF_INET : AF_INET6, text, address->byte) == 1;
}

// "10" and "10.1" in front of a mask: the rest is zero.
static bool read_short_address(const char *text, struct ip_address *address)
{
	char whole[sizeof("255.255.255.255")];
	size_t length = strlen(text), dots = 0;
	for (size_t i = 0; i < length; i++)
		dots += text[i] == '.';
	if (dots > 2 || length + 2 * (3 - dots) >= sizeof(whole))
		return false;
	memcpy(whole, text, length + 1);
	for (; dots < 3; dots++)
		strcat(whole, ".0");
	return read_address(whole, FAMILY_IP4, address);
}

// How many bits a mask has in front; -1: it has others too.
static int mask_bits(const struct ip_address *mask, enum ip_family family)
{
	int bits = 0;
	while (bits < address_bits(family) && mask->byte[bits / 8] & (0x80 >> bits % 8))
		bits++;
	for (int bit = bits; bit < address_bits(family); bit++) {
		if (mask->byte[bit / 8] & (0x80 >> bit % 8))
			return -1;
	}
	return bits;
}

static void set_prefix(const struct ip_address *address, int bits, enum ip_family family, struct address_range *range)
{
	range->low = range->high = *address;
	for (int bit = bits; bit < address_bits(family); bit++) {
		range->low.byte[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
		range->high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
}

static int not_an_address(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family)
{
	if (family == FAMILY_IP4 && strchr(word->text, ':'))
		return iptables_unexpected(reader, word, "expected an IPv4 address: those of IPv6 go with ip6tables, or "
					   "below a line \"# Generated by ip6tables-save\"");
	if (family == FAMILY_IP4)
		return iptables_unexpected(reader, word, "expected an IPv4 address or network such as 192.0.2.0/24; names of "
					   "hosts are not looked up");
	return iptables_unexpected(reader, word, "expected an IPv6 address or network such as 2001:db8::/32; names of hosts "
				   "are not looked up");
}

static int read_mask(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family,
		     int *bits)
{
	struct ip_address mask;
	uint32_t number;
	const char *text = strchr(word->text, '/') + 1;
	if (iptables_number(text, (uint32_t)address_bits(family), &number)) {
		*bits = (int)number;
		return 0;
	}
	if (!read_address(text, family, &mask))
		return iptables_unexpected(reader, word, family == FAMILY_IP4 ?
			"expected a prefix length from 0 to 32 or a mask behind '/'" :
			"expected a prefix length from 0 to 128 or a mask behind '/'");
	*bits = mask_bits(&mask, family);
	if (*bits < 0)
		return iptables_unexpected(reader, word, "expected a mask whose ones are all in front: others are not "
					   "supported");
	return 0;
}

int iptables_addresses(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family,
		       struct address_range *range)
{
	struct ip_address address;
	int bits = address_bits(family);
	char *slash = strchr(word->text, '/');
	if (slash)
		*slash = '\0';
	bool good = read_address(word->text, family, &address) ||
		    (slash && family == FAMILY_IP4 && read_short_address(word->text, &address));
	if (slash)
		*slash = '/';
	if (!good)
		return not_an_address(reader, word, family);
	if (slash && read_mask(reader, word, family, &bits))
		return -1;
	set_prefix(&address, bits, family, range);
	return 0;
}

int iptables_address_range(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family,
			   struct address_range *range)
{
	char *dash = strchr(word->text, '-');
	if (dash)
		*dash = '\0';
	bool good = read_address(word->text, family, &range->low) &&
		    read_address(dash ? dash + 1 : word->text, family, &range->high);
	if (dash)
		*dash = '-';
	if (word->end || !good)
		return iptables_unexpected(reader, word, family == FAMILY_IP4 ?
			"expected a range of IPv4 addresses such as 192.0.2.1-192.0.2.9" :
			"expected a range of IPv6 addresses such as 2001:db8::1-2001:db8::9");
	if (memcmp(&range->low, &range->high, sizeof(range->low)) > 0)
		return iptables_unexpected(reader, word, "expected a range that begins with its lower end");
	return 0;
}

// Lists of words

struct named_bits {
	const char *name;
	uint8_t bits;
};

static const struct named_bits tcp_flags[] = {
	{ "FIN", 1 << 0 }, { "SYN", 1 << 1 }, { "RST", 1 << 2 }, { "PSH", 1 << 3 }, { "ACK", 1 << 4 }, { "URG", 1 << 5 },
	{ "ALL", TCP_FLAGS_ALL }, { "NONE", 0 }, { NULL, 0 },
};

static const struct named_bits states[] = {
	{ "NEW", CONNECTION_NEW }, { "ESTABLISHED", CONNECTION_ESTABLISHED }, { "RELATED", CONNECTION_RELATED },
	{ "INVALID", CONNECTION_INVALID }, { "UNTRACKED", CONNECTION_UNTRACKED }, { NULL, 0 },
};

static int read_bits(const struct iptables_reader *reader, const struct iptables_word *word,
		     const struct named_bits *known, const char *expected, uint8_t *bits)
{
	struct iptables_word rest = *word, part;
	*bits = 0;
	while (iptables_part(&rest, ',', &part)) {
		const struct named_bits *at = known;
		while (at->name && strcasecmp(at->name, part.text) != 0)
			at++;
		if (!at->name)
			return iptables_unexpected(reader, &part, expected);
		*bits |= at->bits;
	}
	return 0;
}

int iptables_tcp_flags(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t *flags)
{
	return read_bits(reader, word, tcp_flags, "expected flags of TCP with ',' between them: SYN, ACK, FIN, RST, URG, PSH, "
			 "ALL or NONE", flags);
}

int iptables_states(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t *set)
{
	return read_bits(reader, word, states, "expected states with ',' between them: NEW, ESTABLISHED, RELATED, INVALID "
			 "or UNTRACKED", set);
}

// Limits

static const struct {
	const char *name;
	uint32_t seconds;
} units[] = {
	{ "second", 1 },
	{ "minute", 60 },
	{ "hour", 3600 },
	{ "day", 86400 },
};

// A unit by as many of its letters as there are. 0: none.
static uint32_t read_unit(const char *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[0] && strncasecmp(units[i].name, text, strlen(text)) == 0)
			return units[i].seconds;
	}
	return 0;
}

int iptables_rate(const struct iptables_reader *reader, const struct iptables_word *word, struct rule_limit *limit)
{
	uint32_t number = 0, seconds = 1;
	char *slash = strchr(word->text, '/');
	if (slash) {
		*slash = '\0';
		seconds = read_unit(slash + 1);
	}
	bool good = iptables_number(word->text, UINT32_MAX, &number);
	if (slash)
		*slash = '/';
	if (!good || seconds == 0 || number == 0)
		return iptables_unexpected(reader, word, "expected a rate such as 10/second, 3/minute, 5/hour or 1/day");
	if (number > (uint64_t)RATE_MAX * seconds)
		return iptables_unexpected(reader, word, "expected a rate that iptables can hold: up to 10000/second");
	limit->rate = number;
	limit->period_sec = seconds;
	return 0;
}

// Texts

// Bytes of the sequence that begins here; 0: none that is well-formed (RFC 3629 section 4).
static size_t utf8_length(const unsigned char *text)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length = text[0] < 0x80 ? 1 : (text[0] & 0xe0) == 0xc0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 :
			  (text[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t code = length > 1 ? text[0] & (0xffu >> (length + 1)) : text[0];
	for (unsigned i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	bool surrogate = code >= 0xd800 && code <= 0xdfff;
	return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static bool is_text(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	while (*at) {
		size_t length = utf8_length(at);
		if (length == 0 || *at < 0x20)
			return false;
		at += length;
	}
	return true;
}

int iptables_text(const struct iptables_reader *reader, const struct iptables_word *word)
{
	if (word->length > RULE_COMMENT_MAX)
		return iptables_unexpected(reader, word, "expected a text of at most 128 bytes");
	if (!is_text(word->text))
		return iptables_unexpected(reader, word, "expected a text of UTF-8 without control characters");
	return 0;
}
