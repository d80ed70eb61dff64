// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "control/address.h"
#include "control/commands.h"
#include "control/services.h"
#include "control/stats.h"
#include "tests/unit/fake_runtime.h"

static struct fake_runtime *fake_of(void **state)
{
	return *state;
}

static json_t *answer(struct fake_runtime *fake, const char *request)
{
	json_t *reply = command_answer(&fake->runtime, request, strlen(request));
	assert_non_null(reply);
	assert_int_equal(json_integer_value(json_object_get(reply, "version")), 1);
	return reply;
}

// The result of a command that must succeed.
static json_t *result_of(struct fake_runtime *fake, const char *command, const char *arguments)
{
	char request[4096];
	snprintf(request, sizeof(request), "{\"version\":1,\"command\":\"%s\",\"arguments\":%s}", command, arguments);
	json_t *reply = answer(fake, request);
	if (!json_is_true(json_object_get(reply, "ok")))
		fail_msg("%s: %s", request, json_string_value(json_object_get(reply, "error")));
	json_t *result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return result;
}

// A request that must be refused with a text that holds part.
static void assert_refused(struct fake_runtime *fake, const char *request, const char *part)
{
	json_t *reply = answer(fake, request);
	const char *error = json_string_value(json_object_get(reply, "error"));
	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_non_null(error);
	if (!strstr(error, part))
		fail_msg("'%s' does not say '%s'", error, part);
	json_decref(reply);
}

static json_int_t number_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "(none)";
}

static int set_up(void **state)
{
	struct fake_runtime *fake = malloc(sizeof(*fake));
	fake_runtime_fill(fake, 2);
	fake_runtime_handler(fake, "web");
	fake_runtime_handler(fake, "rest");
	*state = fake;
	return 0;
}

static int tear_down(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	for (unsigned i = 0; i < 2; i++)
		flow_table_destroy(fake->workers[i].flows);
	fake_runtime_free(fake);
	free(fake);
	return 0;
}

static void what_is_no_request_is_refused_with_a_text(void **state)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{ "", "no JSON" },
		{ "garbage", "no JSON" },
		{ "{\"version\":1,\"command\":\"status\"", "no JSON" },
		{ "{\"version\":1,\"command\":\"status\"}{}", "no JSON" },
		{ "{\"version\":1,\"version\":1,\"command\":\"status\"}", "duplicate" },
		{ "\"\\u0000\"", "no JSON" },
		{ "[]", "not a request" },
		{ "[[[[[[[[[[[[[[[[[[[[", "no JSON" },
		{ "{}", "not a request" },
		{ "{\"version\":1}", "command" },
		{ "{\"version\":2,\"command\":\"status\"}", "version mismatch" },
		{ "{\"version\":2,\"orders\":\"status\"}", "version mismatch" },
		{ "{\"version\":\"1\",\"command\":\"status\"}", "not a request" },
		{ "{\"version\":1,\"command\":7}", "not a request" },
		{ "{\"version\":1,\"command\":\"dance\"}", "unknown command 'dance'" },
		{ "{\"version\":1,\"command\":\"status\",\"arguments\":[]}", "object" },
		{ "{\"version\":1,\"command\":\"status\",\"argument\":{}}", "not a request" },
		{ "{\"version\":1,\"command\":\"status\",\"arguments\":{\"x\":1}}", "arguments" },
		{ "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filtre\":\"tcp\"}}", "arguments" },
		{ "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filter\":7}}", "arguments" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(fake_of(state), cases[i].request, cases[i].part);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	static const char bytes[] = "{\"version\":1,\"command\":\"\xff\xfe\"}\0more";
	json_t *reply = command_answer(&fake_of(state)->runtime, bytes, sizeof(bytes) - 1);
	assert_true(json_is_false(json_object_get(reply, "ok")));
	json_decref(reply);
}

