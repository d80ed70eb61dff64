// SPDX-License-Identifier: BSD-3-Clause
#include "control/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_fields.h"
#include "dataplane/latency.h"

static void set_defaults(struct config *config, const char *file)
{
	*config = (struct config){
		.default_handler = HANDLER_NONE,
		.flow_capacity = 262144,
		.embryonic_percent = 50,
		.fragment_capacity = 4096,
		.fragment_timeout_ms = 30 * 1000,
		.unbound = VERDICT_DROP,
		.martians_drop = true,
		.answers_per_second = 1000,
		.logs_per_second = 100,
		.socket_path = "/run/portier.sock",
	};
	snprintf(config->file, sizeof(config->file), "%s", file);
	config_set_profile(config, "internet");
}

static int read_default_handler(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, "none") == 0) {
		*(uint16_t *)target = HANDLER_NONE;
		return 0;
	}
	return config_read_handler_name(yaml, node, target);
}

// A relative path starts at the configuration's folder, wherever portier was started.
static int read_rules(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	const char *text = yaml_text(yaml, node, "the path of a file with rules");
	const char *slash = strrchr(yaml->file, '/');
	if (!text)
		return -1;
	int folder = text[0] != '/' && slash ? (int)(slash - yaml->file) + 1 : 0;
	int length = snprintf(target, field->size, "%.*s%s", folder, yaml->file, text);
	if (length < 0 || (size_t)length >= field->size)
		return yaml_wrong(yaml, node, "the path is %d bytes long, expected less than %zu", length, field->size);
	return 0;
}

// In the order of reading: what names something stands behind what is named.
static const struct yaml_field top_fields[] = {
	{ "interfaces", config_read_interfaces },
	{ "workers", config_read_workers },
	{ "flows", config_read_flows },
	{ "handlers", config_read_handlers },
	{ "listeners", config_read_listeners },
	{ "default_handler", read_default_handler, offsetof(struct config, default_handler) },
	{ "rules", read_rules, offsetof(struct config, rules_file), sizeof(((struct config *)0)->rules_file) },
	{ "policy", config_read_policy },
	{ "latency", yaml_amount, offsetof(struct config, latency), sizeof(uint32_t), 0, LATENCY_ONE_IN_MAX },
	{ "control", config_read_control },
	{ "eal", config_read_eal },
	{ NULL },
};

int config_parse(const char *file, const char *text, size_t length, struct config *config, struct error *error)
{
	struct yaml yaml;
	set_defaults(config, file);
	if (yaml_open(&yaml, config->file, text, length, error) < 0)
		return -1;
	yaml.config = config;
	int result = yaml_read_mapping(&yaml, yaml_document_get_root_node(&yaml.document), "the configuration",
		top_fields, config);
	yaml_close(&yaml);
	if (result == 0)
		result = config_check_ties(config, error);
	if (result < 0)
		config_free(config);
	return result;
}

// The whole of an open file. NULL with errno set.
static char *read_stream(FILE *stream, size_t *length)
{
	size_t room = 64 * 1024;
	char *text = malloc(room);
	*length = 0;
	while (text) {
		*length += fread(text + *length, 1, room - *length, stream);
		if (*length < room)
			break;
		room *= 2;
		char *larger = room <= 2 * (size_t)YAML_BYTES_MAX ? realloc(text, room) : NULL;
		if (!larger) {
			free(text);
			errno = EFBIG;
			return NULL;
		}
		text = larger;
	}
	if (text && ferror(stream)) {
		free(text);
		text = NULL;
	}
	return text;
}

int config_error_at(const struct config *config, struct config_place place, struct error *error)
{
	if (place.line == 0)
		return -1;
	return error_prefix(error, "%s:%u:%u", config->file, place.line, place.column);
}

char *config_read_file(const char *file, const char *example, size_t *length, struct error *error)
{
	FILE *stream = fopen(file, "re");
	if (!stream) {
		error_set(error, "%s: can't be opened: %s; expected a configuration such as %s", file, strerror(errno), example);
		return NULL;
	}
	char *text = read_stream(stream, length);
	int why = errno;
	fclose(stream);
	if (!text)
		error_set(error, "%s: can't be read: %s; expected a configuration such as %s", file, strerror(why), example);
	return text;
}

int config_load(const char *file, struct config *config, struct error *error)
{
	size_t length;
	char *text = config_read_file(file, "conf/portier.yaml", &length, error);
	if (!text)
		return -1;
	int result = config_parse(file, text, length, config, error);
	free(text);
	return result;
}

int config_default(struct config *config, struct error *error)
{
	set_defaults(config, "");
	config->handlers = calloc(1, sizeof(*config->handlers));
	if (!config->handlers)
		return error_set(error, "no memory");
	config->handlers[0] = (struct config_handler){ .name = "flows", .kind = "count" };
	config->handler_count = 1;
	config->default_handler = 0;
	return 0;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->eal_count; i++)
		free(config->eal[i]);
	free(config->eal);
	free(config->interfaces);
	free(config->handlers);
	free(config->listeners);
	free(config->worker_cpus);
	free(config->control_cpus);
	*config = (struct config){ .default_handler = HANDLER_NONE };
}
