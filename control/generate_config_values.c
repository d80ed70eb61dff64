// SPDX-License-Identifier: BSD-3-Clause
// Values of a generator's configuration that portier's own has not: rates, MAC addresses, frame sizes, port ranges.
#include "control/generate_fields.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/port_range.h"
#include "dataplane/protocol.h"
#include "dataplane/rule.h"

enum {
	SIZE_MIN = GENERATE_FRAME_MIN + GENERATE_FCS_BYTES,
	SIZE_MAX_BYTES = GENERATE_FRAME_MAX + GENERATE_FCS_BYTES,
	VLAN_ID_MAX = 4094,
};

// A plain decimal number; *rest is what follows. false: none.
static bool decimal(const char *text, double *number, const char **rest)
{
	size_t length = strspn(text, "0123456789.");
	char *end;
	if (length == 0 || !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[length - 1]) || length > 20)
		return false;
	*number = strtod(text, &end);
	*rest = end;
	return end == text + length;
}

int generate_read_rate(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	static const struct {
		const char *name;
		double factor;
		enum generate_unit unit;
	} units[] = { { "pps", 1, GENERATE_PACKETS }, { "Kpps", 1e3, GENERATE_PACKETS }, { "Mpps", 1e6, GENERATE_PACKETS },
		{ "bps", 1, GENERATE_BITS }, { "Kbps", 1e3, GENERATE_BITS }, { "Mbps", 1e6, GENERATE_BITS },
		{ "Gbps", 1e9, GENERATE_BITS } };
	static const char expected[] = "max, or a rate with its unit, such as 500pps, 100Kpps, 14.88Mpps, 100Mbps or "
		"10Gbps (bits of layer 1), up to 1Tbps";
	struct generate_config *config = target;
	char shown[YAML_SHOWN_MAX];
	const char *rest, *text = yaml_text(yaml, node, expected);
	double number;
	config->rate_place = (struct config_place){ (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1 };
	if (!text)
		return -1;
	if (strcmp(text, "max") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!decimal(text, &number, &rest) || strcmp(rest, units[i].name) != 0)
			continue;
		config->rate = number * units[i].factor;
		config->unit = units[i].unit;
		if (config->rate > 0 && config->rate <= 1e12)
			return 0;
	}
	return yaml_wrong(yaml, node, "%s stands for '%s', expected %s", yaml_shown(node, shown), field->key, expected);
}

int generate_read_decimal(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char shown[YAML_SHOWN_MAX], expected[64];
	const char *rest;
	double number;
	snprintf(expected, sizeof(expected), "a number such as 1.2, from %d to %d", (int)field->low, (int)field->high);
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	if (!decimal(text, &number, &rest) || *rest || number < (double)field->low || number > (double)field->high)
		return yaml_wrong(yaml, node, "%s stands for '%s', expected %s", yaml_shown(node, shown), field->key,
			expected);
	*(double *)target = number;
	return 0;
}

int generate_read_mac(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	static const char expected[] = "a MAC address such as 02:00:00:00:00:01";
	char shown[YAML_SHOWN_MAX];
	unsigned byte[GENERATE_MAC_BYTES];
	int end = -1;
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5], &end);
	if (end != 17 || text[end] || strspn(text, "0123456789abcdefABCDEF:") != 17)
		return yaml_wrong(yaml, node, "%s stands for '%s', expected %s", yaml_shown(node, shown), field->key,
			expected);
	for (size_t i = 0; i < GENERATE_MAC_BYTES; i++)
		((uint8_t *)target)[i] = (uint8_t)byte[i];
	return 0;
}

static int read_vlan(struct yaml *yaml, yaml_node_t *node, struct generate_link *link)
{
	const struct yaml_field field = { "vlan", .size = sizeof(uint16_t), .low = 1, .high = VLAN_ID_MAX };
	if (yaml_number(yaml, node, &field, &link->vlan[link->vlans]) < 0)
		return -1;
	link->vlans++;
	return 0;
}

// One tag, or a list of two: the outer and the inner.
int generate_read_vlans(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct generate_link *link = target;
	size_t count;
	link->vlans = 0;
	if (node->type == YAML_SCALAR_NODE)
		return read_vlan(yaml, node, link);
	if (yaml_list(yaml, node, "a VLAN id, or a list of two: the outer and the inner", &count) < 0)
		return -1;
	if (count > GENERATE_VLAN_MAX)
		return yaml_wrong(yaml, node, "%zu VLAN ids, expected at most %d", count, GENERATE_VLAN_MAX);
	for (size_t i = 0; i < count; i++)
		if (read_vlan(yaml, yaml_item(yaml, node, i), link) < 0)
			return -1;
	return 0;
}

