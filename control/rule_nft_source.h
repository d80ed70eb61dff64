// SPDX-License-Identifier: BSD-3-Clause
// The texts that a lexer reads: where each stands, which includes which.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	NFT_INCLUDE_DEPTH = 16,   // as nft has it
	NFT_BYTES_MAX = 64 << 20, // of all files together
	NFT_FILES_MAX = 4096,     // of one text
};

struct nft_source {
	struct nft_source *outer;  // what is read next when this one ends; NULL: the outermost
	struct nft_source *parent; // the one that includes it
	struct nft_source *all;   // the next of all
	const char *file;
	const char *at, *end;
	const char *line_begin;
	unsigned line;
	bool line_is_blank; // up to at
	unsigned depth;
	char *owned_text, *owned_file; // or NULL
};

// Goes behind the newline at which it stands.
static inline void nft_source_newline(struct nft_source *source)
{
	source->at++;
	source->line++;
	source->line_begin = source->at;
	source->line_is_blank = true;
}
