// SPDX-License-Identifier: BSD-3-Clause
#include "control/rules_try.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "control/rules_try_private.h"

static_assert(sizeof(struct trial_sample) % 4 == 0, "an element of rte_ring");

static uint64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// One worker's part

static void trial_free(struct trial *trial)
{
	if (!trial)
		return;
	rte_ring_free(trial->samples);
	free(trial->by_slot);
	free(trial->counters);
	free(trial->of_flow);
	free(trial);
}

static struct rte_ring *make_ring(uint32_t job, const struct worker *worker)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "trial%u_%u", job, worker->id);
	return rte_ring_create_elem(name, sizeof(struct trial_sample), TRIAL_SAMPLES, worker->socket,
		RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static struct trial *trial_make(const struct rules_try *rules_try, const struct worker *worker)
{
	size_t count = rules_try->rules.list.count;
	struct flow_table_stats table = { .capacity = 0 };
	struct trial *trial = calloc(1, sizeof(*trial));
	if (!trial)
		return NULL;
	if (worker->flows)
		flow_table_stats(worker->flows, &table);
	trial->matcher = rules_try->rules.matcher;
	trial->generation = rules_try->job;
	trial->of_flow = calloc((size_t)table.capacity + 1, sizeof(*trial->of_flow));
	trial->counters = calloc(count + 1, sizeof(*trial->counters));
	trial->by_slot = calloc(count + 1, sizeof(*trial->by_slot));
	trial->samples = make_ring(rules_try->job, worker);
	if (trial->of_flow && trial->counters && trial->by_slot && trial->samples)
		return trial;
	trial_free(trial);
	return NULL;
}

static bool make_trials(struct rules_try *rules_try, const struct runtime *runtime)
{
	rules_try->workers = runtime->worker_count;
	for (unsigned i = 0; i < rules_try->workers; i++) {
		rules_try->trial[i] = trial_make(rules_try, runtime->workers[i]);
		if (!rules_try->trial[i])
			return false;
	}
	return true;
}

static void free_try(struct rules_try *rules_try)
{
	if (!rules_try)
		return;
	for (unsigned i = 0; i < rules_try->workers; i++)
		trial_free(rules_try->trial[i]);
	policy_rules_free(&rules_try->rules);
	rule_lint_free(&rules_try->lint);
	free(rules_try);
}

// The whole

// Rules that don't decide count by slot: theirs are their places, as nobody else has to tell them apart.
static void give_slots(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->entry[i]->rule.slot = (uint32_t)i + 1;
}

static void take_slots(struct rule_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->entry[i]->rule.slot = 0;
}

static void look_over(struct rules_try *rules_try, const struct runtime *runtime)
{
	const struct rule_list *list = &rules_try->rules.list;
	const struct lint_input input = { .entry = list->entry,
		.count = list->count,
		.default_verdict = list->has_default ? list->default_verdict : VERDICT_ACCEPT,
		.config = runtime->config,
		.focus = SIZE_MAX };
	rule_lint(&input, &rules_try->lint);
}

static int fill(struct rules_try *rules_try, const struct runtime *runtime, struct rule_list *list,
		struct error *error)
{
	if (list->count >= FLOW_RULE_MAX)
		return error_set(error, "too many rules: there is room for %d", FLOW_RULE_MAX - 1);
	if (!list->has_default)
		list->default_verdict = (uint8_t)rule_store_default(runtime->rules);
	list->has_default = true;
	give_slots(list);
	if (policy_rules_compile(&rules_try->rules, list, runtime->config, error)) {
		take_slots(list);
		return -1;
	}
	look_over(rules_try, runtime);
	return make_trials(rules_try, runtime) ? 0 : error_set(error, "no memory to try rules");
}

uint32_t rules_try_start(struct runtime *runtime, struct rule_list *list, double seconds, struct error *error)
{
	struct rules_try *older = runtime->rules_try;
	rules_try_tick(runtime);
	if (older && older->running) {
		error_set(error, "rules are being tried already, as job %u", older->job);
		return 0;
	}
	struct rules_try *fresh = calloc(1, sizeof(*fresh));
	if (!fresh) {
		error_set(error, "no memory to try rules");
		return 0;
	}
	fresh->job = older ? older->job + 1 : 1;
	fresh->seconds = seconds;
	if (fill(fresh, runtime, list, error)) {
		free_try(fresh);
		return 0;
	}
	free_try(older);
	runtime->rules_try = fresh;
	fresh->started_ns = monotonic_ns();
	fresh->running = true;
	// Release: a worker that sees the trial sees what it points at.
	for (unsigned i = 0; i < fresh->workers; i++)
		atomic_store_explicit(&runtime->workers[i]->trial, fresh->trial[i], memory_order_release);
	return fresh->job;
}

// Samples

static bool same_ends(const struct packet_tuple *a, const struct packet_tuple *b)
{
	return memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
	       memcmp(&a->destination, &b->destination, sizeof(a->destination)) == 0 && a->family == b->family &&
	       a->protocol == b->protocol && a->source_port == b->source_port && a->destination_port == b->destination_port;
}

// A few of each rule, and none twice.
static bool is_wanted(const struct rules_try *rules_try, const struct trial_sample *sample)
{
	unsigned of_rule = 0;
	for (unsigned i = 0; i < rules_try->sample_count; i++) {
		const struct trial_sample *kept = &rules_try->sample[i];
		if (kept->position != sample->position)
			continue;
		of_rule++;
		if (same_ends(&kept->tuple, &sample->tuple))
			return false;
	}
	return rules_try->sample_count < TRY_SAMPLES_MAX && of_rule < TRY_SAMPLES_OF_RULE;
}

static void take_samples(struct rules_try *rules_try)
{
	struct trial_sample sample;
	for (unsigned i = 0; i < rules_try->workers; i++)
		while (rte_ring_sc_dequeue_elem(rules_try->trial[i]->samples, &sample, sizeof(sample)) == 0)
			if (is_wanted(rules_try, &sample))
				rules_try->sample[rules_try->sample_count++] = sample;
}

// The workers let go of it; what they have counted stays.
static void end(struct runtime *runtime)
{
	struct rules_try *rules_try = runtime->rules_try;
	for (unsigned i = 0; i < rules_try->workers; i++)
		atomic_store_explicit(&runtime->workers[i]->trial, NULL, memory_order_release);
	if (runtime->workers_running)
		runtime_wait_grace(runtime);
	rules_try->ended_ns = monotonic_ns();
	rules_try->running = false;
	take_samples(rules_try);
}

void rules_try_tick(struct runtime *runtime)
{
	struct rules_try *rules_try = runtime->rules_try;
	if (!rules_try || !rules_try->running)
		return;
	take_samples(rules_try);
	if ((double)(monotonic_ns() - rules_try->started_ns) >= rules_try->seconds * 1e9)
		end(runtime);
}

int rules_try_stop(struct runtime *runtime, uint32_t job, struct error *error)
{
	struct rules_try *rules_try = runtime->rules_try;
	if (!rules_try || rules_try->job != job)
		return error_set(error, "there is no job %u any more: another trial may have taken its place", job);
	if (rules_try->running)
		end(runtime);
	return 0;
}

void rules_try_free(struct runtime *runtime)
{
	if (runtime->rules_try && runtime->rules_try->running)
		end(runtime);
	free_try(runtime->rules_try);
	runtime->rules_try = NULL;
}
