// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate_report.h"

#include <inttypes.h>

#include "control/json_value.h"
#include "control/table.h"

static json_t *traffic_object(struct traffic traffic)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)traffic.packets, "bytes", (json_int_t)traffic.bytes);
}

static json_t *stream_object(const struct generate_stream_config *config, const struct generate_stream *stream)
{
	const struct generate_stream_counters *counters = &stream->counters;
	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "name", config->name, "sent",
		traffic_object(counters->sent), "stamped", traffic_object(counters->stamped), "flows",
		(json_int_t)config->params.flows, "opened", (json_int_t)counters->opened, "closed",
		(json_int_t)counters->closed, "unopened", (json_int_t)counters->unopened);
}

// Sums over the streams; what devices refused to the end is not sent.
struct sums {
	struct traffic sent, stamped;
	uint64_t opened, closed;
};

static struct sums sum(const struct generate_setup *setup)
{
	struct sums sums = { .opened = 0 };
	for (unsigned i = 0; i < setup->stream_count; i++) {
		const struct generate_stream_counters *counters = &setup->streams[i].counters;
		traffic_sum(&sums.sent, counters->sent);
		traffic_sum(&sums.stamped, counters->stamped);
		sums.opened += counters->opened;
		sums.closed += counters->closed;
	}
	sums.sent.packets -= setup->generate->refused.packets;
	sums.sent.bytes -= setup->generate->refused.bytes;
	return sums;
}

static double nanoseconds(const struct generate *generate, uint64_t stamps)
{
	return (double)(stamps << GENERATE_STAMP_SHIFT) * 1e9 / generate->ticks_a_second;
}

static double quantile(const struct generate *generate, unsigned thousandths)
{
	return nanoseconds(generate, latency_quantile(&generate->check.latency, thousandths));
}

static json_t *latency_object(const struct generate *generate)
{
	const struct generate_check *check = &generate->check;
	const uint64_t samples = check->stamped.packets;
	double mean = samples ? (double)check->latency_sum / (double)samples : 0;
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "samples", (json_int_t)samples, "min_ns",
		nanoseconds(generate, samples ? check->latency_least : 0), "mean_ns",
		mean * (1 << GENERATE_STAMP_SHIFT) * 1e9 / generate->ticks_a_second, "p50_ns", quantile(generate, 500),
		"p90_ns", quantile(generate, 900), "p99_ns", quantile(generate, 990), "p99_9_ns", quantile(generate, 999),
		"max_ns", nanoseconds(generate, check->latency.longest));
}

// What was refused may have been stamped: lost is what a device took and did not give back, refused or not.
static json_t *replies_object(const struct generate *generate, const struct sums *sums)
{
	const struct generate_check *check = &generate->check;
	if (!check->seen)
		return json_null();
	uint64_t returned = generate_check_returned(check);
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "stamped", traffic_object(check->stamped),
		"returned", (json_int_t)returned, "lost", (json_int_t)(sums->stamped.packets - returned), "duplicates",
		(json_int_t)check->duplicates, "reordered", (json_int_t)check->reordered, "unstamped",
		(json_int_t)check->unstamped, "resets", (json_int_t)check->resets, "icmp", (json_int_t)check->icmp,
		"malformed", (json_int_t)check->malformed, "latency", latency_object(generate));
}

json_t *generate_report_build(const struct generate_setup *setup, bool interrupted)
{
	const struct generate *generate = setup->generate;
	const struct sums sums = sum(setup);
	double seconds = (double)(generate->ended - generate->started) / generate->ticks_a_second;
	double bits = 8 * ((double)sums.sent.bytes + (double)sums.sent.packets * GENERATE_WIRE_BYTES);
	json_t *streams = json_array();
	for (unsigned i = 0; i < setup->stream_count; i++)
		json_array_append_new(streams, stream_object(&setup->config->streams[i], &setup->streams[i]));
	return json_pack("{s:s, s:b, s:f, s:f, s:s, s:f, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:f, s:o, s:o}", "version",
		PORTIER_VERSION, "interrupted", (int)interrupted, "seconds", seconds, "rate_asked", generate->rate, "rate_unit",
		generate->unit == GENERATE_BITS ? "bits" : "packets", "packets_per_second",
		(double)sums.sent.packets / seconds, "layer1_bits_per_second", bits / seconds, "sent", traffic_object(sums.sent),
		"refused", traffic_object(generate->refused), "received", traffic_object(generate->check.received),
		"flows_opened", (json_int_t)sums.opened, "flows_closed", (json_int_t)sums.closed, "starved",
		(json_int_t)generate->starved, "late_seconds", generate->pace.given_up / generate->ticks_a_second, "streams",
		streams, "replies", replies_object(generate, &sums));
}

