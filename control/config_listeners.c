// SPDX-License-Identifier: BSD-3-Clause
// Listeners: reading, ties, and ids that last as long as a listener's text does.
#include "control/config_fields.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/address.h"
#include "control/port_range.h"
#include "control/services.h"

static int read_protocol(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	static const char expected[] = "tcp, udp, sctp, dccp, udplite, icmp, icmpv6 or a protocol number up to 255";
	char shown[YAML_SHOWN_MAX];
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	int number = protocol_number(text);
	if (number < 0 || number > UINT8_MAX)
		return yaml_wrong(yaml, node, "%s stands for 'protocol', expected %s", yaml_shown(node, shown), expected);
	((struct listener *)target)->protocol = (uint8_t)number;
	return 0;
}

static int read_address(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	static const char *const why[] = { "expected an address or prefix such as 203.0.113.0/24, 2001:db8::/32 or any",
		"it has bits behind the prefix's end, expected them to be zero",
		"expected a prefix length up to 32 (IPv4) or 128 (IPv6)" };
	struct listener *listener = target;
	struct prefix prefix;
	char shown[YAML_SHOWN_MAX];
	const char *text = yaml_text(yaml, node, why[0] + strlen("expected "));
	if (!text)
		return -1;
	int result = prefix_parse(text, &prefix);
	if (result < 0)
		return yaml_wrong(yaml, node, "%s stands for 'address': %s", yaml_shown(node, shown),
			why[result == -2 ? 1 : result == -3 ? 2 : 0]);
	listener->address = prefix.address;
	listener->family = prefix.family;
	listener->prefix = prefix.bits;
	return 0;
}

static int read_port(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct listener *listener = target;
	struct port_range range;
	struct error why = { "" };
	char shown[YAML_SHOWN_MAX];
	bool icmp = listener->protocol == IPPROTO_ICMP || listener->protocol == IPPROTO_ICMPV6;
	const char *text = yaml_text(yaml, node, "a port, LOW-HIGH, a service name or any");
	if (!text)
		return -1;
	if (strcmp(text, "any") == 0)
		return 0;
	if (!icmp && !protocol_has_ports(listener->protocol))
		return yaml_wrong(yaml, node, "%s stands for 'port' of a protocol without ports, expected any",
			yaml_shown(node, shown));
	if (port_range_parse(text, listener->protocol, &range, &why) < 0)
		return yaml_wrong(yaml, node, "%s stands for 'port': %s", yaml_shown(node, shown), why.text);
	listener->port_low = range.low;
	listener->port_high = range.high;
	return 0;
}

static int read_interface(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	size_t index;
	if (config_read_interface_name(yaml, node, &index) < 0)
		return -1;
	((struct listener *)target)->interface = (uint8_t)index;
	return 0;
}

static int read_handler(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return config_read_handler_name(yaml, node, &((struct listener *)target)->handler);
}

// protocol stands first: the port's names depend on it.
static const struct yaml_field listener_fields[] = {
	{ "protocol", read_protocol, .required = true },
	{ "address", read_address },
	{ "port", read_port },
	{ "interface", read_interface },
	{ "vlan", yaml_number, offsetof(struct listener, vlan), sizeof(uint16_t), 0, 4094 },
	{ "handler", read_handler, .required = true },
	{ NULL },
};

int config_read_listeners(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct config *config = target;
	size_t count;
	if (yaml_list(yaml, node, "a list of listeners", &count) < 0)
		return -1;
	if (count > FLOW_LISTENER_MAX)
		return yaml_wrong(yaml, node, "%zu listeners, expected at most %d", count, FLOW_LISTENER_MAX);
	config->listeners = calloc(count + 1, sizeof(*config->listeners));
	if (!config->listeners)
		return yaml_wrong(yaml, node, "no memory");
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = yaml_item(yaml, node, i);
		struct config_listener *entry = &config->listeners[i];
		entry->place.line = (unsigned)item->start_mark.line + 1;
		entry->place.column = (unsigned)item->start_mark.column + 1;
		entry->listener = (struct listener){ .interface = LISTENER_ANY_INTERFACE, .vlan = LISTENER_ANY_VLAN,
			.port_high = UINT16_MAX };
		if (yaml_read_mapping(yaml, item, "a listener", listener_fields, &entry->listener) < 0)
			return -1;
		config->listener_count++;
	}
	return 0;
}

static void format_ports(const struct listener *listener, char *text, size_t size)
{
	const char *service = service_name(listener->port_low, listener->protocol);
	if (listener->port_low == 0 && listener->port_high == UINT16_MAX)
		snprintf(text, size, "any port");
	else if (listener->port_low < listener->port_high)
		snprintf(text, size, "ports %u-%u", listener->port_low, listener->port_high);
	else
		snprintf(text, size, service ? "port %u (%s)" : "port %u", listener->port_low, service);
}

