// SPDX-License-Identifier: BSD-3-Clause
// Other rules tried on the traffic of one worker, beside those in force: what they would say of each packet that rules
// decide on, after the real verdict. No packet's fate changes.
#pragma once

#include "dataplane/rule_match.h"

struct worker;
struct burst;

struct trial_count {
	uint64_t packets, bytes;
	uint64_t flows; // each once; of packets that open none: those that begin a TCP connection or ask by ICMP
};

// A packet that would fare otherwise.
struct trial_sample {
	uint64_t time; // ticks of the worker's clock
	struct packet_tuple tuple; // by which the trial's rules have judged it: its own, or that of its flow's first packet
	uint32_t slot;     // of the rule in force that decided; RULE_NONE: not known
	uint32_t position; // of the trial's rule; count: its default policy
	uint32_t length;
	uint8_t verdict;       // enum verdict, the real one: VERDICT_ACCEPT, or another
	uint8_t trial_verdict; // enum verdict
};

enum { TRIAL_SAMPLES = 64 }; // that a ring should hold

struct trial {
	// Control: writes before it gives the trial to the worker, and frees all of it after a grace period.
	const struct rule_matcher *matcher; // with limits of its own
	uint32_t generation;      // control's number for it
	uint32_t *of_flow;        // by flow index, zeroed: what the worker knows of each flow
	struct traffic *counters; // by position, zeroed, count + 1
	struct traffic *by_slot;  // rules that don't decide count here, by slot; or NULL
	struct rte_ring *samples; // of struct trial_sample: worker produces, control consumes; or NULL. Full: no more of them
	// Worker: writes; control: reads.
	struct trial_count judged;     // all
	struct trial_count would_drop; // passed, and would not
	struct trial_count would_pass; // denied by a rule or the default policy, and would not be
};

// Notes which packets of a burst rules are going to judge: those that were not dropped before. A stage: before burst_attach.
// Owner thread.
void trial_foresee(struct burst *burst);

// Judges a burst. A stage: after burst_attach, before handlers change anything. Owner thread.
void trial_burst(struct worker *worker, struct burst *burst, struct trial *trial);

// A flow has ended: its index may become another's. Owner thread.
void trial_flow_ended(struct trial *trial, uint32_t flow);
