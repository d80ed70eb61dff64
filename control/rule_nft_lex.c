// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_lex.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rule_nft_source.h"

static bool starts_word(char c)
{
	return isalpha((unsigned char)c) || c == '_' || c == '.';
}

static bool goes_on_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_./-", c ? c : ' ') != NULL;
}

static size_t run_of(const char *at, const char *end, const char *set)
{
	size_t length = 0;
	while (at + length < end && at[length] && strchr(set, at[length]))
		length++;
	return length;
}

static size_t word_length(const char *at, const char *end)
{
	size_t length = 0;
	if (at < end && starts_word(*at)) {
		while (at + length < end && goes_on_word(at[length]))
			length++;
	}
	return length;
}

static bool is_address(const char *at, size_t length)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	if (length >= sizeof(text))
		return false;
	memcpy(text, at, length);
	text[length] = '\0';
	return inet_pton(memchr(text, ':', length) ? AF_INET6 : AF_INET, text, &address) == 1;
}

// Whether it is one is seen later: "10.0.0.300" is a wrong address rather than several words.
static bool looks_like_ip4(const char *at, size_t length)
{
	unsigned dots = 0;
	for (size_t i = 0; i < length; i++) {
		if (at[i] != '.' && !isdigit((unsigned char)at[i]))
			return false;
		dots += at[i] == '.';
	}
	return dots == 3 && isdigit((unsigned char)*at) && at[length - 1] != '.';
}

// An address is no word of letters alone: it has colons, or three dots between digits.
static size_t address_length(const char *at, const char *end)
{
	size_t length = run_of(at, end, "0123456789abcdefABCDEF:.");
	bool six = memchr(at, ':', length) != NULL;
	if (!six)
		return looks_like_ip4(at, length) ? length : 0;
	return is_address(at, length) ? length : 0;
}

// Blanks, continuations, and comments; one that has a line for itself takes the end of the line with it.
static bool skip_comment(struct nft_source *source)
{
	const char *stop = memchr(source->at, '\n', (size_t)(source->end - source->at));
	if (!stop)
		return false;
	source->at = stop;
	if (source->line_is_blank)
		nft_source_newline(source);
	return true;
}

// false: a comment that has no end.
static bool skip_blanks(struct nft_source *source)
{
	while (source->at < source->end) {
		if (*source->at == ' ' || *source->at == '\t') {
			source->at++;
		} else if (*source->at == '\\' && source->end - source->at > 1 && source->at[1] == '\n') {
			source->at++;
			nft_source_newline(source);
		} else if (*source->at == '#') {
			if (!skip_comment(source))
				return false;
		} else {
			break;
		}
	}
	return true;
}

static void take(struct nft_source *source, struct nft_token *token, int kind, size_t length)
{
	token->kind = kind;
	token->text = source->at;
	token->length = length;
	source->at += length;
	source->line_is_blank = false;
}

static void take_string(struct nft_source *source, struct nft_token *token)
{
	const char *from = source->at + 1;
	size_t room = (size_t)(source->end - from);
	const char *stop = memchr(from, '"', room), *line = memchr(from, '\n', room);
	if (!stop || (line && line < stop)) {
		take(source, token, NFT_JUNK, 1);
		return;
	}
	take(source, token, NFT_STRING, (size_t)(stop + 1 - source->at));
	token->text = from;
	token->length -= 2;
}

// "[2001:db8::1]"
static bool take_bracketed(struct nft_source *source, struct nft_token *token)
{
	const char *stop = memchr(source->at, ']', (size_t)(source->end - source->at));
	if (!stop || !memchr(source->at, ':', (size_t)(stop - source->at)) ||
	    !is_address(source->at + 1, (size_t)(stop - source->at - 1)))
		return false;
	take(source, token, NFT_WORD, (size_t)(stop + 1 - source->at));
	token->text++;
	token->length -= 2;
	return true;
}

// nft reads numbers with a zero in front as octal; nobody means that, so they are none here.
static void take_number(struct nft_source *source, struct nft_token *token)
{
	size_t length = 0;
	while (source->at + length < source->end && isalnum((unsigned char)source->at[length]))
		length++;
	take(source, token, NFT_JUNK, length);
	char digits[24], *end;
	if (length >= sizeof(digits) || (length > 1 && token->text[0] == '0' && tolower(token->text[1]) != 'x'))
		return;
	memcpy(digits, token->text, length);
	digits[length] = '\0';
	errno = 0;
	token->number = strtoull(digits, &end, 0);
	if (*end == '\0' && errno == 0)
		token->kind = NFT_NUMBER;
}

