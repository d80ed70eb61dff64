// SPDX-License-Identifier: BSD-3-Clause
#include "control/report.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/json_value.h"
#include "control/table.h"

struct printer {
	FILE *out;
	bool colours;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "-";
}

static void heading(const struct printer *printer, const char *text)
{
	fprintf(printer->out, printer->colours ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

static void alarm_line(const struct printer *printer, const char *text)
{
	fprintf(printer->out, printer->colours ? "  \033[1;31m%s\033[0m\n" : "  %s\n", text);
}

static void print_table(const struct printer *printer, struct table *table)
{
	table_print(table, printer->out, printer->colours);
}

enum { SHORT_TEXT_MAX = 64 };

static const char *duration_format(uint64_t ns, char text[SHORT_TEXT_MAX])
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 86400e9, "d" }, { 3600e9, "h" }, { 60e9, "min" }, { 1e9, "s" }, { 1e6, "ms" } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if ((double)ns >= units[i].ns) {
			snprintf(text, SHORT_TEXT_MAX, "%.1f %s", (double)ns / units[i].ns, units[i].unit);
			return text;
		}
	snprintf(text, SHORT_TEXT_MAX, "%.1f us", (double)ns / 1e3);
	return text;
}

static const char *rate_format(double rate, const char *unit, char text[SHORT_TEXT_MAX])
{
	static const struct {
		double factor;
		const char *prefix;
	} prefixes[] = { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" }, { 1, "" } };
	size_t i = 0;
	while (i < 3 && rate < prefixes[i].factor)
		i++;
	snprintf(text, SHORT_TEXT_MAX, "%.2f %s%s", rate / prefixes[i].factor, prefixes[i].prefix, unit);
	return text;
}

static const char *date_format(uint64_t ns, char text[SHORT_TEXT_MAX])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm date;
	if (!gmtime_r(&seconds, &date) || strftime(text, SHORT_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &date) == 0)
		return "-";
	return text;
}

static void print_broken(const struct printer *printer, const json_t *captures)
{
	size_t i;
	json_t *capture;
	json_array_foreach(captures, i, capture) {
		char line[1024];
		if (json_is_null(json_object_get(capture, "broken")))
			continue;
		snprintf(line, sizeof(line), "%s breaks off after packet %llu: %s", text_of(capture, "file"),
			(unsigned long long)number_of(capture, "packets"), text_of(capture, "broken"));
		alarm_line(printer, line);
	}
}

static void print_captures(const struct printer *printer, const json_t *captures)
{
	static const struct table_column columns[] = {
		{ "FILE", false }, { "PACKETS", true }, { "BYTES", true }, { "DURATION", true }, { "BEGINS (UTC)", false },
	};
	struct table *table = table_create(columns, 5);
	size_t i;
	json_t *capture;
	json_array_foreach(captures, i, capture) {
		char duration[SHORT_TEXT_MAX], date[SHORT_TEXT_MAX];
		uint64_t first = number_of(capture, "first_ns"), last = number_of(capture, "last_ns");
		bool any = number_of(capture, "packets") > 0;
		table_text(table, text_of(capture, "file"));
		table_number(table, number_of(capture, "packets"));
		table_number(table, number_of(capture, "bytes"));
		table_text(table, any ? duration_format(last - first, duration) : "-");
		table_text(table, any ? date_format(first, date) : "-");
	}
	heading(printer, "Captures");
	print_table(printer, table);
	print_broken(printer, captures);
}

static void print_run(const struct printer *printer, const json_t *report)
{
	char duration[SHORT_TEXT_MAX], packets[SHORT_TEXT_MAX], bits[SHORT_TEXT_MAX];
	size_t workers = json_array_size(json_object_get(report, "workers"));
	fprintf(printer->out, "\n  %zu worker%s, %s, %s, %s\n", workers, workers == 1 ? "" : "s",
		duration_format((uint64_t)(1e9 * real_of(report, "seconds")), duration),
		rate_format(real_of(report, "packets_per_second"), "packets/s", packets),
		rate_format(real_of(report, "bits_per_second"), "bit/s", bits));
	if (json_is_true(json_object_get(report, "interrupted")))
		alarm_line(printer, "Interrupted: only a part of the captures was replayed.");
}

static void print_ledger(const struct printer *printer, const json_t *ledger)
{
	static const struct {
		const char *name, *sign, *text;
		bool always;
	} lines[] = {
		{ "received", " ", "received", true },
		{ "returned", "+", "returned by devices of handlers", false },
		{ "handed", "=", "handed to handlers", true },
		{ "answered", "+", "answered", true },
		{ "forwarded", "+", "forwarded from devices of handlers", false },
		{ "dropped", "+", "dropped", true },
	};
	static const struct table_column columns[] = {
		{ "", false }, { "LEDGER", false }, { "PACKETS", true }, { "BYTES", true },
	};
	struct table *table = table_create(columns, 4);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const json_t *traffic = json_object_get(ledger, lines[i].name);
		if (!lines[i].always && number_of(traffic, "packets") == 0)
			continue;
		table_text(table, lines[i].sign);
		table_text(table, lines[i].text);
		table_number(table, number_of(traffic, "packets"));
		table_number(table, number_of(traffic, "bytes"));
	}
	heading(printer, "Ledger");
	print_table(printer, table);
	if (json_is_true(json_object_get(ledger, "balanced")))
		fprintf(printer->out, "  balanced: every packet is accounted for\n");
	else
		alarm_line(printer, "NOT BALANCED: packets ended without a name. This is a bug in portier.");
}

