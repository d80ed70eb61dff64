// SPDX-License-Identifier: BSD-3-Clause
// The sections that are plain tables: workers, flows, policy, control, eal.
#include "control/config_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/numa.h"
#include "dataplane/worker.h"

enum {
	MS = 1,
	SECOND = 1000 * MS,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	YEAR_HOURS = 365 * 24,
};

struct profile {
	const char *name;
	uint64_t timeout_ms[FLOW_STATES];
};

// internet: the floors of RFC 5382 REQ-5 (2 h 4 min established, 4 min transitory), RFC 4787 REQ-5 (2 min, 5 min
// recommended) and RFC 5508 REQ-2 (60 s).
static const struct profile profiles[] = {
	{ "lab", {
		[FLOW_TCP_SYN_SENT] = 5 * SECOND, [FLOW_TCP_SYN_RCVD] = 5 * SECOND,
		[FLOW_TCP_ESTABLISHED] = 60 * SECOND, [FLOW_TCP_FIN_WAIT_1] = 5 * SECOND,
		[FLOW_TCP_FIN_WAIT_2] = 5 * SECOND, [FLOW_TCP_CLOSING] = 5 * SECOND,
		[FLOW_TCP_CLOSE_WAIT] = 5 * SECOND, [FLOW_TCP_LAST_ACK] = 5 * SECOND,
		[FLOW_TCP_TIME_WAIT] = 2 * SECOND, [FLOW_TCP_CLOSED] = 1 * SECOND,
		[FLOW_UDP_UNREPLIED] = 5 * SECOND, [FLOW_UDP_REPLIED] = 15 * SECOND,
		[FLOW_ICMP_UNREPLIED] = 5 * SECOND, [FLOW_ICMP_REPLIED] = 5 * SECOND,
		[FLOW_OTHER_UNREPLIED] = 15 * SECOND, [FLOW_OTHER_REPLIED] = 15 * SECOND } },
	{ "internet", {
		[FLOW_TCP_SYN_SENT] = 4 * MINUTE, [FLOW_TCP_SYN_RCVD] = 4 * MINUTE,
		[FLOW_TCP_ESTABLISHED] = 2 * HOUR + 4 * MINUTE, [FLOW_TCP_FIN_WAIT_1] = 4 * MINUTE,
		[FLOW_TCP_FIN_WAIT_2] = 4 * MINUTE, [FLOW_TCP_CLOSING] = 4 * MINUTE,
		[FLOW_TCP_CLOSE_WAIT] = 4 * MINUTE, [FLOW_TCP_LAST_ACK] = 4 * MINUTE,
		[FLOW_TCP_TIME_WAIT] = 4 * MINUTE, [FLOW_TCP_CLOSED] = 10 * SECOND,
		[FLOW_UDP_UNREPLIED] = 2 * MINUTE, [FLOW_UDP_REPLIED] = 5 * MINUTE,
		[FLOW_ICMP_UNREPLIED] = 60 * SECOND, [FLOW_ICMP_REPLIED] = 60 * SECOND,
		[FLOW_OTHER_UNREPLIED] = 10 * MINUTE, [FLOW_OTHER_REPLIED] = 10 * MINUTE } },
};

static const char *const profile_words[] = { "lab", "internet", NULL };

int config_set_profile(struct config *config, const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		if (strcmp(profiles[i].name, name) != 0)
			continue;
		snprintf(config->profile, sizeof(config->profile), "%s", name);
		memcpy(config->timeout_ms, profiles[i].timeout_ms, sizeof(config->timeout_ms));
		return 0;
	}
	return -1;
}

static int read_profile(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)target;
	uint8_t word;
	struct yaml_field as_word = *field;
	as_word.words = profile_words;
	as_word.size = sizeof(word);
	if (yaml_word(yaml, node, &as_word, &word) < 0)
		return -1;
	return config_set_profile(yaml->config, profile_words[word]);
}

static int read_timeout(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct yaml_field duration = *field;
	duration.size = sizeof(uint64_t);
	duration.low = 1;
	duration.high = (uint64_t)YEAR_HOURS * HOUR;
	return yaml_duration(yaml, node, &duration, target);
}

