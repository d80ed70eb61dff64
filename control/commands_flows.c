// SPDX-License-Identifier: BSD-3-Clause
// Live flows, filtered: "tcp 10.0.0.0/8 port https state ESTABLISHED handler web limit 20".
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/address.h"
#include "control/commands.h"
#include "control/port_range.h"
#include "control/services.h"
#include "control/stats.h"

enum {
	LIMIT_DEFAULT = 100,
	LIMIT_MAX = 1000000,
	WORD_MAX = 64,
	ANY = -1,
};

// What a flow has to be; each port or prefix may be at either end.
struct flow_filter {
	int protocol;
	bool has_port;
	struct port_range port;
	struct prefix prefix;
	char state[WORD_MAX]; // "": any
	int handler;
	unsigned limit;
};

typedef int filter_word_fn(struct flow_filter *filter, const struct runtime *runtime, const char *word,
			   struct error *error);

static int read_protocol(struct flow_filter *filter, const struct runtime *runtime, const char *word,
			 struct error *error)
{
	(void)runtime;
	filter->protocol = protocol_number(word);
	return filter->protocol < 0 ? error_set(error, "unknown protocol '%s'", word) : 0;
}

static int read_port(struct flow_filter *filter, const struct runtime *runtime, const char *word,
		     struct error *error)
{
	static const uint8_t tried[] = { 6, 17, 132 }; // whose service names are meant, if no protocol is given
	(void)runtime;
	filter->has_port = true;
	if (filter->protocol != ANY)
		return port_range_parse(word, (uint8_t)filter->protocol, &filter->port, error);
	for (size_t i = 0; i < sizeof(tried); i++)
		if (port_range_parse(word, tried[i], &filter->port, NULL) == 0)
			return 0;
	return error_set(error, "'%s' is no protocol, address, port, range LOW-HIGH or service name", word);
}

static int read_prefix(struct flow_filter *filter, const struct runtime *runtime, const char *word,
		       struct error *error)
{
	(void)runtime;
	if (prefix_parse(word, &filter->prefix))
		return error_set(error, "'%s' is neither an address nor a prefix without host bits", word);
	return 0;
}

static int read_state(struct flow_filter *filter, const struct runtime *runtime, const char *word,
		      struct error *error)
{
	(void)runtime;
	for (unsigned i = 0; i < FLOW_STATES; i++)
		if (strcasecmp(word, flow_state_name(i)) == 0) {
			snprintf(filter->state, sizeof(filter->state), "%s", flow_state_name(i));
			return 0;
		}
	return error_set(error, "unknown state '%s'; ESTABLISHED is one, and UNREPLIED", word);
}

static int read_handler(struct flow_filter *filter, const struct runtime *runtime, const char *word,
			struct error *error)
{
	for (unsigned i = 0; i < runtime->handler_count; i++)
		if (strcmp(word, runtime->handlers[i].name) == 0) {
			filter->handler = (int)i;
			return 0;
		}
	return error_set(error, "there is no handler '%s'", word);
}

static int read_limit(struct flow_filter *filter, const struct runtime *runtime, const char *word,
		      struct error *error)
{
	(void)runtime;
	char *end;
	long limit = strtol(word, &end, 10);
	if (*end || limit < 1 || limit > LIMIT_MAX)
		return error_set(error, "limit '%s': a number from 1 to %d was expected", word, LIMIT_MAX);
	filter->limit = (unsigned)limit;
	return 0;
}

static const struct {
	const char *word;
	filter_word_fn *read;
} keywords[] = {
	{ "proto", read_protocol },
	{ "port", read_port },
	{ "addr", read_prefix },
	{ "state", read_state },
	{ "handler", read_handler },
	{ "limit", read_limit },
};

// A word that stands alone says by itself what it is.
static filter_word_fn *reader_of_bare(const char *word)
{
	struct prefix prefix;
	bool digit = *word >= '0' && *word <= '9';
	if (strpbrk(word, ".:/") || prefix_parse(word, &prefix) == 0)
		return read_prefix;
	return !digit && protocol_number(word) >= 0 ? read_protocol : read_port;
}

static filter_word_fn *reader_of(const char *word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcasecmp(word, keywords[i].word) == 0)
			return keywords[i].read;
	return NULL;
}

// Cuts the next word off. false: no more; -1 as length: too long.
static bool next_word(const char **text, char word[WORD_MAX], size_t *length)
{
	*text += strspn(*text, " \t");
	*length = strcspn(*text, " \t");
	snprintf(word, WORD_MAX, "%.*s", (int)(*length < WORD_MAX ? *length : WORD_MAX - 1), *text);
	*text += *length;
	return *length > 0;
}

static int read_filter(const char *text, const struct runtime *runtime, struct flow_filter *filter,
		       struct error *error)
{
	char word[WORD_MAX];
	size_t length;
	while (next_word(&text, word, &length)) {
		char keyword[WORD_MAX];
		filter_word_fn *read = reader_of(word);
		memcpy(keyword, word, sizeof(keyword));
		if (read && !next_word(&text, word, &length))
			return error_set(error, "filter: something was expected behind '%s'", keyword);
		if (length >= WORD_MAX)
			return error_set(error, "filter: '%.20s...' is too long", word);
		if (!read)
			read = reader_of_bare(word);
		if (read(filter, runtime, word, error))
			return error_prefix(error, "filter");
	}
	return 0;
}

