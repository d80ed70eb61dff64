// SPDX-License-Identifier: BSD-3-Clause
// What control/generate_config.c's table of keys is made of besides portier's own readers.
#pragma once

#include "control/generate_config.h"
#include "control/yaml.h"

// control/generate_config_streams.c
int generate_read_streams(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);

// control/generate_config_values.c
int generate_read_rate(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // config
int generate_read_decimal(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // double
int generate_read_mac(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int generate_read_vlans(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // link
int generate_read_sizes(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // params
bool generate_sizes_are_mix(const struct generate_stream_params *params); // whether that read imix
int generate_read_ports(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // two
int generate_read_source_ports(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
