// SPDX-License-Identifier: BSD-3-Clause
// What a list of rules says that its author is unlikely to have meant: rules that can never match, rules that partly undo
// each other, listeners that nothing reaches, ports that are opened for nobody or too widely. Control thread only.
#pragma once

#include <stdint.h>

#include "control/config.h"
#include "control/rule_entry.h"

enum lint_kind {
	LINT_EMPTY = 0,   // matches nothing, whatever stands before it
	LINT_DUPLICATE,   // an earlier rule says the same
	LINT_SHADOWED,    // can never match: earlier rules decide on all of it, otherwise
	LINT_REDUNDANT,   // likewise, and to the same verdict
	LINT_OVERLAP,     // shares packets with an earlier rule of the opposite verdict; neither contains the other
	LINT_WIDE,        // opens the ephemeral ports, or all
	LINT_NO_LISTENER, // lets packets in to a port where nothing listens
	LINT_UNREACHED,   // a listener that no rule lets in
	LINT_INCOMPLETE,  // there was more to look at than there is time for
	LINT_KINDS,
};

enum {
	LINT_NOWHERE = UINT32_MAX,
	LINT_KIND_MAX = 20, // findings of a kind that are kept; all are counted
};

struct lint_finding {
	enum lint_kind kind;
	uint32_t rule;  // position, or LINT_NOWHERE
	uint32_t other; // the earlier rule, or LINT_NOWHERE
	char *text;     // "file:line: ..."
};

struct lint {
	struct lint_finding *finding; // by rule
	size_t count;
	size_t found[LINT_KINDS]; // also those that are not kept
	size_t left_out;
};

// Whose interfaces are looked up already.
struct lint_input {
	struct rule_entry *const *entry;
	size_t count;
	enum verdict default_verdict;
	const struct config *config; // listeners and the default handler; NULL: rules alone are looked at
	bool by_id;   // texts name rules by their ids, not by where they were written
	size_t focus; // what is said of this rule alone, and of others because of it; SIZE_MAX: of all
};

// "shadowed", "overlap"...: as in JSON.
const char *lint_kind_name(enum lint_kind kind);

// 0, or -1 without memory. Bounded in time: well under a second for 10,000 rules, seconds for 100,000.
int rule_lint(const struct lint_input *input, struct lint *lint);
void rule_lint_free(struct lint *lint);