static void table_traffic(struct table *table, const json_t *traffic)
{
	table_number(table, number_of(traffic, "packets"));
	table_number(table, number_of(traffic, "bytes"));
}

static void print_handlers(const struct printer *printer, const json_t *handlers)
{
	static const struct table_column columns[] = {
		{ "HANDLER", false }, { "KIND", false }, { "PACKETS", true }, { "BYTES", true },
		{ "CONSUMED", true }, { "SENT", true }, { "DROPPED", true },
	};
	struct table *table = table_create(columns, 7);
	size_t i;
	json_t *handler;
	json_array_foreach(handlers, i, handler) {
		table_text(table, text_of(handler, "name"));
		table_text(table, text_of(handler, "kind"));
		table_traffic(table, json_object_get(handler, "handed"));
		table_number(table, number_of(json_object_get(handler, "consumed"), "packets"));
		table_number(table, number_of(json_object_get(handler, "transmitted"), "packets"));
		table_number(table, number_of(json_object_get(handler, "dropped"), "packets"));
	}
	heading(printer, "Handlers");
	print_table(printer, table);
}

static void print_listeners(const struct printer *printer, const json_t *listeners)
{
	static const struct table_column columns[] = {
		{ "PROTO", false }, { "ADDRESS", false }, { "PORT", false }, { "SERVICE", false },
		{ "HANDLER", false }, { "FLOWS", true }, { "PACKETS", true }, { "BYTES", true },
	};
	struct table *table = table_create(columns, 8);
	size_t i, silent = 0;
	json_t *listener;
	json_array_foreach(listeners, i, listener) {
		if (number_of(listener, "packets") == 0) {
			silent++;
			continue;
		}
		table_text(table, text_of(listener, "protocol"));
		table_text(table, text_of(listener, "address"));
		table_text(table, text_of(listener, "port"));
		table_text(table, text_of(listener, "service"));
		table_text(table, text_of(listener, "handler"));
		table_number(table, number_of(listener, "flows"));
		table_traffic(table, listener);
	}
	heading(printer, "Listeners");
	print_table(printer, table);
	if (silent)
		fprintf(printer->out, "  %zu more without a packet\n", silent);
}

// "192.0.2.1:80", "[2001:db8::1]:80", or the address alone where the protocol has no ports.
static const char *end_format(const json_t *flow, const char *address_name, const char *port_name, char text[128])
{
	const char *address = text_of(flow, address_name);
	uint64_t port = number_of(flow, port_name);
	bool ports = number_of(flow, "orig_port") || number_of(flow, "resp_port");
	if (!ports)
		snprintf(text, 128, "%s", address);
	else
		snprintf(text, 128, strchr(address, ':') ? "[%s]:%llu" : "%s:%llu", address, (unsigned long long)port);
	return text;
}

static void print_top_flows(const struct printer *printer, const json_t *flows)
{
	static const struct table_column columns[] = {
		{ "PROTO", false }, { "ORIGINATOR", false }, { "RESPONDER", false }, { "SERVICE", false },
		{ "STATE", false }, { "PACKETS >", true }, { "PACKETS <", true }, { "BYTES", true }, { "DURATION", true },
	};
	struct table *table = table_create(columns, 9);
	size_t i;
	json_t *flow;
	json_array_foreach(flows, i, flow) {
		char text[128], duration[SHORT_TEXT_MAX];
		uint64_t first = number_of(flow, "first_ns"), last = number_of(flow, "last_ns");
		table_text(table, text_of(flow, "protocol"));
		table_text(table, end_format(flow, "orig_address", "orig_port", text));
		table_text(table, end_format(flow, "resp_address", "resp_port", text));
		table_text(table, text_of(flow, "service"));
		table_text(table, text_of(flow, "state"));
		table_number(table, number_of(flow, "packets_orig"));
		table_number(table, number_of(flow, "packets_resp"));
		table_number(table, number_of(flow, "bytes_orig") + number_of(flow, "bytes_resp"));
		table_text(table, duration_format(last > first ? last - first : 0, duration));
	}
	heading(printer, "Largest flows");
	print_table(printer, table);
}

