// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate_launch.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_launch.h>

#include "control/exit_status.h"
#include "control/json_file.h"

enum { WORKER_LCORE = 1 }; // as eal_start numbers them

void generate_block_signals(sigset_t *stop_signals)
{
	sigemptyset(stop_signals);
	sigaddset(stop_signals, SIGINT);
	sigaddset(stop_signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, stop_signals, NULL);
}

// Returns whether a signal came before the worker's end; then it was told to stop.
static bool wait_for_end(struct generate *worker, const sigset_t *stop_signals)
{
	const struct timespec look_every = { .tv_nsec = 10 * 1000 * 1000 };
	bool interrupted = false;
	while (rte_eal_get_lcore_state(WORKER_LCORE) == RUNNING) {
		if (sigtimedwait(stop_signals, NULL, &look_every) < 0)
			continue;
		interrupted = true;
		atomic_store_explicit(&worker->stop, true, memory_order_relaxed);
	}
	rte_eal_wait_lcore(WORKER_LCORE);
	return interrupted;
}

int generate_launch(struct generate_setup *setup, const sigset_t *stop_signals, bool *interrupted, struct error *error)
{
	int result = rte_eal_remote_launch(generate_run, setup->generate, WORKER_LCORE);
	if (result != 0)
		return error_set(error, "the generator can't be launched: %s", strerror(-result));
	*interrupted = wait_for_end(setup->generate, stop_signals);
	return 0;
}

int generate_tell(const struct generate_options *options, const json_t *report, generate_print_fn *print, int status)
{
	struct error error;
	bool to_output = options->json && strcmp(options->json, "-") == 0;
	if (!options->quiet)
		print(report, to_output ? stderr : stdout, isatty(to_output ? STDERR_FILENO : STDOUT_FILENO));
	if (options->json && json_file_write(report, options->json, &error) != 0)
		status = complain(&error);
	return status;
}
