// SPDX-License-Identifier: BSD-3-Clause
// What the parts of explaining share: a worker and a burst of our own, of one packet, for the workers' code to look at.
#pragma once

#include "control/explain.h"
#include "dataplane/burst.h"

struct explained {
	struct worker worker; // has what that code reads, and no tables
	struct wiring wiring; // its own, likewise
	struct burst burst;   // packet 0 of 1
	struct rte_mbuf mbuf;
	const struct runtime *runtime;
	const struct worker *owner; // of the packet's flow
	bool has_flow;
	struct flow flow; // copies
	struct flow_cold cold;
	enum connection_state connection;
	struct packet_tuple tuple; // by which rules judge
	bool rules_asked;          // else the flow's verdict stands
	struct rule_verdict judged;
	struct decision decision;
	enum opener opener;
	json_t *result;
};

// explain_rules.c: each rule until one decides, what the matcher says, and whether they agree.
void explain_rules(struct explained *explained);

// explain_listeners.c: who listens, the most specific first.
void explain_listeners(struct explained *explained, const struct packet_tuple *tuple);

// explain_text.c: {"proto", "source", ...} of a tuple.
json_t *explain_tuple(const struct runtime *runtime, const struct packet_tuple *tuple);
const char *explain_verdict_name(uint8_t verdict);
