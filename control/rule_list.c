// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_file.h"
#include "control/rule_iptables.h"
#include "control/rule_nft.h"
#include "control/rule_text.h"

enum {
	FILE_MAX = 64 << 20, // bytes
	WORD_MAX = 64,       // longer than any word that tells the language
};

// The first two words behind comments, and what tells a language by them

struct first_words {
	char first[WORD_MAX], second[WORD_MAX]; // "" if there is none, or it is longer
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '\\';
}

// Up to the next word; a newline is a blank too, but for the second word.
static const char *skip(const char *at, const char *end, bool lines)
{
	while (at < end && (is_blank(*at) || *at == '#')) {
		if (!lines && *at == '\n')
			break;
		const char *stop = *at == '#' ? memchr(at, '\n', (size_t)(end - at)) : at + 1;
		at = stop ? stop : end;
	}
	return at;
}

static const char *take_word(const char *at, const char *end, char word[WORD_MAX])
{
	size_t length = 0;
	while (at + length < end && !is_blank(at[length]) && at[length] != '#')
		length++;
	bool fits = length < WORD_MAX && !memchr(at, '\0', length);
	memcpy(word, at, fits ? length : 0);
	word[fits ? length : 0] = '\0';
	return at + length;
}

static bool one_of(const char *word, const char *const words[])
{
	for (; *words; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

static bool is_iptables_program(const char *word)
{
	static const char *const programs[] = { "iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy", "iptables-nft",
						"ip6tables-nft", "iptables-restore", "ip6tables-restore", "iptables-save",
						"ip6tables-save", NULL };
	const char *slash = strrchr(word, '/');
	return one_of(slash ? slash + 1 : word, programs);
}

// An option, or a line of iptables-save: "*filter", ":INPUT".
static bool is_iptables(const struct first_words *words)
{
	const char *first = words->first;
	if (strcmp(first, "sudo") == 0)
		first = words->second;
	return is_iptables_program(first) || first[0] == '-' || first[0] == '*' || first[0] == ':' || strcmp(first, "!") == 0;
}

// Words that begin a file or a rule of nft. "reject" is of both languages.
static bool is_nft(const struct first_words *words)
{
	static const char *const first[] = { "table", "flush", "define", "redefine", "undefine", "include", "add", "create",
					     "delete", "destroy", "insert", "replace", "chain", "set", "map", "element", "rule",
					     "ip", "ip6", "meta", "iifname", "iif", "oif", "oifname", "tcp", "udp", "sctp", "dccp",
					     "udplite", "th", "icmp", "icmpv6", "vlan", "ct", "ether", "arp", "counter", "log",
					     "limit", "accept", "drop", "jump", "goto", "return", "queue", NULL };
	static const char *const behind_reject[] = { "", "with", "comment", NULL };
	if (strcmp(words->first, "reject") == 0)
		return one_of(words->second, behind_reject);
	return one_of(words->first, first);
}

enum rule_language rule_language_of(const char *text, size_t length)
{
	struct first_words words;
	const char *end = text + length;
	const char *at = take_word(skip(text, end, true), end, words.first);
	take_word(skip(at, end, false), end, words.second);
	if (is_iptables(&words))
		return RULE_LANGUAGE_IPTABLES;
	return is_nft(&words) ? RULE_LANGUAGE_NFT : RULE_LANGUAGE_WORDS;
}

// Parsing

int rule_list_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error)
{
	static int (*const parse[])(const char *, const char *, size_t, struct rule_list *, struct error *) = {
		[RULE_LANGUAGE_WORDS] = rule_words_parse,
		[RULE_LANGUAGE_NFT] = rule_nft_parse,
		[RULE_LANGUAGE_IPTABLES] = rule_iptables_parse,
	};
	*list = (struct rule_list){ 0 };
	int result = parse[rule_language_of(text, length)](file, text, length, list, error);
	if (result)
		rule_list_free(list);
	return result;
}

struct rule_entry *rule_list_parse_rule(const char *source, const char *text, struct error *error)
{
	static struct rule_entry *(*const parse[])(const char *, const char *, struct error *) = {
		[RULE_LANGUAGE_WORDS] = rule_words_parse_rule,
		[RULE_LANGUAGE_NFT] = rule_nft_parse_rule,
		[RULE_LANGUAGE_IPTABLES] = rule_iptables_parse_rule,
	};
	return parse[rule_language_of(text, strlen(text))](source, text, error);
}

int rule_list_load(const char *file, struct rule_list *list, struct error *error)
{
	size_t length;
	*list = (struct rule_list){ 0 };
	char *text = rule_file_read(file, FILE_MAX, &length);
	if (!text)
		return error_set(error, "%s: can't read the rules: %s", file, strerror(errno));
	int result = rule_list_parse(file, text, length, list, error);
	free(text);
	return result;
}

// Lists

int rule_list_append(struct rule_list *list, struct rule_entry *entry, struct error *error)
{
	struct rule_entry **entries = list->entry;
	int result = list->count < RULE_LIST_MAX ? 0 : error_set(error, "too many rules: there are %d already", RULE_LIST_MAX);
	if (result == 0 && (list->count & (list->count - 1)) == 0) { // room for the next power of two
		entries = realloc(entries, (list->count ? 2 * list->count : 1) * sizeof(*entries));
		result = entries ? 0 : error_set(error, "no memory for the rules");
	}
	if (result) {
		rule_entry_drop(entry);
		return -1;
	}
	list->entry = entries;
	list->entry[list->count++] = entry;
	return 0;
}

void rule_list_free(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		rule_entry_drop(list->entry[i]);
	free(list->entry);
	*list = (struct rule_list){ 0 };
}