static const struct yaml_field timeout_fields[] = {
	{ "profile", read_profile },
	{ "tcp_syn_sent", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_SYN_SENT]) },
	{ "tcp_syn_rcvd", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_SYN_RCVD]) },
	{ "tcp_established", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_ESTABLISHED]) },
	{ "tcp_fin_wait_1", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_FIN_WAIT_1]) },
	{ "tcp_fin_wait_2", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_FIN_WAIT_2]) },
	{ "tcp_closing", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_CLOSING]) },
	{ "tcp_close_wait", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_CLOSE_WAIT]) },
	{ "tcp_last_ack", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_LAST_ACK]) },
	{ "tcp_time_wait", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_TIME_WAIT]) },
	{ "tcp_closed", read_timeout, offsetof(struct config, timeout_ms[FLOW_TCP_CLOSED]) },
	{ "udp_unreplied", read_timeout, offsetof(struct config, timeout_ms[FLOW_UDP_UNREPLIED]) },
	{ "udp_replied", read_timeout, offsetof(struct config, timeout_ms[FLOW_UDP_REPLIED]) },
	{ "icmp_unreplied", read_timeout, offsetof(struct config, timeout_ms[FLOW_ICMP_UNREPLIED]) },
	{ "icmp_replied", read_timeout, offsetof(struct config, timeout_ms[FLOW_ICMP_REPLIED]) },
	{ "other_unreplied", read_timeout, offsetof(struct config, timeout_ms[FLOW_OTHER_UNREPLIED]) },
	{ "other_replied", read_timeout, offsetof(struct config, timeout_ms[FLOW_OTHER_REPLIED]) },
	{ NULL },
};

// A profile's name alone, or a mapping that starts from a profile.
static int read_timeouts(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	if (node->type == YAML_SCALAR_NODE)
		return read_profile(yaml, node, field, target);
	return yaml_read_mapping(yaml, node, "timeouts", timeout_fields, yaml->config);
}