static bool in_prefix(const struct ip_address *address, uint8_t family, const struct prefix *prefix)
{
	if (prefix->family == FAMILY_NONE)
		return true;
	if (prefix->family != family)
		return false;
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	if (memcmp(address->byte, prefix->address.byte, whole) != 0)
		return false;
	return rest == 0 || ((address->byte[whole] ^ prefix->address.byte[whole]) >> (8 - rest)) == 0;
}

static bool in_range(rte_be16_t port, const struct port_range *range)
{
	return rte_be_to_cpu_16(port) >= range->low && rte_be_to_cpu_16(port) <= range->high;
}

static bool passes(const struct flow_filter *filter, const struct flow *hot, const struct flow_key *key)
{
	if (filter->protocol != ANY && filter->protocol != key->protocol)
		return false;
	if (filter->has_port && !in_range(key->port[0], &filter->port) && !in_range(key->port[1], &filter->port))
		return false;
	if (filter->handler != ANY && filter->handler != (int)hot->handler)
		return false;
	if (filter->state[0] && strcmp(filter->state, flow_state_name(hot->state)) != 0)
		return false;
	return in_prefix(&key->address[0], key->family, &filter->prefix) ||
	       in_prefix(&key->address[1], key->family, &filter->prefix);
}

static double seconds_since(const struct runtime *runtime, uint64_t now, uint64_t then)
{
	return runtime->tick_hz && now > then ? (double)(now - then) / (double)runtime->tick_hz : 0;
}

static json_t *rule_of(const struct flow *hot)
{
	if (hot->rule == RULE_NONE)
		return json_null();
	return hot->rule == RULE_DEFAULT ? json_string("default") : json_integer(hot->rule);
}

// Who talks to whom.
static json_t *tuple_object(const struct flow *hot, const struct flow_cold *cold)
{
	const struct flow_key *key = &cold->key;
	char originator[ADDRESS_TEXT_MAX], responder[ADDRESS_TEXT_MAX], number[8];
	const char *protocol = protocol_name(key->protocol);
	unsigned orig = hot->orig_end, resp = !orig;
	uint16_t port = rte_be_to_cpu_16(key->port[resp]);
	snprintf(number, sizeof(number), "%u", key->protocol);
	return json_pack("{s:s, s:o, s:s, s:i, s:s, s:i, s:s?}",
		"proto", protocol ? protocol : number,
		"vlan", cold->vlan ? json_integer(cold->vlan) : json_null(),
		"orig_addr", address_format(&key->address[orig], key->family, originator),
		"orig_port", (int)rte_be_to_cpu_16(key->port[orig]),
		"resp_addr", address_format(&key->address[resp], key->family, responder),
		"resp_port", (int)port,
		"service", protocol_has_ports(key->protocol) ? service_name(port, key->protocol) : NULL);
}

static json_t *flow_entry(const struct runtime *runtime, const struct worker *worker, const struct flow *hot,
			  const struct flow_cold *cold, uint64_t now)
{
	json_t *entry = tuple_object(hot, cold);
	json_t *record = json_pack("{s:I, s:i, s:I, s:I, s:I, s:I, s:s, s:f, s:f, s:s, s:o, s:o, s:s?}",
		"id", (json_int_t)cold->id,
		"worker", (int)worker->id,
		"packets_orig", (json_int_t)hot->traffic[FLOW_ORIG].packets,
		"bytes_orig", (json_int_t)hot->traffic[FLOW_ORIG].bytes,
		"packets_resp", (json_int_t)hot->traffic[FLOW_RESP].packets,
		"bytes_resp", (json_int_t)hot->traffic[FLOW_RESP].bytes,
		"state", flow_state_name(hot->state),
		"age_seconds", seconds_since(runtime, now, cold->first_seen),
		"idle_seconds", seconds_since(runtime, now, hot->last_seen),
		"handler", stats_handler_name(runtime, hot->handler),
		"rule", rule_of(hot),
		"listener", hot->listener == LISTENER_NONE ? json_null() : json_integer(hot->listener),
		"interface", stats_interface_name(runtime, cold->interface));
	if (json_object_update(entry, record)) {
		json_decref(entry);
		entry = NULL;
	}
	json_decref(record);
	return entry;
}

// Appends the worker's flows that pass. false: the list is full, and there was one more.
static bool list_worker(const struct runtime *runtime, const struct worker *worker, const struct flow_filter *filter,
			json_t *list)
{
	struct flow_table_stats table;
	uint64_t now = stats_now(runtime);
	flow_table_stats(worker->flows, &table);
	for (uint32_t i = 0; i < table.capacity; i++) {
		struct flow hot;
		struct flow_cold cold;
		if (!flow_table_snapshot(worker->flows, i, &hot, &cold) || !passes(filter, &hot, &cold.key))
			continue;
		if (json_array_size(list) == filter->limit)
			return false;
		json_array_append_new(list, flow_entry(runtime, worker, &hot, &cold, now));
	}
	return true;
}

json_t *command_flows(struct runtime *runtime, const json_t *arguments, struct error *error)
{
	struct flow_filter filter = { .protocol = ANY, .handler = ANY, .limit = LIMIT_DEFAULT };
	const char *text = "";
	if (command_arguments(arguments, error, "{s?s !}", "filter", &text) ||
	    read_filter(text, runtime, &filter, error))
		return NULL;
	json_t *list = json_array();
	bool all = true;
	for (unsigned i = 0; i < runtime->worker_count && all; i++)
		if (runtime->workers[i]->flows)
			all = list_worker(runtime, runtime->workers[i], &filter, list);
	return json_pack("{s:o, s:b}", "flows", list, "more", !all);
}
