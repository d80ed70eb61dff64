// SPDX-License-Identifier: BSD-3-Clause
// A rule with what only control knows of it: its text, where it was written, names that are yet to be looked up. One block
// of memory, shared by lists, stores and policies; immutable but for slot and interfaces, which are given once. Control
// thread only.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "dataplane/rule.h"

// Bytes, as nft has them.
enum {
	RULE_COMMENT_MAX = 128,
	RULE_LOG_PREFIX_MAX = 127,
};

struct rule_place {
	const char *file; // of an entry: a copy that lives as long as it
	unsigned line, column; // from 1; 0: not from a file
};

struct rule_entry {
	unsigned references;
	struct rule rule;
	struct rule_place place;
	const char *comment;      // or NULL
	const char *log_prefix;   // or NULL
	const char *interfaces;   // pattern names, as written: "wire", "eth*", '|' between them, '!' first: none of them; or NULL
	const char *text;         // canonical: equal for equal rules, whatever they were written like
	struct rule_limit_state limit_state;
};

// What a language builds a rule in. Sets grow as they are added to; rule_draft_finish sorts and merges them.
struct rule_draft;

struct rule_draft *rule_draft_create(void); // asks for nothing, both families, VERDICT_NONE. NULL without memory
void rule_draft_free(struct rule_draft *draft);
struct rule *rule_draft_rule(struct rule_draft *draft); // all but the four kinds of set below may be written directly

// Adds to a set and marks the field as asked for. field: RULE_SOURCE or RULE_DESTINATION; 0, or -1 without memory.
int rule_draft_addresses(struct rule_draft *draft, enum rule_field field, const struct ip_address *low,
			 const struct ip_address *high);
// field: RULE_SOURCE_PORT, RULE_DESTINATION_PORT or RULE_VLAN.
int rule_draft_ports(struct rule_draft *draft, enum rule_field field, uint16_t low, uint16_t high);
// field: RULE_PROTOCOL, RULE_NEXT_HEADER, RULE_TCP_FLAGS, RULE_ICMP_TYPE or RULE_ICMP_CODE.
void rule_draft_byte(struct rule_draft *draft, enum rule_field field, uint8_t value);
// Turns a set into its complement. The family of addresses is that of the rule; VLANs: 0 to 4095.
int rule_draft_negate(struct rule_draft *draft, enum rule_field field);
int rule_draft_comment(struct rule_draft *draft, const char *text);
int rule_draft_log(struct rule_draft *draft, const char *prefix);      // may be NULL
int rule_draft_interfaces(struct rule_draft *draft, const char *names); // as in rule_entry

// An entry with one reference, its canonical text made (rule_print.h); the draft is as new after it. A rule that can match
// nothing (an empty set) is legal. NULL with a text.
struct rule_entry *rule_draft_finish(struct rule_draft *draft, const struct rule_place *place, struct error *error);

struct rule_entry *rule_entry_keep(struct rule_entry *entry); // one reference more; returns entry
void rule_entry_drop(struct rule_entry *entry);               // NULL: nothing
