// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_text.h"

#include <stdio.h>
#include <string.h>

#include "control/address.h"
#include "control/port_range.h"
#include "control/quote.h"
#include "control/services.h"

enum {
	WORD_MAX = 64,   // longer than any word that means something
	PROTOCOL_ANY = 256,
};

static const char *const verdict_words[] = {
	[VERDICT_ACCEPT] = "allow",
	[VERDICT_DROP] = "deny",
	[VERDICT_REJECT] = "reject",
};

enum { VERDICTS = sizeof(verdict_words) / sizeof(verdict_words[0]) };

static const struct port_range any_port = { 0, UINT16_MAX };

// What one line says.
struct words {
	uint8_t verdict;   // enum verdict
	uint16_t protocol; // or PROTOCOL_ANY
	bool prohibited;
	struct prefix source, destination;
	struct port_range source_port, destination_port; // any_port: not asked for; of ICMP: types
};

// Words

// One line that is being read, and the word that was read last.
struct reader {
	const char *file;
	unsigned line;
	const char *begin, *at, *end;
	const char *word; // where it begins
	size_t length;    // 0: end of line
	char copy[WORD_MAX]; // "" if it is too long to mean anything, or holds a NUL
	struct error *error;
};

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\f' || character == '\v';
}

static void next_word(struct reader *reader)
{
	while (reader->at < reader->end && is_blank(*reader->at))
		reader->at++;
	reader->word = reader->at;
	while (reader->at < reader->end && !is_blank(*reader->at) && *reader->at != '#')
		reader->at++;
	reader->length = (size_t)(reader->at - reader->word);
	reader->copy[0] = '\0';
	if (reader->length < WORD_MAX && !memchr(reader->word, '\0', reader->length)) {
		memcpy(reader->copy, reader->word, reader->length);
		reader->copy[reader->length] = '\0';
	}
}

static bool word_is(const struct reader *reader, const char *text)
{
	return strcmp(reader->copy, text) == 0;
}

static bool at_keyword(const struct reader *reader)
{
	return reader->length == 0 || word_is(reader, "from") || word_is(reader, "to") || word_is(reader, "prohibited");
}

// "file:line:column: got 'word', " and what was expected.
static int unexpected(struct reader *reader, const char *expected)
{
	char quoted[QUOTE_MAX];
	return error_at(reader->error, reader->file, reader->line, (unsigned)(reader->word - reader->begin) + 1,
			"got %s, %s", reader->length ? quote_word(reader->word, reader->length, quoted) : "end of line",
			expected);
}

// Parts of a rule; each begins at the reader's word and leaves it at the one behind its own

static int read_verdict(struct reader *reader, const char *expected, uint8_t *verdict)
{
	for (uint8_t i = 0; i < VERDICTS; i++) {
		if (word_is(reader, verdict_words[i])) {
			*verdict = i;
			next_word(reader);
			return 0;
		}
	}
	return unexpected(reader, expected);
}

static int read_protocol(struct reader *reader, struct words *words)
{
	int number = word_is(reader, "any") ? PROTOCOL_ANY : protocol_number(reader->copy);
	if (number < 0)
		return unexpected(reader, "expected a protocol: tcp, udp, sctp, dccp, udplite, icmp, icmpv6, any or a "
					  "number from 0 to 255");
	words->protocol = (uint16_t)number;
	next_word(reader);
	return 0;
}

static int read_port(struct reader *reader, uint16_t protocol, struct port_range *range)
{
	struct error why;
	if (protocol == PROTOCOL_ANY)
		return unexpected(reader, "expected 'from', 'to' or end of line: ports need a protocol that has them "
					  "(tcp, udp, sctp, dccp, udplite)");
	if (port_range_parse(reader->copy, (uint8_t)protocol, range, &why))
		return unexpected(reader, why.text);
	next_word(reader);
	return 0;
}