static struct config_place place_of(const yaml_node_t *node)
{
	return (struct config_place){ (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1 };
}

static int read_capacity(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	struct config *config = yaml->config;
	config->flow_capacity_given = true;
	config->flow_capacity_place = place_of(node);
	return yaml_amount(yaml, node, field, target);
}

static const struct yaml_field flow_fields[] = {
	{ "capacity", read_capacity, offsetof(struct config, flow_capacity), sizeof(uint32_t), 1, 1 << 26 },
	{ "embryonic_percent", yaml_number, offsetof(struct config, embryonic_percent), sizeof(uint32_t), 1, 100 },
	{ "fragments", yaml_amount, offsetof(struct config, fragment_capacity), sizeof(uint32_t), 1, 1 << 20 },
	{ "fragment_timeout", yaml_duration, offsetof(struct config, fragment_timeout_ms), sizeof(uint32_t),
		1 * SECOND, 1 * HOUR },
	{ "vlan_in_key", yaml_bool, offsetof(struct config, vlan_in_key) },
	{ "timeouts", read_timeouts },
	{ NULL },
};

int config_read_flows(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return yaml_read_mapping(yaml, node, "flows", flow_fields, target);
}

// One item of a list of CPUs: "3" or "5-7". Adds to cpus.
static int read_cpu_range(struct yaml *yaml, yaml_node_t *node, struct cpu_list *cpus)
{
	static const char expected[] = "a CPU such as 3 or a range such as 5-7";
	char shown[YAML_SHOWN_MAX];
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	if (cpu_list_parse(text, cpus) < 0)
		return yaml_wrong(yaml, node, "%s stands for a CPU, expected %s, below %d and each once",
			yaml_shown(node, shown), expected, CPU_MAX);
	return 0;
}

// The list goes to the configuration: an array of its own, and how many.
static int read_cpus(struct yaml *yaml, yaml_node_t *node, const char *expected, uint16_t **array, size_t *length)
{
	struct cpu_list cpus = { 0 };
	size_t items;
	if (yaml_list(yaml, node, expected, &items) < 0)
		return -1;
	for (size_t i = 0; i < items; i++)
		if (read_cpu_range(yaml, yaml_item(yaml, node, i), &cpus) < 0)
			return -1;
	if (cpus.count == 0)
		return yaml_wrong(yaml, node, "the list is empty, expected %s", expected);
	*array = calloc(cpus.count, sizeof(**array));
	if (!*array)
		return yaml_wrong(yaml, node, "no memory");
	memcpy(*array, cpus.cpu, cpus.count * sizeof(**array));
	*length = cpus.count;
	return 0;
}

static int read_worker_cpus(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct config *config = target;
	static const char expected[] = "auto, a number of workers, or a list of CPUs such as [2, 3, 5-7]";
	char shown[YAML_SHOWN_MAX];
	config->worker_cpus_place = place_of(node);
	if (node->type != YAML_SCALAR_NODE) {
		if (read_cpus(yaml, node, expected, &config->worker_cpus, &config->worker_cpu_count) < 0)
			return -1;
		if (config->worker_cpu_count > WORKER_MAX)
			return yaml_wrong(yaml, node, "%zu CPUs, expected at most %d workers", config->worker_cpu_count,
				WORKER_MAX);
		return 0;
	}
	struct yaml_field number = { "cpus", .size = sizeof(uint16_t), .low = 1, .high = WORKER_MAX };
	uint16_t count;
	if (node->data.scalar.length == 0 || strpbrk((const char *)node->data.scalar.value, ",-"))
		return yaml_wrong(yaml, node, "%s stands for 'cpus', expected %s", yaml_shown(node, shown), expected);
	if (yaml_number_or_auto(yaml, node, &number, &count) < 0)
		return -1;
	config->worker_cpu_count = count;
	return 0;
}

static int read_control_cpus(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	struct config *config = target;
	config->control_cpus_place = place_of(node);
	return read_cpus(yaml, node, "a list of CPUs such as [0]", &config->control_cpus, &config->control_cpu_count);
}

static const char *const steering_words[] = { "auto", "device", NULL }; // false, true

static const struct yaml_field worker_fields[] = {
	{ "cpus", read_worker_cpus },
	{ "control_cpus", read_control_cpus },
	{ "spare_buffers", yaml_amount, offsetof(struct config, spare_buffers), sizeof(uint32_t), 0, 1 << 26 },
	{ "share_cpus", yaml_bool, offsetof(struct config, share_cpus) },
	{ "steering", yaml_word, offsetof(struct config, devices_steer), 1, .words = steering_words },
	{ NULL },
};

int config_read_workers(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return yaml_read_mapping(yaml, node, "workers", worker_fields, target);
}

// Each list in the order of its enum, or of false and true.
static const char *const pickup_words[] = { "loose", "strict", NULL };
static const char *const unbound_words[] = { "drop", "reject", NULL };
static const char *const fragment_words[] = { "drop", "steer", NULL };
static const char *const truncated_words[] = {
	[TRUNCATED_AUTO] = "auto", [TRUNCATED_STEER] = "steer", [TRUNCATED_DROP] = "drop", NULL };
static const char *const martian_words[] = { "accept", "drop", NULL };
static const char *const non_ip_words[] = { "drop", "default_handler", NULL };
static const char *const change_words[] = {
	[RULE_CHANGE_RECHECK] = "recheck", [RULE_CHANGE_KEEP] = "keep", [RULE_CHANGE_KILL] = "kill", NULL };
static const char *const state_words[] = { "flow", "packet", NULL };

static int read_unbound(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	uint8_t word;
	if (yaml_word(yaml, node, field, &word) < 0)
		return -1;
	*(uint8_t *)target = word ? VERDICT_REJECT : VERDICT_DROP;
	return 0;
}

static int read_non_ip(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	if (yaml_word(yaml, node, field, target) < 0)
		return -1;
	if (yaml->config->non_ip_pass && yaml->config->default_handler == HANDLER_NONE)
		return yaml_wrong(yaml, node, "there is no default handler to take frames without IP, expected "
			"'default_handler:' to name one, or drop here");
	return 0;
}

static const struct yaml_field policy_fields[] = {
	{ "tcp_pickup", yaml_word, offsetof(struct config, tcp_pickup_strict), 1, .words = pickup_words },
	{ "unbound", read_unbound, offsetof(struct config, unbound), 1, .words = unbound_words },
	{ "fragments", yaml_word, offsetof(struct config, fragments_steer), 1, .words = fragment_words },
	{ "truncated", yaml_word, offsetof(struct config, truncated), 1, .words = truncated_words },
	{ "martians", yaml_word, offsetof(struct config, martians_drop), 1, .words = martian_words },
	{ "non_ip", read_non_ip, offsetof(struct config, non_ip_pass), 1, .words = non_ip_words },
	{ "state", yaml_word, offsetof(struct config, state_packet), 1, .words = state_words },
	{ "on_rule_change", yaml_word, offsetof(struct config, on_rule_change), 1, .words = change_words },
	{ "answers_per_second", yaml_amount, offsetof(struct config, answers_per_second), sizeof(uint32_t), 0,
		10 * 1000 * 1000 },
	{ "logs_per_second", yaml_amount, offsetof(struct config, logs_per_second), sizeof(uint32_t), 0, 10 * 1000 },
	{ NULL },
};

int config_read_policy(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return yaml_read_mapping(yaml, node, "policy", policy_fields, target);
}

static const struct yaml_field control_fields[] = {
	{ "socket", yaml_string, offsetof(struct config, socket_path), sizeof(((struct config *)0)->socket_path) },
	{ NULL },
};

int config_read_control(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	return yaml_read_mapping(yaml, node, "control", control_fields, target);
}

int config_read_eal(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	(void)field;
	static const char expected[] = "a list of EAL arguments such as [\"--no-huge\", \"-m\", \"512\"]";
	struct config *config = target;
	size_t count;
	if (yaml_list(yaml, node, expected, &count) < 0)
		return -1;
	config->eal = calloc(count + 1, sizeof(*config->eal));
	for (size_t i = 0; config->eal && i < count; i++) {
		const char *text = yaml_text(yaml, yaml_item(yaml, node, i), "an EAL argument");
		if (!text)
			return -1;
		config->eal[i] = strdup(text);
		if (!config->eal[i])
			return yaml_wrong(yaml, node, "no memory");
		config->eal_count++;
	}
	return config->eal ? 0 : yaml_wrong(yaml, node, "no memory");
}
