// SPDX-License-Identifier: BSD-3-Clause
// The configuration of portier generate, as read from YAML: as strict as portier's own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "dataplane/generate.h"

struct generate_stream_config {
	char name[NAME_MAX_BYTES];
	uint32_t weight;
	struct generate_stream_params params; // first_slot: not yet
	bool both_given; // 'sides' stands there
	struct config_place place;
};

// Of portier ndr.
struct ndr_config {
	uint32_t trial_ms;
	double loss_percent;      // that a trial may have and pass
	double precision_percent; // of the rate: the search ends when it is known so well
};

struct generate_config {
	struct config base; // interfaces, workers, eal; first, so that their readers find it
	struct generate_link link;
	struct generate_stream_config streams[GENERATE_STREAMS_MAX];
	size_t stream_count;
	double rate;  // a second, 0: no limit
	uint8_t unit; // enum generate_unit
	bool drop_late;
	bool check; // replies
	uint32_t duration_ms, settle_ms, link_timeout_ms;
	uint64_t seed;
	struct ndr_config ndr;
	struct config_place rate_place;
};

// Reads a file. 0, or -1 with "file:line:column: what is wrong, what was expected". Control thread.
int generate_config_load(const char *file, struct generate_config *config, struct error *error);

// The same from memory; file is the name in messages.
int generate_config_parse(const char *file, const char *text, size_t length, struct generate_config *config,
			  struct error *error);

void generate_config_free(struct generate_config *config);

// Flows of all streams together.
uint32_t generate_config_flows(const struct generate_config *config);
