// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_passing.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/wide.h"

// Values of a field, in classes between borders: each has its row.
struct passing_field {
	uint32_t borders;
	wide *border; // ascending, the first one is 0
	uint64_t *row;
};

// What is looked up: of each packet the first two, and two of its family.
enum field {
	FIELD_PROTOCOL = 0,
	FIELD_PORT,
	FIELD_SOURCE,                     // of IPv4; then of IPv6
	FIELD_DESTINATION = FIELD_SOURCE + 2,
	FIELD_COUNT = FIELD_DESTINATION + 2,
};

struct passing_index {
	uint32_t count;
	uint32_t words; // of a row
	struct passing_field field[FIELD_COUNT];
};

// Ranges

struct wide_range {
	wide low, high;
};

struct wide_ranges {
	uint32_t count;
	struct wide_range *range;
};

static void add_range(struct wide_ranges *ranges, wide low, wide high)
{
	if (ranges->range)
		ranges->range[ranges->count] = (struct wide_range){ low, high };
	ranges->count++;
}

static void add_ports(struct wide_ranges *ranges, const struct port_range *range, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_range(ranges, range[i].low, range[i].high);
}

static void add_addresses(struct wide_ranges *ranges, const struct address_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		add_range(ranges, wide_of(&set->range[i].low), wide_of(&set->range[i].high));
}

static void add_protocols(struct wide_ranges *ranges, const struct byte_set *set)
{
	struct port_range run[BYTE_SET_RUNS_MAX];
	add_ports(ranges, run, byte_set_runs(set, run));
}

// The values of a field with which a rule may match, or more; all where it does not ask.
static void add_field(struct wide_ranges *ranges, enum field field, const struct rule *rule)
{
	bool of_ip6 = field == FIELD_SOURCE + 1 || field == FIELD_DESTINATION + 1;
	if (field >= FIELD_SOURCE && !(of_ip6 ? rule->ip6 : rule->ip4))
		return;
	if (field == FIELD_PROTOCOL && rule->asks & RULE_PROTOCOL)
		add_protocols(ranges, &rule->protocols);
	else if (field == FIELD_PORT && rule->asks & RULE_DESTINATION_PORT)
		add_ports(ranges, rule->destination_ports.range, rule->destination_ports.count);
	else if (field >= FIELD_DESTINATION && rule->asks & RULE_DESTINATION)
		add_addresses(ranges, &rule->destinations);
	else if (field >= FIELD_SOURCE && field < FIELD_DESTINATION && rule->asks & RULE_SOURCE)
		add_addresses(ranges, &rule->sources);
	else
		add_range(ranges, 0, ~(wide)0);
}

// Rows

static int by_value(const void *a, const void *b)
{
	wide left = *(const wide *)a, right = *(const wide *)b;
	return left < right ? -1 : left > right;
}

// The class of a value: the last border that is not behind it.
static uint32_t class_of(const struct passing_field *field, wide value)
{
	uint32_t at = 0;
	for (uint32_t behind = field->borders; behind - at > 1;) {
		uint32_t middle = at + (behind - at) / 2;
		if (field->border[middle] <= value)
			at = middle;
		else
			behind = middle;
	}
	return at;
}

static int draw_borders(struct passing_field *field, const struct wide_ranges *ranges)
{
	uint32_t kept = 0;
	field->border = calloc(2 * (size_t)ranges->count + 1, sizeof(*field->border));
	if (!field->border)
		return -ENOMEM;
	for (uint32_t i = 0; i < ranges->count; i++) {
		field->border[2 * i + 1] = ranges->range[i].low;
		field->border[2 * i + 2] = ranges->range[i].high + 1; // behind all: 0, which is there anyway
	}
	qsort(field->border, 2 * (size_t)ranges->count + 1, sizeof(*field->border), by_value);
	for (uint32_t i = 1; i <= 2 * ranges->count; i++) {
		if (field->border[i] != field->border[kept])
			field->border[++kept] = field->border[i];
	}
	field->borders = kept + 1;
	return 0;
}

static void set_bits(struct passing_field *field, uint32_t words, uint32_t rule, const struct wide_ranges *ranges)
{
	for (uint32_t i = 0; i < ranges->count; i++) {
		uint32_t at = class_of(field, ranges->range[i].low);
		for (; at < field->borders && field->border[at] <= ranges->range[i].high; at++)
			field->row[(size_t)at * words + rule / 64] |= UINT64_C(1) << (rule & 63);
	}
}

static void add_all(struct wide_ranges *ranges, enum field field, const struct rule *const rules[], uint32_t count)
{
	ranges->count = 0;
	for (uint32_t i = 0; i < count; i++)
		add_field(ranges, field, rules[i]);
}

static int fill_field(struct passing_index *index, enum field which, const struct rule *const rules[],
		      struct wide_ranges *ranges)
{
	struct passing_field *field = &index->field[which];
	add_all(ranges, which, rules, index->count);
	if (draw_borders(field, ranges))
		return -ENOMEM;
	size_t bytes = (size_t)field->borders * index->words * sizeof(*field->row);
	if (bytes > PASSING_ROWS_MAX)
		return -E2BIG;
	field->row = calloc(1, bytes);
	if (!field->row)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->count; i++) {
		ranges->count = 0;
		add_field(ranges, which, rules[i]);
		set_bits(field, index->words, i, ranges);
	}
	return 0;
}

static int make_field(struct passing_index *index, enum field which, const struct rule *const rules[])
{
	struct wide_ranges ranges = { 0 };
	add_all(&ranges, which, rules, index->count); // counts alone
	ranges.range = calloc(ranges.count + 1, sizeof(*ranges.range));
	int result = ranges.range ? fill_field(index, which, rules, &ranges) : -ENOMEM;
	free(ranges.range);
	return result;
}

int passing_index_make(const struct rule *const rules[], uint32_t count, struct passing_index **index)
{
	*index = NULL;
	if (count < PASSING_INDEXED_MIN)
		return 0;
	struct passing_index *made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->count = count;
	made->words = (count + 63) / 64;
	int result = 0;
	for (enum field field = 0; result == 0 && field < FIELD_COUNT; field++)
		result = make_field(made, field, rules);
	if (result)
		passing_index_free(made);
	else
		*index = made;
	return result == -E2BIG ? 0 : result;
}

void passing_index_free(struct passing_index *index)
{
	for (enum field field = 0; index && field < FIELD_COUNT; field++) {
		free(index->field[field].border);
		free(index->field[field].row);
	}
	free(index);
}

size_t passing_index_bytes(const struct passing_index *index)
{
	size_t sum = 0;
	for (enum field field = 0; index && field < FIELD_COUNT; field++)
		sum += index->field[field].borders * (sizeof(wide) + index->words * sizeof(uint64_t));
	return sum;
}

// Asking

static const uint64_t *row_of(const struct passing_index *index, enum field field, wide value)
{
	return index->field[field].row + (size_t)class_of(&index->field[field], value) * index->words;
}

// A packet without ports is in the row of any: rules that ask for one do not match it, those that don't are in all.
struct passing_search passing_index_search(const struct passing_index *index, const struct packet_tuple *tuple)
{
	unsigned family = tuple->family == FAMILY_IP6;
	return (struct passing_search){
		.row = { row_of(index, FIELD_PROTOCOL, tuple->protocol), row_of(index, FIELD_PORT, tuple->destination_port),
			row_of(index, FIELD_SOURCE + family, wide_of(&tuple->source)),
			row_of(index, FIELD_DESTINATION + family, wide_of(&tuple->destination)) },
		.count = index->count,
	};
}
