// SPDX-License-Identifier: BSD-3-Clause
// Results for people.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

void show_status(const json_t *result);
void show_stats(const json_t *result);
void show_interfaces(const json_t *result);
void show_workers(const json_t *result);
void show_listeners(const json_t *result);
void show_handlers(const json_t *result);
void show_drops(const json_t *result);
void show_flows(const json_t *result);
void show_rules(const json_t *result);
void show_added(const json_t *result);
void show_published(const json_t *result);
void show_reloaded(const json_t *result);
void show_explained(const json_t *result);
void show_latency(const json_t *result);
void show_log(const json_t *result);

// The same as show_stats, with rates since before (NULL: none yet), seconds ago.
void show_stats_with_rates(const json_t *now, const json_t *before, double seconds);

enum cell_kind {
	CELL_TEXT,
	CELL_COUNT,   // 1,234,567
	CELL_BYTES,   // 1.23 MB
	CELL_PERCENT,
	CELL_NANOSECONDS, // 1.234 us
	CELL_SECONDS, // 1d 02:03:04
	CELL_YES_NO,
};

struct column {
	const char *title;
	const char *path; // "received.packets"
	enum cell_kind kind;
};

// A table of an array's objects; what is missing shows as "-".
void show_array(const json_t *array, const struct column *columns, unsigned count, const char *if_empty);

// The value at "a.b.c", or NULL.
const json_t *value_at(const json_t *object, const char *path);

enum { CELL_MAX = 512 };

// As the cell's text. Returns text.
const char *cell_format(const json_t *value, enum cell_kind kind, char text[CELL_MAX]);
const char *bytes_format(double bytes, const char *unit, char text[CELL_MAX]);

// What is said of rules besides, to standard error: it stops nothing.
void show_warnings(const json_t *result);

// A text of several lines, as the terminal may have it.
void show_lines(const char *text, FILE *out);

// Whether titles are printed in bold.
bool show_bold(void);
