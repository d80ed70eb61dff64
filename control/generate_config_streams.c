// SPDX-License-Identifier: BSD-3-Clause
// The streams of a generator's configuration.
#include "control/generate_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/address.h"
#include "dataplane/protocol.h"

enum {
	WEIGHT_MAX = 1000000,
	EXPONENT_MAX = 10,
	RENEWALS_MAX = 100 * 1000 * 1000,
	COUNT_BITS_MAX = 62, // of addresses that a flood draws from
};

// A prefix of addresses: the first, and how many.
static int read_addresses(struct yaml *yaml, yaml_node_t *node, struct generate_stream_params *params,
			  struct ip_address *first, uint64_t *count)
{
	static const char expected[] = "addresses such as 10.0.0.0/16, 198.18.0.1 or 2001:db8::/64";
	char shown[YAML_SHOWN_MAX];
	struct prefix prefix;
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	if (prefix_parse(text, &prefix) != 0 || prefix.family == FAMILY_NONE)
		return yaml_wrong(yaml, node, "%s stands here, expected %s, without bits behind the prefix",
			yaml_shown(node, shown), expected);
	if (params->family != FAMILY_NONE && params->family != prefix.family)
		return yaml_wrong(yaml, node, "%s is of another family than the sources, expected both IPv4 or both IPv6",
			yaml_shown(node, shown));
	unsigned bits = (prefix.family == FAMILY_IP4 ? 32u : 128u) - prefix.bits;
	params->family = prefix.family;
	*first = prefix.address;
	*count = UINT64_C(1) << (bits < COUNT_BITS_MAX ? bits : COUNT_BITS_MAX);
	return 0;
}

static int read_sources(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_stream_params *params = target;
	(void)field;
	return read_addresses(yaml, node, params, &params->source, &params->sources);
}

static int read_destinations(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_stream_params *params = target;
	(void)field;
	return read_addresses(yaml, node, params, &params->destination, &params->destinations);
}

static int read_stream_vlan(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_stream_config *stream = target;
	return generate_read_vlans(yaml, node, field, &stream->params.link);
}

static const char *const kind_words[] = { [GENERATE_UDP] = "udp", [GENERATE_TCP] = "tcp",
	[GENERATE_SYN_FLOOD] = "syn_flood", [GENERATE_SCAN] = "scan", NULL };
static const char *const order_words[] = { [GENERATE_ORDER_SEQUENTIAL] = "sequential",
	[GENERATE_ORDER_UNIFORM] = "uniform", [GENERATE_ORDER_ZIPF] = "zipf", NULL };
static const char *const allocation_words[] = { [GENERATE_PORTS_SEQUENTIAL] = "sequential",
	[GENERATE_PORTS_RANDOM] = "random", [GENERATE_PORTS_HASH] = "rfc6056_3",
	[GENERATE_PORTS_DOUBLE_HASH] = "rfc6056_4", NULL };
static const char *const side_words[] = { "client", "both", NULL };

static int read_sides(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_stream_config *stream = target;
	struct yaml_field as_word = *field;
	as_word.size = 1;
	stream->both_given = true;
	return yaml_word(yaml, node, &as_word, &stream->params.both_sides);
}

#define PARAM(name) offsetof(struct generate_stream_config, params.name)

static const struct yaml_field stream_fields[] = {
	{ "name", yaml_name, offsetof(struct generate_stream_config, name), NAME_MAX_BYTES, .required = true },
	{ "kind", yaml_word, PARAM(kind), 1, .words = kind_words, .required = true },
	{ "weight", yaml_number, offsetof(struct generate_stream_config, weight), sizeof(uint32_t), 1, WEIGHT_MAX },
	{ "sources", read_sources, offsetof(struct generate_stream_config, params), .required = true },
	{ "destinations", read_destinations, offsetof(struct generate_stream_config, params), .required = true },
	{ "source_ports", generate_read_source_ports, PARAM(source_low) },
	{ "allocation", yaml_word, PARAM(allocation), 1, .words = allocation_words },
	{ "ports", generate_read_ports, PARAM(port_low), .required = true },
	{ "flows", yaml_amount, PARAM(flows), sizeof(uint32_t), 1, GENERATE_FLOWS_MAX },
	{ "order", yaml_word, PARAM(order), 1, .words = order_words },
	{ "zipf_exponent", generate_read_decimal, PARAM(exponent), .low = 0, .high = EXPONENT_MAX },
	{ "new_flows", generate_read_decimal, PARAM(new_flows), .low = 0, .high = RENEWALS_MAX },
	{ "packets_per_flow", yaml_amount, PARAM(packets_per_flow), sizeof(uint32_t), 1, 1u << 30 },
	{ "sides", read_sides, .words = side_words },
	{ "sizes", generate_read_sizes, offsetof(struct generate_stream_config, params) },
	{ "vlan", read_stream_vlan },
	{ NULL },
};

static bool has_flows(const struct generate_stream_params *params)
{
	return params->kind == GENERATE_UDP || params->kind == GENERATE_TCP;
}