static const struct {
	const char *text;
	int kind;
} operator_words[] = {
	{ "eq", NFT_EQ }, { "ne", NFT_NE }, { "lt", '<' }, { "gt", '>' }, { "le", NFT_LE }, { "ge", NFT_GE },
	{ "and", '&' }, { "or", '|' }, { "xor", '^' }, { "not", '!' }, { "lshift", NFT_LSHIFT }, { "rshift", NFT_RSHIFT },
};

static void take_word(struct nft_source *source, struct nft_token *token, size_t length)
{
	if (length == 1 && *source->at == '.') {
		take(source, token, '.', 1);
		return;
	}
	bool wildcard = source->at + length < source->end && source->at[length] == '*';
	take(source, token, wildcard ? NFT_WILDCARD : NFT_WORD, length + wildcard);
	for (size_t i = 0; i < sizeof(operator_words) / sizeof(operator_words[0]); i++) {
		if (nft_token_is(token, operator_words[i].text))
			token->kind = operator_words[i].kind;
	}
}

static void take_punctuation(struct nft_source *source, struct nft_token *token)
{
	static const struct {
		char text[3];
		int kind;
	} pairs[] = {
		{ "==", NFT_EQ }, { "!=", NFT_NE }, { "<=", NFT_LE }, { ">=", NFT_GE }, { "<<", NFT_LSHIFT }, { ">>", NFT_RSHIFT },
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (source->end - source->at >= 2 && memcmp(source->at, pairs[i].text, 2) == 0) {
			take(source, token, pairs[i].kind, 2);
			return;
		}
	}
	char c = *source->at;
	take(source, token, c && strchr("{}()[],;:=!<>&|^/-*@$+", c) ? c : NFT_JUNK, 1);
}

static void take_token(struct nft_source *source, struct nft_token *token)
{
	size_t word = word_length(source->at, source->end), address = address_length(source->at, source->end);
	if (address && address >= word)
		take(source, token, NFT_WORD, address);
	else if (word)
		take_word(source, token, word);
	else if (isdigit((unsigned char)*source->at))
		take_number(source, token);
	else if (*source->at == '"')
		take_string(source, token);
	else if (*source->at != '[' || !take_bracketed(source, token))
		take_punctuation(source, token);
}

static void take_newline(struct nft_source *source, struct nft_token *token)
{
	take(source, token, NFT_NEWLINE, 1);
	source->at--;
	nft_source_newline(source);
}

void nft_lexer_next(struct nft_lexer *lexer, struct nft_token *token)
{
	bool whole = skip_blanks(lexer->source);
	while (lexer->source->at == lexer->source->end && lexer->source->outer) {
		lexer->source = lexer->source->outer;
		whole = skip_blanks(lexer->source);
	}
	struct nft_source *source = lexer->source;
	*token = (struct nft_token){ .file = source->file, .line = source->line, .text = source->at,
				     .column = (unsigned)(source->at - source->line_begin) + 1 };
	if (!whole)
		take(source, token, NFT_JUNK, 1);
	else if (source->at == source->end)
		token->kind = NFT_END;
	else if (*source->at == '\n')
		take_newline(source, token);
	else
		take_token(source, token);
}

bool nft_token_is(const struct nft_token *token, const char *word)
{
	if (token->kind != NFT_WORD || token->length == 0 || token->text[0] != word[0]) // as most are
		return false;
	return strlen(word) == token->length && memcmp(token->text, word, token->length) == 0;
}

const char *nft_token_quote(const struct nft_token *token, char text[NFT_QUOTE_MAX])
{
	if (token->kind == NFT_END)
		return "end of file";
	if (token->kind == NFT_NEWLINE)
		return "end of line";
	size_t used = 0;
	text[used++] = '\'';
	for (size_t i = 0; i < token->length; i++) {
		unsigned char byte = (unsigned char)token->text[i];
		if (used > NFT_QUOTE_MAX - 12) {
			used += (size_t)snprintf(text + used, NFT_QUOTE_MAX - used, "...");
			break;
		}
		used += (size_t)snprintf(text + used, NFT_QUOTE_MAX - used, byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x", byte);
	}
	snprintf(text + used, NFT_QUOTE_MAX - used, "'");
	return text;
}
