// SPDX-License-Identifier: BSD-3-Clause
// Rules beside listeners: ports where something listens and nothing comes in, ports that are open and nobody listens, and
// ports that are opened more widely than anybody listens.
#include <netinet/in.h>
#include <stdio.h>

#include "control/rule_lint_private.h"
#include "control/services.h"

enum {
	EPHEMERAL_LOW = 32768, // what Linux hands out
	EPHEMERAL_HIGH = 60999,
	TCP_SYN_FLAG = 0x02,
	CONNECTION_NEW_BIT = 0,
	RANGE_TEXT_MAX = 32,
};

// What opens a flow.
static bool narrow_to_openers(struct linter *linter, struct region *region, bool tcp)
{
	return region_narrow(&linter->room, region, REGION_CONNECTION, CONNECTION_NEW_BIT, CONNECTION_NEW_BIT) &&
	       (!tcp || region_narrow(&linter->room, region, REGION_TCP_FLAGS, TCP_SYN_FLAG, TCP_SYN_FLAG));
}

// Listeners

static bool narrow_to_prefix(struct linter *linter, struct region *region, const struct listener *listener)
{
	bool ip4 = listener->family == FAMILY_IP4;
	if (listener->family == FAMILY_NONE)
		return true;
	unsigned bits = ip4 ? 32 : 128, host = bits - listener->prefix;
	region_value low = region_address(&listener->address, ip4);
	region_value rest = host == 128 ? ~(region_value)0 : ((region_value)1 << host) - 1;
	return region_narrow(&linter->room, region, REGION_FAMILY, !ip4, !ip4) &&
	       region_narrow(&linter->room, region, REGION_DESTINATION, low, low | rest);
}

static bool narrow_to_ports(struct linter *linter, struct region *region, const struct listener *listener)
{
	if (protocol_is_icmp(listener->protocol))
		return region_narrow(&linter->room, region, REGION_HEADER, 1, 1) &&
		       region_narrow(&linter->room, region, REGION_ICMP_TYPE, listener->port_low,
			       listener->port_high < 255 ? listener->port_high : 255);
	if (!protocol_has_ports(listener->protocol))
		return true;
	return region_narrow(&linter->room, region, REGION_HEADER, 1, 1) &&
	       region_narrow(&linter->room, region, REGION_DESTINATION_PORT, listener->port_low, listener->port_high);
}

static bool region_of_listener(struct linter *linter, const struct listener *listener, struct region *region)
{
	*region = (struct region){ 0 };
	if (listener->interface != LISTENER_ANY_INTERFACE &&
	    !region_narrow(&linter->room, region, REGION_INTERFACE, listener->interface, listener->interface))
		return false;
	if (listener->vlan != LISTENER_ANY_VLAN &&
	    !region_narrow(&linter->room, region, REGION_VLAN, listener->vlan, listener->vlan))
		return false;
	return region_narrow(&linter->room, region, REGION_PROTOCOL, listener->protocol, listener->protocol) &&
	       narrow_to_prefix(linter, region, listener) && narrow_to_ports(linter, region, listener) &&
	       narrow_to_openers(linter, region, listener->protocol == IPPROTO_TCP);
}

// Whether the rule at a place (or, behind all, the default policy) lets some of the region in.
static bool lets_in(struct linter *linter, const struct region *region, size_t at)
{
	struct region rule = { 0 }, both;
	struct reach reach;
	if (at < linter->input->count &&
	    !region_of_rule(&linter->room, &linter->input->entry[at]->rule, &rule, NULL))
		return false;
	linter->looked_at++;
	if (!region_intersect(&linter->room, &rule, region, &both))
		return false;
	lint_reach(linter, &both, at, &reach);
	return reach.answer != REACH_NO;
}

static bool is_let_in(struct linter *linter, const struct listener *listener)
{
	const struct lint_input *input = linter->input;
	struct region region;
	region_room_reset(&linter->room);
	if (!region_of_listener(linter, listener, &region))
		return true;
	if (input->default_verdict == VERDICT_ACCEPT && lets_in(linter, &region, input->count))
		return true;
	for (size_t at = 0; at < input->count && !lint_spent(linter); at++)
		if (input->entry[at]->rule.verdict == VERDICT_ACCEPT && !linter->dead[at] && lets_in(linter, &region, at))
			return true;
	return lint_spent(linter);
}

// A new rule is to blame only if it takes from the listener.
static bool concerns_listener(struct linter *linter, const struct listener *listener)
{
	const struct lint_input *input = linter->input;
	struct region rule, region, both;
	if (input->focus == SIZE_MAX)
		return true;
	region_room_reset(&linter->room);
	return input->entry[input->focus]->rule.verdict != VERDICT_ACCEPT &&
	       region_of_listener(linter, listener, &region) &&
	       region_of_rule(&linter->room, &input->entry[input->focus]->rule, &rule, NULL) &&
	       region_intersect(&linter->room, &rule, &region, &both);
}

static void look_at_listener(struct linter *linter, const struct listener *listener)
{
	char text[LISTENER_TEXT_MAX];
	if (!concerns_listener(linter, listener) || is_let_in(linter, listener))
		return;
	lint_say(linter, LINT_UNREACHED, LINT_NOWHERE, LINT_NOWHERE, "no rule lets anything in to the listener %s",
		config_listener_format(linter->input->config, listener, text));
}

// Ports without a listener

static bool families_meet(const struct rule *rule, const struct listener *listener)
{
	return listener->family == FAMILY_NONE || (listener->family == FAMILY_IP4 ? rule->ip4 : rule->ip6);
}

