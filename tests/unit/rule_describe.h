// SPDX-License-Identifier: BSD-3-Clause
// A rule as a short text, made of nothing but its struct: what tests compare.
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/address.h"
#include "control/rule_entry.h"

enum { DESCRIBE_MAX = 4096 };

static inline void __attribute__((format(printf, 2, 3))) describe_add(char text[DESCRIBE_MAX], const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, DESCRIBE_MAX - used, format, arguments);
	va_end(arguments);
}

static inline void describe_bytes(char text[DESCRIBE_MAX], const char *name, const struct byte_set *set)
{
	describe_add(text, " %s{", name);
	for (int low = 0; low < 256; low++) {
		if (!byte_set_has(set, (uint8_t)low))
			continue;
		int high = low;
		while (high < 255 && byte_set_has(set, (uint8_t)(high + 1)))
			high++;
		describe_add(text, high > low ? "%d-%d," : "%d,", low, high);
		low = high;
	}
	describe_add(text, "}");
}

static inline void describe_ports(char text[DESCRIBE_MAX], const char *name, const struct port_set *set)
{
	describe_add(text, " %s{", name);
	for (uint32_t i = 0; i < set->count; i++)
		describe_add(text, set->range[i].low < set->range[i].high ? "%u-%u," : "%u,", set->range[i].low,
			     set->range[i].high);
	describe_add(text, "}");
}

static inline void describe_addresses(char text[DESCRIBE_MAX], const char *name, const struct address_set *set,
				      uint8_t family)
{
	char low[ADDRESS_TEXT_MAX], high[ADDRESS_TEXT_MAX];
	describe_add(text, " %s{", name);
	for (uint32_t i = 0; i < set->count; i++)
		describe_add(text, "%s-%s,", address_format(&set->range[i].low, family, low),
			     address_format(&set->range[i].high, family, high));
	describe_add(text, "}");
}

static inline void describe_sets(char text[DESCRIBE_MAX], const struct rule *rule)
{
	uint8_t family = rule->ip4 ? FAMILY_IP4 : FAMILY_IP6;
	if (rule->asks & RULE_PROTOCOL)
		describe_bytes(text, "proto", &rule->protocols);
	if (rule->asks & RULE_NEXT_HEADER)
		describe_bytes(text, "next", &rule->next_headers);
	if (rule->asks & RULE_SOURCE)
		describe_addresses(text, "src", &rule->sources, family);
	if (rule->asks & RULE_DESTINATION)
		describe_addresses(text, "dst", &rule->destinations, family);
	if (rule->asks & RULE_SOURCE_PORT)
		describe_ports(text, "sport", &rule->source_ports);
	if (rule->asks & RULE_DESTINATION_PORT)
		describe_ports(text, "dport", &rule->destination_ports);
	if (rule->asks & RULE_TCP_FLAGS)
		describe_bytes(text, "flags", &rule->tcp_flags);
	if (rule->asks & RULE_ICMP_TYPE)
		describe_bytes(text, "type", &rule->icmp_types);
	if (rule->asks & RULE_ICMP_CODE)
		describe_bytes(text, "code", &rule->icmp_codes);
	if (rule->asks & RULE_VLAN)
		describe_ports(text, "vlan", &rule->vlans);
	if (rule->asks & RULE_CONNECTION)
		describe_add(text, " ct=%#x", rule->connection);
}

static inline void describe_limit(char text[DESCRIBE_MAX], const struct rule_limit *limit)
{
	if (limit->rate)
		describe_add(text, " limit%s=%llu/%u burst=%llu%s", limit->over ? " over" : "",
			     (unsigned long long)limit->rate, limit->period_sec, (unsigned long long)limit->burst,
			     limit->bytes ? " bytes" : "");
}

static inline const char *describe(const struct rule_entry *entry, char text[DESCRIBE_MAX])
{
	static const char *const verdicts[] = { "accept", "drop", "reject", "none" };
	const struct rule *rule = &entry->rule;
	snprintf(text, DESCRIBE_MAX, "%s%s", rule->ip4 ? "4" : "", rule->ip6 ? "6" : "");
	describe_sets(text, rule);
	if (entry->interfaces)
		describe_add(text, " if=%s", entry->interfaces);
	describe_limit(text, &rule->limit);
	if (rule->log)
		describe_add(text, " log=%s", entry->log_prefix ? entry->log_prefix : "");
	if (entry->comment)
		describe_add(text, " comment=%s", entry->comment);
	describe_add(text, " %s", verdicts[rule->verdict]);
	if (rule->verdict == VERDICT_REJECT)
		describe_add(text, " %u/%u", rule->answer, rule->answer_code);
	return text;
}
