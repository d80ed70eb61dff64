// SPDX-License-Identifier: BSD-3-Clause
// The steps on the way from rules to contexts of rte_acl. Control thread.
#pragma once

#include "dataplane/rule_compile.h"

enum { WORDS = 4 }; // of 32 bits, in an address of 16 bytes

// Fields of an entry.
enum acl_field {
	ACL_PROTOCOL = 0, // rte_acl wants one byte first
	ACL_DESTINATION,
	ACL_SOURCE = ACL_DESTINATION + WORDS,
	ACL_SOURCE_PORT = ACL_SOURCE + WORDS,
	ACL_DESTINATION_PORT,
	ACL_NEXT_HEADER,
	ACL_CONNECTION,
	ACL_TCP_FLAGS,
	ACL_INTERFACE,
	ACL_VLAN,
	ACL_VLAN_REST, // rte_acl wants words whole
	ACL_FIELDS,
};

RTE_ACL_RULE_DEF(acl_entry, ACL_FIELDS);

// Which fields a context has: those alone that some rule asks for.
struct acl_layout {
	struct rte_acl_config config;
	int8_t at[ACL_FIELDS]; // -1: left out
};

// Words of an entry that are no addresses. In many lists they have few values: the ports of a service, states, an interface.
enum acl_small_word {
	ACL_WORD_PORTS = 0,
	ACL_WORD_BYTES, // next header, connection, TCP flags, interface
	ACL_WORD_VLAN,
	ACL_SMALL_WORDS,
};

// The values that one of them has in all entries of a list, as long as they are few branches of a tree.
enum { FEW_BRANCHES = 4 };
struct acl_values {
	unsigned count;
	unsigned branches; // above FEW_BRANCHES: they are many
	uint64_t value[FEW_BRANCHES];
};

// A context for rules that ask for these fields, with so many words for an address of each end. Words with few values come first.
void acl_layout_make(struct acl_layout *layout, uint16_t asks, const unsigned words[ENDS],
		     const struct acl_values values[ACL_SMALL_WORDS]);

// Sets of one rule, each as a list of what one entry can hold. A set that is not asked for is a list of one: anything.
struct acl_lists {
	uint64_t protocols, sources, destinations, source_ports, destination_ports, tcp_flags, next_headers, interfaces,
		vlans;
	struct byte_cube protocol[CUBES_MAX], tcp_flag[CUBES_MAX], next_header[CUBES_MAX], interface[CUBES_MAX];
	struct port_range icmp_type[BYTE_SET_RUNS_MAX], icmp_code[BYTE_SET_RUNS_MAX];
	const struct port_range *source_port, *destination_port, *vlan;
	struct address_prefix *source, *destination;
	uint8_t connection; // bits that must not be set: the packet has exactly one
};

// The lists of a rule, as packets of a view get to see it; prefixes are counted alone.
void acl_lists_of(const struct rule *rule, unsigned view, const struct rule_need *need, struct acl_lists *lists);

// Makes the lists of prefixes: of addresses, or of the numbers of their classes. 0 or -ENOMEM; give them back in either case.
int acl_lists_take_prefixes(struct acl_lists *lists, const struct rule *rule, const struct rule_need *need, uint8_t family,
			    struct address_classes *const classes[ENDS]);
void acl_lists_give_prefixes(struct acl_lists *lists);

// Kinds of entries that are built apart, each in a context of its own: see group_of.
enum { GROUPS = 4 };

enum acl_grouping {
	GROUPING_NONE = 0,
	GROUPING_DESTINATION,
	GROUPING_BOTH,
};

// Where the entries of one view go. First they are counted, then added.
struct acl_filler {
	unsigned view;
	const struct rule_set *set; // its tables and classes are there
	const struct acl_layout *layout;
	struct rte_acl_ctx *acl[GROUPS]; // all NULL: only counts
	uint32_t count[GROUPS];
	uint32_t first[GROUPS]; // positions
	uint16_t asks;          // fields that any of them asks for
	struct acl_values values[ACL_SMALL_WORDS];
	enum acl_grouping grouping;
	uint32_t position; // of the rule whose entries come
};

// Runs through all entries of a choice that no table answers earlier. 0 or -errno.
int acl_fill(struct acl_filler *filler, const struct rule_choice *choice);