static void every_command_without_arguments_answers(void **state)
{
	static const char *const names[] = { "status", "stats", "interfaces", "workers", "listeners", "handlers", "drops",
					     "flows", "rules list", "help" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_decref(result_of(fake_of(state), names[i], "{}"));
}

static void help_lists_every_command(void **state)
{
	json_t *list = result_of(fake_of(state), "help", "{}");
	size_t count = 0;
	while (commands[count].name)
		count++;
	assert_int_equal(json_array_size(list), count);
	json_decref(list);
}

static void ledger_sums_workers_and_says_what_is_in_flight(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	struct worker_counters *a = &fake->workers[0].counters, *b = &fake->workers[1].counters;
	a->received = (struct traffic){ 10, 1000 };
	a->passed_out = (struct traffic){ 4, 400 };
	a->handed = (struct traffic){ 5, 500 };
	a->drops[DROP_RUNT] = (struct traffic){ 1, 100 };
	b->passed_in = (struct traffic){ 3, 300 };
	b->answered = (struct traffic){ 3, 300 };
	json_t *ledger = stats_ledger(&fake->runtime);
	assert_int_equal(number_at(ledger, "in_flight"), 1);
	assert_true(json_is_false(json_object_get(ledger, "balanced")));
	assert_int_equal(number_at(json_object_get(ledger, "received"), "packets"), 10);
	assert_int_equal(number_at(json_object_get(ledger, "dropped"), "bytes"), 100);
	json_decref(ledger);
}

static void ledger_is_balanced_only_if_every_handler_is(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.received.packets = 2;
	fake->workers[0].counters.handed.packets = 2;
	fake->handler_counters[0][0].handed.packets = 2;
	fake->handler_counters[0][0].consumed.packets = 1;
	json_t *before = stats_ledger(&fake->runtime);
	assert_true(json_is_false(json_object_get(before, "balanced")));
	assert_int_equal(number_at(before, "in_flight"), 0);
	fake->handler_counters[1][0].drops[DROP_HANDLER_FULL].packets = 1;
	json_t *after = stats_ledger(&fake->runtime);
	assert_true(json_is_true(json_object_get(after, "balanced")));
	assert_int_equal(stats_ledger_balance(&fake->runtime), 0);
	json_decref(before);
	json_decref(after);
}

static void drops_name_only_reasons_that_were_met_largest_first(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.drops[DROP_RUNT].packets = 1;
	fake->workers[0].counters.drops[DROP_RULE].packets = 2;
	fake->workers[1].counters.drops[DROP_RULE].packets = 5;
	fake->handler_counters[1][1].drops[DROP_HANDLER_FULL].packets = 9;
	json_t *result = result_of(fake, "drops", "{}"), *drops = json_object_get(result, "drops");
	assert_int_equal(json_array_size(drops), 2);
	assert_string_equal(text_at(json_array_get(drops, 0), "reason"), drop_name(DROP_RULE));
	assert_int_equal(number_at(json_array_get(drops, 0), "packets"), 7);
	assert_string_equal(text_at(json_array_get(drops, 1), "text"), drop_text(DROP_RUNT));
	json_t *of_handlers = json_object_get(result, "handlers");
	assert_int_equal(json_object_size(of_handlers), 1);
	assert_int_equal(number_at(json_array_get(json_object_get(of_handlers, "rest"), 0), "packets"), 9);
	json_decref(result);
}

static void notes_sum_what_became_of_answers(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->workers[0].counters.answers_lost = 2;
	fake->workers[1].counters.answers_lost = 3;
	fake->workers[1].counters.answers_limited = 7;
	json_t *stats = result_of(fake, "stats", "{}"), *notes = json_object_get(stats, "notes");
	assert_int_equal(number_at(notes, "answers_lost"), 5);
	assert_int_equal(number_at(notes, "answers_limited"), 7);
	json_decref(stats);
}

static void listeners_show_ports_services_and_names(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	struct listener listeners[] = {
		{ .protocol = 6, .interface = LISTENER_ANY_INTERFACE, .vlan = LISTENER_ANY_VLAN, .port_low = 443,
		  .port_high = 443, .handler = 0, .id = 0 },
		{ .protocol = 17, .interface = LISTENER_ANY_INTERFACE, .vlan = 7, .port_low = 80, .port_high = 90,
		  .handler = 1, .id = 1 },
		{ .protocol = 253, .interface = LISTENER_ANY_INTERFACE, .vlan = LISTENER_ANY_VLAN, .port_low = 0,
		  .port_high = 65535, .handler = 200, .id = 2 },
	};
	fake->runtime.listeners = malloc(sizeof(listeners));
	memcpy(fake->runtime.listeners, listeners, sizeof(listeners));
	fake->runtime.listener_count = 3;
	json_t *list = result_of(fake, "listeners", "{}");
	const json_t *https = json_array_get(list, 0), *range = json_array_get(list, 1), *odd = json_array_get(list, 2);
	assert_string_equal(text_at(https, "port"), "443");
	assert_string_equal(text_at(https, "service"), "https");
	assert_string_equal(text_at(https, "address"), "any");
	assert_string_equal(text_at(https, "handler"), "web");
	assert_true(json_is_null(json_object_get(https, "vlan")));
	assert_true(json_is_null(json_object_get(https, "interface")));
	assert_string_equal(text_at(range, "port"), "80-90");
	assert_true(json_is_null(json_object_get(range, "service")));
	assert_int_equal(number_at(range, "vlan"), 7);
	assert_int_equal(number_at(range, "flows"), 8);
	assert_string_equal(text_at(odd, "protocol"), "253");
	assert_string_equal(text_at(odd, "port"), "any");
	assert_string_equal(text_at(odd, "handler"), "-");
	json_decref(list);
}

static void assert_rules(struct fake_runtime *fake, const char *const texts[], size_t count)
{
	json_t *list = result_of(fake, "rules list", "{}");
	assert_int_equal(json_array_size(list), count + 1);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(text_at(json_array_get(list, i), "text"), texts[i]);
	assert_string_equal(text_at(json_array_get(list, count), "id"), "default");
	json_decref(list);
}

static void verdicts_go_first_unless_told_to_go_last(void **state)
{
	static const char *const expected[] = { "tcp dport 23 ip saddr 10.0.0.0/8 counter drop",
		"tcp dport 443 counter accept", "udp dport 53 counter reject" };
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "allow", "{\"match\":\"tcp 443\"}"));
	json_decref(result_of(fake, "deny", "{\"match\":\"tcp 23 from 10.0.0.0/8\"}"));
	json_t *last = result_of(fake, "reject", "{\"match\":\"udp 53\",\"last\":true}");
	assert_int_equal(number_at(last, "position"), 3);
	assert_int_equal(number_at(last, "generation"), 4);
	json_decref(last);
	assert_rules(fake, expected, 3);
}

