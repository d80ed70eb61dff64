// SPDX-License-Identifier: BSD-3-Clause
#include "control/ndr.h"

#include <string.h>

#include "control/exit_status.h"
#include "control/ndr_picture.h"
#include "control/ndr_search.h"
#include "control/ndr_trial.h"

static int load(const char *file, struct generate_config *config, struct error *error)
{
	if (generate_config_load(file, config, error) != 0)
		return -1;
	config->duration_ms = config->ndr.trial_ms;
	if (config->rate > 0)
		return 0;
	error_set(error, "the rate is max, expected the highest that is to be tried, such as 14.88Mpps");
	config_error_at(&config->base, config->rate_place, error);
	generate_config_free(config);
	return -1;
}

static bool passed(const json_t *trial)
{
	return json_is_true(json_object_get(trial, "passed"));
}

// All trials, and the last that passed: "found". Returns an exit status.
static int search(struct generate_setup *setup, const sigset_t *stop_signals, json_t *report, struct error *error)
{
	const struct generate_config *config = setup->config;
	json_t *trials = json_array();
	struct ndr_search search;
	bool more = true;
	json_object_set_new(report, "trials", trials);
	json_object_set_new(report, "found", json_null());
	json_object_set_new(report, "complete", json_false());
	ndr_search_start(&search, config->rate, config->ndr.precision_percent / 100);
	while (more) {
		json_t *trial;
		if (ndr_trial(setup, search.next, stop_signals, &trial, error) != 0)
			return complain(error);
		if (!trial)
			return STATUS_INTERRUPTED;
		json_array_append_new(trials, trial);
		if (passed(trial))
			json_object_set(report, "found", trial);
		if (json_integer_value(json_object_get(trial, "returned")) == 0) {
			error_set(error, "nothing came back: is there a device under test that sends back what it gets?");
			return complain(error);
		}
		more = ndr_search_step(&search, passed(trial));
	}
	json_object_set_new(report, "complete", json_true());
	return search.passed > 0 ? STATUS_OK : STATUS_ERROR;
}

static int run(const struct generate_options *options, const struct generate_config *config, const sigset_t *stop_signals)
{
	struct generate_setup setup;
	struct error error;
	if (generate_setup_make(&setup, config, options->eal, options->eal_count, &error) != 0)
		return complain(&error);
	json_t *report = json_pack("{s:s, s:f, s:s, s:f, s:f, s:f}", "version", PORTIER_VERSION, "trial_seconds",
		config->ndr.trial_ms / 1e3, "rate_unit", config->unit == GENERATE_BITS ? "bits" : "packets", "highest_rate",
		config->rate, "loss_percent", config->ndr.loss_percent, "precision_percent", config->ndr.precision_percent);
	int status = search(&setup, stop_signals, report, &error);
	generate_setup_undo(&setup);
	status = generate_tell(options, report, ndr_print, status);
	if (options->svg && ndr_picture(report, options->svg, &error) != 0)
		status = complain(&error);
	json_decref(report);
	return status;
}

static bool is_output(const char *name)
{
	return name && strcmp(name, "-") == 0;
}

int ndr(const struct generate_options *options)
{
	struct generate_config config;
	struct error error;
	sigset_t stop_signals;
	if (is_output(options->svg)) {
		error_set(&error, "--svg -: expected a file; standard output is the table's, or --json's");
		return complain(&error);
	}
	if (load(options->config, &config, &error) != 0)
		return complain(&error);
	generate_block_signals(&stop_signals);
	int status = run(options, &config, &stop_signals);
	generate_config_free(&config);
	return status;
}
