// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/table.h"

#define COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

enum { COLUMNS_MAX = 16 };

bool show_bold(void)
{
	return isatty(STDOUT_FILENO);
}

const json_t *value_at(const json_t *object, const char *path)
{
	char key[64];
	while (object && *path) {
		size_t length = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		object = json_object_get(object, key);
		path += length + (path[length] == '.');
	}
	return object;
}

const char *bytes_format(double bytes, const char *unit, char text[CELL_MAX])
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T", "P" };
	size_t i = 0;
	while (bytes >= 1000 && i + 1 < sizeof(prefixes) / sizeof(prefixes[0])) {
		bytes /= 1000;
		i++;
	}
	snprintf(text, CELL_MAX, i ? "%.2f %s%s" : "%.0f %s%s", bytes, prefixes[i], unit);
	return text;
}

static void seconds_format(double seconds, char text[CELL_MAX])
{
	unsigned long whole = (unsigned long)seconds;
	unsigned hours = (unsigned)(whole / 3600 % 24), minutes = (unsigned)(whole / 60 % 60);
	if (whole < 60)
		snprintf(text, CELL_MAX, "%.1fs", seconds);
	else if (whole < 86400)
		snprintf(text, CELL_MAX, "%u:%02u:%02u", hours, minutes, (unsigned)(whole % 60));
	else
		snprintf(text, CELL_MAX, "%lud %u:%02u:%02u", whole / 86400, hours, minutes, (unsigned)(whole % 60));
}

static void nanoseconds_format(double value, char text[CELL_MAX])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	size_t i = 0;
	for (; value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		value /= 1000;
	snprintf(text, CELL_MAX, i ? "%.2f %s" : "%.0f %s", value, units[i]);
}

