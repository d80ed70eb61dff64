// SPDX-License-Identifier: BSD-3-Clause
// Rules in portier's own words. One rule a line, first match wins:
//
//   allow|deny|reject PROTO [PORT] [from PREFIX [port PORT]] [to PREFIX [port PORT]] [prohibited]
//   default allow|deny|reject
//
// PROTO: tcp, udp, sctp, dccp, udplite, icmp, icmpv6, any, or a number. PORT: a number, LOW-HIGH, a service name, or a
// class (system, user, dynamic, ephemeral); after PROTO it is the destination port, or the type of ICMP. '#' starts a
// comment. The default policy stands once in a list, best at its end. Control thread only.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "control/rule_list.h"

// Parses a whole text. list: empty before; after an error it holds what was read so far. 0, or -1 with an error that names
// file, line, column, what stands there and what was expected.
int rule_words_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error);

// Parses one rule. source names where it came from ("portierctl"). An entry with one reference; NULL with an error.
struct rule_entry *rule_words_parse_rule(const char *source, const char *text, struct error *error);
