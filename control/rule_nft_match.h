// SPDX-License-Identifier: BSD-3-Clause
// Matches: which field a rule of nft asks for, and for what. Control thread only.
#pragma once

#include "control/rule_nft_set.h"
#include "dataplane/rule.h"

// What a rule may ask for, by the two words that name it.
struct nft_field {
	const char *header, *name; // header: NULL if name stands alone
	enum nft_type type;
	uint16_t asks;    // enum rule_field; 0: the family
	uint8_t family;   // enum ip_family: of the header that holds the field
	uint8_t protocol; // likewise, 0: none
};

// "flags & (fin|syn)": what is done with the field before it is compared.
struct nft_step {
	struct nft_step *next;
	int operator;
	const struct nft_value *value;
};

struct nft_match {
	struct nft_match *next;
	const struct nft_field *field;
	struct nft_token at;   // where it begins
	int operator;          // NFT_EQ...; 0: none was written
	struct nft_token operator_at;
	struct nft_step *steps;
	const struct nft_value *value;
};

// Whether a match comes next, and reading one. NULL with an error.
bool nft_at_match(const struct nft_parser *parser);
struct nft_match *nft_read_match(struct nft_parser *parser);

// A field by itself, as "typeof" names it.
const struct nft_field *nft_read_field(struct nft_parser *parser);

// The numbers that a match lets through, normalised; of the type of connection states: enum connection_state. *single: it is
// one number, compared for equality, or -1; -2: one of several. To be freed either way. 0, or -1 with an error.
enum { NFT_NOT_SINGLE = -1, NFT_SEVERAL = -2 };
int nft_match_numbers(struct nft_parser *parser, const struct nft_match *match, struct port_ranges *numbers, int *single);
int nft_match_addresses(struct nft_parser *parser, const struct nft_match *match, struct address_ranges *addresses);
// The names as struct rule_entry has them, of the parser's memory. NULL with an error.
const char *nft_match_interfaces(struct nft_parser *parser, const struct nft_match *match);
