// SPDX-License-Identifier: BSD-3-Clause
#include "control/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int yaml_wrong(const struct yaml *yaml, const yaml_node_t *node, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return error_at(yaml->error, yaml->file, (unsigned)node->start_mark.line + 1,
		(unsigned)node->start_mark.column + 1, "%s", text);
}

const char *yaml_shown(const yaml_node_t *node, char shown[YAML_SHOWN_MAX])
{
	enum { CUT = 40 };
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping";
	const unsigned char *text = node->data.scalar.value;
	size_t length = node->data.scalar.length;
	if (length == 0)
		return "nothing";
	size_t used = 0;
	shown[used++] = '\'';
	for (size_t i = 0; i < length && i < CUT; i++)
		shown[used++] = text[i] < 0x20 || text[i] == 0x7f ? '?' : (char)text[i];
	snprintf(shown + used, YAML_SHOWN_MAX - used, "%s'", length > CUT ? "..." : "");
	return shown;
}

// libyaml's reader counts bytes where its scanner counts lines and columns.
static void place_of(const char *text, size_t offset, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset; i++) {
		bool newline = text[i] == '\n';
		*line += newline;
		*column = newline ? 1 : *column + 1;
	}
}

static int syntax_error(const yaml_parser_t *parser, const char *file, const char *text, size_t length,
			struct error *error)
{
	unsigned line = (unsigned)parser->problem_mark.line + 1;
	unsigned column = (unsigned)parser->problem_mark.column + 1;
	size_t at = parser->problem_mark.index;
	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(error, "%s: no memory to read it", file);
	if (parser->error == YAML_READER_ERROR) {
		size_t offset = parser->problem_offset < length ? parser->problem_offset : length;
		place_of(text, offset, &line, &column);
		return error_at(error, file, line, column, "%s, expected YAML in UTF-8", parser->problem);
	}
	if (at < length && text[at] == '\t')
		return error_at(error, file, line, column, "a tab stands here, expected spaces: YAML is not "
			"indented with tabs");
	return error_at(error, file, line, column, "this is not YAML: %s%s%s", parser->problem,
		parser->context ? ", " : "", parser->context ? parser->context : "");
}

// What is refused before a tree is made of it: aliases blow up, tags change types, depth costs the stack of others.
static const char *refused(const yaml_event_t *event, unsigned depth, unsigned documents)
{
	const unsigned char *anchor = NULL, *tag = NULL;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "an alias (*) stands here, expected the value itself: aliases are not supported";
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return "an anchor (&) stands here, expected the value itself: anchors are not supported";
	if (tag)
		return "a tag (!) stands here, expected the value itself: tags are not supported";
	if (documents > 1)
		return "a second document starts here, expected one document in the file";
	if (depth > YAML_DEPTH_MAX)
		return "lists or mappings are nested too deep here, expected what conf/portier.yaml shows";
	return NULL;
}

// The same input once as events, which hold no more than one token, so that nothing hostile gets a tree.
static int check_events(yaml_parser_t *parser, const char *file, const char *text, size_t length,
			struct error *error)
{
	unsigned depth = 0, documents = 0;
	for (bool end = false; !end;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return syntax_error(parser, file, text, length, error);
		depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
		depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		documents += event.type == YAML_DOCUMENT_START_EVENT;
		end = event.type == YAML_STREAM_END_EVENT;
		const char *why = refused(&event, depth, documents);
		unsigned line = (unsigned)event.start_mark.line + 1, column = (unsigned)event.start_mark.column + 1;
		yaml_event_delete(&event);
		if (why)
			return error_at(error, file, line, column, "%s", why);
	}
	if (documents == 0)
		return error_at(error, file, 1, 1, "the file is empty, expected a configuration such as "
			"conf/portier.yaml");
	return 0;
}

// Runs one pass of libyaml over the text: the check of events, then (document given) the tree.
static int parse_pass(yaml_document_t *document, const char *file, const char *text, size_t length,
		      struct error *error)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return error_set(error, "%s: no memory to read it", file);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	int result = 0;
	if (!document)
		result = check_events(&parser, file, text, length, error);
	else if (!yaml_parser_load(&parser, document))
		result = syntax_error(&parser, file, text, length, error);
	yaml_parser_delete(&parser);
	return result;
}