static void rules_are_added_at_a_place_or_last(void **state)
{
	static const char *const expected[] = { "tcp dport 2 counter accept", "tcp dport 3 counter accept",
		"tcp dport 1 counter accept" };
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "rules add", "{\"text\":\"allow tcp 1\"}"));
	json_decref(result_of(fake, "rules add", "{\"text\":\"allow tcp 2\",\"at\":1}"));
	json_t *middle = result_of(fake, "rules add", "{\"text\":\"allow tcp 3\",\"at\":2}");
	assert_int_equal(number_at(middle, "position"), 2);
	json_decref(middle);
	assert_rules(fake, expected, 3);
	assert_refused(fake, "{\"version\":1,\"command\":\"rules add\",\"arguments\":{\"text\":\"allow tcp 4\",\"at\":0}}",
		       "1 to 4");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules add\",\"arguments\":{\"text\":\"allow tcp 4\",\"at\":5}}",
		       "1 to 4");
}

static void rules_are_deleted_by_id(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	json_t *added = result_of(fake, "allow", "{\"match\":\"tcp 443\"}");
	char arguments[64];
	snprintf(arguments, sizeof(arguments), "{\"id\":%d}", (int)number_at(added, "id"));
	json_decref(added);
	json_t *deleted = result_of(fake, "rules delete", arguments);
	assert_int_equal(number_at(deleted, "rules"), 0);
	json_decref(deleted);
	assert_refused(fake, "{\"version\":1,\"command\":\"rules delete\",\"arguments\":{\"id\":77}}", "77");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules delete\",\"arguments\":{\"id\":-1}}", "-1");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules delete\",\"arguments\":{\"id\":4294967297}}", "4294967297");
}

