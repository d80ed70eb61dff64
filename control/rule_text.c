// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/address.h"
#include "control/services.h"

enum {
	WORD_MAX = 64,   // longer than any word that means something
	QUOTE_MAX = 160, // of a word in a message
	RULES_MAX = FLOW_RULE_MAX - 1,
	FILE_MAX = 64 << 20, // bytes
	PROTOCOL_ICMP = 1,
	PROTOCOL_ICMPV6 = 58,
};

static const char *const verdict_words[] = {
	[VERDICT_ACCEPT] = "allow",
	[VERDICT_DROP] = "deny",
	[VERDICT_REJECT] = "reject",
};

enum { VERDICTS = sizeof(verdict_words) / sizeof(verdict_words[0]) };

static const struct port_range any_port = { 0, UINT16_MAX };

static bool is_icmp(uint16_t protocol)
{
	return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

static const char *protocol_text(uint16_t protocol, char text[WORD_MAX])
{
	const char *name = protocol <= UINT8_MAX ? protocol_name((uint8_t)protocol) : "any";
	if (name)
		return name;
	snprintf(text, WORD_MAX, "%u", protocol);
	return text;
}

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

// The word as it may stand in a message, whatever its bytes are.
static const char *quote_word(const struct reader *reader, char quoted[QUOTE_MAX])
{
	if (reader->length == 0)
		return "end of line";
	size_t used = 0;
	quoted[used++] = '\'';
	for (size_t i = 0; i < reader->length; i++) {
		unsigned char byte = (unsigned char)reader->word[i];
		if (used > QUOTE_MAX - 12) {
			used += (size_t)snprintf(quoted + used, QUOTE_MAX - used, "...");
			break;
		}
		used += (size_t)snprintf(quoted + used, QUOTE_MAX - used, byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x",
					 byte);
	}
	snprintf(quoted + used, QUOTE_MAX - used, "'");
	return quoted;
}

// "file:line:column: got 'word', " and what was expected.
static int unexpected(struct reader *reader, const char *expected)
{
	char quoted[QUOTE_MAX];
	return error_at(reader->error, reader->file, reader->line, (unsigned)(reader->word - reader->begin) + 1,
			"got %s, %s", quote_word(reader, quoted), expected);
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

static int read_protocol(struct reader *reader, struct rule *rule)
{
	int number = word_is(reader, "any") ? RULE_ANY_PROTOCOL : protocol_number(reader->copy);
	if (number < 0)
		return unexpected(reader, "expected a protocol: tcp, udp, sctp, dccp, udplite, icmp, icmpv6, any or a "
					  "number from 0 to 255");
	rule->protocol = (uint16_t)number;
	next_word(reader);
	return 0;
}

static int read_port(struct reader *reader, uint16_t protocol, struct port_range *range)
{
	struct error why;
	if (protocol == RULE_ANY_PROTOCOL)
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

static int check_family(struct reader *reader, const struct rule *rule, const struct prefix *prefix)
{
	if (prefix->family == FAMILY_IP6 && rule->protocol == PROTOCOL_ICMP)
		return unexpected(reader, "expected an IPv4 prefix: ICMP for IPv6 is icmpv6");
	if (prefix->family == FAMILY_IP4 && rule->protocol == PROTOCOL_ICMPV6)
		return unexpected(reader, "expected an IPv6 prefix: ICMP for IPv4 is icmp");
	if (prefix->family == FAMILY_NONE || rule->source.family == FAMILY_NONE ||
	    prefix->family == rule->source.family)
		return 0;
	return unexpected(reader, rule->source.family == FAMILY_IP4 ? "expected an IPv4 prefix as behind 'from'" :
								       "expected an IPv6 prefix as behind 'from'");
}

static int read_prefix(struct reader *reader, const struct rule *rule, struct prefix *prefix)
{
	struct prefix read;
	next_word(reader);
	int why = prefix_parse(reader->copy, &read);
	if (why)
		return wrong_prefix(reader, why, &read);
	if (check_family(reader, rule, &read))
		return -1;
	*prefix = read;
	next_word(reader);
	return 0;
}

// port: what "port" behind the prefix sets.
static int read_end(struct reader *reader, struct rule *rule, struct prefix *prefix, struct port_range *port, bool given)
{
	if (read_prefix(reader, rule, prefix))
		return -1;
	if (!word_is(reader, "port"))
		return 0;
	if (given)
		return unexpected(reader, "expected one destination port only: there is one behind the protocol already");
	if (is_icmp(rule->protocol))
		return unexpected(reader, "expected no port: ICMP has none; its type stands behind the protocol");
	next_word(reader);
	return read_port(reader, rule->protocol, port);
}

static int read_prohibited(struct reader *reader, struct rule *rule)
{
	if (rule->verdict != VERDICT_REJECT)
		return unexpected(reader, "expected end of line: only reject answers, so only reject can say prohibited");
	rule->answer_prohibited = true;
	next_word(reader);
	return 0;
}

// What may come next grows shorter with each part that was there.
static int read_rest(struct reader *reader, struct rule *rule)
{
	const char *expected = "expected 'from', 'to', 'prohibited' or end of line";
	bool port_given = !at_keyword(reader);
	if (port_given && read_port(reader, rule->protocol, &rule->destination_port))
		return -1;
	if (word_is(reader, "from")) {
		expected = "expected 'port', 'to', 'prohibited' or end of line";
		if (read_end(reader, rule, &rule->source, &rule->source_port, false))
			return -1;
	}
	if (word_is(reader, "to")) {
		expected = "expected 'port', 'prohibited' or end of line";
		if (read_end(reader, rule, &rule->destination, &rule->destination_port, port_given))
			return -1;
	}
	if (word_is(reader, "prohibited")) {
		expected = "expected end of line";
		if (read_prohibited(reader, rule))
			return -1;
	}
	return reader->length == 0 ? 0 : unexpected(reader, expected);
}

static int read_rule(struct reader *reader, struct rule *rule, const char *expected)
{
	*rule = (struct rule){ .source_port = any_port, .destination_port = any_port };
	if (read_verdict(reader, expected, &rule->verdict) || read_protocol(reader, rule))
		return -1;
	return read_rest(reader, rule);
}

int rule_parse(const char *source, const char *text, struct rule *rule, struct error *error)
{
	struct reader reader = {
		.file = source, .line = 1, .begin = text, .at = text, .end = text + strlen(text), .error = error,
	};
	next_word(&reader);
	return read_rule(&reader, rule, "expected 'allow', 'deny' or 'reject'");
}

// Lists

static int list_append(struct rule_list *list, const struct rule *rule, unsigned line)
{
	if ((list->count & (list->count - 1)) == 0) { // room for the next power of two
		size_t room = list->count ? 2 * list->count : 1;
		struct rule *rules = realloc(list->rules, room * sizeof(*rules));
		list->rules = rules ? rules : list->rules;
		unsigned *lines = realloc(list->lines, room * sizeof(*lines));
		list->lines = lines ? lines : list->lines;
		if (!rules || !lines)
			return -1;
	}
	list->rules[list->count] = *rule;
	list->lines[list->count++] = line;
	return 0;
}

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
	if (list->count == RULES_MAX)
		return unexpected(reader, "expected no more rules: there are 262142 already");
	struct rule rule;
	if (read_rule(reader, &rule, "expected 'allow', 'deny', 'reject' or 'default'"))
		return -1;
	if (list_append(list, &rule, reader->line))
		return error_set(reader->error, "%s: no memory for the rules", reader->file);
	return 0;
}

static int read_lines(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error)
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

int rule_list_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error)
{
	*list = (struct rule_list){ 0 };
	int result = read_lines(file, text, length, list, error);
	if (result)
		rule_list_free(list);
	return result;
}

static char *read_file(FILE *stream, size_t *length)
{
	char *text = NULL;
	size_t room = 0;
	*length = 0;
	do {
		room = room ? 2 * room : 65536;
		char *grown = room <= FILE_MAX ? realloc(text, room) : NULL;
		if (!grown) {
			errno = room <= FILE_MAX ? ENOMEM : EFBIG;
			break;
		}
		text = grown;
		*length += fread(text + *length, 1, room - *length, stream);
		if (ferror(stream))
			break;
		if (*length < room)
			return text;
	} while (true);
	free(text);
	return NULL;
}

int rule_list_load(const char *file, struct rule_list *list, struct error *error)
{
	size_t length;
	*list = (struct rule_list){ 0 };
	FILE *stream = fopen(file, "re");
	if (!stream)
		return error_set(error, "%s: can't open the rules: %s", file, strerror(errno));
	char *text = read_file(stream, &length);
	int result = text ? rule_list_parse(file, text, length, list, error) :
			    error_set(error, "%s: can't read the rules: %s", file, strerror(errno));
	free(text);
	fclose(stream);
	return result;
}

void rule_list_free(struct rule_list *list)
{
	free(list->rules);
	free(list->lines);
	*list = (struct rule_list){ 0 };
}

// Printing

static int print_port(char *text, size_t room, const char *before, const struct port_range *range)
{
	if (range->low == any_port.low && range->high == any_port.high)
		return 0;
	if (range->low == range->high)
		return snprintf(text, room, "%s %u", before, range->low);
	return snprintf(text, room, "%s %u-%u", before, range->low, range->high);
}

const char *rule_format(const struct rule *rule, char text[RULE_TEXT_MAX])
{
	// The longest rule takes about 150 bytes, so that nothing is ever cut.
	char name[WORD_MAX], prefix[ADDRESS_TEXT_MAX];
	bool source_port = rule->source_port.low != any_port.low || rule->source_port.high != any_port.high;
	int used = snprintf(text, RULE_TEXT_MAX, "%s %s", verdict_words[rule->verdict],
			    protocol_text(rule->protocol, name));
	used += print_port(text + used, (size_t)(RULE_TEXT_MAX - used), "", &rule->destination_port);
	if (rule->source.family != FAMILY_NONE || source_port)
		used += snprintf(text + used, (size_t)(RULE_TEXT_MAX - used), " from %s",
				 prefix_format(&rule->source, prefix));
	used += print_port(text + used, (size_t)(RULE_TEXT_MAX - used), " port", &rule->source_port);
	if (rule->destination.family != FAMILY_NONE)
		used += snprintf(text + used, (size_t)(RULE_TEXT_MAX - used), " to %s",
				 prefix_format(&rule->destination, prefix));
	if (rule->answer_prohibited)
		snprintf(text + used, (size_t)(RULE_TEXT_MAX - used), " prohibited");
	return text;
}
