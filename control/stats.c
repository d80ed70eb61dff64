// SPDX-License-Identifier: BSD-3-Clause
#include "control/stats.h"

#include <stdlib.h>

#include <rte_cycles.h>

static_assert(sizeof(struct worker_counters) % sizeof(uint64_t) == 0, "summed word by word");
static_assert(sizeof(struct handler_counters) % sizeof(uint64_t) == 0, "summed word by word");

static void add_words(void *sum, const void *counters, size_t bytes)
{
	uint64_t *total = sum;
	const uint64_t *word = counters;
	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		total[i] += counter_read(&word[i]);
}

void stats_sum_workers(const struct runtime *runtime, struct worker_counters *sum)
{
	*sum = (struct worker_counters){ 0 };
	for (unsigned i = 0; i < runtime->worker_count; i++)
		add_words(sum, &runtime->workers[i]->counters, sizeof(*sum));
}

void stats_sum_handler(const struct runtime *runtime, uint16_t handler, struct handler_counters *sum)
{
	*sum = (struct handler_counters){ 0 };
	for (unsigned i = 0; i < runtime->worker_count; i++)
		if (runtime->workers[i]->handler_counters)
			add_words(sum, &runtime->workers[i]->handler_counters[handler], sizeof(*sum));
}

json_t *stats_traffic(const struct traffic *traffic)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)traffic->packets, "bytes", (json_int_t)traffic->bytes);
}

// File names may be any bytes; JSON may not.
json_t *stats_text(const char *text)
{
	json_t *string = json_string(text);
	if (string)
		return string;
	size_t length = strlen(text);
	char *clean = malloc(length + 1);
	if (!clean)
		return NULL;
	for (size_t i = 0; i <= length; i++)
		clean[i] = (char)((unsigned char)text[i] < 0x80 ? text[i] : '?');
	string = json_string(clean);
	free(clean);
	return string;
}

const char *stats_handler_name(const struct runtime *runtime, unsigned handler)
{
	return handler < runtime->handler_count ? runtime->handlers[handler].name : "-";
}

const char *stats_interface_name(const struct runtime *runtime, unsigned interface)
{
	return interface < runtime->interface_count ? runtime->interfaces[interface].name : NULL;
}

// A live run's clock goes on by itself; a capture's stands where its latest packet was.
uint64_t stats_now(const struct runtime *runtime)
{
	if (runtime->options.mode == RUNTIME_LIVE)
		return rte_rdtsc();
	uint64_t now = 0;
	for (unsigned i = 0; i < runtime->worker_count; i++) {
		uint64_t latest = counter_read(&runtime->workers[i]->now);
		now = latest > now ? latest : now;
	}
	return now;
}

static struct traffic sum_drops(const struct traffic drops[DROP_REASONS])
{
	struct traffic sum = { 0 };
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		sum.packets += drops[i].packets;
		sum.bytes += drops[i].bytes;
	}
	return sum;
}

static int64_t worker_balance(const struct worker_counters *sum)
{
	uint64_t in = sum->received.packets + sum->returned.packets + sum->passed_in.packets;
	uint64_t out = sum->handed.packets + sum->answered.packets + sum->forwarded.packets +
		       sum->passed_out.packets + sum_drops(sum->drops).packets;
	return (int64_t)(in - out);
}

int64_t stats_ledger_balance(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	return worker_balance(&sum);
}

static int64_t handler_balance(const struct handler_counters *sum)
{
	return (int64_t)(sum->handed.packets - sum->transmitted.packets - sum->consumed.packets -
			 sum_drops(sum->drops).packets);
}

static bool handlers_balanced(const struct runtime *runtime)
{
	for (unsigned i = 0; i < runtime->handler_count; i++) {
		struct handler_counters sum;
		stats_sum_handler(runtime, (uint16_t)i, &sum);
		if (handler_balance(&sum) != 0)
			return false;
	}
	return true;
}

