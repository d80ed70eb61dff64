// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_entry.h"

#include <stdlib.h>
#include <string.h>

#include "control/range_set.h"
#include "control/rule_print.h"

struct rule_draft {
	struct rule rule;
	struct address_ranges sources, destinations;
	struct port_ranges source_ports, destination_ports, vlans;
	char *comment, *log_prefix, *interfaces; // or NULL
};

static const struct rule new_rule = { .ip4 = true, .ip6 = true, .verdict = VERDICT_NONE };

struct rule_draft *rule_draft_create(void)
{
	struct rule_draft *draft = calloc(1, sizeof(*draft));
	if (draft)
		draft->rule = new_rule;
	return draft;
}

static void draft_clear(struct rule_draft *draft)
{
	address_ranges_free(&draft->sources);
	address_ranges_free(&draft->destinations);
	port_ranges_free(&draft->source_ports);
	port_ranges_free(&draft->destination_ports);
	port_ranges_free(&draft->vlans);
	free(draft->comment);
	free(draft->log_prefix);
	free(draft->interfaces);
	*draft = (struct rule_draft){ .rule = new_rule };
}

void rule_draft_free(struct rule_draft *draft)
{
	if (draft)
		draft_clear(draft);
	free(draft);
}

struct rule *rule_draft_rule(struct rule_draft *draft)
{
	return &draft->rule;
}

// Sets

static struct address_ranges *draft_addresses(struct rule_draft *draft, enum rule_field field)
{
	return field == RULE_SOURCE ? &draft->sources : &draft->destinations;
}

static struct port_ranges *draft_ports(struct rule_draft *draft, enum rule_field field)
{
	if (field == RULE_VLAN)
		return &draft->vlans;
	return field == RULE_SOURCE_PORT ? &draft->source_ports : &draft->destination_ports;
}

static struct byte_set *draft_bytes(struct rule_draft *draft, enum rule_field field)
{
	struct rule *rule = &draft->rule;
	switch (field) {
	case RULE_PROTOCOL:
		return &rule->protocols;
	case RULE_NEXT_HEADER:
		return &rule->next_headers;
	case RULE_TCP_FLAGS:
		return &rule->tcp_flags;
	case RULE_ICMP_TYPE:
		return &rule->icmp_types;
	default:
		return &rule->icmp_codes;
	}
}

static enum ip_family draft_family(const struct rule_draft *draft)
{
	return draft->rule.ip4 ? FAMILY_IP4 : FAMILY_IP6;
}

int rule_draft_addresses(struct rule_draft *draft, enum rule_field field, const struct ip_address *low,
			 const struct ip_address *high)
{
	draft->rule.asks |= (uint16_t)field;
	return address_ranges_add(draft_addresses(draft, field), low, high);
}

int rule_draft_ports(struct rule_draft *draft, enum rule_field field, uint16_t low, uint16_t high)
{
	draft->rule.asks |= (uint16_t)field;
	return port_ranges_add(draft_ports(draft, field), low, high);
}

void rule_draft_byte(struct rule_draft *draft, enum rule_field field, uint8_t value)
{
	draft->rule.asks |= (uint16_t)field;
	byte_set_add(draft_bytes(draft, field), value);
}

static void byte_set_negate(struct byte_set *set)
{
	for (unsigned i = 0; i < sizeof(set->word) / sizeof(set->word[0]); i++)
		set->word[i] = ~set->word[i];
}

int rule_draft_negate(struct rule_draft *draft, enum rule_field field)
{
	draft->rule.asks |= (uint16_t)field;
	if (field == RULE_SOURCE || field == RULE_DESTINATION)
		return address_ranges_negate(draft_addresses(draft, field), draft_family(draft));
	if (field == RULE_SOURCE_PORT || field == RULE_DESTINATION_PORT || field == RULE_VLAN)
		return port_ranges_negate(draft_ports(draft, field), field == RULE_VLAN ? RULE_VLAN_MAX : UINT16_MAX);
	byte_set_negate(draft_bytes(draft, field));
	return 0;
}

// Texts

static int set_text(char **text, const char *value)
{
	free(*text);
	*text = value ? strdup(value) : NULL;
	return value && !*text ? -1 : 0;
}

