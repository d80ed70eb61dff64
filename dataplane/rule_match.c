// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_match.h"

#include <stdlib.h>

#include "dataplane/rule_layout.h"

// One rule against one packet

static bool prefix_matches(const struct prefix *prefix, const struct ip_address *address, uint8_t family)
{
	if (prefix->family == FAMILY_NONE)
		return true;
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	if (prefix->family != family || memcmp(prefix->address.byte, address->byte, whole) != 0)
		return false;
	return rest == 0 || ((prefix->address.byte[whole] ^ address->byte[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

static bool range_matches(const struct port_range *range, uint16_t port, bool has_ports)
{
	return range_any(range) || (has_ports && range->low <= port && port <= range->high);
}

bool rule_matches(const struct rule *rule, const struct packet_tuple *tuple)
{
	bool has_ports = !tuple->portless && protocol_ported(tuple->protocol);
	return (rule->protocol == RULE_ANY_PROTOCOL || rule->protocol == tuple->protocol) &&
	       range_matches(&rule->destination_port, tuple->destination_port, has_ports) &&
	       range_matches(&rule->source_port, tuple->source_port, has_ports) &&
	       prefix_matches(&rule->source, &tuple->source, tuple->family) &&
	       prefix_matches(&rule->destination, &tuple->destination, tuple->family);
}

struct rule_verdict rule_linear_judge(const struct rule *rules, size_t count, enum verdict default_verdict,
				      const struct packet_tuple *tuple)
{
	for (size_t i = 0; i < count; i++) {
		if (rule_matches(&rules[i], tuple))
			return rule_verdict(&rules[i]);
	}
	return default_policy(default_verdict);
}

// All rules against one packet

static uint32_t acl_find(const struct rule_matcher *matcher, unsigned family, const struct packet_tuple *tuple)
{
	unsigned bytes = 4 * address_words(family);
	struct acl_key key = {
		.protocol = tuple->protocol,
		.ported = rte_cpu_to_be_32(!tuple->portless),
		.source_port = rte_cpu_to_be_16(tuple->source_port),
		.destination_port = rte_cpu_to_be_16(tuple->destination_port),
	};
	memcpy(key.addresses, tuple->source.byte, bytes);
	memcpy(key.addresses + bytes, tuple->destination.byte, bytes);
	const uint8_t *data = (const uint8_t *)&key;
	uint32_t found = 0;
	rte_acl_classify(matcher->acl[family], &data, &found, 1, 1);
	return found ? found - 1 : matcher->count; // 0 is rte_acl's "no match"
}

struct rule_verdict rule_matcher_judge(const struct rule_matcher *matcher, const struct packet_tuple *tuple)
{
	const uint32_t *by_port = matcher->by_port[tuple->protocol];
	uint32_t position = by_port && !tuple->portless ? by_port[tuple->destination_port] :
							  matcher->any_port[tuple->protocol];
	unsigned family = tuple->family == FAMILY_IP6;
	if (matcher->first_acl[family] < position) {
		uint32_t found = acl_find(matcher, family, tuple);
		position = found < position ? found : position;
	}
	return matcher->verdicts[position];
}

void rule_matcher_free(struct rule_matcher *matcher)
{
	if (!matcher)
		return;
	for (unsigned family = 0; family < FAMILIES; family++)
		rte_acl_free(matcher->acl[family]);
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++)
		free(matcher->by_port[protocol]);
	free(matcher);
}
