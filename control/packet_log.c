// SPDX-License-Identifier: BSD-3-Clause
#include "control/packet_log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/text_columns.h"
#include "dataplane/drop.h"
#include "dataplane/policy.h"

// Records of one worker that wait for lower numbers from others.
struct waiting {
	struct trace_record *records;
	size_t head, count, room;
};

struct packet_log {
	struct text_file *file;
	const struct handler *handlers;
	unsigned handler_count;
	uint64_t next; // number to write
	unsigned workers;
	struct waiting waiting[];
};

static const char *const verdict_name[] = {
	[VERDICT_ACCEPT] = "accept",
	[VERDICT_DROP] = "drop",
	[VERDICT_REJECT] = "reject",
};

static const char direction_sign[] = {
	[TRACE_NO_FLOW] = '-',
	[TRACE_ORIG] = '>',
	[TRACE_RESP] = '<',
};

struct packet_log *packet_log_open(const char *file, const struct handler *handlers, unsigned handler_count,
	unsigned workers, struct error *error)
{
	struct packet_log *log = calloc(1, sizeof(*log) + workers * sizeof(log->waiting[0]));
	struct text_file *text = log ? text_file_open(file, error) : NULL;
	if (!text) {
		if (!log)
			error_set(error, "no memory for the packet log");
		free(log);
		return NULL;
	}
	log->file = text;
	log->handlers = handlers;
	log->handler_count = handler_count;
	log->workers = workers;
	log->next = 1;
	text_put(text, "no\tcaplen\tvlans\tproto\tsrc\tsport\tdst\tdport\tflow\tdir\tverdict\treason\trule\thandler\n");
	return log;
}

static void put_end(struct text_file *file, const struct trace_record *record, const struct ip_address *address,
	rte_be16_t port)
{
	text_put_address(file, address, record->family);
	text_put_char(file, '\t');
	put_number(file, rte_be_to_cpu_16(port));
}

static void put_tuple(struct text_file *file, const struct trace_record *record)
{
	if (record->family == FAMILY_NONE) {
		text_put(file, "-\t-\t-\t-\t-\t");
		return;
	}
	put_number(file, record->protocol);
	put_end(file, record, &record->source, record->source_port);
	put_end(file, record, &record->destination, record->destination_port);
}

static void put_flow(struct text_file *file, const struct trace_record *record)
{
	if (record->direction == TRACE_NO_FLOW)
		text_put_char(file, '-');
	else
		text_put_number(file, record->flow);
	text_put_char(file, '\t');
	text_put_char(file, direction_sign[record->direction]);
	text_put_char(file, '\t');
}

static void put_record(struct packet_log *log, const struct trace_record *record)
{
	struct text_file *file = log->file;
	put_number(file, record->number);
	put_number(file, record->captured);
	put_number(file, record->vlan_tags);
	put_tuple(file, record);
	put_flow(file, record);
	put_text(file, verdict_name[record->verdict]);
	put_text(file, drop_name(record->reason));
	put_rule(file, record->rule);
	text_put(file, record->handler < log->handler_count ? log->handlers[record->handler].name : "-");
	text_put_char(file, '\n');
}

// Makes room for count more: moves what waits to the front, or doubles.
static bool make_room(struct waiting *waiting, size_t count)
{
	if (waiting->head + waiting->count + count <= waiting->room)
		return true;
	if (waiting->count + count > waiting->room / 2) {
		size_t room = 2 * (waiting->count + count);
		struct trace_record *larger = reallocarray(waiting->records, room, sizeof(*larger));
		if (!larger)
			return false;
		waiting->records = larger;
		waiting->room = room;
	}
	memmove(waiting->records, waiting->records + waiting->head, waiting->count * sizeof(*waiting->records));
	waiting->head = 0;
	return true;
}

static const struct trace_record *first(const struct waiting *waiting)
{
	return waiting->count ? &waiting->records[waiting->head] : NULL;
}

static void write_first(struct packet_log *log, struct waiting *waiting)
{
	const struct trace_record *record = first(waiting);
	put_record(log, record);
	log->next = record->number + 1;
	waiting->head++;
	waiting->count--;
}

// Writes as far as no number is missing.
static void write_gapless(struct packet_log *log)
{
	bool progress;
	do {
		progress = false;
		for (unsigned i = 0; i < log->workers; i++) {
			struct waiting *waiting = &log->waiting[i];
			while (waiting->count && first(waiting)->number == log->next) {
				write_first(log, waiting);
				progress = true;
			}
		}
	} while (progress);
}

void packet_log_add(struct packet_log *log, unsigned worker, const struct trace_record *records, unsigned count)
{
	struct waiting *waiting = &log->waiting[worker];
	if (!make_room(waiting, count)) {
		text_file_fail(log->file, ENOMEM);
		return;
	}
	memcpy(waiting->records + waiting->head + waiting->count, records, count * sizeof(*records));
	waiting->count += count;
	write_gapless(log);
}

static struct waiting *lowest(struct packet_log *log)
{
	struct waiting *lowest = NULL;
	for (unsigned i = 0; i < log->workers; i++) {
		struct waiting *waiting = &log->waiting[i];
		if (waiting->count && (!lowest || first(waiting)->number < first(lowest)->number))
			lowest = waiting;
	}
	return lowest;
}

int packet_log_close(struct packet_log *log, struct error *error)
{
	struct waiting *waiting;
	while ((waiting = lowest(log)))
		write_first(log, waiting);
	int result = text_file_close(log->file, error);
	for (unsigned i = 0; i < log->workers; i++)
		free(log->waiting[i].records);
	free(log);
	return result;
}
