// SPDX-License-Identifier: BSD-3-Clause
// Values as sets of what a field may be: of one match, or named ones. Control thread only.
#pragma once

#include "control/range_set.h"
#include "control/rule_nft_type.h"
#include "control/rule_nft_value.h"

// What a value holds, by its type.
struct nft_content {
	struct port_ranges numbers;
	struct address_ranges addresses;
	const char **names; // of interfaces; of the parser's memory
	size_t name_count;
	size_t count;       // elements as they were written
	const struct nft_value *only; // the element, if there is one
};

// Puts together what a value holds; sets within sets are flattened. protocol: of port names. 0, or -1 with an error. Either
// way to be freed.
int nft_content_of(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value,
		   struct nft_content *content);
void nft_content_free(struct nft_content *content);

// One number: a word, or bits put together. list: whether "a,b" is one.
int nft_constant(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_value *value, bool list,
		 uint32_t *number);

// A named set.
struct nft_set {
	struct nft_set *next;
	struct nft_token name;
	enum nft_type type;  // NFT_TYPES: not told yet
	bool interval, merge, sized;
	uint64_t size;
	struct nft_item *items, **last; // values that elements were given as
	bool resolved;
	struct nft_content content;
};

struct nft_set *nft_set_find(const struct nft_parser *parser, const struct nft_token *name);
struct nft_set *nft_set_create(struct nft_parser *parser, const struct nft_token *name);
int nft_set_add(struct nft_parser *parser, struct nft_set *set, const struct nft_value *elements);

// Fills in the content; checks what nft would: intervals without the flag, overlaps, size.
int nft_set_resolve(struct nft_parser *parser, struct nft_set *set);
void nft_sets_free(struct nft_parser *parser);
