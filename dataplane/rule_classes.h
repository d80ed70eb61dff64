// SPDX-License-Identifier: BSD-3-Clause
// Addresses as shorter numbers: addresses that no rule of a list tells apart share one, and every prefix that a rule asks for is a
// prefix of numbers, too. rte_acl takes a step for each byte, when it is built as when it is asked: four are sooner done than
// sixteen.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dataplane/flow_key.h"

struct address_prefix {
	struct ip_address address;
	uint8_t bits;
};

struct address_classes;

// Of all prefixes that rules ask for, in any order. 0; *classes is NULL where the numbers would be longer than 32 bits: some
// thirty prefixes, each in the next. -ENOMEM. Control thread.
int address_classes_make(const struct address_prefix *prefix, size_t count, int socket, struct address_classes **classes);
void address_classes_free(struct address_classes *classes);
size_t address_classes_bytes(const struct address_classes *classes);

// One of those prefixes, as a prefix of numbers: their first four bytes. Control thread.
struct address_prefix address_classes_prefix(const struct address_classes *classes, const struct address_prefix *prefix);

// The numbers of n <= RULE_BURST_MAX addresses, in host order. Any thread.
void address_classes_find(const struct address_classes *classes, const struct ip_address *const address[], unsigned n,
			  uint32_t number[]);