// Ports are drawn until one is free: some have to be left.
static int check_room(struct yaml *yaml, yaml_node_t *node, const struct generate_stream_config *stream)
{
	const struct generate_stream_params *params = &stream->params;
	double room = (double)params->sources * (double)params->destinations *
		(double)(params->source_high - params->source_low + 1) * (double)(params->port_high - params->port_low + 1);
	if (params->flows <= room * 3 / 4)
		return 0;
	return yaml_wrong(yaml, node, "stream '%s' has %" PRIu32 " flows, and addresses and ports make %.0f different ones, of "
		"which at most three quarters are used: expected fewer flows, or more addresses or ports", stream->name,
		params->flows, room);
}

// Sizes that were said must hold what is in them; those of the mix are raised to it.
static int check_sizes(struct yaml *yaml, yaml_node_t *node, struct generate_stream_config *stream, bool stamped)
{
	struct generate_stream_params *params = &stream->params;
	struct generate_template template;
	generate_template_make(&template, &params->link, params->family,
		params->kind == GENERATE_UDP ? PROTO_UDP : PROTO_TCP, &params->source, &params->destination);
	uint16_t least = generate_frame_least(&template, stamped);
	bool mixed = generate_sizes_are_mix(params);
	for (unsigned i = 0; i < params->sizes; i++) {
		struct generate_size *size = &params->size[i];
		if (size->low >= least)
			continue;
		if (!mixed)
			return yaml_wrong(yaml, node, "stream '%s' has frames of %d bytes, expected %d at least: what headers%s "
				"take", stream->name, size->low + GENERATE_FCS_BYTES, least + GENERATE_FCS_BYTES,
				stamped ? " and the stamp for checked replies" : "");
		size->low = size->high = least;
	}
	return 0;
}

static int check_stateless(struct yaml *yaml, yaml_node_t *node, struct generate_stream_config *stream)
{
	struct generate_stream_params *params = &stream->params;
	if (params->flows || params->new_flows > 0 || params->packets_per_flow || params->sizes)
		return yaml_wrong(yaml, node, "stream '%s' is a %s, which has no flows and no sizes: expected none of 'flows', "
			"'new_flows', 'packets_per_flow' and 'sizes'", stream->name, kind_words[params->kind]);
	return 0;
}

static uint64_t at_most(uint64_t count, uint64_t most)
{
	return count < most ? count : most;
}

static int check_flows(struct yaml *yaml, yaml_node_t *node, struct generate_stream_config *stream)
{
	const struct generate_config *config = (const struct generate_config *)yaml->config;
	struct generate_stream_params *params = &stream->params;
	params->flows = params->flows ? params->flows : 1024;
	params->sources = at_most(params->sources, GENERATE_HOSTS_MAX);
	params->destinations = at_most(params->destinations, GENERATE_HOSTS_MAX);
	params->stamped = config->check;
	params->both_sides |= params->kind == GENERATE_TCP && !stream->both_given;
	if (params->sizes == 0) {
		struct generate_template template;
		generate_template_make(&template, &params->link, params->family,
			params->kind == GENERATE_UDP ? PROTO_UDP : PROTO_TCP, &params->source, &params->destination);
		uint16_t least = generate_frame_least(&template, config->check);
		params->size[0] = (struct generate_size){ least, least, 1 };
		params->sizes = 1;
	}
	if ((uint64_t)generate_config_flows(config) + params->flows > GENERATE_FLOWS_MAX)
		return yaml_wrong(yaml, node, "stream '%s' makes more than %d flows of all streams together", stream->name,
			GENERATE_FLOWS_MAX);
	if (params->kind == GENERATE_TCP && !params->both_sides)
		return yaml_wrong(yaml, node, "stream '%s' is of TCP, whose server's side is sent as well: expected 'sides: both'",
			stream->name);
	if (check_room(yaml, node, stream) < 0)
		return -1;
	return check_sizes(yaml, node, stream, config->check);
}

static int read_stream(struct yaml *yaml, yaml_node_t *node, struct generate_config *config)
{
	struct generate_stream_config *stream = &config->streams[config->stream_count];
	*stream = (struct generate_stream_config){ .weight = 1,
		.place = { (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1 },
		.params = { .link = config->link, .source_low = 32768, .source_high = 60999, .order = GENERATE_ORDER_UNIFORM,
			.exponent = 1, .first_slot = generate_config_flows(config) } };
	if (yaml_read_mapping(yaml, node, "a stream", stream_fields, stream) < 0)
		return -1;
	for (size_t i = 0; i < config->stream_count; i++)
		if (strcmp(config->streams[i].name, stream->name) == 0)
			return yaml_wrong(yaml, node, "a second stream is called '%s', expected another name (the first is on "
				"line %u)", stream->name, config->streams[i].place.line);
	int result = has_flows(&stream->params) ? check_flows(yaml, node, stream) : check_stateless(yaml, node, stream);
	config->stream_count += result == 0;
	return result;
}

int generate_read_streams(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct generate_config *config = (struct generate_config *)yaml->config;
	size_t count;
	(void)field;
	(void)target;
	if (yaml_list(yaml, node, "a list of streams", &count) < 0)
		return -1;
	if (count < 1 || count > GENERATE_STREAMS_MAX)
		return yaml_wrong(yaml, node, "%zu streams, expected 1 to %d", count, GENERATE_STREAMS_MAX);
	for (size_t i = 0; i < count; i++)
		if (read_stream(yaml, yaml_item(yaml, node, i), config) < 0)
			return -1;
	return 0;
}
