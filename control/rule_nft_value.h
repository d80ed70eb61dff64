// SPDX-License-Identifier: BSD-3-Clause
// What stands at the right of a match, as it was written: a tree, whose meaning depends on the match. Control thread only.
#pragma once

#include "control/rule_nft_parser.h"

enum nft_value_kind {
	NFT_VALUE_SCALAR = 0, // a word, a number, a string
	NFT_VALUE_BINARY,     // a|b, a&b, a^b
	NFT_VALUE_RANGE,      // a-b
	NFT_VALUE_PREFIX,     // a/bits
	NFT_VALUE_LIST,       // a,b,c
	NFT_VALUE_SET,        // { a, b, c }
	NFT_VALUE_NAMED,      // @at
};

struct nft_item {
	struct nft_item *next;
	const struct nft_value *value;
};

// Immutable: what a definition names is shared.
struct nft_value {
	enum nft_value_kind kind;
	unsigned depth;      // of the tree below, bounded
	struct nft_token at; // the word itself, or where the value begins
	int operator;        // of BINARY
	uint64_t bits;       // of PREFIX
	const struct nft_value *a, *b;
	struct nft_item *items;
};

// Reads what may stand behind an operator. NULL with an error.
const struct nft_value *nft_read_value(struct nft_parser *parser);

// The same without lists, ranges, prefixes and sets: a|b&(c). And the operands of a match's own "&", "^", "|", which bind
// less tightly.
const struct nft_value *nft_read_basic(struct nft_parser *parser);
const struct nft_value *nft_read_operand(struct nft_parser *parser, int operator);

// The words behind "/" that tell which flags are looked at: at least two, with commas.
const struct nft_value *nft_read_list(struct nft_parser *parser);

// "{ ... }", or a definition of one.
const struct nft_value *nft_read_set(struct nft_parser *parser);

// "define", "redefine" and "undefine", the word taken already.
int nft_read_define(struct nft_parser *parser, bool again);
int nft_read_undefine(struct nft_parser *parser);

// What "$name" means, the "$" being what comes next.
const struct nft_value *nft_read_variable(struct nft_parser *parser);
void nft_scope_close(struct nft_parser *parser); // forgets what was defined in the innermost block
