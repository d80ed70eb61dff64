// SPDX-License-Identifier: BSD-3-Clause
// What of a configuration lasts until a restart: all that a reload does not publish.
#include "control/config.h"

#include <string.h>

struct lasting {
	const char *key;
	size_t offset;
	size_t size; // 0: a text
};

static const struct lasting of_interface[] = {
	{ "name", offsetof(struct config_interface, name) },
	{ "device", offsetof(struct config_interface, device) },
	{ "queues", offsetof(struct config_interface, queues), sizeof(uint16_t) },
	{ "mtu", offsetof(struct config_interface, mtu), sizeof(uint16_t) },
	{ "promiscuous", offsetof(struct config_interface, promiscuous), sizeof(bool) },
	{ "checksum", offsetof(struct config_interface, checksum), sizeof(uint8_t) },
	{ "rx_descriptors", offsetof(struct config_interface, rx_descriptors), sizeof(uint16_t) },
	{ "tx_descriptors", offsetof(struct config_interface, tx_descriptors), sizeof(uint16_t) },
	{ NULL },
};

static const struct lasting of_handler[] = {
	{ "name", offsetof(struct config_handler, name) },
	{ "kind", offsetof(struct config_handler, kind) },
	{ "device", offsetof(struct config_handler, device) },
	{ "uplink", offsetof(struct config_handler, uplink) },
	{ "queues", offsetof(struct config_handler, queues), sizeof(uint16_t) },
	{ "mtu", offsetof(struct config_handler, mtu), sizeof(uint16_t) },
	{ "checksum", offsetof(struct config_handler, checksum), sizeof(uint8_t) },
	{ NULL },
};

static const struct lasting of_config[] = {
	{ "workers.spare_buffers", offsetof(struct config, spare_buffers), sizeof(uint32_t) },
	{ "workers.share_cpus", offsetof(struct config, share_cpus), sizeof(bool) },
	{ "workers.steering", offsetof(struct config, devices_steer), sizeof(bool) },
	{ "flows.capacity", offsetof(struct config, flow_capacity), sizeof(uint32_t) },
	{ "flows.embryonic_percent", offsetof(struct config, embryonic_percent), sizeof(uint32_t) },
	{ "flows.fragments", offsetof(struct config, fragment_capacity), sizeof(uint32_t) },
	{ "flows.fragment_timeout", offsetof(struct config, fragment_timeout_ms), sizeof(uint32_t) },
	{ "flows.vlan_in_key", offsetof(struct config, vlan_in_key), sizeof(bool) },
	{ "flows.timeouts", offsetof(struct config, timeout_ms), FLOW_STATES * sizeof(uint64_t) },
	{ "policy.truncated", offsetof(struct config, truncated), sizeof(uint8_t) },
	{ "policy.martians", offsetof(struct config, martians_drop), sizeof(bool) },
	{ "policy.answers_per_second", offsetof(struct config, answers_per_second), sizeof(uint32_t) },
	{ "policy.logs_per_second", offsetof(struct config, logs_per_second), sizeof(uint32_t) },
	{ "latency", offsetof(struct config, latency), sizeof(uint32_t) },
	{ "control.socket", offsetof(struct config, socket_path) },
	{ NULL },
};

static const char *first_change(const struct lasting *lasting, const void *running, const void *fresh)
{
	for (; lasting->key; lasting++) {
		const char *a = (const char *)running + lasting->offset, *b = (const char *)fresh + lasting->offset;
		if (lasting->size ? memcmp(a, b, lasting->size) != 0 : strcmp(a, b) != 0)
			return lasting->key;
	}
	return NULL;
}

// A list of interfaces or handlers, running and fresh.
struct devices {
	const char *what;
	const struct lasting *lasting;
	const char *running, *fresh;
	size_t running_count, fresh_count;
	size_t stride, place;
};

static int check_devices(const char *file, const struct devices *devices, struct error *error)
{
	for (size_t i = 0; i < devices->running_count && i < devices->fresh_count; i++) {
		const char *running = devices->running + i * devices->stride;
		const char *fresh = devices->fresh + i * devices->stride;
		const char *key = first_change(devices->lasting, running, fresh);
		struct config_place place;
		memcpy(&place, fresh + devices->place, sizeof(place));
		if (key)
			return error_at(error, file, place.line, place.column, "%s of %s %zu ('%s') has changed: restart "
				"portier for that", key, devices->what, i + 1, running);
	}
	if (devices->running_count != devices->fresh_count)
		return error_set(error, "%s: the number of %ss has changed from %zu to %zu: restart portier for that", file,
			devices->what, devices->running_count, devices->fresh_count);
	return 0;
}

static_assert(offsetof(struct config_interface, name) == 0 && offsetof(struct config_handler, name) == 0,
	      "check_devices tells the name");

static bool same_cpus(const uint16_t *a, size_t a_count, const uint16_t *b, size_t b_count)
{
	if (a_count != b_count || !a != !b)
		return false;
	return !a || memcmp(a, b, a_count * sizeof(*a)) == 0;
}

static bool same_eal(const struct config *a, const struct config *b)
{
	bool same = a->eal_count == b->eal_count;
	for (size_t i = 0; same && i < a->eal_count; i++)
		same = strcmp(a->eal[i], b->eal[i]) == 0;
	return same;
}

static const char *first_list_change(const struct config *running, const struct config *fresh)
{
	if (!same_cpus(running->worker_cpus, running->worker_cpu_count, fresh->worker_cpus, fresh->worker_cpu_count))
		return "workers.cpus";
	if (!same_cpus(running->control_cpus, running->control_cpu_count, fresh->control_cpus,
		    fresh->control_cpu_count))
		return "workers.control_cpus";
	return same_eal(running, fresh) ? NULL : "eal";
}

int config_check_lasting(const struct config *running, const struct config *fresh, struct error *error)
{
	const struct devices devices[] = {
		{ "interface", of_interface, (const char *)running->interfaces, (const char *)fresh->interfaces,
			running->interface_count, fresh->interface_count, sizeof(struct config_interface),
			offsetof(struct config_interface, place) },
		{ "handler", of_handler, (const char *)running->handlers, (const char *)fresh->handlers,
			running->handler_count, fresh->handler_count, sizeof(struct config_handler),
			offsetof(struct config_handler, place) },
	};
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		if (check_devices(fresh->file, &devices[i], error) != 0)
			return -1;
	const char *key = first_change(of_config, running, fresh);
	if (!key)
		key = first_list_change(running, fresh);
	return key ? error_set(error, "%s: %s has changed: restart portier for that", fresh->file, key) : 0;
}
