// SPDX-License-Identifier: BSD-3-Clause
// Compiling rules that ask for no more than protocol and destination port, or ICMP type: painted into tables.
#include <errno.h>
#include <stdlib.h>

#include "dataplane/memory.h"
#include "dataplane/rule_compile.h"

// What is painted for one view. Borders of what is already taken: next[port] leads to the next free one, so that each port
// is painted once.
struct painter {
	struct rule_set *set;
	struct rule_view *view;
	uint8_t family;
	int socket;
	uint32_t *table[PROTOCOLS];
	uint32_t *next[PROTOCOLS];
};

static uint32_t table_entries(const struct painter *painter, uint8_t protocol)
{
	return protocol == icmp_of(painter->family) ? ICMP_TYPES : PORTS;
}

static uint32_t next_free(uint32_t *next, uint32_t port)
{
	while (next[port] != port) {
		next[port] = next[next[port]];
		port = next[port];
	}
	return port;
}

static void paint(uint32_t *table, uint32_t *next, const struct port_range *range, uint32_t position)
{
	for (uint32_t port = next_free(next, range->low); port <= range->high; port = next_free(next, port)) {
		table[port] = position;
		next[port] = port + 1;
	}
}

static int table_create(struct painter *painter, uint8_t protocol)
{
	uint32_t entries = table_entries(painter, protocol);
	uint32_t *table = memory_take("rule table", entries * sizeof(*table), painter->socket);
	uint32_t *next = malloc((entries + 1) * sizeof(*next));
	painter->table[protocol] = table;
	painter->next[protocol] = next;
	if (!table || !next)
		return -ENOMEM;
	for (uint32_t port = 0; port < entries; port++) {
		table[port] = painter->set->none;
		next[port] = port;
	}
	next[entries] = entries;
	return 0;
}

static int paint_ranges(struct painter *painter, uint8_t protocol, const struct port_set *ranges, uint32_t position)
{
	if (!painter->table[protocol]) {
		int result = table_create(painter, protocol);
		if (result)
			return result;
	}
	for (uint32_t i = 0; i < ranges->count; i++)
		paint(painter->table[protocol], painter->next[protocol], &ranges->range[i], position);
	return 0;
}

// A rule that takes all that is left of a protocol.
static void paint_rest(struct painter *painter, uint8_t protocol, uint32_t position)
{
	struct port_range all = { 0, (uint16_t)(table_entries(painter, protocol) - 1) };
	painter->view->lone[protocol] = position;
	if (painter->table[protocol])
		paint(painter->table[protocol], painter->next[protocol], &all, position);
}

static int paint_rule(struct painter *painter, const struct rule_need *need, const struct port_set *ranges,
		      uint32_t position)
{
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		if (!byte_set_has(&need->protocols, (uint8_t)protocol) || painter->view->lone[protocol] < position)
			continue;
		if (need->asks == 0) {
			paint_rest(painter, (uint8_t)protocol, position);
			continue;
		}
		int result = paint_ranges(painter, (uint8_t)protocol, ranges, position);
		if (result)
			return result;
	}
	return 0;
}

static int paint_choice(struct painter *painter, unsigned view, const struct rule_choice *choice)
{
	for (size_t i = 0; i < choice->count; i++) {
		struct port_range run[BYTE_SET_RUNS_MAX];
		struct port_set types = { run, 0 };
		struct rule_need need;
		if (!rule_need(choice->rule[i], view, &need) || !rule_need_is_tabled(&need))
			continue;
		if (need.asks == RULE_ICMP_TYPE)
			types.count = byte_set_runs(&choice->rule[i]->icmp_types, run);
		bool icmp = need.asks == RULE_ICMP_TYPE;
		int result = paint_rule(painter, &need, icmp ? &types : &choice->rule[i]->destination_ports,
			choice->position[i]);
		if (result)
			return result;
	}
	return 0;
}

// The set takes the table, unless it has an equal one.
static const uint32_t *own_table(struct rule_set *set, uint32_t *table, size_t bytes)
{
	for (unsigned i = 0; i < set->tables; i++) {
		if (set->owned[i].bytes == bytes && memcmp(set->owned[i].position, table, bytes) == 0) {
			memory_give(table);
			return set->owned[i].position;
		}
	}
	set->owned[set->tables].position = table;
	set->owned[set->tables].bytes = bytes;
	set->tables++;
	set->bytes += bytes;
	return table;
}

static void hang_up(struct painter *painter)
{
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		uint32_t entries = table_entries(painter, (uint8_t)protocol), *table = painter->table[protocol];
		struct rule_table *at = &painter->view->table[protocol];
		if (table) {
			at->position = own_table(painter->set, table, entries * sizeof(*table));
			at->mask = entries - 1;
			painter->table[protocol] = NULL;
		} else {
			at->position = &painter->view->lone[protocol];
			at->mask = 0;
		}
	}
}

static void clean_up(struct painter *painter)
{
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++) {
		memory_give(painter->table[protocol]);
		free(painter->next[protocol]);
	}
}

static int view_paint(struct rule_set *set, unsigned view, const struct rule_choice *choice, int socket)
{
	struct painter painter = {
		.set = set, .view = &set->view[view], .family = view_family(view), .socket = socket,
	};
	for (unsigned protocol = 0; protocol < PROTOCOLS; protocol++)
		painter.view->lone[protocol] = set->none;
	int result = paint_choice(&painter, view, choice);
	if (result == 0)
		hang_up(&painter);
	clean_up(&painter);
	return result;
}

int rule_tables_build(struct rule_set *set, const struct rule_choice *choice, int socket)
{
	int result = 0;
	for (unsigned view = 0; result == 0 && view < VIEWS; view++)
		result = view_paint(set, view, choice, socket);
	return result;
}
