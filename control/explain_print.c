// SPDX-License-Identifier: BSD-3-Clause
#include "control/explain_print.h"

#include <stdarg.h>
#include <string.h>

#include "control/table.h"

enum { LINE_MAX_BYTES = 512, INDENT = 11 };

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "-";
}

static long long number_at(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static bool true_at(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

// What came over a socket, or out of a rule's comment: no control characters reach the terminal.
static void put_clean(const char *text, FILE *out)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

__attribute__((format(printf, 3, 4)))
static void line(FILE *out, const char *title, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(out, "%-*s", INDENT, title);
	put_clean(text, out);
	fputc('\n', out);
}

// "192.0.2.1:80", "[2001:db8::1]:80", or the address alone.
static const char *end_text(const json_t *tuple, const char *address, const char *port, char text[128])
{
	const char *of = text_at(tuple, address);
	bool colons = strchr(of, ':') != NULL;
	if (json_object_get(tuple, port))
		snprintf(text, 128, colons ? "[%s]:%lld" : "%s:%lld", of, number_at(tuple, port));
	else
		snprintf(text, 128, "%s", of);
	return text;
}

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, LINE_MAX_BYTES - used, format, arguments);
	va_end(arguments);
}

static void tuple_text(const json_t *tuple, char text[LINE_MAX_BYTES])
{
	char source[128], destination[128];
	snprintf(text, LINE_MAX_BYTES, "%s %s -> %s", text_at(tuple, "proto"),
		end_text(tuple, "source", "source_port", source),
		end_text(tuple, "destination", "destination_port", destination));
	if (json_object_get(tuple, "tcp_flags"))
		append(text, " %s", text_at(tuple, "tcp_flags"));
	if (json_object_get(tuple, "icmp_type"))
		append(text, " type %lld code %lld", number_at(tuple, "icmp_type"), number_at(tuple, "icmp_code"));
	if (json_is_integer(json_object_get(tuple, "vlan")))
		append(text, " vlan %lld", number_at(tuple, "vlan"));
	if (json_is_string(json_object_get(tuple, "interface")))
		append(text, " in %s", text_at(tuple, "interface"));
	if (json_object_get(tuple, "connection"))
		append(text, ", %s", text_at(tuple, "connection"));
	if (true_at(tuple, "portless"))
		append(text, ", without ports of its own");
}

static void print_packet(const json_t *explained, FILE *out)
{
	const json_t *packet = json_object_get(explained, "packet");
	char text[LINE_MAX_BYTES] = "no IP packet";
	if (json_object_get(packet, "proto"))
		tuple_text(packet, text);
	append(text, ", %lld bytes", number_at(packet, "bytes"));
	if (strcmp(text_at(packet, "fragment"), "no") != 0)
		append(text, ", %s fragment", text_at(packet, "fragment"));
	if (true_at(packet, "icmp_error"))
		append(text, ", an ICMP error about another packet");
	if (true_at(packet, "truncated"))
		append(text, ", cut off");
	line(out, "packet", "%s", text);
}

static void print_queue(const json_t *explained, FILE *out)
{
	const json_t *queue = json_object_get(explained, "queue");
	char number[32] = "any";
	if (json_is_integer(json_object_get(queue, "queue")))
		snprintf(number, sizeof(number), "%lld", number_at(queue, "queue"));
	line(out, "queue", "%s of %s, worker %lld (%s)", number, text_at(queue, "interface"), number_at(queue, "worker"),
		text_at(queue, "by"));
}

static const char *rule_name(const json_t *id, char text[64])
{
	if (json_is_integer(id))
		snprintf(text, 64, "rule %lld", (long long)json_integer_value(id));
	else
		snprintf(text, 64, json_is_null(id) ? "no rule" : "the default policy");
	return text;
}

static void print_flow(const json_t *explained, FILE *out)
{
	const json_t *flow = json_object_get(explained, "flow");
	char by[64];
	if (!json_is_object(flow)) {
		line(out, "flow", "none");
		return;
	}
	line(out, "flow", "%lld, %s, %lld packets there and %lld back; accepted by %s for handler %s%s", number_at(flow, "id"),
		text_at(flow, "state"), number_at(flow, "packets_orig"), number_at(flow, "packets_resp"),
		rule_name(json_object_get(flow, "rule"), by), text_at(flow, "handler"),
		true_at(flow, "current") ? "" : ", before rules or listeners changed");
}

static void rule_result(const json_t *rule, char text[LINE_MAX_BYTES])
{
	if (!true_at(rule, "matches"))
		snprintf(text, LINE_MAX_BYTES, "no: %s", text_at(rule, "failed"));
	else
		snprintf(text, LINE_MAX_BYTES, "matches%s", true_at(rule, "limit") ? ", within its limit" : "");
}

