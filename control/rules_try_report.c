// SPDX-License-Identifier: BSD-3-Clause
// What a trial has found, as JSON.
#include <time.h>

#include "control/explain_private.h"
#include "control/rule_warnings.h"
#include "control/rules_try_private.h"
#include "control/stats.h"

static double seconds_taken(const struct rules_try *rules_try)
{
	struct timespec now;
	uint64_t end = rules_try->ended_ns;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (rules_try->running)
		end = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return (double)(end - rules_try->started_ns) / 1e9;
}

static json_t *count_object(const struct rules_try *rules_try, size_t offset)
{
	struct trial_count sum = { 0 };
	for (unsigned i = 0; i < rules_try->workers; i++) {
		const struct trial_count *part = (const void *)((const char *)rules_try->trial[i] + offset);
		sum.packets += counter_read(&part->packets);
		sum.bytes += counter_read(&part->bytes);
		sum.flows += counter_read(&part->flows);
	}
	return json_pack("{s:I, s:I, s:I}", "packets", (json_int_t)sum.packets, "bytes", (json_int_t)sum.bytes, "flows",
		(json_int_t)sum.flows);
}

static struct traffic traffic_of(const struct rules_try *rules_try, size_t position)
{
	struct traffic sum = { 0 };
	bool decides = position == rules_try->rules.list.count ||
		       rules_try->rules.list.entry[position]->rule.verdict != VERDICT_NONE;
	for (unsigned i = 0; i < rules_try->workers; i++) {
		const struct traffic *counted = decides ? &rules_try->trial[i]->counters[position] :
							  &rules_try->trial[i]->by_slot[position + 1];
		sum.packets += counter_read(&counted->packets);
		sum.bytes += counter_read(&counted->bytes);
	}
	return sum;
}

static const char *rule_text(const struct rules_try *rules_try, size_t position)
{
	static const char *const defaults[] = { [VERDICT_ACCEPT] = "policy accept", [VERDICT_DROP] = "policy drop",
		[VERDICT_REJECT] = "policy reject" };
	const struct rule_list *list = &rules_try->rules.list;
	return position < list->count ? list->entry[position]->text : defaults[list->default_verdict];
}

// Rules that were met, and the default policy.
static json_t *rules_array(const struct rules_try *rules_try)
{
	json_t *array = json_array();
	size_t count = rules_try->rules.list.count;
	for (size_t position = 0; position <= count; position++) {
		struct traffic traffic = traffic_of(rules_try, position);
		if (!traffic.packets && position < count)
			continue;
		json_array_append_new(array, json_pack("{s:o, s:s, s:I, s:I}",
			"position", position < count ? json_integer((json_int_t)position + 1) : json_string("default"),
			"text", rule_text(rules_try, position), "packets", (json_int_t)traffic.packets,
			"bytes", (json_int_t)traffic.bytes));
	}
	return array;
}

static json_t *force_id(uint32_t slot)
{
	if (slot == RULE_NONE)
		return json_null();
	return slot == RULE_DEFAULT ? json_string("default") : json_integer(slot);
}

static json_t *sample_object(const struct runtime *runtime, const struct rules_try *rules_try,
			     const struct trial_sample *sample)
{
	json_t *object = explain_tuple(runtime, &sample->tuple);
	json_t *what = json_pack("{s:I, s:o, s:s, s:s, s:s}", "bytes", (json_int_t)sample->length,
		"rule", force_id(sample->slot), "verdict", explain_verdict_name(sample->verdict),
		"trial_verdict", explain_verdict_name(sample->trial_verdict),
		"trial_rule", rule_text(rules_try, sample->position));
	json_object_update(object, what);
	json_decref(what);
	return object;
}

static json_t *samples_array(const struct runtime *runtime, const struct rules_try *rules_try)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < rules_try->sample_count; i++)
		json_array_append_new(array, sample_object(runtime, rules_try, &rules_try->sample[i]));
	return array;
}

json_t *rules_try_report(struct runtime *runtime, uint32_t job, struct error *error)
{
	rules_try_tick(runtime);
	const struct rules_try *rules_try = runtime->rules_try;
	if (!rules_try || rules_try->job != job) {
		error_set(error, "there is no job %u any more: another trial may have taken its place", job);
		return NULL;
	}
	json_t *report = json_pack("{s:I, s:b, s:f, s:f, s:I, s:o, s:o, s:o, s:o, s:o}",
		"job", (json_int_t)rules_try->job,
		"running", (int)rules_try->running,
		"seconds", rules_try->seconds,
		"elapsed_seconds", seconds_taken(rules_try),
		"rules_tried", (json_int_t)rules_try->rules.list.count,
		"judged", count_object(rules_try, offsetof(struct trial, judged)),
		"would_drop", count_object(rules_try, offsetof(struct trial, would_drop)),
		"would_pass", count_object(rules_try, offsetof(struct trial, would_pass)),
		"rules", rules_array(rules_try),
		"samples", samples_array(runtime, rules_try));
	return rule_warnings_put(&rules_try->lint, NULL, report);
}
