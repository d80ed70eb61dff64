// SPDX-License-Identifier: BSD-3-Clause
// portierctl stats: the ledger first, then who received it, then what was lost.
#include <stdio.h>
#include <string.h>

#include "control/ctl/show.h"
#include "control/table.h"

// What rates are told against.
struct past {
	const json_t *stats; // NULL: no rates
	double seconds;
};

static double difference(const json_t *now, const json_t *before, const char *key)
{
	double more = json_number_value(json_object_get(now, key)) - json_number_value(json_object_get(before, key));
	return more > 0 ? more : 0;
}

// label, packets, bytes and, where there is a past, packets and bits a second.
static void traffic_row(struct table *table, const char *label, const json_t *now, const json_t *before,
			const struct past *past)
{
	char text[CELL_MAX];
	table_text(table, label);
	table_text(table, cell_format(json_object_get(now, "packets"), CELL_COUNT, text));
	table_text(table, cell_format(json_object_get(now, "bytes"), CELL_BYTES, text));
	if (!past->stats)
		return;
	table_number(table, (uint64_t)(difference(now, before, "packets") / past->seconds));
	table_text(table, bytes_format(8 * difference(now, before, "bytes") / past->seconds, "bit/s", text));
}

static struct table *traffic_table(struct table_column columns[5], const char *title, const struct past *past)
{
	const struct table_column all[] = {
		{ title, false }, { "PACKETS", true }, { "BYTES", true }, { "PACKETS/S", true }, { "RATE", true },
	};
	memcpy(columns, all, sizeof(all));
	return table_create(columns, past->stats ? 5 : 3);
}

static void show_ledger(const json_t *now, const struct past *past)
{
	static const char *const in[] = { "received", "returned", "passed_in" };
	static const char *const out[] = { "handed", "answered", "forwarded", "passed_out", "dropped" };
	static const struct { const char *const *keys; size_t count; const char *sign; } sides[] = {
		{ in, sizeof(in) / sizeof(in[0]), "+ " },
		{ out, sizeof(out) / sizeof(out[0]), "- " },
	};
	struct table_column columns[5];
	struct table *table = traffic_table(columns, "LEDGER", past);
	const json_t *ledger = json_object_get(now, "ledger"), *before = json_object_get(past->stats, "ledger");
	for (size_t s = 0; s < sizeof(sides) / sizeof(sides[0]); s++)
		for (size_t i = 0; i < sides[s].count; i++) {
			char label[32];
			snprintf(label, sizeof(label), "%s%s", sides[s].sign, sides[s].keys[i]);
			for (char *c = label; *c; c++)
				*c = *c == '_' ? ' ' : *c;
			traffic_row(table, label, json_object_get(ledger, sides[s].keys[i]),
				    json_object_get(before, sides[s].keys[i]), past);
		}
	table_print(table, stdout, show_bold());
	printf("  = %lld in flight%s\n", (long long)json_integer_value(json_object_get(ledger, "in_flight")),
	       json_is_true(json_object_get(ledger, "balanced")) ? ": balanced" : "");
}

// The array's object whose key says the same as that of one of another time.
static const json_t *same(const json_t *array, const json_t *object, const char *key)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_equal(json_object_get(json_array_get(array, i), key), json_object_get(object, key)))
			return json_array_get(array, i);
	return NULL;
}

// path: where the traffic is within each object, "": it is the object.
static void show_traffic_of(const json_t *now, const struct past *past, const char *list, const char *key,
			    const char *title, const char *path)
{
	struct table_column columns[5];
	const json_t *array = json_object_get(now, list), *old = json_object_get(past->stats, list);
	if (json_array_size(array) == 0)
		return;
	struct table *table = traffic_table(columns, title, past);
	for (size_t i = 0; i < json_array_size(array); i++) {
		char label[CELL_MAX];
		const json_t *object = json_array_get(array, i);
		cell_format(json_object_get(object, key), CELL_TEXT, label);
		traffic_row(table, label, value_at(object, path), value_at(same(old, object, key), path), past);
	}
	putchar('\n');
	table_print(table, stdout, show_bold());
}

static void show_port_classes(const json_t *now, const struct past *past)
{
	static const struct { const char *key, *label; } classes[] = {
		{ "system", "system 0-1023" },
		{ "user", "user 1024-49151" },
		{ "dynamic", "dynamic 49152-65535" },
	};
	struct table_column columns[5];
	struct table *table = traffic_table(columns, "TO PORTS", past);
	const json_t *traffic = json_object_get(now, "port_classes");
	const json_t *before = json_object_get(past->stats, "port_classes");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		traffic_row(table, classes[i].label, json_object_get(traffic, classes[i].key),
			    json_object_get(before, classes[i].key), past);
	putchar('\n');
	table_print(table, stdout, show_bold());
}

static void show_flow_counts(const json_t *now)
{
	char live[CELL_MAX], capacity[CELL_MAX], opened[CELL_MAX], embryonic[CELL_MAX];
	const json_t *flows = json_object_get(now, "flows");
	printf("\nflows: %s of %s live, %s of them unanswered, %s opened\n",
	       cell_format(json_object_get(flows, "live"), CELL_COUNT, live),
	       cell_format(json_object_get(flows, "capacity"), CELL_COUNT, capacity),
	       cell_format(json_object_get(flows, "embryonic"), CELL_COUNT, embryonic),
	       cell_format(json_object_get(flows, "opened"), CELL_COUNT, opened));
	const char *kind, *state;
	json_t *states, *count, *by_state = json_object_get(flows, "by_state");
	json_object_foreach(by_state, kind, states)
		json_object_foreach(states, state, count)
			printf("  %-5s %-12s %s\n", kind, state, cell_format(count, CELL_COUNT, live));
}

static void show_notes(const json_t *now)
{
	const char *name;
	json_t *count, *notes = json_object_get(now, "notes");
	char text[CELL_MAX];
	json_object_foreach(notes, name, count)
		if (json_integer_value(count))
			printf("  %s: %s\n", name, cell_format(count, CELL_COUNT, text));
}

void show_stats_with_rates(const json_t *now, const json_t *before, double seconds)
{
	struct past past = { seconds > 0 ? before : NULL, seconds };
	show_ledger(now, &past);
	show_traffic_of(now, &past, "handlers", "name", "HANDLER", "handed");
	show_traffic_of(now, &past, "drops", "reason", "DROPPED", "");
	show_port_classes(now, &past);
	show_flow_counts(now);
	show_notes(now);
}

void show_stats(const json_t *result)
{
	show_stats_with_rates(result, NULL, 0);
}
