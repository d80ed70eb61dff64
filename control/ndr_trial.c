// SPDX-License-Identifier: BSD-3-Clause
#include "control/ndr_trial.h"

#include "control/generate_report.h"
#include "control/json_value.h"
#include "control/table.h"

// What a trial offered, and what came back of it: by stamps where replies are checked, else by number.
struct outcome {
	uint64_t offered, returned;
};

static struct outcome outcome_of(const json_t *report, const struct generate *generate)
{
	const json_t *replies = json_object_get(report, "replies");
	if (json_is_null(replies))
		return (struct outcome){ packets_of(report, "sent") + packets_of(report, "refused"),
			packets_of(report, "received") };
	uint64_t returned = generate_check_returned(&generate->check);
	return (struct outcome){ returned + (uint64_t)json_integer_value(json_object_get(replies, "lost")), returned };
}

// A rate that the generator itself did not reach was not tried.
static bool kept_up(const struct generate_setup *setup)
{
	const struct generate *generate = setup->generate;
	double lateness = generate->pace.given_up / (double)generate->duration_ticks;
	return lateness <= setup->config->ndr.precision_percent / 100 / 2;
}

static json_t *judge(const struct generate_setup *setup, double rate)
{
	json_t *report = generate_report_build(setup, false);
	struct outcome outcome = outcome_of(report, setup->generate);
	uint64_t lost = outcome.offered > outcome.returned ? outcome.offered - outcome.returned : 0;
	double percent = outcome.offered ? 100 * (double)lost / (double)outcome.offered : 0;
	bool passed = kept_up(setup) && outcome.offered > 0 && percent <= setup->config->ndr.loss_percent;
	json_t *replies = json_object_get(report, "replies");
	json_t *latency = json_is_null(replies) ? json_null() : json_incref(json_object_get(replies, "latency"));
	json_t *result = json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:f, s:b, s:b, s:o}", "rate", rate,
		"packets_per_second", real_of(report, "packets_per_second"), "layer1_bits_per_second",
		real_of(report, "layer1_bits_per_second"), "offered", (json_int_t)outcome.offered, "returned",
		(json_int_t)outcome.returned, "lost", (json_int_t)lost, "loss_percent", percent, "kept_up", (int)kept_up(setup),
		"passed", (int)passed, "latency", latency);
	json_decref(report);
	return result;
}

int ndr_trial(struct generate_setup *setup, double rate, const sigset_t *stop_signals, json_t **result,
	      struct error *error)
{
	bool interrupted;
	*result = NULL;
	if (generate_setup_reset(setup, error) != 0)
		return -1;
	setup->generate->rate = rate;
	if (generate_launch(setup, stop_signals, &interrupted, error) != 0)
		return -1;
	*result = interrupted ? NULL : judge(setup, rate);
	return 0;
}

static void real_cell(struct table *table, const char *format, double number)
{
	char text[NUMBER_TEXT_MAX];
	snprintf(text, sizeof(text), format, number);
	table_text(table, text);
}

static const char *verdict_of(const json_t *trial)
{
	if (json_is_true(json_object_get(trial, "passed")))
		return "passed";
	return json_is_true(json_object_get(trial, "kept_up")) ? "lost" : "generator too slow";
}

static void trial_row(struct table *table, const json_t *trial)
{
	const json_t *latency = json_object_get(trial, "latency");
	real_cell(table, "%.4f", real_of(trial, "packets_per_second") / 1e6);
	real_cell(table, "%.4f", real_of(trial, "layer1_bits_per_second") / 1e9);
	table_number(table, (uint64_t)json_integer_value(json_object_get(trial, "offered")));
	table_number(table, (uint64_t)json_integer_value(json_object_get(trial, "lost")));
	real_cell(table, "%.5f", real_of(trial, "loss_percent"));
	real_cell(table, "%.1f", real_of(latency, "p50_ns") / 1e3);
	real_cell(table, "%.1f", real_of(latency, "p99_ns") / 1e3);
	real_cell(table, "%.1f", real_of(latency, "max_ns") / 1e3);
	table_text(table, verdict_of(trial));
}

void ndr_print(const json_t *report, FILE *out, bool colours)
{
	static const struct table_column columns[] = { { "MPPS", true }, { "GBIT/S", true }, { "OFFERED", true },
		{ "LOST", true }, { "LOSS %", true }, { "P50 US", true }, { "P99 US", true }, { "MAX US", true },
		{ "VERDICT", false } };
	struct table *table = table_create(columns, sizeof(columns) / sizeof(*columns));
	const json_t *found = json_object_get(report, "found");
	size_t i;
	json_t *trial;
	json_array_foreach(json_object_get(report, "trials"), i, trial)
		trial_row(table, trial);
	fprintf(out, "\n");
	table_print(table, out, colours);
	if (!json_is_true(json_object_get(report, "complete")))
		fprintf(out, "\n  The search did not come to its end.\n");
	if (json_is_null(found))
		fprintf(out, "\n  No rate passed.\n");
	else
		fprintf(out, "\n  Highest rate with at most %g %% lost: %.4f million packets/s, %.4f Gbit/s at layer 1\n",
			real_of(report, "loss_percent"), real_of(found, "packets_per_second") / 1e6,
			real_of(found, "layer1_bits_per_second") / 1e9);
}
