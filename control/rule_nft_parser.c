// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_parser.h"

#include <stdlib.h>
#include <string.h>

#include "control/rule_entry.h"

// Memory: blocks that are given back together

enum {
	BLOCK_BYTES = 64 << 10,
	NAME_MAX_BYTES = 128,
};

struct nft_block {
	struct nft_block *next;
	_Alignas(16) char bytes[];
};

void nft_parser_init(struct nft_parser *parser, struct error *error)
{
	*parser = (struct nft_parser){ .error = error };
	parser->last_rule = &parser->first_rule;
	nft_lexer_init(&parser->lexer, error);
}

void nft_parser_free(struct nft_parser *parser)
{
	while (parser->memory) {
		struct nft_block *block = parser->memory;
		parser->memory = block->next;
		free(block);
	}
	rule_draft_free(parser->draft);
	nft_lexer_free(&parser->lexer);
}

static struct nft_block *block_create(size_t size)
{
	return calloc(1, sizeof(struct nft_block) + size);
}

void *nft_allocate(struct nft_parser *parser, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > parser->room) {
		size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
		struct nft_block *block = block_create(bytes);
		if (!block) {
			error_set(parser->error, "no memory for the rules");
			return NULL;
		}
		block->next = parser->memory;
		parser->memory = block;
		parser->room = bytes;
	}
	parser->room -= size; // from the back to the front
	return parser->memory->bytes + parser->room;
}

struct nft_mark nft_mark(const struct nft_parser *parser)
{
	return (struct nft_mark){ parser->memory, parser->room };
}

void nft_release(struct nft_parser *parser, struct nft_mark mark)
{
	while (parser->memory != mark.block) {
		struct nft_block *block = parser->memory;
		parser->memory = block->next;
		parser->room = 0;
		free(block);
	}
	if (mark.block)
		memset(mark.block->bytes + parser->room, 0, mark.room - parser->room);
	parser->room = mark.room;
}

// Words

void nft_next(struct nft_parser *parser)
{
	nft_lexer_next(&parser->lexer, &parser->token);
}

bool nft_is(const struct nft_parser *parser, const char *word)
{
	return nft_token_is(&parser->token, word);
}

bool nft_take(struct nft_parser *parser, const char *word)
{
	bool there = nft_is(parser, word);
	if (there)
		nft_next(parser);
	return there;
}

bool nft_take_kind(struct nft_parser *parser, int kind)
{
	bool there = parser->token.kind == kind;
	if (there)
		nft_next(parser);
	return there;
}

bool nft_at_separator(const struct nft_parser *parser)
{
	int kind = parser->token.kind;
	return kind == NFT_NEWLINE || kind == ';' || kind == NFT_END;
}

bool nft_same(const struct nft_token *a, const struct nft_token *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

// Errors

int nft_unexpected_at(struct nft_parser *parser, const struct nft_token *token, const char *expected)
{
	char quoted[NFT_QUOTE_MAX];
	return error_at(parser->error, token->file, token->line, token->column, "got %s, %s", nft_token_quote(token, quoted),
			expected);
}

int nft_unexpected(struct nft_parser *parser, const char *expected)
{
	return nft_unexpected_at(parser, &parser->token, expected);
}

int nft_expect(struct nft_parser *parser, int kind, const char *expected)
{
	return nft_take_kind(parser, kind) ? 0 : nft_unexpected(parser, expected);
}

int nft_expect_separator(struct nft_parser *parser, bool or_end, const char *expected)
{
	if (!nft_at_separator(parser) || (!or_end && parser->token.kind == NFT_END))
		return nft_unexpected(parser, expected);
	if (parser->token.kind != NFT_END)
		nft_next(parser);
	return 0;
}

// Names

// Words of nft's language wherever they stand, so that they can't be names. Sorted.
static const char *const reserved[] = {
	"accept", "add", "ah", "all", "and", "arp", "auto-merge", "bridge", "cgroup", "chain", "comment", "comp",
	"constant", "continue", "counter", "cpu", "create", "ct", "day", "dccp", "define", "delete", "describe",
	"destroy", "device", "devices", "dnat", "drop", "dst", "dup", "dynamic", "ecn", "element", "elements", "eq",
	"esp", "ether", "exists", "expires", "export", "exthdr", "fib", "flags", "flow", "flowtable", "flush", "frag",
	"fwd", "gc-interval", "ge", "geneve", "get", "goto", "gre", "gretap", "gt", "handle", "hbh", "hook", "hour",
	"ibriport", "ibrname", "icmp", "icmpv6", "igmp", "iif", "iifgroup", "iifname", "iiftype", "import", "include",
	"index", "inet", "insert", "interval", "ip", "ip6", "ipsec", "jhash", "jump", "last", "le", "limit", "list",
	"log", "lshift", "lt", "map", "mark", "masquerade", "meta", "meter", "mh", "missing", "monitor", "ne", "netdev",
	"nftrace", "not", "notrack", "numgen", "obriport", "obrname", "offload", "oif", "oifgroup", "oifname",
	"oiftype", "or", "osf", "pkttype", "policy", "position", "priority", "queue", "quota", "random", "redefine",
	"redirect", "reject", "rename", "replace", "reset", "return", "rshift", "rt", "rt0", "rt2", "rtclassid",
	"rule", "ruleset", "sctp", "secmark", "set", "size", "skgid", "skuid", "snat", "socket", "srh", "symhash",
	"synproxy", "table", "tcp", "th", "time", "timeout", "tproxy", "tunnel", "type", "typeof", "udp", "udplite",
	"undefine", "update", "vlan", "vmap", "vxlan", "xor", "xt",
};

static int token_order(const void *key, const void *element)
{
	const struct nft_token *token = key;
	const char *word = *(const char *const *)element;
	int order = strncmp(token->text, word, token->length);
	return order ? order : -(word[token->length] != '\0');
}

bool nft_is_reserved(const struct nft_token *token)
{
	return bsearch(token, reserved, sizeof(reserved) / sizeof(reserved[0]), sizeof(reserved[0]), token_order) != NULL;
}

int nft_expect_name(struct nft_parser *parser, struct nft_token *name, const char *expected)
{
	if (parser->token.kind != NFT_WORD || nft_is_reserved(&parser->token))
		return nft_unexpected(parser, expected);
	if (parser->token.length > NAME_MAX_BYTES)
		return nft_unexpected(parser, "expected a name of at most 128 bytes");
	*name = parser->token;
	nft_next(parser);
	return 0;
}

// Texts

const char *nft_text(struct nft_parser *parser, const struct nft_token *token)
{
	char *text = nft_allocate(parser, token->length + 1);
	if (text)
		memcpy(text, token->text, token->length);
	return text;
}

static bool is_text(const struct nft_token *token)
{
	if (token->kind == NFT_STRING)
		return memchr(token->text, '\0', token->length) == NULL;
	return token->kind == NFT_WILDCARD || (token->kind == NFT_WORD && !nft_is_reserved(token));
}

int nft_take_comment(struct nft_parser *parser, const char **comment)
{
	*comment = NULL;
	if (!nft_take(parser, "comment"))
		return 0;
	if (!is_text(&parser->token))
		return nft_unexpected(parser, "expected the comment in quotes");
	if (parser->token.length > RULE_COMMENT_MAX)
		return nft_unexpected(parser, "expected a comment of at most 128 bytes");
	*comment = nft_text(parser, &parser->token);
	nft_next(parser);
	return *comment ? 0 : -1;
}
