// SPDX-License-Identifier: BSD-3-Clause
#include "control/table.h"

#include <stdlib.h>
#include <string.h>

struct table {
	const struct table_column *columns;
	unsigned column_count;
	char **cells;
	size_t count, room;
};

const char *number_format(uint64_t number, char text[NUMBER_TEXT_MAX])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	char *to = text;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

struct table *table_create(const struct table_column *columns, unsigned count)
{
	struct table *table = calloc(1, sizeof(*table));
	if (table) {
		table->columns = columns;
		table->column_count = count;
	}
	return table;
}

void table_text(struct table *table, const char *text)
{
	if (!table)
		return;
	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **larger = reallocarray(table->cells, room, sizeof(*larger));
		if (!larger)
			return;
		table->cells = larger;
		table->room = room;
	}
	char *copy = strdup(text);
	if (copy)
		table->cells[table->count++] = copy;
}

void table_number(struct table *table, uint64_t number)
{
	char text[NUMBER_TEXT_MAX];
	table_text(table, number_format(number, text));
}

static int column_width(const struct table *table, unsigned column)
{
	const char *title = table->columns[column].title;
	size_t width = title ? strlen(title) : 0;
	for (size_t i = column; i < table->count; i += table->column_count)
		if (strlen(table->cells[i]) > width)
			width = strlen(table->cells[i]);
	return (int)width;
}

static void print_cell(const struct table *table, unsigned column, const int *width, const char *text, FILE *out)
{
	bool last = column + 1 == table->column_count;
	if (table->columns[column].right)
		fprintf(out, "  %*s", width[column], text);
	else if (last) // no blanks at the end of a line
		fprintf(out, "  %s", text);
	else
		fprintf(out, "  %-*s", width[column], text);
	if (last)
		fputc('\n', out);
}

static void print_titles(const struct table *table, const int *width, FILE *out, bool bold)
{
	if (bold)
		fputs("\033[1m", out);
	for (unsigned i = 0; i < table->column_count; i++)
		print_cell(table, i, width, table->columns[i].title, out);
	if (bold)
		fputs("\033[0m", out);
}

void table_print(struct table *table, FILE *out, bool bold)
{
	if (!table)
		return;
	int *width = calloc(table->column_count, sizeof(*width));
	for (unsigned i = 0; width && i < table->column_count; i++)
		width[i] = column_width(table, i);
	if (width && table->columns[0].title)
		print_titles(table, width, out, bold);
	for (size_t i = 0; width && i < table->count; i++)
		print_cell(table, i % table->column_count, width, table->cells[i], out);
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	free(width);
}
