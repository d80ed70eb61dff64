// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate.h"

#include "control/exit_status.h"
#include "control/generate_launch.h"
#include "control/generate_report.h"

static int tell(const struct generate_options *options, const struct generate_setup *setup, bool interrupted)
{
	json_t *report = generate_report_build(setup, interrupted);
	int status = generate_tell(options, report, generate_report_print, interrupted ? STATUS_INTERRUPTED : STATUS_OK);
	json_decref(report);
	return status;
}

static int run(const struct generate_options *options, const struct generate_config *config,
	       const sigset_t *stop_signals)
{
	struct generate_setup setup;
	struct error error;
	bool interrupted;
	if (generate_setup_make(&setup, config, options->eal, options->eal_count, &error) != 0)
		return complain(&error);
	int status = generate_launch(&setup, stop_signals, &interrupted, &error) != 0 ? complain(&error)
										       : tell(options, &setup, interrupted);
	generate_setup_undo(&setup);
	return status;
}

int generate(const struct generate_options *options)
{
	struct generate_config config;
	struct error error;
	sigset_t stop_signals;
	if (generate_config_load(options->config, &config, &error) != 0)
		return complain(&error);
	generate_block_signals(&stop_signals);
	int status = run(options, &config, &stop_signals);
	generate_config_free(&config);
	return status;
}
