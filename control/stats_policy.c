// SPDX-License-Identifier: BSD-3-Clause
// Listeners and rules as JSON.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/address.h"
#include "control/rule_print.h"
#include "control/services.h"
#include "control/stats.h"

enum { PORT_TEXT_MAX = 16 };

// As nft and iptables say it.
static const char *const verdict_word[] = {
	[VERDICT_ACCEPT] = "accept",
	[VERDICT_DROP] = "drop",
	[VERDICT_REJECT] = "reject",
};

static const char *port_text(const struct listener *listener, char text[PORT_TEXT_MAX])
{
	if (listener->port_low == 0 && listener->port_high == UINT16_MAX)
		return "any";
	if (listener->port_low == listener->port_high)
		snprintf(text, PORT_TEXT_MAX, "%u", listener->port_low);
	else
		snprintf(text, PORT_TEXT_MAX, "%u-%u", listener->port_low, listener->port_high);
	return text;
}

static const char *listener_service(const struct listener *listener)
{
	bool one_port = listener->port_low == listener->port_high && protocol_has_ports(listener->protocol);
	return one_port ? service_name(listener->port_low, listener->protocol) : NULL;
}

static json_t *listener_entry(const struct runtime *runtime, const struct listener *listener)
{
	char address[ADDRESS_TEXT_MAX], port[PORT_TEXT_MAX], number[8];
	struct prefix prefix = { listener->address, listener->family, listener->prefix };
	const char *protocol = protocol_name(listener->protocol);
	snprintf(number, sizeof(number), "%u", listener->protocol);
	uint64_t flows = 0;
	struct traffic traffic = runtime_listener_traffic(runtime, listener->id, &flows);
	json_t *vlan = listener->vlan == LISTENER_ANY_VLAN ? json_null() : json_integer(listener->vlan);
	return json_pack("{s:I, s:s, s:s, s:s, s:s?, s:s?, s:o, s:s, s:I, s:I, s:I}",
		"id", (json_int_t)listener->id,
		"protocol", protocol ? protocol : number,
		"address", prefix_format(&prefix, address),
		"port", port_text(listener, port),
		"service", listener_service(listener),
		"interface", stats_interface_name(runtime, listener->interface),
		"vlan", vlan,
		"handler", stats_handler_name(runtime, listener->handler),
		"packets", (json_int_t)traffic.packets,
		"bytes", (json_int_t)traffic.bytes,
		"flows", (json_int_t)flows);
}

json_t *stats_listeners(const struct runtime *runtime)
{
	json_t *array = json_array();
	for (size_t i = 0; i < runtime->listener_count; i++)
		if (json_array_append_new(array, listener_entry(runtime, &runtime->listeners[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *one_rule(const struct runtime *runtime, const struct stored_rule *stored)
{
	struct traffic traffic = runtime_rule_traffic(runtime, stored);
	return json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)stored->entry->rule.slot,
			 "text", stored->entry->text,
			 "packets", (json_int_t)traffic.packets, "bytes", (json_int_t)traffic.bytes);
}

static json_t *default_policy(const struct runtime *runtime)
{
	char text[32];
	snprintf(text, sizeof(text), "policy %s", verdict_word[rule_store_default(runtime->rules)]);
	struct traffic traffic = runtime_slot_traffic(runtime, RULE_DEFAULT);
	return json_pack("{s:s, s:s, s:I, s:I}", "id", "default", "text", text,
			 "packets", (json_int_t)traffic.packets, "bytes", (json_int_t)traffic.bytes);
}

json_t *stats_rules(const struct runtime *runtime)
{
	json_t *array = json_array();
	int failed = 0;
	size_t count = rule_store_count(runtime->rules);
	for (size_t i = 0; i < count && !failed; i++)
		failed = json_array_append_new(array, one_rule(runtime, rule_store_at(runtime->rules, i)));
	if (failed || json_array_append_new(array, default_policy(runtime))) {
		json_decref(array);
		return NULL;
	}
	return array;
}

static struct rule_print_count count_of(uint32_t id, struct traffic traffic)
{
	return (struct rule_print_count){ .id = id, .packets = traffic.packets, .bytes = traffic.bytes };
}

json_t *stats_rules_native(const struct runtime *runtime)
{
	size_t count = rule_store_count(runtime->rules);
	struct rule_entry **entry = malloc((count + 1) * sizeof(*entry));
	struct rule_print_count *counted = malloc((count + 1) * sizeof(*counted));
	char *text = NULL;
	if (entry && counted) {
		for (size_t i = 0; i < count; i++) {
			const struct stored_rule *stored = rule_store_at(runtime->rules, i);
			entry[i] = stored->entry;
			counted[i] = count_of(stored->entry->rule.slot, runtime_rule_traffic(runtime, stored));
		}
		counted[count] = count_of(RULE_DEFAULT, runtime_slot_traffic(runtime, RULE_DEFAULT));
		text = rule_list_print(entry, counted, count, rule_store_default(runtime->rules));
	}
	json_t *result = text ? json_pack("{s:o}", "native", stats_text(text)) : NULL;
	free(text);
	free(counted);
	free(entry);
	return result;
}
