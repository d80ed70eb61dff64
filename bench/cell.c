// SPDX-License-Identifier: BSD-3-Clause
#include "bench/cell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *operation_name(enum operation operation)
{
	static const char *const name[] = { "lookup", "insert", "delete" };

	return name[operation];
}

void cell_text(const struct cell *cell, char *text, size_t size)
{
	if (cell->operation == OPERATION_LOOKUP)
		snprintf(text, size, "ip%d %u hit%u %s %s %s lookup %ucore", cell->family, cell->flows, cell->hit_percent,
			 access_name(cell->access), cell->touch ? "touch" : "notouch",
			 cell->churned ? "churned" : "fresh", cell->cores);
	else
		snprintf(text, size, "ip%d %u insert delete", cell->family, cell->flows);
}

int results_add(struct results *results, const struct result *result)
{
	if (results->count == results->room) {
		size_t room = results->room ? 2 * results->room : 256;
		struct result *row = realloc(results->row, room * sizeof(*row));

		if (row == NULL)
			return -ENOMEM;
		results->row = row;
		results->room = room;
	}
	results->row[results->count++] = *result;
	return 0;
}

bool cell_same(const struct cell *a, const struct cell *b)
{
	return a->family == b->family && a->flows == b->flows && a->hit_percent == b->hit_percent &&
	       a->access == b->access && a->touch == b->touch && a->churned == b->churned &&
	       a->operation == b->operation && a->cores == b->cores;
}

const struct result *results_find(const struct results *results, const char *table, const struct cell *cell)
{
	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->row[i].table, table) == 0 && cell_same(&results->row[i].cell, cell))
			return &results->row[i];
	return NULL;
}
