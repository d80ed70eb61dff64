// SPDX-License-Identifier: BSD-3-Clause
// A rule file, in whichever of the three languages it is written: nftables' own (rule_nft.h), iptables command lines or
// iptables-save (rule_iptables.h), portier's words (rule_text.h). Control thread only.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "control/rule_entry.h"
#include "dataplane/flow.h"

enum { RULE_LIST_MAX = FLOW_RULE_MAX - 1 }; // rules in one list

struct rule_list {
	struct rule_entry **entry; // in order; one reference each
	size_t count;
	uint8_t default_verdict; // enum verdict
	bool has_default;
};

// Which language a text is in, by its first words.
enum rule_language {
	RULE_LANGUAGE_WORDS = 0,
	RULE_LANGUAGE_NFT,
	RULE_LANGUAGE_IPTABLES,
};
enum rule_language rule_language_of(const char *text, size_t length);

// Parses a text that came from file (the name stands in errors; includes are looked for beside it). 0; -1 with an error
// that names file, line, column, the offending word and what was expected.
int rule_list_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error);

// Reads and parses a file.
int rule_list_load(const char *file, struct rule_list *list, struct error *error);
void rule_list_free(struct rule_list *list);

// Parses one rule, as a command gives it, in any of the languages: "tcp dport 80 accept", "-p tcp --dport 80 -j ACCEPT",
// "allow tcp 80". source stands for the file in errors. An entry with one reference; NULL with an error.
struct rule_entry *rule_list_parse_rule(const char *source, const char *text, struct error *error);

// For the languages: takes over the reference, also if it fails. 0, or -1 with a text.
int rule_list_append(struct rule_list *list, struct rule_entry *entry, struct error *error);
