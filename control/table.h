// SPDX-License-Identifier: BSD-3-Clause
// Tables for people: columns as wide as their widest cell, numbers to the right with their thousands apart.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { NUMBER_TEXT_MAX = 32 };

// "1,234,567". Returns text.
const char *number_format(uint64_t number, char text[NUMBER_TEXT_MAX]);

struct table_column {
	const char *title; // NULL in the first column: no line of titles
	bool right;        // aligned to the right
};

struct table;

// NULL without memory, which the functions below take as a table that stays empty.
struct table *table_create(const struct table_column *columns, unsigned count);

// Fills the next cell, row by row.
void table_text(struct table *table, const char *text);
void table_number(struct table *table, uint64_t number);

// Prints the table, titles in bold where asked, and frees it.
void table_print(struct table *table, FILE *out, bool bold);
