// SPDX-License-Identifier: BSD-3-Clause
// What stands behind iptables' options: numbers, ports, addresses, rates, flags. Each takes the word that holds it, and
// returns 0, or -1 with an error that names the word. Control thread only.
#pragma once

#include "control/range_set.h"
#include "control/rule_iptables_words.h"

// Decimal digits, without zeros in front, which iptables would take for octal numbers. false: no such number up to most.
bool iptables_number(const char *text, uint32_t most, uint32_t *number);

// "80", "http", "80:90", ":90", "80:".
int iptables_ports(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t protocol,
		   struct port_range *range);

// "80,443,8000:8080", added to a set.
int iptables_port_list(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t protocol,
		       struct port_ranges *set);

// "192.0.2.0/24", "192.0.2.7/255.255.255.0", "10/8", "2001:db8::/32"; host bits are cut, as iptables does.
int iptables_addresses(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family,
		       struct address_range *range);

// "192.0.2.1-192.0.2.9", or one address.
int iptables_address_range(const struct iptables_reader *reader, const struct iptables_word *word, enum ip_family family,
			   struct address_range *range);

// "SYN,ACK", "ALL", "NONE": bits of the TCP header.
int iptables_tcp_flags(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t *flags);

// "NEW,ESTABLISHED": enum connection_state.
int iptables_states(const struct iptables_reader *reader, const struct iptables_word *word, uint8_t *states);

// "10/second", "3/m", "5".
int iptables_rate(const struct iptables_reader *reader, const struct iptables_word *word, struct rule_limit *limit);

// A text that comments and prefixes may hold: printable, of UTF-8, not longer than RULE_COMMENT_MAX bytes.
int iptables_text(const struct iptables_reader *reader, const struct iptables_word *word);