static void heading(FILE *out, const char *text, bool colours)
{
	fprintf(out, colours ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

static void print_run(const json_t *report, FILE *out)
{
	bool bits = json_string_value(json_object_get(report, "rate_unit"))[0] == 'b';
	double asked = real_of(report, "rate_asked");
	double reached = real_of(report, bits ? "layer1_bits_per_second" : "packets_per_second");
	fprintf(out, "\n  %.3f s, %.4f million packets/s, %.4f Gbit/s at layer 1", real_of(report, "seconds"),
		real_of(report, "packets_per_second") / 1e6, real_of(report, "layer1_bits_per_second") / 1e9);
	if (asked > 0)
		fprintf(out, ", %.2f %% of the rate asked for", 100 * reached / asked);
	fprintf(out, "\n");
	if (real_of(report, "late_seconds") > 0.01 * real_of(report, "seconds"))
		fprintf(out, "  The generator did not keep up: %.3f s of its time are missing.\n", real_of(report, "late_seconds"));
	if (json_is_true(json_object_get(report, "interrupted")))
		fprintf(out, "  Interrupted before its time.\n");
}

static void print_traffic(const json_t *report, FILE *out, bool colours)
{
	static const struct table_column columns[] = { { "", false }, { "PACKETS", true }, { "BYTES", true } };
	static const char *const names[] = { "sent", "refused", "received" };
	struct table *table = table_create(columns, 3);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		table_text(table, names[i]);
		table_number(table, packets_of(report, names[i]));
		table_number(table, bytes_of(report, names[i]));
	}
	heading(out, "Traffic", colours);
	table_print(table, out, colours);
}

static void print_streams(const json_t *report, FILE *out, bool colours)
{
	static const struct table_column columns[] = { { "STREAM", false }, { "PACKETS", true }, { "BYTES", true },
		{ "FLOWS", true }, { "OPENED", true }, { "CLOSED", true } };
	struct table *table = table_create(columns, 6);
	size_t i;
	json_t *stream;
	json_array_foreach(json_object_get(report, "streams"), i, stream) {
		table_text(table, json_string_value(json_object_get(stream, "name")));
		table_number(table, packets_of(stream, "sent"));
		table_number(table, bytes_of(stream, "sent"));
		table_number(table, number_of(stream, "flows"));
		table_number(table, number_of(stream, "opened"));
		table_number(table, number_of(stream, "closed"));
	}
	heading(out, "Streams", colours);
	table_print(table, out, colours);
}

static void print_latency(const json_t *latency, FILE *out)
{
	static const struct {
		const char *name, *field;
	} columns[] = { { "min", "min_ns" }, { "mean", "mean_ns" }, { "p50", "p50_ns" }, { "p90", "p90_ns" },
		{ "p99", "p99_ns" }, { "p99.9", "p99_9_ns" }, { "max", "max_ns" } };
	fprintf(out, "  latency (us):");
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		fprintf(out, "%s %s %.2f", i ? "," : "", columns[i].name, real_of(latency, columns[i].field) / 1e3);
	fprintf(out, "\n");
}

static void print_replies(const json_t *report, FILE *out, bool colours)
{
	static const char *const names[] = { "returned", "lost", "duplicates", "reordered", "unstamped", "resets", "icmp",
		"malformed" };
	static const struct table_column columns[] = { { NULL, false }, { NULL, true } };
	const json_t *replies = json_object_get(report, "replies");
	if (json_is_null(replies))
		return;
	struct table *table = table_create(columns, 2);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		table_text(table, names[i]);
		table_number(table, number_of(replies, names[i]));
	}
	heading(out, "Replies to stamped packets", colours);
	table_print(table, out, colours);
	if (number_of(replies, "returned") > 0)
		print_latency(json_object_get(replies, "latency"), out);
}

void generate_report_print(const json_t *report, FILE *out, bool colours)
{
	print_run(report, out);
	print_traffic(report, out, colours);
	print_streams(report, out, colours);
	print_replies(report, out, colours);
}