static const char size_expected[] = "imix, bytes with FCS such as 64, a range such as 64-1518, or a list of these with "
	"weights: [{bytes: 64, weight: 7}, {bytes: 1518, weight: 1}]";

// "64" or "64-1518", with FCS in the text and without in the target.
static int read_bytes(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_size *size = target;
	char shown[YAML_SHOWN_MAX];
	unsigned low, high;
	int end = -1;
	(void)field;
	const char *text = yaml_text(yaml, node, size_expected);
	if (!text)
		return -1;
	if (sscanf(text, "%5u-%5u%n", &low, &high, &end) != 2 || text[end]) {
		end = -1;
		high = sscanf(text, "%5u%n", &low, &end) == 1 ? low : 0;
	}
	if (end < 0 || text[end] || !isdigit((unsigned char)text[0]) || low < SIZE_MIN || high > SIZE_MAX_BYTES || low > high)
		return yaml_wrong(yaml, node, "%s stands for frame sizes, expected %s; from %d to %d bytes",
			yaml_shown(node, shown), size_expected, SIZE_MIN, SIZE_MAX_BYTES);
	size->low = (uint16_t)(low - GENERATE_FCS_BYTES);
	size->high = (uint16_t)(high - GENERATE_FCS_BYTES);
	return 0;
}

static const struct yaml_field size_fields[] = {
	{ "bytes", read_bytes, .required = true },
	{ "weight", yaml_number, offsetof(struct generate_size, weight), sizeof(uint32_t), 1, 1000000 },
	{ NULL },
};

static int read_size_list(struct yaml *yaml, yaml_node_t *node, struct generate_stream_params *params)
{
	size_t count;
	if (yaml_list(yaml, node, size_expected, &count) < 0)
		return -1;
	if (count < 1 || count > GENERATE_SIZES_MAX)
		return yaml_wrong(yaml, node, "%zu sizes, expected 1 to %d", count, GENERATE_SIZES_MAX);
	for (params->sizes = 0; params->sizes < count; params->sizes++) {
		struct generate_size *size = &params->size[params->sizes];
		size->weight = 1;
		if (yaml_read_mapping(yaml, yaml_item(yaml, node, params->sizes), "a size", size_fields, size) < 0)
			return -1;
	}
	return 0;
}

// The simple Internet mix: 7 of 40 bytes, 4 of 576 and 1 of 1500 at layer 3, in frames without FCS.
static const struct generate_size imix[] = { { 60, 60, 7 }, { 590, 590, 4 }, { 1514, 1514, 1 } };

bool generate_sizes_are_mix(const struct generate_stream_params *params)
{
	return params->sizes == sizeof(imix) / sizeof(*imix) && memcmp(params->size, imix, sizeof(imix)) == 0;
}

int generate_read_sizes(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_stream_params *params = target;
	if (node->type != YAML_SCALAR_NODE)
		return read_size_list(yaml, node, params);
	if (strcmp((const char *)node->data.scalar.value, "imix") == 0) {
		memcpy(params->size, imix, sizeof(imix));
		params->sizes = sizeof(imix) / sizeof(*imix);
		return 0;
	}
	params->sizes = 1;
	params->size[0].weight = 1;
	return read_bytes(yaml, node, field, &params->size[0]);
}

// Into two numbers: low and high.
int generate_read_ports(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	uint16_t *ends = target;
	struct port_range range;
	struct error error;
	const char *text = yaml_text(yaml, node, "a port or a range of ports such as 80, https or 8000-8999");
	if (!text)
		return -1;
	if (port_range_parse(text, PROTO_TCP, &range, &error) < 0)
		return yaml_wrong(yaml, node, "%s: %s", field->key, error.text);
	if (range.low == 0)
		return yaml_wrong(yaml, node, "port 0 stands for '%s', expected ports from 1 on", field->key);
	ends[0] = range.low;
	ends[1] = range.high;
	return 0;
}

int generate_read_source_ports(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	static const struct {
		const char *name;
		uint16_t low, high;
	} named[] = { { "linux", 32768, 60999 }, { "iana", 49152, 65535 } };
	uint16_t *ends = target;
	for (size_t i = 0; node->type == YAML_SCALAR_NODE && i < sizeof(named) / sizeof(*named); i++) {
		if (strcmp((const char *)node->data.scalar.value, named[i].name) != 0)
			continue;
		ends[0] = named[i].low;
		ends[1] = named[i].high;
		return 0;
	}
	return generate_read_ports(yaml, node, field, target);
}
