// SPDX-License-Identifier: BSD-3-Clause
// What the sets of a rule fall into, so that one entry of rte_acl can hold it.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/rule_acl_private.h"

static unsigned cubes_of(bool asked, const struct byte_set *set, struct byte_cube cube[CUBES_MAX])
{
	static const struct byte_set any = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	return byte_set_cubes(asked ? set : &any, cube);
}

static uint64_t ranges_of(bool asked, const struct port_set *set, const struct port_range **range)
{
	static const struct port_range any = { 0, PORTS - 1 };
	*range = asked ? set->range : &any;
	return asked ? set->count : 1;
}

// ICMP's type and code stand where ports do.
static void lists_of_ports(const struct rule *rule, uint16_t asks, struct acl_lists *lists)
{
	lists->source_ports = ranges_of(asks & RULE_SOURCE_PORT, &rule->source_ports, &lists->source_port);
	lists->destination_ports = ranges_of(asks & RULE_DESTINATION_PORT, &rule->destination_ports,
		&lists->destination_port);
	if (asks & RULE_ICMP_TYPE) {
		lists->destination_ports = byte_set_runs(&rule->icmp_types, lists->icmp_type);
		lists->destination_port = lists->icmp_type;
	}
	if (asks & RULE_ICMP_CODE) {
		lists->source_ports = byte_set_runs(&rule->icmp_codes, lists->icmp_code);
		lists->source_port = lists->icmp_code;
	}
}

static uint64_t vlans_within(const struct port_set *set)
{
	uint64_t count = 0;
	while (count < set->count && set->range[count].low <= RULE_VLAN_MAX)
		count++;
	return count;
}

void acl_lists_of(const struct rule *rule, unsigned view, const struct rule_need *need, struct acl_lists *lists)
{
	uint8_t family = view_family(view);
	struct byte_set interfaces = { { rule->interfaces } };
	lists->protocols = byte_set_cubes(&need->protocols, lists->protocol);
	lists->tcp_flags = cubes_of(need->asks & RULE_TCP_FLAGS, &rule->tcp_flags, lists->tcp_flag);
	lists->next_headers = cubes_of(need->asks & RULE_NEXT_HEADER, &rule->next_headers, lists->next_header);
	lists->interfaces = cubes_of(need->asks & RULE_INTERFACE, &interfaces, lists->interface);
	lists_of_ports(rule, need->asks, lists);
	lists->vlans = ranges_of(need->asks & RULE_VLAN, &rule->vlans, &lists->vlan);
	if (need->asks & RULE_VLAN)
		lists->vlans = vlans_within(&rule->vlans);
	lists->connection = need->asks & RULE_CONNECTION ? (uint8_t)~rule->connection : 0;
	lists->sources = need->asks & RULE_SOURCE ? address_set_prefixes(&rule->sources, family, NULL) : 1;
	lists->destinations = need->asks & RULE_DESTINATION ? address_set_prefixes(&rule->destinations, family, NULL) : 1;
	lists->source = lists->destination = NULL;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t lists_product(const struct acl_lists *lists)
{
	uint64_t ports = times(lists->source_ports, lists->destination_ports);
	uint64_t bytes = times(times(lists->protocols, lists->tcp_flags), times(lists->next_headers, lists->interfaces));
	return times(times(ports, bytes), times(lists->vlans, times(lists->sources, lists->destinations)));
}

uint64_t rule_acl_entries(const struct rule *rule)
{
	struct acl_lists lists;
	struct rule_need need;
	uint64_t sum = 0;
	for (unsigned view = 0; view < VIEWS; view++) {
		if (!rule_need(rule, view, &need) || rule_need_is_tabled(&need))
			continue;
		acl_lists_of(rule, view, &need, &lists);
		if (__builtin_add_overflow(sum, lists_product(&lists), &sum))
			return UINT64_MAX;
	}
	return sum;
}

static void prefixes_of(const struct address_set *set, uint8_t family, const struct address_classes *classes,
			struct address_prefix *prefix)
{
	uint64_t count = address_set_prefixes(set, family, prefix);
	for (uint64_t i = 0; classes && i < count; i++)
		prefix[i] = address_classes_prefix(classes, &prefix[i]);
}

int acl_lists_take_prefixes(struct acl_lists *lists, const struct rule *rule, const struct rule_need *need, uint8_t family,
			    struct address_classes *const classes[ENDS])
{
	lists->source = calloc(lists->sources + 1, sizeof(*lists->source));
	lists->destination = calloc(lists->destinations + 1, sizeof(*lists->destination));
	if (!lists->source || !lists->destination)
		return -ENOMEM;
	if (need->asks & RULE_SOURCE)
		prefixes_of(&rule->sources, family, classes[END_SOURCE], lists->source);
	if (need->asks & RULE_DESTINATION)
		prefixes_of(&rule->destinations, family, classes[END_DESTINATION], lists->destination);
	return 0;
}

void acl_lists_give_prefixes(struct acl_lists *lists)
{
	free(lists->source);
	free(lists->destination);
}

// Classes of addresses

static const struct address_set *set_of(const struct rule *rule, enum address_end end)
{
	if (!rule->ip6 || !(rule->asks & (end == END_SOURCE ? RULE_SOURCE : RULE_DESTINATION)))
		return NULL;
	return end == END_SOURCE ? &rule->sources : &rule->destinations;
}

// All prefixes of one end; NULL: counts alone.
static size_t prefixes_of_end(const struct rule_choice *choice, enum address_end end, struct address_prefix *prefix)
{
	size_t count = 0;
	for (size_t i = 0; i < choice->count; i++) {
		const struct address_set *set = set_of(choice->rule[i], end);
		if (set)
			count += address_set_prefixes(set, FAMILY_IP6, prefix ? prefix + count : NULL);
	}
	return count;
}

int rule_classes_build(struct rule_set *set, const struct rule_choice *choice, int socket)
{
	int result = 0;
	for (enum address_end end = 0; result == 0 && end < ENDS; end++) {
		size_t count = prefixes_of_end(choice, end, NULL);
		if (!count)
			continue;
		struct address_prefix *prefix = malloc(count * sizeof(*prefix));
		if (!prefix)
			return -ENOMEM;
		prefixes_of_end(choice, end, prefix);
		result = address_classes_make(prefix, count, socket, &set->classes[end]);
		set->bytes += address_classes_bytes(set->classes[end]);
		free(prefix);
	}
	return result;
}