// What came over the socket is not ours: no control characters reach the terminal.
static void text_format(const json_t *value, char text[CELL_MAX])
{
	if (json_is_integer(value))
		snprintf(text, CELL_MAX, "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, CELL_MAX, "%s", json_is_string(value) ? json_string_value(value) : "-");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (!*text)
		strcpy(text, "-");
}

const char *cell_format(const json_t *value, enum cell_kind kind, char text[CELL_MAX])
{
	if (!value || json_is_null(value) || json_is_string(value) || kind == CELL_TEXT)
		text_format(value, text);
	else if (kind == CELL_COUNT)
		number_format((uint64_t)json_integer_value(value), text);
	else if (kind == CELL_BYTES)
		bytes_format(json_number_value(value), "B", text);
	else if (kind == CELL_PERCENT)
		snprintf(text, CELL_MAX, "%.1f %%", json_number_value(value));
	else if (kind == CELL_NANOSECONDS)
		nanoseconds_format(json_number_value(value), text);
	else if (kind == CELL_SECONDS)
		seconds_format(json_number_value(value), text);
	else
		snprintf(text, CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
	return text;
}

void show_array(const json_t *array, const struct column *columns, unsigned count, const char *if_empty)
{
	struct table_column heads[COLUMNS_MAX];
	char text[CELL_MAX];
	if (json_array_size(array) == 0) {
		puts(if_empty);
		return;
	}
	for (unsigned c = 0; c < count; c++)
		heads[c] = (struct table_column){ columns[c].title, columns[c].kind != CELL_TEXT };
	struct table *table = table_create(heads, count);
	for (size_t i = 0; i < json_array_size(array); i++)
		for (unsigned c = 0; c < count; c++)
			table_text(table, cell_format(value_at(json_array_get(array, i), columns[c].path),
						      columns[c].kind, text));
	table_print(table, stdout, show_bold());
}

// An object as lines of "title  value".
static void show_object(const json_t *object, const struct column *lines, unsigned count)
{
	static const struct table_column heads[] = { { NULL, false }, { NULL, false } };
	char text[CELL_MAX];
	struct table *table = table_create(heads, 2);
	for (unsigned i = 0; i < count; i++) {
		table_text(table, lines[i].title);
		table_text(table, cell_format(value_at(object, lines[i].path), lines[i].kind, text));
	}
	table_print(table, stdout, false);
}

void show_status(const json_t *result)
{
	static const struct column lines[] = {
		{ "version", "version", CELL_TEXT },
		{ "DPDK", "dpdk", CELL_TEXT },
		{ "process", "pid", CELL_TEXT },
		{ "mode", "mode", CELL_TEXT },
		{ "workers running", "running", CELL_YES_NO },
		{ "up for", "uptime_seconds", CELL_SECONDS },
		{ "configuration", "config_file", CELL_TEXT },
		{ "rules file", "rules_file", CELL_TEXT },
		{ "generation", "generation", CELL_COUNT },
		{ "rules", "rules", CELL_COUNT },
		{ "listeners", "listeners", CELL_COUNT },
		{ "handlers", "handlers", CELL_COUNT },
		{ "workers", "workers", CELL_COUNT },
		{ "interfaces", "interfaces", CELL_COUNT },
		{ "flow tables", "memory.flow_tables_bytes", CELL_BYTES },
		{ "fragment tables", "memory.fragment_tables_bytes", CELL_BYTES },
	};
	show_object(result, COLUMNS(lines));
}

void show_interfaces(const json_t *result)
{
	static const struct column columns[] = {
		{ "NAME", "name", CELL_TEXT },
		{ "DRIVER", "driver", CELL_TEXT },
		{ "ROLE", "role", CELL_TEXT },
		{ "LINK", "link_up", CELL_YES_NO },
		{ "MBIT/S", "speed_mbps", CELL_COUNT },
		{ "MAC", "mac", CELL_TEXT },
		{ "QUEUES", "queues", CELL_COUNT },
		{ "STEERING", "steering", CELL_TEXT },
		{ "RX PACKETS", "rx_packets", CELL_COUNT },
		{ "RX BYTES", "rx_bytes", CELL_BYTES },
		{ "MISSED", "rx_missed", CELL_COUNT },
		{ "NO BUFFER", "rx_no_buffer", CELL_COUNT },
		{ "TX PACKETS", "tx_packets", CELL_COUNT },
		{ "TX BYTES", "tx_bytes", CELL_BYTES },
	};
	show_array(result, COLUMNS(columns), "no interfaces");
}

void show_workers(const json_t *result)
{
	static const struct column columns[] = {
		{ "WORKER", "id", CELL_TEXT },
		{ "CPU", "cpu", CELL_TEXT },
		{ "NODE", "numa_node", CELL_TEXT },
		{ "BUSY", "busy_percent", CELL_PERCENT },
		{ "RECEIVED", "received.packets", CELL_COUNT },
		{ "PASSED IN", "passed_in.packets", CELL_COUNT },
		{ "HANDED", "handed.packets", CELL_COUNT },
		{ "ANSWERED", "answered.packets", CELL_COUNT },
		{ "PASSED OUT", "passed_out.packets", CELL_COUNT },
		{ "DROPPED", "dropped.packets", CELL_COUNT },
		{ "FLOWS", "flows", CELL_COUNT },
		{ "CAPACITY", "table_capacity", CELL_COUNT },
	};
	show_array(result, COLUMNS(columns), "no workers");
}

void show_listeners(const json_t *result)
{
	static const struct column columns[] = {
		{ "ID", "id", CELL_TEXT },
		{ "PROTO", "protocol", CELL_TEXT },
		{ "ADDRESS", "address", CELL_TEXT },
		{ "PORT", "port", CELL_TEXT },
		{ "SERVICE", "service", CELL_TEXT },
		{ "INTERFACE", "interface", CELL_TEXT },
		{ "VLAN", "vlan", CELL_TEXT },
		{ "HANDLER", "handler", CELL_TEXT },
		{ "FLOWS", "flows", CELL_COUNT },
		{ "PACKETS", "packets", CELL_COUNT },
		{ "BYTES", "bytes", CELL_BYTES },
	};
	show_array(result, COLUMNS(columns), "no listeners");
}

void show_handlers(const json_t *result)
{
	static const struct column columns[] = {
		{ "HANDLER", "name", CELL_TEXT },
		{ "KIND", "kind", CELL_TEXT },
		{ "HANDED", "handed.packets", CELL_COUNT },
		{ "BYTES", "handed.bytes", CELL_BYTES },
		{ "TRANSMITTED", "transmitted.packets", CELL_COUNT },
		{ "CONSUMED", "consumed.packets", CELL_COUNT },
		{ "DROPPED", "dropped.packets", CELL_COUNT },
		{ "RETURNED", "returned.packets", CELL_COUNT },
	};
	show_array(result, COLUMNS(columns), "no handlers");
}

static void show_drop_array(const json_t *drops, const char *if_empty)
{
	static const struct column columns[] = {
		{ "REASON", "reason", CELL_TEXT },
		{ "PACKETS", "packets", CELL_COUNT },
		{ "BYTES", "bytes", CELL_BYTES },
		{ "MEANING", "text", CELL_TEXT },
	};
	show_array(drops, COLUMNS(columns), if_empty);
}

void show_drops(const json_t *result)
{
	show_drop_array(json_object_get(result, "drops"), "nothing was dropped");
	const char *name;
	json_t *drops, *handlers = json_object_get(result, "handlers");
	json_object_foreach(handlers, name, drops) {
		printf("\nhandler %s\n", name);
		show_drop_array(drops, "nothing was dropped");
	}
}

static const char *endpoint(const json_t *flow, const char *address, const char *port, char text[CELL_MAX])
{
	const char *of = json_string_value(json_object_get(flow, address));
	long long number = json_integer_value(json_object_get(flow, port));
	snprintf(text, CELL_MAX, of && strchr(of, ':') ? "[%s]:%lld" : "%s:%lld", of ? of : "-", number);
	return text;
}

void show_flows(const json_t *result)
{
	static const struct column columns[] = {
		{ "PROTO", "proto", CELL_TEXT },
		{ "ORIGINATOR", "originator", CELL_TEXT },
		{ "RESPONDER", "responder", CELL_TEXT },
		{ "SERVICE", "service", CELL_TEXT },
		{ "VLAN", "vlan", CELL_TEXT },
		{ "STATE", "state", CELL_TEXT },
		{ "PACKETS >", "packets_orig", CELL_COUNT },
		{ "BYTES >", "bytes_orig", CELL_BYTES },
		{ "PACKETS <", "packets_resp", CELL_COUNT },
		{ "BYTES <", "bytes_resp", CELL_BYTES },
		{ "AGE", "age_seconds", CELL_SECONDS },
		{ "IDLE", "idle_seconds", CELL_SECONDS },
		{ "HANDLER", "handler", CELL_TEXT },
		{ "RULE", "rule", CELL_TEXT },
	};
	json_t *flow, *flows = json_object_get(result, "flows");
	size_t i;
	char text[CELL_MAX];
	json_array_foreach(flows, i, flow) {
		json_object_set_new(flow, "originator", json_string(endpoint(flow, "orig_addr", "orig_port", text)));
		json_object_set_new(flow, "responder", json_string(endpoint(flow, "resp_addr", "resp_port", text)));
	}
	show_array(flows, COLUMNS(columns), "no flows");
	if (json_is_true(json_object_get(result, "more")))
		printf("... and more: 'limit N' shows more, a filter fewer\n");
}

void show_log(const json_t *result)
{
	char level[CELL_MAX], of[CELL_MAX];
	printf("%s of %s\n", cell_format(json_object_get(result, "level"), CELL_TEXT, level),
	       cell_format(json_object_get(result, "of"), CELL_TEXT, of));
}
