// SPDX-License-Identifier: BSD-3-Clause
// Sets in nftables' syntax: "80", "80-90", "{ 80, 443 }", or what they are not, if that is said with fewer ranges. Each
// leaves a blank behind itself.
#pragma once

#include "control/rule_nft_type.h"
#include "control/text_buffer.h"
#include "dataplane/rule.h"

struct number_style {
	unsigned most;
	enum nft_type names; // NFT_TYPES: none, numbers only
	bool negate;         // say what it is not, if that can be said
	bool as_range;       // "5-5" rather than "5"
};

void print_port_set(struct text_buffer *text, const struct port_set *set, const struct number_style *style);
void print_byte_set(struct text_buffer *text, const struct byte_set *set, const struct number_style *style);
void print_address_set(struct text_buffer *text, enum ip_family family, const struct address_set *set);

// Names of interfaces as struct rule_entry has them.
void print_interfaces(struct text_buffer *text, const char *names);

// TCP flags: as bits to be looked at and what they have to be, if that says it all.
void print_tcp_flags(struct text_buffer *text, const struct byte_set *set);