static void print_flows(const struct printer *printer, const json_t *flows)
{
	static const struct table_column columns[] = { { NULL, false }, { NULL, true } };
	static const struct {
		const char *name, *text;
	} ends[] = {
		{ "timeout", "aged out" }, { "closed", "closed, and opened anew" }, { "denied", "denied by new rules" },
		{ "evicted", "pushed out unanswered" }, { "run", "alive at the end" },
	};
	const json_t *ended = json_object_get(flows, "ended");
	struct table *table = table_create(columns, 2);
	table_text(table, "opened");
	table_number(table, number_of(flows, "opened"));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (number_of(ended, ends[i].name) == 0)
			continue;
		table_text(table, ends[i].text);
		table_number(table, number_of(ended, ends[i].name));
	}
	heading(printer, "Flows");
	print_table(printer, table);
}

static void print_drops(const struct printer *printer, const json_t *drops)
{
	static const struct table_column columns[] = {
		{ "REASON", false }, { "PACKETS", true }, { "BYTES", true }, { "MEANING", false },
	};
	struct table *table = table_create(columns, 4);
	size_t i;
	json_t *drop;
	json_array_foreach(drops, i, drop) {
		table_text(table, text_of(drop, "reason"));
		table_traffic(table, drop);
		table_text(table, text_of(drop, "text"));
	}
	heading(printer, "Drops");
	print_table(printer, table);
}

// Of handlers that anything was measured of.
static void print_latency(const struct printer *printer, const json_t *latency)
{
	static const struct table_column columns[] = {
		{ "HANDLER", false }, { "MEASURED", true }, { "P50", true }, { "P99", true }, { "P99.9", true }, { "MAX", true },
	};
	static const char *const values[] = { "p50_ns", "p99_ns", "p999_ns", "max_ns" };
	if (!json_is_integer(json_object_get(latency, "one_in")))
		return;
	struct table *table = table_create(columns, 6);
	size_t i;
	json_t *handler, *handlers = json_object_get(latency, "handlers");
	json_array_foreach(handlers, i, handler) {
		char text[SHORT_TEXT_MAX];
		if (number_of(handler, "packets") == 0)
			continue;
		table_text(table, text_of(handler, "name"));
		table_number(table, number_of(handler, "packets"));
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			table_text(table, duration_format(number_of(handler, values[v]), text));
	}
	heading(printer, "Latency");
	print_table(printer, table);
}

static void print_rules(const struct printer *printer, const json_t *rules)
{
	static const struct table_column columns[] = {
		{ "ID", true }, { "RULE", false }, { "PACKETS", true }, { "BYTES", true },
	};
	struct table *table = table_create(columns, 4);
	size_t i;
	json_t *rule;
	json_array_foreach(rules, i, rule) {
		if (json_is_string(json_object_get(rule, "id")))
			table_text(table, "-");
		else
			table_number(table, number_of(rule, "id"));
		table_text(table, text_of(rule, "text"));
		table_traffic(table, rule);
	}
	heading(printer, "Rules");
	print_table(printer, table);
}

static void print_notes(const struct printer *printer, const json_t *notes)
{
	static const struct {
		const char *name, *one, *many;
	} texts[] = {
		{ "truncated", "packet cut by the capture was steered all the same",
			"packets cut by the capture were steered all the same" },
		{ "multi_segment", "packet took more than one buffer", "packets took more than one buffer" },
		{ "flow_table_full", "packet was handled without a flow: the table was full",
			"packets were handled without a flow: the table was full" },
		{ "answers_limited", "answer was not given: too many in too short a time",
			"answers were not given: too many in too short a time" },
		{ "answers_lost", "answer was made, but the interface took no more",
			"answers were made, but the interface took no more" },
		{ "logs_limited", "packet that rules log was not shown: too many in too short a time",
			"packets that rules log were not shown: too many in too short a time" },
		{ "logs_lost", "packet that rules log was not shown: nobody read it in time",
			"packets that rules log were not shown: nobody read them in time" },
	};
	bool any = false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char number[NUMBER_TEXT_MAX];
		uint64_t count = number_of(notes, texts[i].name);
		if (count == 0)
			continue;
		if (!any)
			heading(printer, "Notes");
		any = true;
		fprintf(printer->out, "  %s %s\n", number_format(count, number),
			count == 1 ? texts[i].one : texts[i].many);
	}
}

void report_print(const json_t *report, FILE *out)
{
	const struct printer printer = { .out = out, .colours = isatty(fileno(out)) };
	static const struct {
		const char *name; // NULL: of the whole report
		bool always;      // else only where there is something
		void (*print)(const struct printer *printer, const json_t *part);
	} parts[] = {
		{ "captures", false, print_captures },
		{ NULL, true, print_run },
		{ "ledger", true, print_ledger },
		{ "handlers", false, print_handlers },
		{ "listeners", false, print_listeners },
		{ "flows", true, print_flows },
		{ "top_flows", false, print_top_flows },
		{ "drops", false, print_drops },
		{ "rules", false, print_rules },
		{ "latency", false, print_latency },
		{ "notes", true, print_notes },
	};
	fprintf(out, "portier %s\n", text_of(report, "version"));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *part = parts[i].name ? json_object_get(report, parts[i].name) : report;
		if (parts[i].always || json_array_size(part) || json_object_size(part))
			parts[i].print(&printer, part);
	}
}
