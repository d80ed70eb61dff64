// SPDX-License-Identifier: BSD-3-Clause
// The inside of the reader of one iptables rule: its matches and targets share it.
#pragma once

#include "control/rule_iptables_rule.h"

// Extensions, whose options are known once they are named, or implied by -p.
enum iptables_module {
	MODULE_TCP = 1 << 0,
	MODULE_UDP = 1 << 1,
	MODULE_SCTP = 1 << 2,
	MODULE_DCCP = 1 << 3,
	MODULE_ICMP = 1 << 4,
	MODULE_ICMP6 = 1 << 5,
	MODULE_MULTIPORT = 1 << 6,
	MODULE_STATE = 1 << 7,
	MODULE_CONNTRACK = 1 << 8,
	MODULE_LIMIT = 1 << 9,
	MODULE_COMMENT = 1 << 10,
	MODULE_IPRANGE = 1 << 11,
	TARGET_REJECT = 1 << 12,
	TARGET_LOG = 1 << 13,
	MODULES_OF_PORTS = MODULE_TCP | MODULE_UDP | MODULE_SCTP | MODULE_DCCP,
};

enum { IPTABLES_NO_PROTOCOL = -1 }; // none, or all but one

struct iptables_parser {
	struct iptables_reader *reader;
	struct iptables_command *command;
	struct iptables_rule *rule;
	int protocol;              // of -p without '!'
	unsigned modules;          // enum iptables_module: named, and implied by -p
	unsigned idle;             // named, and no option of them was there yet
	uint32_t seen;             // options that were there, by what they set
	struct iptables_word *option; // in front of the value that is read
	bool negated;              // by a '!'
	struct iptables_word *module_word, *reset_word; // the last -m; --reject-with tcp-reset; or NULL
};

// One option. 0, or -1 with an error. name: NULL ends a table.
struct iptables_option {
	const char *name, *other_name; // other_name: or NULL
	unsigned modules;      // any of them makes it known; 0: it always is
	uint8_t sets;          // what it sets, which is set once
	bool negates;          // may have a '!'
	int (*read)(struct iptables_parser *parser);
	const char *expected;  // without one of its modules; without a function: why it is not supported
};

extern const struct iptables_option iptables_matches[], iptables_targets[];

// By what they set.
enum {
	SETS_PROTOCOL = 0,
	SETS_SOURCE,
	SETS_DESTINATION,
	SETS_INTERFACE,
	SETS_TARGET,
	SETS_SOURCE_PORT,
	SETS_DESTINATION_PORT,
	SETS_TCP_FLAGS,
	SETS_ICMP,
	SETS_SOURCE_PORTS,
	SETS_DESTINATION_PORTS,
	SETS_PORTS,
	SETS_STATE,
	SETS_RATE,
	SETS_BURST,
	SETS_COMMENT,
	SETS_SOURCE_RANGE,
	SETS_DESTINATION_RANGE,
	SETS_ANSWER,
	SETS_LOG_PREFIX,
	SETS_LOG_LEVEL,
	SETS_OFTEN, // may stand often
};

// -m; what -p implies.
int iptables_read_module(struct iptables_parser *parser);
void iptables_imply_modules(struct iptables_parser *parser);

int iptables_no_memory(const struct iptables_parser *parser);