static void loading_replaces_all_rules_and_keeps_ids_of_equal_ones(void **state)
{
	static const char *const expected[] = { "udp dport 1 counter drop", "tcp dport 443 counter accept" };
	struct fake_runtime *fake = fake_of(state);
	json_t *added = result_of(fake, "allow", "{\"match\":\"tcp 443\"}");
	json_decref(result_of(fake, "deny", "{\"match\":\"tcp 1\"}"));
	json_t *loaded = result_of(fake, "rules load",
				   "{\"text\":\"deny udp 1\\nallow tcp https\\ndefault deny\\n\",\"file\":\"f\"}");
	assert_int_equal(number_at(loaded, "rules"), 2);
	assert_rules(fake, expected, 2);
	assert_int_equal(rule_store_default(fake->runtime.rules), VERDICT_DROP);
	assert_int_equal(rule_store_at(fake->runtime.rules, 1)->entry->rule.slot, number_at(added, "id"));
	json_decref(added);
	json_decref(loaded);
}

static void a_rule_may_be_in_any_language(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "tcp dport 80 accept", "tcp dport 80 counter accept" },
		{ "-p tcp --dport 80 -j ACCEPT", "meta nfproto ipv4 tcp dport 80 counter accept" },
		{ "iptables -A INPUT -p udp -s 10.0.0.0/8 --dport 53 -j DROP", "udp dport 53 ip saddr 10.0.0.0/8 counter drop" },
		{ "ip6tables -A INPUT -p tcp --dport 80 -j ACCEPT", "meta nfproto ipv6 tcp dport 80 counter accept" },
		{ "deny tcp 23", "tcp dport 23 counter drop" },
	};
	struct fake_runtime *fake = fake_of(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char arguments[256];
		snprintf(arguments, sizeof(arguments), "{\"text\":\"%s\"}", cases[i].text);
		json_t *added = result_of(fake, i % 2 ? "rules insert" : "rules add", arguments);
		assert_string_equal(text_at(added, "text"), cases[i].canonical);
		json_decref(added);
	}
}

static void a_replaced_rule_keeps_its_place_and_gets_an_id_of_its_own(void **state)
{
	static const char *const expected[] = { "tcp dport 1 counter accept", "tcp dport 9 counter drop",
		"tcp dport 3 counter accept" };
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "rules load", "{\"text\":\"allow tcp 1\\nallow tcp 2\\nallow tcp 3\\ndefault deny\\n\"}"));
	json_t *replaced = result_of(fake, "rules replace", "{\"id\":2,\"text\":\"tcp dport 9 drop\"}");
	assert_int_equal(number_at(replaced, "position"), 2);
	assert_int_equal(number_at(replaced, "id"), 4);
	json_decref(replaced);
	assert_rules(fake, expected, 3);
	replaced = result_of(fake, "rules replace", "{\"id\":4,\"text\":\"deny tcp 9\"}");
	assert_int_equal(number_at(replaced, "id"), 4); // it says the same
	json_decref(replaced);
	assert_refused(fake, "{\"version\":1,\"command\":\"rules replace\",\"arguments\":{\"id\":2,\"text\":\"deny tcp 1\"}}", "no rule 2");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules replace\",\"arguments\":{\"id\":1,\"text\":\"tcp dprt 1 drop\"}}", "dprt");
	assert_rules(fake, expected, 3);
}

static void native_listing_loads_again_to_the_same_rules(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "rules load", "{\"text\":\"deny tcp 23 from 10.0.0.0/8\\nreject udp 53\\nallow tcp 1-1023\\n"
		"default deny\\n\"}"));
	json_t *listing = result_of(fake, "rules list", "{\"native\":true}");
	json_t *arguments = json_pack("{s:s}", "text", text_at(listing, "native"));
	char *text = json_dumps(arguments, 0);
	json_t *loaded = result_of(fake, "rules load", text);
	json_t *again = result_of(fake, "rules list", "{\"native\":true}");
	assert_string_equal(text_at(again, "native"), text_at(listing, "native"));
	for (uint32_t id = 1; id <= 3; id++)
		assert_non_null(rule_store_find(fake->runtime.rules, id));
	free(text);
	json_decref(arguments);
	json_decref(listing);
	json_decref(loaded);
	json_decref(again);
}

