// SPDX-License-Identifier: BSD-3-Clause
// What a trial consists of.
#pragma once

#include "control/policy_rules.h"
#include "control/rules_try.h"
#include "dataplane/trial.h"

enum {
	TRY_SAMPLES_MAX = 50, // that are kept
	TRY_SAMPLES_OF_RULE = 5,
};

struct rules_try {
	uint32_t job;
	bool running;
	double seconds;       // that it is to take
	uint64_t started_ns, ended_ns; // CLOCK_MONOTONIC
	struct policy_rules rules;
	unsigned workers;
	struct trial *trial[WORKER_MAX];
	struct trial_sample sample[TRY_SAMPLES_MAX];
	unsigned sample_count;
	struct lint lint;     // of the rules that are tried
};
