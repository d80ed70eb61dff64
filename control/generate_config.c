// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/config_fields.h"
#include "control/generate_fields.h"

enum { MS = 1, SECOND = 1000 * MS, HOUR = 3600 * SECOND, DAY = 24 * HOUR };

static void set_defaults(struct generate_config *config, const char *file)
{
	*config = (struct generate_config){
		.link = { .source = { 2, 0, 0, 0, 0, 1 }, .destination = { 2, 0, 0, 0, 0, 2 } },
		.duration_ms = 10 * SECOND,
		.settle_ms = 200 * MS,
		.link_timeout_ms = 10 * SECOND,
		.seed = 1,
		.ndr = { .trial_ms = 10 * SECOND, .precision_percent = 1 },
	};
	snprintf(config->base.file, sizeof(config->base.file), "%s", file);
}

static int read_interfaces(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	const struct config *base = target;
	if (config_read_interfaces(yaml, node, field, target) < 0)
		return -1;
	if (base->interface_count < 1 || base->interface_count > GENERATE_SIDES)
		return yaml_wrong(yaml, node, "%zu interfaces, expected one, or two: the clients' side and the servers'",
			base->interface_count);
	return 0;
}

static const struct yaml_field link_fields[] = {
	{ "source", generate_read_mac, offsetof(struct generate_link, source) },
	{ "destination", generate_read_mac, offsetof(struct generate_link, destination) },
	{ "vlan", generate_read_vlans },
	{ NULL },
};

static int read_link(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return yaml_read_mapping(yaml, node, "ethernet", link_fields, target);
}

static const struct yaml_field ndr_fields[] = {
	{ "trial", yaml_duration, offsetof(struct ndr_config, trial_ms), sizeof(uint32_t), 1 * MS, 7 * DAY },
	{ "loss", generate_read_decimal, offsetof(struct ndr_config, loss_percent), .low = 0, .high = 100 },
	{ "precision", generate_read_decimal, offsetof(struct ndr_config, precision_percent), .low = 0, .high = 50 },
	{ NULL },
};

static int read_ndr(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct ndr_config *ndr = target;
	if (yaml_read_mapping(yaml, node, "ndr", ndr_fields, ndr) < 0)
		return -1;
	if (ndr->precision_percent < 0.01)
		return yaml_wrong(yaml, node, "the precision is %g %%, expected 0.01 at least", ndr->precision_percent);
	return 0;
}

static const char *const full_words[] = { "wait", "drop", NULL };
static const char *const reply_words[] = { "count", "check", NULL };

// In the order of reading: streams look at what stands before them.
static const struct yaml_field top_fields[] = {
	{ "interfaces", read_interfaces, .required = true },
	{ "workers", config_read_workers },
	{ "eal", config_read_eal },
	{ "ethernet", read_link, offsetof(struct generate_config, link) },
	{ "duration", yaml_duration, offsetof(struct generate_config, duration_ms), sizeof(uint32_t), 1 * MS, 7 * DAY },
	{ "settle", yaml_duration, offsetof(struct generate_config, settle_ms), sizeof(uint32_t), 1 * MS, 1 * HOUR },
	{ "link_timeout", yaml_duration, offsetof(struct generate_config, link_timeout_ms), sizeof(uint32_t), 1 * MS,
		1 * HOUR },
	{ "rate", generate_read_rate, .required = true },
	{ "on_full", yaml_word, offsetof(struct generate_config, drop_late), 1, .words = full_words },
	{ "replies", yaml_word, offsetof(struct generate_config, check), 1, .words = reply_words },
	{ "seed", yaml_number, offsetof(struct generate_config, seed), sizeof(uint64_t), 0, UINT64_MAX },
	{ "ndr", read_ndr, offsetof(struct generate_config, ndr) },
	{ "streams", generate_read_streams, .required = true },
	{ NULL },
};

int generate_config_parse(const char *file, const char *text, size_t length, struct generate_config *config,
			  struct error *error)
{
	struct yaml yaml;
	set_defaults(config, file);
	if (yaml_open(&yaml, config->base.file, text, length, error) < 0)
		return -1;
	yaml.config = &config->base;
	int result = yaml_read_mapping(&yaml, yaml_document_get_root_node(&yaml.document), "the configuration",
		top_fields, config);
	yaml_close(&yaml);
	if (result < 0)
		generate_config_free(config);
	return result;
}

int generate_config_load(const char *file, struct generate_config *config, struct error *error)
{
	size_t length;
	char *text = config_read_file(file, "conf/generate.yaml", &length, error);
	if (!text)
		return -1;
	int result = generate_config_parse(file, text, length, config, error);
	free(text);
	return result;
}

void generate_config_free(struct generate_config *config)
{
	config_free(&config->base);
}

uint32_t generate_config_flows(const struct generate_config *config)
{
	uint32_t flows = 0;
	for (size_t i = 0; i < config->stream_count; i++)
		flows += config->streams[i].params.flows;
	return flows;
}
