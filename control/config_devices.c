// SPDX-License-Identifier: BSD-3-Clause
// Interfaces and handlers: what has a name and may have a device.
#include "control/config_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/handler.h"
#include "dataplane/interface.h"

enum { CHECKSUM_UNSAID = UINT8_MAX };

static const char *const checksum_words[] = {
	[CHECKSUM_TRUST] = "trust", [CHECKSUM_VERIFY] = "verify", [CHECKSUM_IGNORE] = "ignore", NULL };

static const char *interface_name_at(const void *config, size_t i)
{
	return ((const struct config *)config)->interfaces[i].name;
}

static const char *handler_name_at(const void *config, size_t i)
{
	return ((const struct config *)config)->handlers[i].name;
}

// Position of name among count, or count.
static size_t position_of(const char *text, const char *(*name)(const void *, size_t), const void *context,
			  size_t count)
{
	size_t i = 0;
	while (i < count && strcmp(text, name(context, i)) != 0)
		i++;
	return i;
}

static int unknown_name(struct yaml *yaml, yaml_node_t *node, const char *what, const char *near)
{
	char shown[YAML_SHOWN_MAX];
	if (near)
		return yaml_wrong(yaml, node, "there is no %s %s, did you mean '%s'?", what, yaml_shown(node, shown),
			near);
	return yaml_wrong(yaml, node, "there is no %s %s, expected the name of one under '%ss:'", what,
		yaml_shown(node, shown), what);
}

int config_read_interface_name(struct yaml *yaml, yaml_node_t *node, size_t *index)
{
	const struct config *config = yaml->config;
	const char *text = yaml_text(yaml, node, "the name of an interface");
	if (!text)
		return -1;
	*index = position_of(text, interface_name_at, config, config->interface_count);
	if (*index < config->interface_count)
		return 0;
	return unknown_name(yaml, node, "interface",
		yaml_nearest(text, interface_name_at, config, config->interface_count));
}

int config_read_handler_name(struct yaml *yaml, yaml_node_t *node, uint16_t *id)
{
	const struct config *config = yaml->config;
	const char *text = yaml_text(yaml, node, "the name of a handler");
	if (!text)
		return -1;
	size_t i = position_of(text, handler_name_at, config, config->handler_count);
	*id = (uint16_t)i;
	if (i < config->handler_count)
		return 0;
	return unknown_name(yaml, node, "handler", yaml_nearest(text, handler_name_at, config, config->handler_count));
}

// "net_tap0" of "net_tap0,iface=x": what DPDK knows the device by.
static bool same_device(const char *a, const char *b)
{
	size_t length = strcspn(a, ",");
	return length > 0 && length == strcspn(b, ",") && strncmp(a, b, length) == 0;
}

// Each device belongs to one interface or handler.
static int read_device(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	const struct config *config = yaml->config;
	char shown[YAML_SHOWN_MAX];
	if (yaml_string(yaml, node, field, target) < 0)
		return -1;
	for (size_t i = 0; i < config->interface_count; i++)
		if (config->interfaces[i].device != target && same_device(config->interfaces[i].device, target))
			return yaml_wrong(yaml, node, "%s is the device of interface '%s' already (line %u)",
				yaml_shown(node, shown), config->interfaces[i].name, config->interfaces[i].place.line);
	for (size_t i = 0; i < config->handler_count; i++)
		if (config->handlers[i].device != target && same_device(config->handlers[i].device, target))
			return yaml_wrong(yaml, node, "%s is the device of handler '%s' already (line %u)",
				yaml_shown(node, shown), config->handlers[i].name, config->handlers[i].place.line);
	return 0;
}

static const struct yaml_field interface_fields[] = {
	{ "name", yaml_name, offsetof(struct config_interface, name), NAME_MAX_BYTES, .required = true },
	{ "device", read_device, offsetof(struct config_interface, device), 256, .required = true },
	{ "queues", yaml_number_or_auto, offsetof(struct config_interface, queues), sizeof(uint16_t), 1, 64 },
	{ "mtu", yaml_number, offsetof(struct config_interface, mtu), sizeof(uint16_t), 68, 65000 },
	{ "promiscuous", yaml_bool, offsetof(struct config_interface, promiscuous) },
	{ "checksum", yaml_word, offsetof(struct config_interface, checksum), 1, .words = checksum_words },
	{ "rx_descriptors", yaml_number, offsetof(struct config_interface, rx_descriptors), sizeof(uint16_t), 16,
		32768 },
	{ "tx_descriptors", yaml_number, offsetof(struct config_interface, tx_descriptors), sizeof(uint16_t), 16,
		32768 },
	{ NULL },
};