static bool listens(const struct config *config, const struct rule *rule, const struct port_range *range)
{
	for (size_t i = 0; i < config->listener_count; i++) {
		const struct listener *listener = &config->listeners[i].listener;
		bool asked = rule->asks & RULE_PROTOCOL;
		if ((!asked || byte_set_has(&rule->protocols, listener->protocol)) && families_meet(rule, listener) &&
		    listener->port_low <= range->high && range->low <= listener->port_high)
			return true;
	}
	return false;
}

static void say_no_listener(struct linter *linter, uint32_t at, const struct port_range *range)
{
	const struct rule_entry *entry = linter->input->entry[at];
	char ports[RANGE_TEXT_MAX];
	snprintf(ports, sizeof(ports), range->low == range->high ? "port %u" : "ports %u-%u", range->low, range->high);
	lint_say(linter, LINT_NO_LISTENER, at, LINT_NOWHERE,
		"'%.180s' lets in what nobody takes: nothing listens on %s, and there is no default handler", entry->text,
		ports);
}

// Whether it lets in what opens flows.
static bool opens(const struct rule *rule)
{
	return rule->verdict == VERDICT_ACCEPT &&
	       (!(rule->asks & RULE_CONNECTION) || (rule->connection & CONNECTION_NEW));
}

static void look_for_listeners(struct linter *linter, uint32_t at)
{
	const struct rule *rule = &linter->input->entry[at]->rule;
	if (!opens(rule) || linter->dead[at] || !(rule->asks & RULE_DESTINATION_PORT))
		return;
	for (uint32_t i = 0; i < rule->destination_ports.count; i++) {
		linter->looked_at += linter->input->config->listener_count;
		if (!listens(linter->input->config, rule, &rule->destination_ports.range[i])) {
			say_no_listener(linter, at, &rule->destination_ports.range[i]);
			return; // one of its ports says enough
		}
	}
}

void lint_listeners(struct linter *linter)
{
	const struct config *config = linter->input->config;
	for (size_t i = 0; i < config->listener_count && !lint_spent(linter); i++)
		look_at_listener(linter, &config->listeners[i].listener);
	if (config->default_handler != HANDLER_NONE)
		return;
	for (uint32_t at = 0; at < linter->input->count && !lint_spent(linter); at++)
		if (linter->input->focus == SIZE_MAX || linter->input->focus == at)
			look_for_listeners(linter, at);
}

// Ports that are opened widely

static bool covers_ephemeral(const struct rule *rule)
{
	for (uint32_t i = 0; i < rule->destination_ports.count; i++)
		if (rule->destination_ports.range[i].low <= EPHEMERAL_LOW &&
		    rule->destination_ports.range[i].high >= EPHEMERAL_HIGH)
			return true;
	return false;
}

static bool takes_tcp_or_udp(const struct rule *rule)
{
	return !(rule->asks & RULE_PROTOCOL) || byte_set_has(&rule->protocols, IPPROTO_TCP) ||
	       byte_set_has(&rule->protocols, IPPROTO_UDP);
}

// A rule for some sources, or for one interface, says whom it trusts; one that names ports of the sender trusts everybody.
static bool is_wide(struct linter *linter, const struct rule *rule)
{
	struct region region;
	region_room_reset(&linter->room);
	if (!opens(rule) || !takes_tcp_or_udp(rule) || !region_of_rule(&linter->room, rule, &region, NULL))
		return false;
	if (rule->asks & RULE_DESTINATION_PORT)
		return covers_ephemeral(rule);
	return !region.set[REGION_SOURCE] && !region.set[REGION_INTERFACE] && !region.set[REGION_VLAN] &&
	       !region.set[REGION_ICMP_TYPE] && !region.set[REGION_ICMP_CODE];
}

// Whether some of it gets past the rules before it at all.
static bool ephemeral_reached(struct linter *linter, uint32_t at)
{
	struct region region;
	struct reach reach;
	region_room_reset(&linter->room);
	if (!region_of_rule(&linter->room, &linter->input->entry[at]->rule, &region, NULL) ||
	    !region_narrow(&linter->room, &region, REGION_HEADER, 1, 1) ||
	    !region_narrow(&linter->room, &region, REGION_DESTINATION_PORT, EPHEMERAL_LOW, EPHEMERAL_HIGH) ||
	    !narrow_to_openers(linter, &region, false))
		return false;
	lint_reach(linter, &region, at, &reach);
	return reach.answer != REACH_NO;
}

static void look_at_width(struct linter *linter, uint32_t at)
{
	const struct rule_entry *entry = linter->input->entry[at];
	if (!is_wide(linter, &entry->rule) || linter->dead[at] || !ephemeral_reached(linter, at))
		return;
	if (entry->rule.asks & RULE_DESTINATION_PORT)
		lint_say(linter, LINT_WIDE, at, LINT_NOWHERE, "'%.180s' opens the ephemeral ports %d-%d, which programs get by "
			"chance", entry->text, EPHEMERAL_LOW, EPHEMERAL_HIGH);
	else if (entry->rule.asks & RULE_SOURCE_PORT)
		lint_say(linter, LINT_WIDE, at, LINT_NOWHERE, "'%.180s' opens all ports to everybody: a sender chooses its own "
			"port", entry->text);
	else
		lint_say(linter, LINT_WIDE, at, LINT_NOWHERE, "'%.180s' opens all ports to everybody", entry->text);
}

void lint_wide(struct linter *linter)
{
	for (uint32_t at = 0; at < linter->input->count && !lint_spent(linter); at++)
		if (linter->input->focus == SIZE_MAX || linter->input->focus == at)
			look_at_width(linter, at);
}
