// SPDX-License-Identifier: BSD-3-Clause
// Commands asked of a fake runtime, and their replies. Include it in one file of a program only, as fake_runtime.h.
#pragma once

#include <stdio.h>

#include "control/commands.h"
#include "tests/unit/fake_runtime.h"

static inline struct fake_runtime *fake_of(void **state)
{
	return *state;
}

static inline json_t *answer(struct fake_runtime *fake, const char *request)
{
	json_t *reply = command_answer(&fake->runtime, request, strlen(request));
	assert_non_null(reply);
	assert_int_equal(json_integer_value(json_object_get(reply, "version")), 1);
	return reply;
}

// The result of a command that must succeed.
static inline json_t *result_of(struct fake_runtime *fake, const char *command, const char *arguments)
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
static inline void assert_refused(struct fake_runtime *fake, const char *request, const char *part)
{
	json_t *reply = answer(fake, request);
	const char *error = json_string_value(json_object_get(reply, "error"));
	assert_true(json_is_false(json_object_get(reply, "ok")));
	if (!error || !strstr(error, part))
		fail_msg("'%s' does not say '%s'", error ? error : "(none)", part);
	json_decref(reply);
}

static inline json_int_t number_at(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static inline const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "(none)";
}

static inline int set_up(void **state)
{
	struct fake_runtime *fake = malloc(sizeof(*fake));
	fake_runtime_fill(fake, 2);
	fake_runtime_handler(fake, "web");
	fake_runtime_handler(fake, "rest");
	*state = fake;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fake_runtime *fake = fake_of(state);
	for (unsigned i = 0; i < 2; i++)
		flow_table_destroy(fake->workers[i].flows);
	fake_runtime_free(fake);
	free(fake);
	return 0;
}

// A runtime of its own for each test, so that none sees another's rules and counters.
static inline void give_each_a_runtime(struct CMUnitTest *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tests[i].setup_func = set_up;
		tests[i].teardown_func = tear_down;
	}
}