const char *config_listener_format(const struct config *config, const struct listener *listener,
				   char text[LISTENER_TEXT_MAX])
{
	char address[ADDRESS_TEXT_MAX], ports[64], number[8], vlan[16] = "";
	const struct prefix prefix = { listener->address, listener->family, listener->prefix };
	const char *protocol = protocol_name(listener->protocol);
	bool bound = listener->interface < config->interface_count;
	format_ports(listener, ports, sizeof(ports));
	snprintf(number, sizeof(number), "%u", listener->protocol);
	if (listener->vlan != LISTENER_ANY_VLAN)
		snprintf(vlan, sizeof(vlan), " vlan %u", listener->vlan);
	snprintf(text, LISTENER_TEXT_MAX, "%s %s %s%s%s%s", protocol ? protocol : number, prefix_format(&prefix, address),
		ports, bound ? " interface " : "", bound ? config->interfaces[listener->interface].name : "", vlan);
	return text;
}

int config_check_ties(const struct config *config, struct error *error)
{
	struct listener_index *index = NULL;
	size_t tie[2] = { 0, 0 };
	uint32_t next = 0;
	struct listener *listeners = config_listeners(config, NULL, 0, &next);
	int result = listeners ? listener_index_build(listeners, config->listener_count, &index, tie) : -ENOMEM;
	free(listeners);
	listener_index_free(index);
	if (result == 0)
		return 0;
	if (result != -EEXIST)
		return error_set(error, "%s: the listeners can't be indexed: %s", config->file, strerror(-result));
	const struct config_listener *first = &config->listeners[tie[0] < tie[1] ? tie[0] : tie[1]];
	const struct config_listener *second = &config->listeners[tie[0] < tie[1] ? tie[1] : tie[0]];
	char one[LISTENER_TEXT_MAX], other[LISTENER_TEXT_MAX];
	return error_at(error, config->file, second->place.line, second->place.column, "listener %s ties with %s at "
		"%s:%u:%u: where both match neither is more specific, expected one of them to differ or to be gone",
		config_listener_format(config, &second->listener, other),
		config_listener_format(config, &first->listener, one), config->file, first->place.line,
		first->place.column);
}

// A listener's text is all of it but the id, which stands last and behind which there is nothing.
enum { TEXT_BYTES = offsetof(struct listener, id) };
static_assert(TEXT_BYTES == 28 && sizeof(struct listener) == 32, "no padding in what is compared as bytes");

static int compare_texts(const void *a, const void *b)
{
	return memcmp(a, b, TEXT_BYTES);
}

// Gives free ids behind those that were given before, going round: one that was given up keeps its counter's past to itself until
// all others were given.
static void give_new_ids(struct listener *listeners, size_t count, uint32_t *next, bool *taken)
{
	for (size_t i = 0; i < count; i++) {
		if (listeners[i].id != LISTENER_NONE)
			continue;
		while (taken[*next % FLOW_LISTENER_MAX])
			++*next;
		listeners[i].id = *next % FLOW_LISTENER_MAX;
		*next = listeners[i].id + 1;
		taken[listeners[i].id] = true;
	}
}

static void keep_ids(struct listener *listeners, size_t count, const struct listener *sorted, size_t sorted_count,
		     bool *taken)
{
	for (size_t i = 0; i < count; i++) {
		const struct listener *same =
			bsearch(&listeners[i], sorted, sorted_count, sizeof(*sorted), compare_texts);
		listeners[i].id = same ? same->id : LISTENER_NONE;
		if (same)
			taken[same->id] = true;
	}
}

struct listener *config_listeners(const struct config *config, const struct listener *older, size_t older_count, uint32_t *next)
{
	struct listener *listeners = calloc(config->listener_count + 1, sizeof(*listeners));
	struct listener *sorted = calloc(older_count + 1, sizeof(*sorted));
	bool *taken = calloc(FLOW_LISTENER_MAX, sizeof(*taken));
	if (listeners && sorted && taken) {
		for (size_t i = 0; i < config->listener_count; i++)
			listeners[i] = config->listeners[i].listener;
		for (size_t i = 0; i < older_count; i++)
			sorted[i] = older[i];
		qsort(sorted, older_count, sizeof(*sorted), compare_texts);
		keep_ids(listeners, config->listener_count, sorted, older_count, taken);
		give_new_ids(listeners, config->listener_count, next, taken);
	} else {
		free(listeners);
		listeners = NULL;
	}
	free(sorted);
	free(taken);
	return listeners;
}
