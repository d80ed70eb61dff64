// SPDX-License-Identifier: BSD-3-Clause
// Readers of single values, and the nearest word for "did you mean".
#include "control/yaml.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void store(void *target, size_t size, uint64_t number)
{
	uint8_t byte = (uint8_t)number;
	uint16_t half = (uint16_t)number;
	uint32_t word = (uint32_t)number;
	const void *source = size == 1 ? (const void *)&byte : size == 2 ? (const void *)&half
		: size == 4 ? (const void *)&word : (const void *)&number;
	memcpy(target, source, size);
}

// Digits alone, without leading zeros (which YAML 1.1 reads as octal). *rest is what follows. false: none, too big.
static bool digits(const char *text, uint64_t *number, const char **rest)
{
	const char *at = text;
	*number = 0;
	for (; isdigit((unsigned char)*at); at++) {
		uint64_t next = *number * 10 + (uint64_t)(*at - '0');
		if (*number > UINT64_MAX / 10 || next < *number)
			return false;
		*number = next;
	}
	*rest = at;
	return at > text && (text[0] != '0' || at == text + 1);
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit binary_units[] = { { "", 1 }, { "K", 1024 }, { "M", 1024 * 1024 }, { NULL, 0 } };
static const struct unit time_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
	{ NULL, 0 } };

static bool with_unit(const char *text, const struct unit *units, uint64_t *number)
{
	const char *rest;
	if (!digits(text, number, &rest))
		return false;
	for (; units->name; units++)
		if (strcmp(units->name, rest) == 0)
			return !__builtin_mul_overflow(*number, units->factor, number);
	return false;
}

static int bounded(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, const struct unit *units,
		   const char *expected, void *target)
{
	char shown[YAML_SHOWN_MAX];
	uint64_t number;
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return yaml_wrong(yaml, node, "%s is text in quotes, expected %s", yaml_shown(node, shown), expected);
	if (!with_unit(text, units, &number) || number < field->low || number > field->high)
		return yaml_wrong(yaml, node, "%s stands for '%s', expected %s", yaml_shown(node, shown), field->key,
			expected);
	store(target, field->size, number);
	return 0;
}

int yaml_number(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char expected[96];
	snprintf(expected, sizeof(expected), "a whole number from %" PRIu64 " to %" PRIu64, field->low, field->high);
	return bounded(yaml, node, field, no_units, expected, target);
}

int yaml_number_or_auto(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char expected[96];
	if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, "auto") == 0) {
		store(target, field->size, 0);
		return 0;
	}
	snprintf(expected, sizeof(expected), "auto or a whole number from %" PRIu64 " to %" PRIu64, field->low,
		field->high);
	return bounded(yaml, node, field, no_units, expected, target);
}

int yaml_amount(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char expected[96];
	snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64 ", such as 65536, 64K or 1M",
		field->low, field->high);
	return bounded(yaml, node, field, binary_units, expected, target);
}

int yaml_duration(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char expected[128];
	snprintf(expected, sizeof(expected), "a duration with its unit, such as 500ms, 30s, 2m or 2h, from %" PRIu64
		"ms to %" PRIu64 "h", field->low, field->high / (3600 * 1000));
	return bounded(yaml, node, field, time_units, expected, target);
}

int yaml_bool(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char shown[YAML_SHOWN_MAX];
	const char *text = yaml_text(yaml, node, "true or false");
	if (!text)
		return -1;
	bool yes = strcmp(text, "true") == 0;
	if ((!yes && strcmp(text, "false") != 0) || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return yaml_wrong(yaml, node, "%s stands for '%s', expected true or false", yaml_shown(node, shown),
			field->key);
	*(bool *)target = yes;
	return 0;
}

static const char *word_at(const void *words, size_t i)
{
	return ((const char *const *)words)[i];
}

int yaml_word(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char shown[YAML_SHOWN_MAX], expected[128] = "";
	size_t count = 0;
	for (size_t used = 0; field->words[count]; count++)
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s%s", count ? " | " : "",
			field->words[count]);
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, field->words[i]) == 0) {
			store(target, field->size, i);
			return 0;
		}
	}
	const char *near = yaml_nearest(text, word_at, field->words, count);
	return yaml_wrong(yaml, node, "%s stands for '%s', expected %s%s%s%s", yaml_shown(node, shown), field->key,
		expected, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

int yaml_string(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char expected[64];
	snprintf(expected, sizeof(expected), "text of at most %zu bytes", field->size - 1);
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	if (node->data.scalar.length >= field->size)
		return yaml_wrong(yaml, node, "'%s' is %zu bytes long, expected %s", field->key,
			node->data.scalar.length, expected);
	memcpy(target, text, node->data.scalar.length + 1);
	return 0;
}

int yaml_name(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target)
{
	char shown[YAML_SHOWN_MAX], expected[96];
	snprintf(expected, sizeof(expected), "a name of at most %zu letters, digits, '_', '-' and '.'", field->size - 1);
	const char *text = yaml_text(yaml, node, expected);
	if (!text)
		return -1;
	size_t fine = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
	if (fine != node->data.scalar.length || fine >= field->size || !isalnum((unsigned char)text[0]))
		return yaml_wrong(yaml, node, "%s stands for '%s', expected %s", yaml_shown(node, shown), field->key,
			expected);
	memcpy(target, text, fine + 1);
	return 0;
}

// Edits (insert, delete, replace) between two short words: one row of the usual table at a time.
static unsigned edits(const char *a, const char *b)
{
	enum { WORD_MAX = 40 };
	unsigned row[WORD_MAX + 1];
	size_t length = strlen(b);
	if (length > WORD_MAX || strlen(a) > WORD_MAX)
		return UINT32_MAX;
	for (unsigned j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned corner = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= length; j++) {
			unsigned replace = corner + (a[i - 1] != b[j - 1]);
			unsigned either = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1; // insert or delete
			corner = row[j];
			row[j] = replace < either ? replace : either;
		}
	}
	return row[length];
}

const char *yaml_nearest(const char *text, const char *(*name)(const void *context, size_t i), const void *context,
			 size_t count)
{
	const char *best = NULL;
	unsigned least = strlen(text) < 5 ? 2 : 3; // edits that are too many to be a slip
	for (size_t i = 0; i < count; i++) {
		unsigned distance = edits(text, name(context, i));
		if (distance < least) {
			least = distance;
			best = name(context, i);
		}
	}
	return best;
}
