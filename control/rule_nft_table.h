// SPDX-License-Identifier: BSD-3-Clause
// Tables, chains and sets of nft, in blocks or as commands of their own. Control thread only.
#pragma once

#include "control/rule_nft_rule.h"
#include "control/rule_nft_set.h"

// Each begins behind the word that names it ("table", "chain"...), and leaves what comes behind its own last word: commands
// as they stand at the outermost level of a file. 0, or -1 with an error.
int nft_read_table(struct nft_parser *parser);
int nft_read_chain(struct nft_parser *parser);
int nft_read_named_set(struct nft_parser *parser);
int nft_read_elements(struct nft_parser *parser);
int nft_read_rule_command(struct nft_parser *parser);
int nft_read_flush(struct nft_parser *parser);
int nft_read_delete(struct nft_parser *parser);

// "include", "define", "redefine", "undefine", which may stand in any block. *taken: it was one of them.
int nft_read_common(struct nft_parser *parser, bool *taken);

// The lines of a block, up to behind its '}': separators and what may stand in every block are read here, all else by
// read_line.
typedef int nft_read_line(struct nft_parser *parser, void *context);
int nft_read_lines(struct nft_parser *parser, nft_read_line *read_line, void *context);

// A block that hangs off a word: "{ chain c {...} }" of a table that was named, "{ type ... }" of a chain, of a set.
int nft_read_chain_block(struct nft_parser *parser);
int nft_read_set_block(struct nft_parser *parser, struct nft_set *set);

// Reads a rule of parser->chain and appends it to the list. command: it stands behind "add rule".
int nft_append_rule(struct nft_parser *parser, bool command);

// The chain whose rules and policy are portier's, once all is read: NULL with an error if there is none, or a second one that has
// rules or drops. Base chains that are empty and let everything pass, as they stand in many files, say nothing.
const struct nft_chain *nft_choose_chain(struct nft_parser *parser);
