// SPDX-License-Identifier: BSD-3-Clause
// What the counters say, as JSON: one shape for "portierctl --json", "portier replay --json" and the reports.
// control/man/portierctl.1.scd documents every field.
#pragma once

#include <jansson.h>

#include "control/runtime.h"

// Sums over all workers. Control thread.
void stats_sum_workers(const struct runtime *runtime, struct worker_counters *sum);
void stats_sum_handler(const struct runtime *runtime, uint16_t handler, struct handler_counters *sum);

// New references; NULL without memory. Control thread.
json_t *stats_ledger(const struct runtime *runtime);     // object; "balanced": true at rest
json_t *stats_drops(const struct runtime *runtime);      // array, reasons that were met, most packets first
json_t *stats_handlers(const struct runtime *runtime);   // array
json_t *stats_listeners(const struct runtime *runtime);  // array
json_t *stats_rules(const struct runtime *runtime);      // array, in order, the default policy last
json_t *stats_rules_native(const struct runtime *runtime); // object: "native", a text that loads again, with counters
json_t *stats_workers(const struct runtime *runtime);    // array
json_t *stats_interfaces(const struct runtime *runtime); // array
json_t *stats_flows(const struct runtime *runtime);      // object: counts by state, table occupancy
json_t *stats_port_classes(const struct runtime *runtime); // object: traffic by class of the responder's port
json_t *stats_latency(const struct runtime *runtime);    // object: by handler; "one_in": null where nothing is measured
json_t *stats_notes(const struct runtime *runtime);      // object: what was noted about packets that went on all the same
json_t *stats_status(const struct runtime *runtime);     // object: version, uptime, mode, generation, clock, memory

// received + returned + passed_in - (handed + answered + forwarded + passed_out + drops), summed: 0 at rest.
int64_t stats_ledger_balance(const struct runtime *runtime);

// Pieces that other JSON and the commands use.
json_t *stats_traffic(const struct traffic *traffic);                               // {"packets", "bytes"}
json_t *stats_text(const char *text); // a string; what is not UTF-8 in it becomes '?'
const char *stats_handler_name(const struct runtime *runtime, unsigned handler);    // "-": none
const char *stats_interface_name(const struct runtime *runtime, unsigned interface); // NULL: none, any
uint64_t stats_now(const struct runtime *runtime); // ticks of the workers' clock