int rule_draft_comment(struct rule_draft *draft, const char *text)
{
	return set_text(&draft->comment, text);
}

int rule_draft_log(struct rule_draft *draft, const char *prefix)
{
	draft->rule.log = true;
	return set_text(&draft->log_prefix, prefix);
}

int rule_draft_interfaces(struct rule_draft *draft, const char *names)
{
	draft->rule.asks |= RULE_INTERFACE;
	return set_text(&draft->interfaces, names);
}

// Entries: one block, filled from front to back

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static void *put(char **room, const void *from, size_t size)
{
	void *to = *room;
	if (size)
		memcpy(to, from, size);
	*room += size;
	return to;
}

static void put_ports(char **room, struct port_set *set)
{
	set->range = put(room, set->range, set->count * sizeof(*set->range));
}

static void put_addresses(char **room, struct address_set *set)
{
	set->range = put(room, set->range, set->count * sizeof(*set->range));
}

static const char *put_text(char **room, const char *text)
{
	return text ? put(room, text, text_size(text)) : NULL;
}

static struct port_set ports_of(struct port_ranges *ranges)
{
	port_ranges_normalise(ranges);
	return (struct port_set){ ranges->range, (uint32_t)ranges->count };
}

static struct address_set addresses_of(struct address_ranges *ranges, enum ip_family family)
{
	address_ranges_normalise(ranges, family);
	return (struct address_set){ ranges->range, (uint32_t)ranges->count };
}

// Its sets are the draft's own.
static struct rule draft_finished(struct rule_draft *draft)
{
	struct rule rule = draft->rule;
	rule.sources = addresses_of(&draft->sources, draft_family(draft));
	rule.destinations = addresses_of(&draft->destinations, draft_family(draft));
	rule.source_ports = ports_of(&draft->source_ports);
	rule.destination_ports = ports_of(&draft->destination_ports);
	rule.vlans = ports_of(&draft->vlans);
	return rule;
}

static size_t sets_size(const struct rule *rule)
{
	return (rule->source_ports.count + rule->destination_ports.count + rule->vlans.count) * sizeof(struct port_range) +
	       (rule->sources.count + rule->destinations.count) * sizeof(struct address_range);
}

static size_t texts_size(const struct rule_draft *draft, const struct rule_place *place, const char *text)
{
	return text_size(draft->comment) + text_size(draft->log_prefix) + text_size(draft->interfaces) + text_size(text) +
	       text_size(place->file);
}

static void rule_put(struct rule *rule, char **room)
{
	put_ports(room, &rule->source_ports);
	put_ports(room, &rule->destination_ports);
	put_ports(room, &rule->vlans);
	put_addresses(room, &rule->sources);
	put_addresses(room, &rule->destinations);
}

static struct rule_entry *entry_create(const struct rule_draft *draft, const struct rule *rule,
				       const struct rule_place *place, const char *text)
{
	struct rule_entry *entry = malloc(sizeof(*entry) + sets_size(rule) + texts_size(draft, place, text));
	if (!entry)
		return NULL;
	char *room = (char *)(entry + 1);
	*entry = (struct rule_entry){ .references = 1, .rule = *rule, .place = *place };
	rule_put(&entry->rule, &room);
	entry->rule.limit_state = rule->limit.rate ? &entry->limit_state : NULL;
	entry->comment = put_text(&room, draft->comment);
	entry->log_prefix = put_text(&room, draft->log_prefix);
	entry->interfaces = put_text(&room, draft->interfaces);
	entry->text = put_text(&room, text);
	entry->place.file = put_text(&room, place->file);
	return entry;
}

struct rule_entry *rule_draft_finish(struct rule_draft *draft, const struct rule_place *place, struct error *error)
{
	struct rule rule = draft_finished(draft);
	char *text = rule_print(&rule, draft->comment, draft->log_prefix, draft->interfaces);
	struct rule_entry *entry = text ? entry_create(draft, &rule, place, text) : NULL;
	free(text);
	draft_clear(draft);
	if (!entry)
		error_set(error, "no memory for the rules");
	return entry;
}

struct rule_entry *rule_entry_keep(struct rule_entry *entry)
{
	entry->references++;
	return entry;
}

void rule_entry_drop(struct rule_entry *entry)
{
	if (entry && --entry->references == 0)
		free(entry);
}
