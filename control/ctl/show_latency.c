// SPDX-License-Identifier: BSD-3-Clause
// portierctl latency.
#include <stdio.h>

#include "control/ctl/show.h"

void show_latency(const json_t *result)
{
	static const struct column columns[] = {
		{ "HANDLER", "name", CELL_TEXT },
		{ "MEASURED", "packets", CELL_COUNT },
		{ "P50", "p50_ns", CELL_NANOSECONDS },
		{ "P99", "p99_ns", CELL_NANOSECONDS },
		{ "P99.9", "p999_ns", CELL_NANOSECONDS },
		{ "MAX", "max_ns", CELL_NANOSECONDS },
	};
	char text[CELL_MAX];
	const json_t *one_in = json_object_get(result, "one_in");
	json_t *forwarded = json_object_get(result, "forwarded");
	if (!json_is_integer(one_in)) {
		puts("latency is not measured: \"portier run --latency\" does");
		return;
	}
	json_t *rows = json_copy(json_object_get(result, "handlers"));
	if (json_integer_value(json_object_get(forwarded, "packets"))) {
		json_t *row = json_copy(forwarded);
		json_object_set_new(row, "name", json_string("(forwarded)"));
		json_array_append_new(rows, row);
	}
	show_array(rows, columns, sizeof(columns) / sizeof(columns[0]), "no handlers");
	printf("\none packet in %s is measured, from its reception until its handler is done with it or a device has "
	       "taken it\n", cell_format(one_in, CELL_COUNT, text));
	json_decref(rows);
}
