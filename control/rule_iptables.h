// SPDX-License-Identifier: BSD-3-Clause
// Rules as iptables and ip6tables have them: command lines ("iptables -A INPUT -p tcp --dport 80 -j ACCEPT") as they stand in
// a script, and what iptables-save and ip6tables-save print. One chain of the table filter, INPUT or FORWARD: the one that
// has rules. Its policy is the default verdict, ACCEPT if there is none, as in the kernel; where IPv4 and IPv6 have different
// ones the default is IPv4's, and a last rule stands for IPv6's. Control thread only.
#pragma once

#include <stddef.h>

#include "control/error.h"
#include "control/rule_list.h"

// Parses a whole text. list: empty before; after an error it holds nothing. 0, or -1 with an error that names file, line,
// column and word.
int rule_iptables_parse(const char *file, const char *text, size_t length, struct rule_list *list, struct error *error);

// Parses one rule: "-p tcp --dport 80 -j ACCEPT", of IPv4, also behind "iptables -A INPUT" and its like; "ip6tables" or "-6"
// in front: of IPv6. An entry with one reference; NULL with an error, also if it would become more rules than one.
struct rule_entry *rule_iptables_parse_rule(const char *source, const char *text, struct error *error);