static void a_change_tells_what_the_linter_says_of_it(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	json_t *loaded = result_of(fake, "rules load", "{\"file\":\"f\",\"text\":\"deny any\\nallow tcp 22 from 192.168.1.0/24\\ndefault deny\\n\"}");
	const json_t *warning = json_array_get(json_object_get(loaded, "warnings"), 0);
	assert_string_equal(text_at(warning, "kind"), "shadowed");
	assert_int_equal(number_at(warning, "rule"), 2);
	assert_int_equal(number_at(warning, "other"), 1);
	assert_non_null(strstr(text_at(warning, "text"), "f:2: "));
	assert_int_equal(number_at(loaded, "more_warnings"), 0);
	json_decref(loaded);
	json_t *added = result_of(fake, "rules insert", "{\"text\":\"tcp dport 80 accept\"}");
	assert_int_equal(json_array_size(json_object_get(added, "warnings")), 0);
	json_decref(added);
	added = result_of(fake, "rules add", "{\"text\":\"tcp dport 80 drop\"}");
	warning = json_array_get(json_object_get(added, "warnings"), 0);
	assert_non_null(strstr(text_at(warning, "text"), "rule 4: "));
	json_decref(added);
	json_t *deleted = result_of(fake, "rules delete", "{\"id\":4}");
	assert_int_equal(json_array_size(json_object_get(deleted, "warnings")), 0);
	json_decref(deleted);
}

static void errors_of_a_loaded_file_name_its_place(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	assert_refused(fake, "{\"version\":1,\"command\":\"rules load\",\"arguments\":{\"file\":\"my.rules\",\"text\":"
		       "\"allow tcp 1\\nallow tcp 70000\\n\"}}", "my.rules:2:");
	assert_int_equal(fake->published, 0);
	assert_int_equal(rule_store_count(fake->runtime.rules), 0);
}

static void a_change_that_fails_leaves_all_as_it_was(void **state)
{
	static const char *const expected[] = { "tcp dport 443 counter accept" };
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "allow", "{\"match\":\"tcp 443\"}"));
	fake->refuse_publish = true;
	assert_refused(fake, "{\"version\":1,\"command\":\"deny\",\"arguments\":{\"match\":\"tcp 1\"}}", "don't compile");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules load\",\"arguments\":{\"text\":\"default allow\"}}", "don't compile");
	assert_refused(fake, "{\"version\":1,\"command\":\"rules delete\",\"arguments\":{\"id\":1}}", "");
	assert_refused(fake, "{\"version\":1,\"command\":\"reload\"}", "gone");
	assert_refused(fake, "{\"version\":1,\"command\":\"deny\",\"arguments\":{\"match\":\"tpc 1\"}}", "tpc");
	assert_rules(fake, expected, 1);
}

static void a_rule_change_keeps_the_listeners(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fake->runtime.listeners = calloc(1, sizeof(struct listener));
	fake->runtime.listeners[0].port_high = 4711;
	fake->runtime.listener_count = 1;
	json_decref(result_of(fake, "allow", "{\"match\":\"tcp 443\"}"));
	assert_int_equal(fake->runtime.listener_count, 1);
	assert_int_equal(fake->runtime.listeners[0].port_high, 4711);
}

static void reload_and_log_do_what_they_say(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	json_decref(result_of(fake, "reload", "{}"));
	assert_int_equal(fake->reloaded, 1);
	json_t *level = result_of(fake, "log", "{\"level\":\"DEBUG\"}");
	assert_string_equal(text_at(level, "level"), "debug");
	json_decref(level);
	json_decref(result_of(fake, "log", "{\"level\":\"notice\",\"of\":\"all\"}"));
	json_decref(result_of(fake, "log", "{\"level\":\"notice\",\"of\":\"lib.e?l\"}"));
	assert_refused(fake, "{\"version\":1,\"command\":\"log\",\"arguments\":{\"level\":\"loud\"}}", "loud");
	assert_refused(fake, "{\"version\":1,\"command\":\"log\",\"arguments\":{\"level\":\"info\",\"of\":\"nosuch.type\"}}",
		       "no log has a name like 'nosuch.type'");
}

