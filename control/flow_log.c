// SPDX-License-Identifier: BSD-3-Clause
#include "control/flow_log.h"

#include <errno.h>
#include <stdlib.h>

#include "control/text_columns.h"
#include "dataplane/policy.h"

struct flow_log {
	struct text_file *file;
	const struct handler *handlers;
	unsigned handler_count;
	struct flow_record *records;
	size_t count, room;
};

struct flow_log *flow_log_open(const char *file, const struct handler *handlers, unsigned handler_count,
	struct error *error)
{
	struct flow_log *log = calloc(1, sizeof(*log));
	struct text_file *text = log ? text_file_open(file, error) : NULL;
	if (!text) {
		if (!log)
			error_set(error, "no memory for the flow log");
		free(log);
		return NULL;
	}
	log->file = text;
	log->handlers = handlers;
	log->handler_count = handler_count;
	text_put(text, "proto\tvlan\torig_addr\torig_port\tresp_addr\tresp_port\tpackets_orig\tbytes_orig\t"
		       "packets_resp\tbytes_resp\tfirst_ns\tlast_ns\tstate\tverdict\trule\thandler\n");
	return log;
}

static bool make_room(struct flow_log *log, size_t count)
{
	if (log->count + count <= log->room)
		return true;
	size_t room = 2 * (log->count + count);
	struct flow_record *larger = reallocarray(log->records, room, sizeof(*larger));
	if (!larger)
		return false;
	log->records = larger;
	log->room = room;
	return true;
}

void flow_log_add(struct flow_log *log, const struct flow_record *records, unsigned count)
{
	if (count == 0)
		return;
	if (!make_room(log, count)) {
		text_file_fail(log->file, ENOMEM);
		return;
	}
	memcpy(log->records + log->count, records, count * sizeof(*records));
	log->count += count;
}

struct flow_end_point flow_end_point(const struct flow_record *record, enum flow_direction end)
{
	unsigned side = record->hot.orig_end ^ (end == FLOW_RESP);
	return (struct flow_end_point){
		.address = record->cold.key.address[side],
		.port = rte_be_to_cpu_16(record->cold.key.port[side]),
	};
}

static void put_end(struct text_file *file, const struct flow_record *record, enum flow_direction end)
{
	struct flow_end_point point = flow_end_point(record, end);
	text_put_address(file, &point.address, record->cold.key.family);
	text_put_char(file, '\t');
	put_number(file, point.port);
}

static void put_traffic(struct text_file *file, const struct flow *flow)
{
	for (unsigned end = FLOW_ORIG; end <= FLOW_RESP; end++) {
		put_number(file, flow->traffic[end].packets);
		put_number(file, flow->traffic[end].bytes);
	}
}

static void put_vlan(struct text_file *file, uint16_t vlan)
{
	if (vlan)
		put_number(file, vlan);
	else
		put_text(file, "-");
}

static void put_record(const struct flow_log *log, const struct flow_record *record)
{
	struct text_file *file = log->file;
	const struct flow *flow = &record->hot;
	put_number(file, record->cold.key.protocol);
	put_vlan(file, record->cold.vlan);
	put_end(file, record, FLOW_ORIG);
	put_end(file, record, FLOW_RESP);
	put_traffic(file, flow);
	put_number(file, record->times.first);
	put_number(file, record->times.last);
	put_text(file, flow_state_name(flow->state));
	put_text(file, "accept");
	put_rule(file, flow->rule);
	text_put(file, flow->handler < log->handler_count ? log->handlers[flow->handler].name : "-");
	text_put_char(file, '\n');
}

static int by_id(const void *a, const void *b)
{
	uint64_t first = ((const struct flow_record *)a)->cold.id, second = ((const struct flow_record *)b)->cold.id;
	return (first > second) - (first < second);
}

int flow_log_close(struct flow_log *log, struct error *error)
{
	if (log->count)
		qsort(log->records, log->count, sizeof(*log->records), by_id);
	for (size_t i = 0; i < log->count; i++)
		put_record(log, &log->records[i]);
	int result = text_file_close(log->file, error);
	free(log->records);
	free(log);
	return result;
}

static bool larger(const struct flow_record *a, const struct flow_record *b)
{
	uint64_t bytes_a = a->hot.traffic[0].bytes + a->hot.traffic[1].bytes,
		bytes_b = b->hot.traffic[0].bytes + b->hot.traffic[1].bytes;
	return bytes_a != bytes_b ? bytes_a > bytes_b : a->cold.id < b->cold.id;
}

void flow_top_add(struct flow_top *top, const struct flow_record *record)
{
	if (top->count == FLOW_TOP && !larger(record, &top->flow[FLOW_TOP - 1]))
		return;
	unsigned at = top->count < FLOW_TOP ? top->count++ : FLOW_TOP - 1;
	for (; at > 0 && larger(record, &top->flow[at - 1]); at--)
		top->flow[at] = top->flow[at - 1];
	top->flow[at] = *record;
}
