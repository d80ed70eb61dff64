// SPDX-License-Identifier: BSD-3-Clause
// The words of nftables' syntax, one after the other, out of a text and the files that it includes. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/error.h"

// Punctuation of one character is its own kind.
enum nft_token_kind {
	NFT_END = 0, // of the outermost text
	NFT_NEWLINE = '\n',
	NFT_WORD = 256,  // a bare word, or an address
	NFT_WILDCARD,    // a bare word with '*' at its end
	NFT_NUMBER,
	NFT_STRING,      // without its quotes
	NFT_EQ, NFT_NE, NFT_LE, NFT_GE, NFT_LSHIFT, NFT_RSHIFT,
	NFT_JUNK,        // what means nothing
};

struct nft_token {
	int kind;
	const char *text; // not terminated; lives as long as the lexer
	size_t length;
	uint64_t number;
	const char *file;
	unsigned line, column;
};

struct nft_source; // a text that is being read, or was

struct nft_lexer {
	struct nft_source *source; // where the next word is; the outer ones hang on it
	struct nft_source *all;    // to be freed
	size_t bytes;              // of all files
	struct error *error;
};

void nft_lexer_init(struct nft_lexer *lexer, struct error *error);

// Goes on with a text, which stays the caller's, and comes back to what was being read when it ends. 0, or -1 without memory.
int nft_lexer_push(struct nft_lexer *lexer, const char *file, const char *text, size_t length);

// Goes on with files: pattern as nft has it, relative to the file where it stands, wildcards allowed, sorted. 0, or -1 with
// an error at the place: no such file, too deep, in a circle.
int nft_lexer_include(struct nft_lexer *lexer, const struct nft_token *pattern);

void nft_lexer_next(struct nft_lexer *lexer, struct nft_token *token);
void nft_lexer_free(struct nft_lexer *lexer);

// The token as it may stand in a message, whatever its bytes are. Returns text.
enum { NFT_QUOTE_MAX = 96 };
const char *nft_token_quote(const struct nft_token *token, char text[NFT_QUOTE_MAX]);

bool nft_token_is(const struct nft_token *token, const char *word);