// A flow of the worker's table from a to b.
static void add_flow(struct fake_runtime *fake, unsigned worker, uint8_t protocol, const char *a, uint16_t a_port,
		     const char *b, uint16_t b_port, enum flow_state flow_state)
{
	struct flow_table_params params = { .capacity = 64, .socket = -1, .secret = { { 1, 2, 3, 4, 5, 6, 7, 8 } } };
	struct flow_table **table = &fake->workers[worker].flows;
	if (!*table)
		*table = flow_table_create(&params);
	struct prefix from, to;
	assert_int_equal(prefix_parse(a, &from), 0);
	assert_int_equal(prefix_parse(b, &to), 0);
	struct flow_key key = { .address = { from.address, to.address }, .protocol = protocol, .family = from.family,
				.port = { rte_cpu_to_be_16(a_port), rte_cpu_to_be_16(b_port) } };
	unsigned source = flow_key_canonicalise(&key);
	uint32_t index = flow_table_insert(*table, &key);
	assert_int_not_equal(index, FLOW_NONE);
	struct flow *flow = flow_table_flow(*table, index);
	flow->orig_end = source & 1;
	flow->state = flow_state;
	flow->handler = worker;
	flow->packets[FLOW_ORIG] = 3;
	flow->rule = worker ? RULE_NONE : RULE_DEFAULT;
	flow->listener = LISTENER_NONE;
	counter_add(&fake->runtime.workers[worker]->counters.flows_by_state[flow_state], 1);
}

static void fill_flows(struct fake_runtime *fake)
{
	add_flow(fake, 0, 6, "192.168.1.100", 54321, "203.0.113.50", 443, FLOW_TCP_ESTABLISHED);
	add_flow(fake, 0, 6, "203.0.113.99", 40000, "192.168.1.1", 22, FLOW_TCP_SYN_SENT);
	add_flow(fake, 0, 17, "10.1.2.3", 5000, "10.9.9.9", 53, FLOW_UDP_REPLIED);
	add_flow(fake, 1, 6, "2001:db8::1", 50000, "2001:db8:1::2", 80, FLOW_TCP_ESTABLISHED);
	add_flow(fake, 1, 17, "2001:db8::1", 50000, "2001:db8:1::2", 443, FLOW_UDP_UNREPLIED);
}

static void flows_show_who_opened_them(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	json_t *result = result_of(fake, "flows", "{\"filter\":\"port ssh\"}");
	const json_t *flow = json_array_get(json_object_get(result, "flows"), 0);
	assert_string_equal(text_at(flow, "proto"), "tcp");
	assert_string_equal(text_at(flow, "orig_addr"), "203.0.113.99");
	assert_int_equal(number_at(flow, "orig_port"), 40000);
	assert_string_equal(text_at(flow, "resp_addr"), "192.168.1.1");
	assert_int_equal(number_at(flow, "resp_port"), 22);
	assert_string_equal(text_at(flow, "service"), "ssh");
	assert_string_equal(text_at(flow, "state"), "SYN_SENT");
	assert_string_equal(text_at(flow, "handler"), "web");
	assert_string_equal(text_at(flow, "rule"), "default");
	assert_int_equal(number_at(flow, "packets_orig"), 3);
	assert_true(json_is_null(json_object_get(flow, "listener")));
	json_decref(result);
}

static void flow_filters_choose(void **state)
{
	static const struct {
		const char *filter;
		size_t count;
		bool more;
	} cases[] = {
		{ "", 5, false },
		{ "tcp", 3, false },
		{ "UDP", 2, false },
		{ "proto 17", 2, false },
		{ "icmp", 0, false },
		{ "443", 2, false },
		{ "tcp 443", 1, false },
		{ "tcp https", 1, false },
		{ "https", 2, false },
		{ "port 50000-54321", 3, false },
		{ "10.0.0.0/8", 1, false },
		{ "addr 192.168.0.0/16", 2, false },
		{ "192.168.1.1", 1, false },
		{ "203.0.113.48/29", 1, false },
		{ "2001:db8:1::/48", 2, false },
		{ "2001:db8:2::/48", 0, false },
		{ "any", 5, false },
		{ "state established", 2, false },
		{ "state UNREPLIED", 1, false },
		{ "handler rest", 2, false },
		{ "limit 4", 4, true },
		{ "limit 5", 5, false },
		{ "  tcp\t2001:db8::/32   port 80 ", 1, false },
	};
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *arguments = json_pack("{s:s}", "filter", cases[i].filter);
		char *text = json_dumps(arguments, 0);
		json_t *result = result_of(fake, "flows", text);
		if (json_array_size(json_object_get(result, "flows")) != cases[i].count)
			fail_msg("'%s': %zu flows", cases[i].filter,
				 json_array_size(json_object_get(result, "flows")));
		assert_int_equal(json_is_true(json_object_get(result, "more")), cases[i].more);
		json_decref(result);
		json_decref(arguments);
		free(text);
	}
}

