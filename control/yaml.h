// SPDX-License-Identifier: BSD-3-Clause
// A small strict reader over libyaml's document tree: tables say which keys a mapping may have and how each is read;
// every error names file, line, column, what stands there and what was expected.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "control/error.h"

struct config;

enum {
	YAML_DEPTH_MAX = 16,              // mappings and lists in each other
	YAML_BYTES_MAX = 256 * 1024 * 1024,
	YAML_SHOWN_MAX = 64,
};

struct yaml {
	const char *file; // as named in errors
	yaml_document_t document;
	struct config *config; // being read: names of interfaces and handlers are looked up there
	struct error *error;
};

// One key of a mapping.
struct yaml_field {
	const char *key;
	// Reads the value into target, which is the object + offset. 0, or -1 with a text.
	int (*read)(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
	size_t offset;
	size_t size;        // bytes of the target
	uint64_t low, high; // bounds of a number, milliseconds of a duration
	const char *const *words; // of yaml_word: the target becomes the word's position; NULL at the end
	bool required;
};

// Parses one document. Aliases, anchors, tags, a second document and deep nesting are refused. 0; -1 with a text, then
// there is nothing to close.
int yaml_open(struct yaml *yaml, const char *file, const char *text, size_t length, struct error *error);
void yaml_close(struct yaml *yaml);

// Sets the error at the node's place. Returns -1.
int yaml_wrong(const struct yaml *yaml, const yaml_node_t *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// What stands there, for errors: "'text'", "a list", "a mapping", "nothing". Returns shown.
const char *yaml_shown(const yaml_node_t *node, char shown[YAML_SHOWN_MAX]);

// Reads a mapping by its table, in the table's order (key NULL at the end), so that later fields may look at earlier
// ones. what names it in errors ("an interface"). 0 or -1 with a text.
int yaml_read_mapping(struct yaml *yaml, yaml_node_t *node, const char *what, const struct yaml_field *fields,
		      void *object);

// The scalar's text, or NULL with an error that says what was expected. Empty, and text with control characters, are
// errors as well.
const char *yaml_text(struct yaml *yaml, yaml_node_t *node, const char *expected);

// The items of a list: 0 with *count, or -1 with an error.
int yaml_list(struct yaml *yaml, yaml_node_t *node, const char *expected, size_t *count);
yaml_node_t *yaml_item(struct yaml *yaml, yaml_node_t *list, size_t position);

// Readers for tables. Numbers are written by field->size: 1, 2, 4 or 8 bytes.
int yaml_bool(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int yaml_number(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int yaml_number_or_auto(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // auto: 0
int yaml_amount(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);   // 64K, 1M
int yaml_duration(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // 500ms, 2h
int yaml_word(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int yaml_string(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target);
int yaml_name(struct yaml *yaml, yaml_node_t *node, const struct yaml_field *field, void *target); // [A-Za-z0-9._-]

// The word nearest to text among count names (name(context, i)), or NULL if none is near: for "did you mean".
const char *yaml_nearest(const char *text, const char *(*name)(const void *context, size_t i), const void *context,
			 size_t count);