json_t *stats_ledger(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	struct traffic dropped = sum_drops(sum.drops);
	// Packets between two workers have left the one's account and are not in the other's yet.
	int64_t in_flight = worker_balance(&sum) + (int64_t)(sum.passed_out.packets - sum.passed_in.packets);
	bool balanced = in_flight == 0 && worker_balance(&sum) == 0 && handlers_balanced(runtime);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:b}",
		"received", stats_traffic(&sum.received),
		"returned", stats_traffic(&sum.returned),
		"passed_in", stats_traffic(&sum.passed_in),
		"handed", stats_traffic(&sum.handed),
		"answered", stats_traffic(&sum.answered),
		"forwarded", stats_traffic(&sum.forwarded),
		"passed_out", stats_traffic(&sum.passed_out),
		"dropped", stats_traffic(&dropped),
		"in_flight", (json_int_t)in_flight,
		"balanced", balanced);
}

static json_t *drop_entry(unsigned reason, const struct traffic *drops)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "reason", drop_name(reason), "text", drop_text(reason),
			 "packets", (json_int_t)drops->packets, "bytes", (json_int_t)drops->bytes);
}

// The reason with the most packets that is not done yet, or DROP_REASONS.
static unsigned largest_drop(const struct traffic drops[DROP_REASONS], const bool done[DROP_REASONS])
{
	unsigned largest = DROP_REASONS;
	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (!done[i] && drops[i].packets &&
		    (largest == DROP_REASONS || drops[i].packets > drops[largest].packets))
			largest = i;
	return largest;
}

static json_t *drop_array(const struct traffic drops[DROP_REASONS])
{
	json_t *array = json_array();
	bool done[DROP_REASONS] = { false };
	for (unsigned i; (i = largest_drop(drops, done)) < DROP_REASONS; done[i] = true)
		if (json_array_append_new(array, drop_entry(i, &drops[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *stats_drops(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	return drop_array(sum.drops);
}

static json_t *handler_entry(const struct runtime *runtime, const struct handler *handler)
{
	struct handler_counters sum;
	stats_sum_handler(runtime, handler->id, &sum);
	struct traffic dropped = sum_drops(sum.drops);
	return json_pack("{s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}",
		"name", handler->name,
		"kind", handler->ops ? handler->ops->kind : "-",
		"interface", stats_interface_name(runtime, handler->interface),
		"handed", stats_traffic(&sum.handed),
		"transmitted", stats_traffic(&sum.transmitted),
		"consumed", stats_traffic(&sum.consumed),
		"dropped", stats_traffic(&dropped),
		"returned", stats_traffic(&sum.returned),
		"drops", drop_array(sum.drops));
}

json_t *stats_handlers(const struct runtime *runtime)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < runtime->handler_count; i++)
		if (json_array_append_new(array, handler_entry(runtime, &runtime->handlers[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

json_t *stats_port_classes(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	return json_pack("{s:o, s:o, s:o}", "system", stats_traffic(&sum.by_port_class[PORT_CLASS_SYSTEM]),
			 "user", stats_traffic(&sum.by_port_class[PORT_CLASS_USER]),
			 "dynamic", stats_traffic(&sum.by_port_class[PORT_CLASS_DYNAMIC]));
}

json_t *stats_notes(const struct runtime *runtime)
{
	struct worker_counters sum;
	stats_sum_workers(runtime, &sum);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"flow_table_full", (json_int_t)sum.flow_table_full,
		"truncated", (json_int_t)sum.truncated,
		"multi_segment", (json_int_t)sum.multi_segment,
		"misdirected", (json_int_t)sum.misdirected,
		"answers_limited", (json_int_t)sum.answers_limited,
		"answers_lost", (json_int_t)sum.answers_lost,
		"logs_limited", (json_int_t)sum.logs_limited,
		"logs_lost", (json_int_t)sum.logs_lost);
}
