// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_iptables_chain.h"

#include <stdlib.h>
#include <string.h>

// Moves all to the middle of twice the room, so that both ends are cheap to add to: scripts of inserts alone are common.
static int grow(struct iptables_chain *chain)
{
	size_t room = chain->room ? 2 * chain->room : 64;
	struct rule_entry **entry = malloc(room * sizeof(*entry));
	if (!entry)
		return -1;
	size_t first = (room - chain->count) / 2;
	if (chain->count)
		memcpy(entry + first, chain->entry + chain->first, chain->count * sizeof(*entry));
	free(chain->entry);
	chain->entry = entry;
	chain->first = first;
	chain->room = room;
	return 0;
}

// Makes a gap at a position; the shorter side moves.
static void open_gap(struct iptables_chain *chain, size_t position)
{
	struct rule_entry **begin = chain->entry + chain->first;
	if (position < chain->count / 2 || chain->first + chain->count == chain->room) {
		memmove(begin - 1, begin, position * sizeof(*begin));
		chain->first--;
	} else {
		memmove(begin + position + 1, begin + position, (chain->count - position) * sizeof(*begin));
	}
}

int iptables_chain_insert(struct iptables_chain *chain, size_t position, struct rule_entry *entry)
{
	bool full = position < chain->count / 2 ? chain->first == 0 : chain->first + chain->count == chain->room;
	if (full && grow(chain)) {
		rule_entry_drop(entry);
		return -1;
	}
	if (chain->count)
		open_gap(chain, position);
	chain->entry[chain->first + position] = entry;
	chain->count++;
	chain->count_ip6 += entry->rule.ip6;
	return 0;
}

struct rule_entry *iptables_chain_at(const struct iptables_chain *chain, size_t position)
{
	return chain->entry[chain->first + position];
}

static bool is_of(const struct rule_entry *entry, enum ip_family family)
{
	return family == FAMILY_IP4 ? entry->rule.ip4 : entry->rule.ip6;
}

static size_t count_of(const struct iptables_chain *chain, enum ip_family family)
{
	return family == FAMILY_IP4 ? chain->count - chain->count_ip6 : chain->count_ip6;
}

// In front of or behind all rules is in front of or behind the other family's too, which is no matter.
bool iptables_chain_find(const struct iptables_chain *chain, enum ip_family family, size_t number, size_t *position)
{
	size_t passed = 0, most = count_of(chain, family);
	if (number > most + 1)
		return false;
	*position = number == most + 1 ? chain->count : number - 1;
	if (number == 1 || number == most + 1 || most == chain->count)
		return true;
	for (*position = 0;; ++*position) {
		if (is_of(iptables_chain_at(chain, *position), family) && ++passed == number)
			return true;
	}
}

void iptables_chain_flush(struct iptables_chain *chain, enum ip_family family)
{
	size_t kept = 0;
	for (size_t i = 0; i < chain->count; i++) {
		struct rule_entry *entry = iptables_chain_at(chain, i);
		if (family == FAMILY_NONE || is_of(entry, family))
			rule_entry_drop(entry);
		else
			chain->entry[chain->first + kept++] = entry;
	}
	chain->count = kept;
	chain->count_ip6 = family == FAMILY_IP4 ? kept : 0;
}

void iptables_chain_free(struct iptables_chain *chain)
{
	iptables_chain_flush(chain, FAMILY_NONE);
	free(chain->entry);
	*chain = (struct iptables_chain){ 0 };
}
