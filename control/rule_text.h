// SPDX-License-Identifier: BSD-3-Clause
// Rules as people write them, to and from struct rule. One rule a line, first match wins:
//
//   allow|deny|reject PROTO [PORT] [from PREFIX [port PORT]] [to PREFIX [port PORT]] [prohibited]
//   default allow|deny|reject
//
// PROTO: tcp, udp, sctp, dccp, udplite, icmp, icmpv6, any, or a number. PORT: a number, LOW-HIGH, a service name, or a
// class (system, user, dynamic, ephemeral); after PROTO it is the destination port, or the type of ICMP. '#' starts a
// comment. The default policy stands once in a list, best at its end.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "control/port_range.h"
#include "dataplane/rule_match.h"

enum { RULE_TEXT_MAX = 256 };

struct rule_list {
	struct rule *rules; // slot 0: not assigned yet
	unsigned *lines;    // where each stands in its file
	size_t count;
	uint8_t default_verdict; // enum verdict
	bool has_default;
};

// Parses a whole file's text. 0; -1 with an error that names file, line, column, what stands there and what was expected.
int rule_list_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error);

// Reads and parses a file.
int rule_list_load(const char *file, struct rule_list *list, struct error *error);
void rule_list_free(struct rule_list *list);

// Parses one rule given as text. source names where it came from ("portierctl").
int rule_parse(const char *source, const char *text, struct rule *rule, struct error *error);

// The rule's canonical text: equal for equal rules, and rule_parse reads it back to the same. Returns text.
const char *rule_format(const struct rule *rule, char text[RULE_TEXT_MAX]);
