// SPDX-License-Identifier: BSD-3-Clause
// One rule of nft: its matches and statements as they were written, and what they come to. Control thread only.
#pragma once

#include "control/rule_entry.h"
#include "control/rule_list.h"
#include "control/rule_nft_match.h"

enum nft_reject {
	NFT_REJECT_PLAIN = 0,
	NFT_REJECT_TCP,
	NFT_REJECT_ICMP,
	NFT_REJECT_ICMPV6,
	NFT_REJECT_ICMPX,
};

struct nft_rule {
	struct nft_rule *next; // of those that wait
	size_t position;       // in the list
	struct nft_token at;
	enum nft_family family;
	bool ingress;
	struct nft_match *matches, **last_match;
	bool counter, log;
	const char *log_prefix, *comment; // or NULL
	struct rule_limit limit;
	uint8_t verdict; // enum verdict
	enum nft_reject reject;
	struct nft_token reject_at;
	uint8_t answer_code;
};

// Reads a rule up to its end of line. NULL with an error.
struct nft_rule *nft_read_rule(struct nft_parser *parser, enum nft_family family, bool ingress);

// Reads one statement of a rule, with what has to be said about where it may stand. 0, or -1 with an error.
int nft_read_statement(struct nft_parser *parser, struct nft_rule *rule);

// The entry, when all sets are known. draft is as new before and after. NULL with an error.
struct rule_entry *nft_build_rule(struct nft_parser *parser, struct nft_rule *rule, struct rule_draft *draft);
