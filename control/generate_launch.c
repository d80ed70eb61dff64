// SPDX-License-Identifier: BSD-3-Clause
#include "control/generate_launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_launch.h>

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

int generate_write_json(const json_t *report, const char *file, struct error *error)
{
	bool to_output = strcmp(file, "-") == 0;
	FILE *out = to_output ? stdout : fopen(file, "we");
	bool written = out && json_dumpf(report, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
	if (out && !to_output && fclose(out) != 0)
		written = false;
	return written ? 0 : error_set(error, "%s: can't be written: %s", file, strerror(errno));
}
