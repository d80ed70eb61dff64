// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/try.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/ctl/show.h"
#include "control/ctl/watch.h"

enum { SECONDS_DEFAULT = 60, SECONDS_MOST = 24 * 3600 };

static const double PAUSE_SECONDS = 0.2;

// "60s", "2m", "1h", "90".
static bool read_duration(const char *text, double *seconds)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "ms", 0.001 } };
	char *end;
	*seconds = strtod(text, &end);
	for (size_t i = 0; end > text && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) == 0) {
			*seconds *= units[i].seconds;
			return *seconds > 0 && *seconds <= SECONDS_MOST;
		}
	}
	return false;
}

json_t *try_arguments(const struct options *options, char **words, unsigned count)
{
	double seconds = SECONDS_DEFAULT;
	if (options->seconds && !read_duration(options->seconds, &seconds)) {
		fprintf(stderr, "portierctl: --for '%s': a time of up to 24h was expected, such as 60s or 5m\n", options->seconds);
		return NULL;
	}
	json_t *arguments = request_rule_file(options, words, count);
	if (arguments)
		json_object_set_new(arguments, "seconds", json_real(seconds));
	return arguments;
}

static long long number_at(const json_t *object, const char *path)
{
	return (long long)json_integer_value(value_at(object, path));
}

static void show_progress(const json_t *report)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%.0f of %.0f s: %lld packets judged, %lld would be dropped, %lld would pass \033[K",
		json_number_value(json_object_get(report, "elapsed_seconds")),
		json_number_value(json_object_get(report, "seconds")), number_at(report, "judged.packets"),
		number_at(report, "would_drop.packets"), number_at(report, "would_pass.packets"));
}

static json_t *ask(struct daemon *daemon, json_int_t job, bool stop)
{
	return daemon_ask(daemon, "rules tried", json_pack("{s:I, s:b}", "job", job, "stop", (int)stop));
}

// The report when the trial is over, be it that somebody wants it to be.
static json_t *wait_for(struct daemon *daemon, json_int_t job)
{
	int signals = watch_signals();
	bool goes_on = true;
	json_t *report;
	do {
		goes_on = watch_wait(signals, PAUSE_SECONDS);
		report = ask(daemon, job, !goes_on);
		goes_on = goes_on && report && json_is_true(json_object_get(report, "running"));
		if (goes_on) {
			show_progress(report);
			json_decref(report);
		}
	} while (goes_on);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	close(signals);
	return report;
}

static void show_totals(const json_t *report)
{
	static const struct column columns[] = {
		{ "WHAT", "what", CELL_TEXT },
		{ "PACKETS", "packets", CELL_COUNT },
		{ "BYTES", "bytes", CELL_BYTES },
		{ "FLOWS", "flows", CELL_COUNT },
	};
	static const struct {
		const char *key, *what;
	} totals[] = { { "judged", "judged" }, { "would_drop", "pass, and would not" },
		{ "would_pass", "are denied, and would pass" } };
	json_t *rows = json_array();
	for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
		json_t *row = json_copy(json_object_get(report, totals[i].key));
		json_object_set_new(row, "what", json_string(totals[i].what));
		json_array_append_new(rows, row);
	}
	show_array(rows, columns, sizeof(columns) / sizeof(columns[0]), "nothing");
	json_decref(rows);
}

static void show_hits(const json_t *report)
{
	static const struct column columns[] = {
		{ "PLACE", "position", CELL_TEXT },
		{ "PACKETS", "packets", CELL_COUNT },
		{ "BYTES", "bytes", CELL_BYTES },
		{ "RULE", "text", CELL_TEXT },
	};
	printf("\nRules that would be met, of %lld\n", number_at(report, "rules_tried"));
	show_array(json_object_get(report, "rules"), columns, sizeof(columns) / sizeof(columns[0]), "none");
}

static void end_text(const json_t *sample, const char *address, const char *port, char text[CELL_MAX])
{
	const char *of = json_string_value(json_object_get(sample, address));
	const json_t *number = json_object_get(sample, port);
	if (number)
		snprintf(text, CELL_MAX, of && strchr(of, ':') ? "[%s]:%lld" : "%s:%lld", of ? of : "-",
			(long long)json_integer_value(number));
	else
		snprintf(text, CELL_MAX, "%s", of ? of : "-");
}

static void show_samples(const json_t *report)
{
	static const struct column columns[] = {
		{ "PROTO", "proto", CELL_TEXT },
		{ "SOURCE", "from", CELL_TEXT },
		{ "DESTINATION", "to", CELL_TEXT },
		{ "NOW", "verdict", CELL_TEXT },
		{ "BY", "rule", CELL_TEXT },
		{ "THEN", "trial_verdict", CELL_TEXT },
		{ "BY", "trial_rule", CELL_TEXT },
	};
	json_t *sample, *samples = json_object_get(report, "samples");
	size_t i;
	char text[CELL_MAX];
	if (json_array_size(samples) == 0)
		return;
	json_array_foreach(samples, i, sample) {
		end_text(sample, "source", "source_port", text);
		json_object_set_new(sample, "from", json_string(text));
		end_text(sample, "destination", "destination_port", text);
		json_object_set_new(sample, "to", json_string(text));
	}
	printf("\nSome of what would change\n");
	show_array(samples, columns, sizeof(columns) / sizeof(columns[0]), "nothing");
}

static void show_report(const json_t *report)
{
	show_totals(report);
	show_hits(report);
	show_samples(report);
	show_warnings(report);
}

int try_run(struct daemon *daemon, const struct options *options, json_t *arguments)
{
	json_t *started = daemon_ask(daemon, "rules try", arguments);
	json_t *report = started ? wait_for(daemon, json_integer_value(json_object_get(started, "job"))) : NULL;
	json_decref(started);
	if (!report)
		return -1;
	if (options->json) {
		json_dumpf(report, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show_report(report);
	}
	json_decref(report);
	return 0;
}