static void flow_filters_that_make_no_sense_are_refused(void **state)
{
	static const char *const filters[] = { "port", "port 70000", "port nosuchservice", "10.0.0.1/8", "10.0.0.0/40",
		"1.2.3", "state SLEEPING", "handler nobody", "limit 0", "limit -1", "limit 1x", "proto nosuch", "limit",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		char request[512];
		snprintf(request, sizeof(request), "{\"version\":1,\"command\":\"flows\",\"arguments\":{\"filter\":\"%s\"}}",
			 filters[i]);
		assert_refused(fake_of(state), request, "");
	}
}

static void flow_counts_tell_states_apart(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	fill_flows(fake);
	json_t *flows = stats_flows(&fake->runtime);
	const json_t *by_state = json_object_get(flows, "by_state");
	assert_int_equal(number_at(flows, "live"), 5);
	assert_int_equal(number_at(json_object_get(by_state, "tcp"), "ESTABLISHED"), 2);
	assert_int_equal(number_at(json_object_get(by_state, "udp"), "UNREPLIED"), 1);
	assert_null(json_object_get(json_object_get(by_state, "icmp"), "UNREPLIED"));
	json_decref(flows);
}

static void file_names_that_are_no_text_don_t_break_the_reply(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	strcpy(fake->config.file, "/tmp/caf\xe9.yaml");
	json_t *status = result_of(fake, "status", "{}");
	assert_string_equal(text_at(status, "config_file"), "/tmp/caf?.yaml");
	json_decref(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_request_is_refused_with_a_text),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(every_command_without_arguments_answers),
		cmocka_unit_test(help_lists_every_command),
		cmocka_unit_test(ledger_sums_workers_and_says_what_is_in_flight),
		cmocka_unit_test(ledger_is_balanced_only_if_every_handler_is),
		cmocka_unit_test(drops_name_only_reasons_that_were_met_largest_first),
		cmocka_unit_test(notes_sum_what_became_of_answers),
		cmocka_unit_test(listeners_show_ports_services_and_names),
		cmocka_unit_test(verdicts_go_first_unless_told_to_go_last),
		cmocka_unit_test(rules_are_added_at_a_place_or_last),
		cmocka_unit_test(rules_are_deleted_by_id),
		cmocka_unit_test(loading_replaces_all_rules_and_keeps_ids_of_equal_ones),
		cmocka_unit_test(a_rule_may_be_in_any_language),
		cmocka_unit_test(a_replaced_rule_keeps_its_place_and_gets_an_id_of_its_own),
		cmocka_unit_test(native_listing_loads_again_to_the_same_rules),
		cmocka_unit_test(a_change_tells_what_the_linter_says_of_it),
		cmocka_unit_test(errors_of_a_loaded_file_name_its_place),
		cmocka_unit_test(a_change_that_fails_leaves_all_as_it_was),
		cmocka_unit_test(a_rule_change_keeps_the_listeners),
		cmocka_unit_test(reload_and_log_do_what_they_say),
		cmocka_unit_test(flows_show_who_opened_them),
		cmocka_unit_test(flow_filters_choose),
		cmocka_unit_test(flow_filters_that_make_no_sense_are_refused),
		cmocka_unit_test(flow_counts_tell_states_apart),
		cmocka_unit_test(file_names_that_are_no_text_don_t_break_the_reply),
	};
	struct CMUnitTest with_state[sizeof(tests) / sizeof(tests[0])];
	memcpy(with_state, tests, sizeof(tests));
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		with_state[i].setup_func = set_up;
		with_state[i].teardown_func = tear_down;
	}
	return cmocka_run_group_tests(with_state, NULL, NULL);
}