int yaml_open(struct yaml *yaml, const char *file, const char *text, size_t length, struct error *error)
{
	*yaml = (struct yaml){ .file = file, .error = error };
	if (length > YAML_BYTES_MAX)
		return error_set(error, "%s: %zu bytes, expected at most %d", file, length, YAML_BYTES_MAX);
	if (parse_pass(NULL, file, text, length, error) < 0)
		return -1;
	return parse_pass(&yaml->document, file, text, length, error);
}

void yaml_close(struct yaml *yaml)
{
	yaml_document_delete(&yaml->document);
}

const char *yaml_text(struct yaml *yaml, yaml_node_t *node, const char *expected)
{
	char shown[YAML_SHOWN_MAX];
	const char *text = (const char *)node->data.scalar.value;
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0) {
		yaml_wrong(yaml, node, "%s stands here, expected %s", yaml_shown(node, shown), expected);
		return NULL;
	}
	for (size_t i = 0; i < node->data.scalar.length; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			yaml_wrong(yaml, node, "%s holds a control character, expected %s", yaml_shown(node, shown),
				expected);
			return NULL;
		}
	}
	return text;
}

int yaml_list(struct yaml *yaml, yaml_node_t *node, const char *expected, size_t *count)
{
	char shown[YAML_SHOWN_MAX];
	if (node->type != YAML_SEQUENCE_NODE)
		return yaml_wrong(yaml, node, "%s stands here, expected %s", yaml_shown(node, shown), expected);
	*count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	return 0;
}

yaml_node_t *yaml_item(struct yaml *yaml, yaml_node_t *list, size_t position)
{
	return yaml_document_get_node(&yaml->document, list->data.sequence.items.start[position]);
}

static const char *field_key(const void *fields, size_t i)
{
	return ((const struct yaml_field *)fields)[i].key;
}

static size_t field_count(const struct yaml_field *fields)
{
	size_t count = 0;
	while (fields[count].key)
		count++;
	return count;
}

static const struct yaml_field *find_field(const struct yaml_field *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static int unknown_key(struct yaml *yaml, yaml_node_t *key, const char *what, const struct yaml_field *fields)
{
	char shown[YAML_SHOWN_MAX], known[320] = "";
	const char *near = key->type == YAML_SCALAR_NODE
		? yaml_nearest((const char *)key->data.scalar.value, field_key, fields, field_count(fields))
		: NULL;
	if (near)
		return yaml_wrong(yaml, key, "unknown key %s in %s, did you mean '%s'?", yaml_shown(key, shown), what,
			near);
	for (size_t i = 0, used = 0; fields[i].key && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", fields[i].key);
	return yaml_wrong(yaml, key, "unknown key %s in %s, expected one of: %s", yaml_shown(key, shown), what, known);
}

// Every key is known and stands there once. Sets value[i] to the node of field i.
static int check_keys(struct yaml *yaml, yaml_node_t *node, const char *what, const struct yaml_field *fields,
		      yaml_node_t *value[])
{
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);
		const struct yaml_field *field =
			key->type == YAML_SCALAR_NODE ? find_field(fields, (const char *)key->data.scalar.value) : NULL;
		if (!field || strlen(field->key) != key->data.scalar.length)
			return unknown_key(yaml, key, what, fields);
		yaml_node_t **slot = &value[field - fields];
		if (*slot)
			return yaml_wrong(yaml, key, "'%s' stands in %s a second time, expected it once (the first "
				"is on line %zu)", field->key, what, (*slot)->start_mark.line + 1);
		*slot = yaml_document_get_node(&yaml->document, pair->value);
	}
	return 0;
}

int yaml_read_mapping(struct yaml *yaml, yaml_node_t *node, const char *what, const struct yaml_field *fields,
		      void *object)
{
	enum { FIELDS_MAX = 32 };
	yaml_node_t *value[FIELDS_MAX] = { NULL };
	char shown[YAML_SHOWN_MAX];
	if (node->type != YAML_MAPPING_NODE)
		return yaml_wrong(yaml, node, "%s stands here, expected %s: a mapping of keys and values",
			yaml_shown(node, shown), what);
	if (check_keys(yaml, node, what, fields, value) < 0)
		return -1;
	for (size_t i = 0; fields[i].key; i++) {
		if (!value[i] && fields[i].required)
			return yaml_wrong(yaml, node, "'%s' is missing in %s", fields[i].key, what);
		if (value[i] && fields[i].read(yaml, value[i], &fields[i], (char *)object + fields[i].offset) < 0)
			return -1;
	}
	return 0;
}
