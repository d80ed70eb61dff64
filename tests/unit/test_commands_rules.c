// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/ask_commands.h"

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

int main(void)
{
	struct CMUnitTest tests[] = {
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
	};
	give_each_a_runtime(tests, sizeof(tests) / sizeof(tests[0]));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