static int wrong_prefix(struct reader *reader, int why, struct prefix *prefix)
{
	char text[WORD_MAX + ADDRESS_TEXT_MAX], right[ADDRESS_TEXT_MAX];
	if (why == -1)
		return unexpected(reader, "expected an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32, or any");
	if (why == -3)
		return unexpected(reader, prefix->family == FAMILY_IP4 ? "expected a prefix length from 0 to 32" :
									  "expected a prefix length from 0 to 128");
	for (unsigned bit = prefix->bits; bit < 8 * sizeof(prefix->address.byte); bit++)
		prefix->address.byte[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	snprintf(text, sizeof(text), "expected no host bits behind the prefix: %s", prefix_format(prefix, right));
	return unexpected(reader, text);
}

static int check_family(struct reader *reader, const struct words *words, const struct prefix *prefix)
{
	if (prefix->family == FAMILY_IP6 && words->protocol == PROTO_ICMP)
		return unexpected(reader, "expected an IPv4 prefix: ICMP for IPv6 is icmpv6");
	if (prefix->family == FAMILY_IP4 && words->protocol == PROTO_ICMP6)
		return unexpected(reader, "expected an IPv6 prefix: ICMP for IPv4 is icmp");
	if (prefix->family == FAMILY_NONE || words->source.family == FAMILY_NONE ||
	    prefix->family == words->source.family)
		return 0;
	return unexpected(reader, words->source.family == FAMILY_IP4 ? "expected an IPv4 prefix as behind 'from'" :
								       "expected an IPv6 prefix as behind 'from'");
}

static int read_prefix(struct reader *reader, const struct words *words, struct prefix *prefix)
{
	struct prefix read;
	next_word(reader);
	int why = prefix_parse(reader->copy, &read);
	if (why)
		return wrong_prefix(reader, why, &read);
	if (check_family(reader, words, &read))
		return -1;
	*prefix = read;
	next_word(reader);
	return 0;
}

// port: what "port" behind the prefix sets.
static int read_end(struct reader *reader, struct words *words, struct prefix *prefix, struct port_range *port, bool given)
{
	if (read_prefix(reader, words, prefix))
		return -1;
	if (!word_is(reader, "port"))
		return 0;
	if (given)
		return unexpected(reader, "expected one destination port only: there is one behind the protocol already");
	if (protocol_is_icmp(words->protocol))
		return unexpected(reader, "expected no port: ICMP has none; its type stands behind the protocol");
	next_word(reader);
	return read_port(reader, words->protocol, port);
}

static int read_prohibited(struct reader *reader, struct words *words)
{
	if (words->verdict != VERDICT_REJECT)
		return unexpected(reader, "expected end of line: only reject answers, so only reject can say prohibited");
	words->prohibited = true;
	next_word(reader);
	return 0;
}

// What may come next grows shorter with each part that was there.
static int read_rest(struct reader *reader, struct words *words)
{
	const char *expected = "expected 'from', 'to', 'prohibited' or end of line";
	bool port_given = !at_keyword(reader);
	if (port_given && read_port(reader, words->protocol, &words->destination_port))
		return -1;
	if (word_is(reader, "from")) {
		expected = "expected 'port', 'to', 'prohibited' or end of line";
		if (read_end(reader, words, &words->source, &words->source_port, false))
			return -1;
	}
	if (word_is(reader, "to")) {
		expected = "expected 'port', 'prohibited' or end of line";
		if (read_end(reader, words, &words->destination, &words->destination_port, port_given))
			return -1;
	}
	if (word_is(reader, "prohibited")) {
		expected = "expected end of line";
		if (read_prohibited(reader, words))
			return -1;
	}
	return reader->length == 0 ? 0 : unexpected(reader, expected);
}

static int read_rule(struct reader *reader, struct words *words, const char *expected)
{
	*words = (struct words){ .source_port = any_port, .destination_port = any_port };
	if (read_verdict(reader, expected, &words->verdict) || read_protocol(reader, words))
		return -1;
	return read_rest(reader, words);
}

// Rules

static int draft_prefix(struct rule_draft *draft, enum rule_field field, const struct prefix *prefix)
{
	struct ip_address high = prefix->address;
	struct rule *rule = rule_draft_rule(draft);
	if (prefix->family == FAMILY_NONE)
		return 0;
	rule->ip4 = prefix->family == FAMILY_IP4;
	rule->ip6 = prefix->family == FAMILY_IP6;
	if (prefix->bits == 0)
		return 0;
	for (unsigned bit = prefix->bits; bit < (rule->ip4 ? 32 : 128); bit++)
		high.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return rule_draft_addresses(draft, field, &prefix->address, &high);
}

static int draft_port(struct rule_draft *draft, enum rule_field field, const struct port_range *port)
{
	bool any = port->low == any_port.low && port->high == any_port.high;
	return any ? 0 : rule_draft_ports(draft, field, port->low, port->high);
}

// Types are of one family's ICMP.
static void draft_types(struct rule_draft *draft, const struct words *words)
{
	const struct port_range *types = &words->destination_port;
	if (types->high > UINT8_MAX)
		return;
	for (unsigned type = types->low; type <= types->high; type++)
		rule_draft_byte(draft, RULE_ICMP_TYPE, (uint8_t)type);
	rule_draft_rule(draft)->ip4 = words->protocol == PROTO_ICMP;
	rule_draft_rule(draft)->ip6 = words->protocol == PROTO_ICMP6;
}

static void draft_verdict(struct rule *rule, const struct words *words)
{
	rule->verdict = words->verdict;
	if (words->prohibited) {
		rule->answer = ANSWER_ICMP_CODE;
		rule->answer_code = ANSWER_ICMPX | ICMPX_PROHIBITED;
	}
}

static int draft_words(struct rule_draft *draft, const struct words *words)
{
	draft_verdict(rule_draft_rule(draft), words);
	if (words->protocol != PROTOCOL_ANY)
		rule_draft_byte(draft, RULE_PROTOCOL, (uint8_t)words->protocol);
	if (draft_prefix(draft, RULE_SOURCE, &words->source) || draft_prefix(draft, RULE_DESTINATION, &words->destination) ||
	    draft_port(draft, RULE_SOURCE_PORT, &words->source_port))
		return -1;
	if (!protocol_is_icmp(words->protocol))
		return draft_port(draft, RULE_DESTINATION_PORT, &words->destination_port);
	draft_types(draft, words);
	return 0;
}

static struct rule_entry *build(const struct reader *reader, unsigned column, const struct words *words)
{
	struct rule_place place = { reader->file, reader->line, column };
	struct rule_draft *draft = rule_draft_create();
	struct rule_entry *entry = NULL;
	if (draft && draft_words(draft, words) == 0)
		entry = rule_draft_finish(draft, &place, reader->error);
	else
		error_set(reader->error, "%s: no memory for the rules", reader->file);
	rule_draft_free(draft);
	return entry;
}

// From the reader's word on. NULL with an error.
static struct rule_entry *read_entry(struct reader *reader, const char *expected)
{
	struct words words;
	unsigned column = (unsigned)(reader->word - reader->begin) + 1;
	return read_rule(reader, &words, expected) ? NULL : build(reader, column, &words);
}

struct rule_entry *rule_words_parse_rule(const char *source, const char *text, struct error *error)
{
	struct reader reader = {
		.file = source, .line = 1, .begin = text, .at = text, .end = text + strlen(text), .error = error,
	};
	next_word(&reader);
	return read_entry(&reader, "expected 'allow', 'deny' or 'reject'");
}

// Lists

static int read_default(struct reader *reader, struct rule_list *list)
{
	if (list->has_default)
		return unexpected(reader, "expected a rule: the default policy is given above already");
	next_word(reader);
	if (read_verdict(reader, "expected 'allow', 'deny' or 'reject' as default policy", &list->default_verdict))
		return -1;
	list->has_default = true;
	return reader->length == 0 ? 0 : unexpected(reader, "expected end of line");
}

static int read_line(struct reader *reader, struct rule_list *list)
{
	next_word(reader);
	if (reader->length == 0)
		return 0;
	if (word_is(reader, "default"))
		return read_default(reader, list);
	if (list->count == RULE_LIST_MAX)
		return unexpected(reader, "expected no more rules: there are 262142 already");
	struct rule_entry *entry = read_entry(reader, "expected 'allow', 'deny', 'reject' or 'default'");
	return entry ? rule_list_append(list, entry, reader->error) : -1;
}

int rule_words_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error)
{
	const char *end = text + length;
	unsigned line = 0;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct reader reader = {
			.file = file, .line = ++line, .begin = text, .at = text, .end = stop ? stop : end, .error = error,
		};
		if (read_line(&reader, list))
			return -1;
		text = stop ? stop + 1 : end;
	}
	if (list->has_default)
		return 0;
	return error_at(error, file, line + 1, 1, "got end of file, expected 'default allow', 'default deny' or "
						  "'default reject': what becomes of packets that no rule matches");
}
