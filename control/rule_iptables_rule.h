// SPDX-License-Identifier: BSD-3-Clause
// What one iptables rule asks for and does, as its options say it; and the rules of portier that it becomes: mostly one, but
// one for each of several addresses (as iptables itself makes them), and two where a port of either end may match or a
// negation is of a type and a code at once. Control thread only.
#pragma once

#include "control/range_set.h"
#include "control/rule_entry.h"
#include "control/rule_iptables_command.h"

enum { IPTABLES_INTERFACE_MAX = 16 }; // with its end, as Linux has it

// One side of a packet: its source, or its destination.
struct iptables_side {
	struct address_ranges list; // -s, -d: in the order of writing, each a rule of its own
	bool list_negated;          // of one only
	struct address_ranges range; // of iprange, normalised
	bool has_range;
	struct port_ranges ports;   // normalised
	bool has_ports;
};

enum { IPTABLES_SOURCE = 0, IPTABLES_DESTINATION, IPTABLES_SIDES };

struct iptables_rule {
	struct rule rule;           // all but addresses and ports
	struct iptables_side side[IPTABLES_SIDES];
	struct port_ranges either;  // of multiport's --ports: the port of one side or the other; normalised
	bool has_either;
	bool needs_header;          // a match of the protocol's own was named: not for packets without such a header
	bool not_type_code;         // rule asks for type and code of ICMP, and all but that very pair matches
	bool backwards;             // each is inserted in front of the one before: the halves of two come in turned order
	bool log;
	const char *log_prefix, *comment; // or NULL; words of the command
	char interfaces[IPTABLES_INTERFACE_MAX + 1]; // as in rule_entry; "": any
};

// Reads the options up to the end of the command. 0, or -1 with an error. To be freed in both cases.
int iptables_rule_read(struct iptables_reader *reader, struct iptables_command *command, struct iptables_rule *rule);
void iptables_rule_free(struct iptables_rule *rule);

// Takes each rule that it becomes, in order, with one reference. 0, or -1 to end.
typedef int iptables_take_rule(void *context, struct rule_entry *entry);

// 0, or -1 with a text, or what take returned.
int iptables_rule_build(const struct iptables_rule *rule, const struct rule_place *place, iptables_take_rule *take,
			void *context, struct error *error);
