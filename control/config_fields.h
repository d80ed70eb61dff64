// SPDX-License-Identifier: BSD-3-Clause
// What control/config.c's table of top-level keys is made of: readers of sections, one file a concept.
#pragma once

#include "control/config.h"
#include "control/yaml.h"

// The whole of a configuration's file, for free(). NULL with a text that names an example. control/config.c
char *config_read_file(const char *file, const char *example, size_t *length, struct error *error);

// control/config_devices.c
int config_read_interfaces(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_handlers(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_interface_name(struct yaml *yaml, yaml_node_t *node, size_t *index);
int config_read_handler_name(struct yaml *yaml, yaml_node_t *node, uint16_t *id);

// control/config_listeners.c
int config_read_listeners(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_check_ties(const struct config *config, struct error *error);

// control/config_sections.c
int config_read_workers(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_flows(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_policy(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_control(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_read_eal(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int config_set_profile(struct config *config, const char *name);
