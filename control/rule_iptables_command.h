// SPDX-License-Identifier: BSD-3-Clause
// One iptables command: what is to be done to which chain. Control thread only.
#pragma once

#include "control/rule_iptables_words.h"
#include "dataplane/flow_key.h"

enum iptables_action {
	IPTABLES_APPEND = 0,
	IPTABLES_INSERT,
	IPTABLES_POLICY,
	IPTABLES_FLUSH,
	IPTABLES_NEW_CHAIN,
	IPTABLES_DELETE_CHAIN,
	IPTABLES_ZERO,
};

struct iptables_command {
	enum iptables_action action;
	enum ip_family family;
	bool in_table;             // within a table of iptables-save: it says which
	bool began;                // options of a rule were read, which depend on the family
	const char *table;
	struct iptables_word *table_word; // -t; NULL: not given
	struct iptables_word *word;  // the action
	struct iptables_word *chain; // NULL: all of them
	struct iptables_word *target; // of a policy
	uint32_t number;           // where to insert, from 1
};

// Reads up to the rule, if there is one, else to the end. family, in_table and table are given. 0, or -1 with an error.
int iptables_command_read(struct iptables_reader *reader, struct iptables_command *command);

// Options that may stand anywhere: -t, -4, -6, -w, -W, -v. 1: there was one; 0: there is none; -1 with an error.
int iptables_common_option(struct iptables_reader *reader, struct iptables_command *command);
