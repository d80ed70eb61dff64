// SPDX-License-Identifier: BSD-3-Clause
// The flow table's parts, for flow_table.c and for tests that look inside.
#pragma once

#include "dataplane/flow_narrow.h"
#include "dataplane/flow_records.h"
#include "dataplane/flow_table.h"
#include "dataplane/flow_wide.h"

// What one enum flow_table_form stands for.
struct flow_forms {
	const struct narrow_form *narrow;
	const struct wide_form *wide;
};

struct flow_table {
	// Constant after creation.
	struct flow_table_head head;
	struct flow_forms form;
	// Owner: writes, all: read.
	struct flow_narrow narrow __attribute__((aligned(64)));
	struct flow_wide wide __attribute__((aligned(64)));
	struct flow_records records __attribute__((aligned(64)));
	uint64_t inserts, removes, insert_failures;
	uint32_t waiting;
};