static struct config_place place_of(const yaml_node_t *node)
{
	return (struct config_place){ (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1 };
}

int config_read_interfaces(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct config *config = target;
	size_t count;
	if (yaml_list(yaml, node, "a list of interfaces", &count) < 0)
		return -1;
	if (count > INTERFACE_MAX)
		return yaml_wrong(yaml, node, "%zu interfaces, expected at most %d", count, INTERFACE_MAX);
	config->interfaces = calloc(count + 1, sizeof(*config->interfaces));
	if (!config->interfaces)
		return yaml_wrong(yaml, node, "no memory");
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = yaml_item(yaml, node, i);
		struct config_interface *interface = &config->interfaces[i];
		*interface = (struct config_interface){ .promiscuous = true, .place = place_of(item) };
		if (yaml_read_mapping(yaml, item, "an interface", interface_fields, interface) < 0)
			return -1;
		size_t twin = position_of(interface->name, interface_name_at, config, i);
		if (twin < i)
			return yaml_wrong(yaml, item, "a second interface is called '%s', expected another name (the "
				"first is on line %u)", interface->name, config->interfaces[twin].place.line);
		config->interface_count++;
	}
	return 0;
}

static int read_kind(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	const char *words[FLOW_HANDLER_MAX + 1] = { NULL };
	struct yaml_field as_word = *field;
	uint16_t word;
	for (size_t i = 0; handler_kinds[i]; i++)
		words[i] = handler_kinds[i]->kind;
	as_word.words = words;
	as_word.size = sizeof(word);
	if (yaml_word(yaml, node, &as_word, &word) < 0)
		return -1;
	snprintf(target, field->size, "%s", words[word]);
	return 0;
}

static int read_uplink(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	size_t index;
	if (config_read_interface_name(yaml, node, &index) < 0)
		return -1;
	snprintf(target, field->size, "%s", yaml->config->interfaces[index].name);
	return 0;
}

static const struct yaml_field handler_fields[] = {
	{ "name", yaml_name, offsetof(struct config_handler, name), NAME_MAX_BYTES, .required = true },
	{ "kind", read_kind, offsetof(struct config_handler, kind), NAME_MAX_BYTES, .required = true },
	{ "device", read_device, offsetof(struct config_handler, device), 256 },
	{ "uplink", read_uplink, offsetof(struct config_handler, uplink), NAME_MAX_BYTES },
	{ "queues", yaml_number_or_auto, offsetof(struct config_handler, queues), sizeof(uint16_t), 1, 64 },
	{ "mtu", yaml_number, offsetof(struct config_handler, mtu), sizeof(uint16_t), 68, 65000 },
	{ "checksum", yaml_word, offsetof(struct config_handler, checksum), 1, .words = checksum_words },
	{ NULL },
};

static bool of_device(const struct config_handler *handler)
{
	return handler->device[0] || handler->uplink[0] || handler->queues || handler->mtu ||
	       handler->checksum != CHECKSUM_UNSAID;
}

static int check_handler(struct yaml *yaml, yaml_node_t *node, const struct config_handler *handler, size_t before)
{
	bool needs_device = handler_kind(handler->kind)->needs_device;
	size_t twin = position_of(handler->name, handler_name_at, yaml->config, before);
	if (twin < before)
		return yaml_wrong(yaml, node, "a second handler is called '%s', expected another name (the first is "
			"on line %u)", handler->name, yaml->config->handlers[twin].place.line);
	if (strcmp(handler->name, "none") == 0)
		return yaml_wrong(yaml, node, "a handler is called 'none', expected another name: that one means no "
			"handler");
	if (needs_device && !handler->device[0])
		return yaml_wrong(yaml, node, "'device' is missing in handler '%s' of kind %s", handler->name,
			handler->kind);
	if (!needs_device && of_device(handler))
		return yaml_wrong(yaml, node, "handler '%s' of kind %s has a device, uplink, queues, mtu or checksum, "
			"expected none", handler->name, handler->kind);
	return 0;
}

int config_read_handlers(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct config *config = target;
	size_t count, devices = config->interface_count;
	if (yaml_list(yaml, node, "a list of handlers", &count) < 0)
		return -1;
	if (count > FLOW_HANDLER_MAX)
		return yaml_wrong(yaml, node, "%zu handlers, expected at most %d", count, FLOW_HANDLER_MAX);
	config->handlers = calloc(count + 1, sizeof(*config->handlers));
	if (!config->handlers)
		return yaml_wrong(yaml, node, "no memory");
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item = yaml_item(yaml, node, i);
		struct config_handler *handler = &config->handlers[i];
		*handler = (struct config_handler){ .checksum = CHECKSUM_UNSAID, .place = place_of(item) };
		if (yaml_read_mapping(yaml, item, "a handler", handler_fields, handler) < 0 ||
			check_handler(yaml, item, handler, i) < 0)
			return -1;
		if (handler->checksum == CHECKSUM_UNSAID)
			handler->checksum = CHECKSUM_IGNORE;
		devices += handler->device[0] != '\0';
		if (devices > INTERFACE_MAX)
			return yaml_wrong(yaml, item, "this is one device too many, expected at most %d of interfaces "
				"and handlers together", INTERFACE_MAX);
		config->handler_count++;
	}
	return 0;
}