// Rules' texts may hold anything.
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void print_rules(const json_t *explained, FILE *out, bool bold)
{
	static const struct table_column columns[] = { { "PLACE", true }, { "ID", true }, { "RESULT", false },
		{ "RULE", false } };
	const json_t *rules = json_object_get(explained, "rules"), *rule;
	size_t i;
	if (!rules)
		return;
	line(out, "rules", "%zu of %lld looked at%s", json_array_size(rules) + (size_t)number_at(explained, "rules_left_out"),
		number_at(explained, "rules_in_force"), true_at(explained, "rules_asked") ? "" :
			", for the packet that opened the flow");
	if (json_array_size(rules) == 0)
		return;
	struct table *table = table_create(columns, 4);
	json_array_foreach(rules, i, rule) {
		char text[LINE_MAX_BYTES];
		table_number(table, (uint64_t)number_at(rule, "position"));
		table_number(table, (uint64_t)number_at(rule, "id"));
		rule_result(rule, text);
		table_text(table, text);
		snprintf(text, sizeof(text), "%s", text_at(rule, "text"));
		clean(text);
		table_text(table, text);
	}
	table_print(table, out, bold);
	if (number_at(explained, "rules_left_out"))
		line(out, "", "and %lld more that do not match", number_at(explained, "rules_left_out"));
}

static void print_verdict(const json_t *explained, FILE *out)
{
	const json_t *verdict = json_object_get(explained, "verdict"), *matcher = json_object_get(explained, "matcher");
	char by[64], compiled[64];
	if (!verdict)
		return;
	line(out, "verdict", "%s, by %s%s", text_at(verdict, "verdict"), rule_name(json_object_get(verdict, "rule"), by),
		true_at(verdict, "log") ? "; logged" : "");
	if (true_at(matcher, "agrees"))
		line(out, "matcher", "the compiled rules say the same");
	else
		line(out, "matcher", "ALARM: the compiled rules say %s, which is not what looking at each rule says: this is a "
			"fault of portier's", rule_name(json_object_get(matcher, "rule"), compiled));
}

static void print_listeners(const json_t *explained, FILE *out, bool bold)
{
	static const struct table_column columns[] = { { "RANK", true }, { "ID", true }, { "AT", false },
		{ "HANDLER", false }, { "LISTENER", false }, { "WHY", false } };
	const json_t *listeners = json_object_get(explained, "listeners"), *one;
	size_t i;
	if (!listeners)
		return;
	if (json_array_size(listeners) == 0) {
		line(out, "listeners", "none");
		return;
	}
	line(out, "listeners", "%zu would do", json_array_size(listeners));
	struct table *table = table_create(columns, 6);
	json_array_foreach(listeners, i, one) {
		char why[LINE_MAX_BYTES];
		table_number(table, (uint64_t)number_at(one, "rank"));
		table_number(table, (uint64_t)number_at(one, "id"));
		table_text(table, text_at(one, "end"));
		table_text(table, text_at(one, "handler"));
		table_text(table, text_at(one, "listener"));
		snprintf(why, sizeof(why), "%s%s%s", true_at(one, "won") ? "wins" : "",
			true_at(one, "won") && json_is_string(json_object_get(one, "before_next")) ? ": " : "",
			json_is_string(json_object_get(one, "before_next")) ? text_at(one, "before_next") : "");
		table_text(table, why);
	}
	table_print(table, out, bold);
}

static void print_outcome(const json_t *explained, FILE *out)
{
	const json_t *why = json_object_get(explained, "why");
	char text[LINE_MAX_BYTES];
	snprintf(text, sizeof(text), "%s", text_at(explained, "outcome"));
	if (json_object_get(explained, "handler"))
		append(text, " to handler %s", text_at(explained, "handler"));
	if (json_is_string(json_object_get(explained, "answer")))
		append(text, ", answered with %s", text_at(explained, "answer"));
	if (json_object_get(explained, "reason"))
		append(text, " (%s)", text_at(explained, "reason"));
	if (json_is_string(why))
		append(text, ": %s", json_string_value(why));
	line(out, "outcome", "%s", text);
}

void explain_print(const json_t *explained, FILE *out, bool bold)
{
	const json_t *judged = json_object_get(explained, "judged_by");
	char text[LINE_MAX_BYTES];
	print_packet(explained, out);
	if (json_object_get(explained, "queue")) {
		print_queue(explained, out);
		print_flow(explained, out);
	}
	if (judged) {
		tuple_text(judged, text);
		line(out, "judged as", "%s", text);
	}
	print_rules(explained, out, bold);
	print_verdict(explained, out);
	print_listeners(explained, out, bold);
	print_outcome(explained, out);
}
