// SPDX-License-Identifier: BSD-3-Clause
// The types of values that nft's matches have, and the names of their values. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/rule_nft_parser.h"

enum nft_type {
	NFT_TYPE_IP4 = 0,
	NFT_TYPE_IP6,
	NFT_TYPE_PORT,
	NFT_TYPE_PROTOCOL,
	NFT_TYPE_ICMP_TYPE,
	NFT_TYPE_ICMPV6_TYPE,
	NFT_TYPE_ICMP_CODE,
	NFT_TYPE_ICMPV6_CODE,
	NFT_TYPE_ICMPX_CODE, // of answers only
	NFT_TYPE_TCP_FLAGS,
	NFT_TYPE_CT_STATE,
	NFT_TYPE_VLAN,
	NFT_TYPE_FAMILY,
	NFT_TYPE_INTERFACE,
	NFT_TYPES
};

enum { NFT_INTERFACE_MAX = 15 }; // bytes of a name

// The type that "type NAME" of a set names, NFT_TYPES: none.
enum nft_type nft_type_find(const struct nft_token *name);

static inline bool nft_type_is_address(enum nft_type type)
{
	return type == NFT_TYPE_IP4 || type == NFT_TYPE_IP6;
}

// Whether values are bits to be put together: "tcp flags syn" asks whether a flag is set.
static inline bool nft_type_is_bits(enum nft_type type)
{
	return type == NFT_TYPE_TCP_FLAGS || type == NFT_TYPE_CT_STATE;
}

// The largest value of a type of numbers.
unsigned nft_type_most(enum nft_type type);

// Reads one word as a value. 0, or -1 with an error at the word. protocol: whose services port names are first looked for
// among.
int nft_type_number(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_token *token,
		    uint32_t *number);
int nft_type_address(struct nft_parser *parser, enum nft_type type, const struct nft_token *token,
		     struct ip_address *address);
int nft_type_interface(struct nft_parser *parser, const struct nft_token *token, const char **name);

// The name of a number, or NULL: for printing.
const char *nft_type_name(enum nft_type type, uint32_t number);
