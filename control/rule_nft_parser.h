// SPDX-License-Identifier: BSD-3-Clause
// What the parts of nft's parser share: the word that is being looked at, memory, errors, names that were declared.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/error.h"
#include "control/rule_nft_lex.h"
#include "dataplane/flow_key.h"

enum { NFT_ELEMENTS_MAX = 1 << 22 }; // of all sets of a file together

struct nft_block;
struct nft_value;
struct nft_set;
struct nft_rule;
struct rule_draft;
struct rule_list;

enum nft_family {
	NFT_FAMILY_IP = 0,
	NFT_FAMILY_IP6,
	NFT_FAMILY_INET,
	NFT_FAMILY_BRIDGE,
	NFT_FAMILY_NETDEV,
	NFT_FAMILIES
};

// A name that "define" gave. Inner scopes hide outer ones.
struct nft_define {
	struct nft_define *next;
	struct nft_token name;
	const struct nft_value *value;
	unsigned scope; // depth of the block where it stands
};

struct nft_chain {
	struct nft_chain *next;
	struct nft_token name;
	struct nft_token hook; // length 0: it has no type and hook yet
	bool ingress;    // hooked where conntrack is not
	bool outgoing;   // hooked where packets leave
	bool has_policy;
	uint8_t policy;  // enum verdict
	bool has_rules;
};

// The one table. Of its chains, one may say something: see nft_choose_chain.
struct nft_table {
	struct nft_token name; // length 0: not declared
	enum nft_family family;
	struct nft_chain *chains; // in order
	bool touched;             // something was declared in it
};

struct nft_parser {
	struct nft_lexer lexer;
	struct nft_token token; // what comes next
	struct error *error;
	struct nft_block *memory;
	size_t room;
	struct nft_define *defines;
	unsigned scope;
	struct nft_table table;
	struct nft_chain *chain; // the one that is being read
	struct nft_set *sets;
	struct rule_list *list;   // what is read goes there
	struct rule_draft *draft; // as new between rules
	struct nft_rule *first_rule, **last_rule; // that wait for sets which are not known yet
	size_t elements; // of all sets together, as often as rules name them
};

void nft_parser_init(struct nft_parser *parser, struct error *error);
void nft_parser_free(struct nft_parser *parser);

// Zeroed memory that lives as long as the parser. NULL with an error.
void *nft_allocate(struct nft_parser *parser, size_t size);

// Gives back what was allocated since: most rules are done with when they are read, and files of many are read the faster.
struct nft_mark {
	struct nft_block *block;
	size_t room;
};
struct nft_mark nft_mark(const struct nft_parser *parser);
void nft_release(struct nft_parser *parser, struct nft_mark mark);

void nft_next(struct nft_parser *parser);
bool nft_is(const struct nft_parser *parser, const char *word);
bool nft_take(struct nft_parser *parser, const char *word); // goes on if it is that one
bool nft_take_kind(struct nft_parser *parser, int kind);
bool nft_at_separator(const struct nft_parser *parser); // newline, semicolon or end

// "file:line:column: got 'word', expected ..." about what comes next, or about any token. Return -1.
int nft_unexpected(struct nft_parser *parser, const char *expected);
int nft_unexpected_at(struct nft_parser *parser, const struct nft_token *token, const char *expected);

// Takes what has to come. 0, or -1 with an error.
int nft_expect(struct nft_parser *parser, int kind, const char *expected);
int nft_expect_separator(struct nft_parser *parser, bool or_end, const char *expected);

// A name that nft takes for one: no word of its own language.
int nft_expect_name(struct nft_parser *parser, struct nft_token *name, const char *expected);
bool nft_is_reserved(const struct nft_token *token);
bool nft_same(const struct nft_token *a, const struct nft_token *b);

// "comment" and its string, up to RULE_COMMENT_MAX bytes, if it comes next. *comment is NULL without.
int nft_take_comment(struct nft_parser *parser, const char **comment);

// A bare word or a string, as a text that lives as long as the parser. NULL with an error.
const char *nft_text(struct nft_parser *parser, const struct nft_token *token);
