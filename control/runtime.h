// SPDX-License-Identifier: BSD-3-Clause
// Everything that runs: interfaces, handlers, workers and the policy in force. Control thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"
#include "control/error.h"
#include "control/numa.h"
#include "control/rule_lint.h"
#include "control/rule_store.h"
#include "dataplane/worker.h"

enum runtime_mode {
	RUNTIME_LIVE = 0,
	RUNTIME_REPLAY, // captures: their clock, nothing lost for want of room, no control socket
};

struct runtime_options {
	enum runtime_mode mode;
	unsigned workers;        // 0: as configured
	bool trace_packets;      // workers fill their trace rings
	bool record_flows;       // workers fill their ended rings
	unsigned latency;        // live: of so many packets one is measured; 0: as configured, and once started: none
	const char *rules_file;  // instead of the configuration's; NULL: the configuration's
	uint32_t longest_frame;  // of the captures, and
	uint64_t extra_segments; // buffers beyond one a packet that all their frames take: size the pools
	char **eal;              // further EAL arguments
	size_t eal_count;
};

struct runtime {
	const struct config *config;
	struct runtime_options options;
	struct interface interfaces[INTERFACE_MAX]; // replay: [0] is for the captures, which replay.c opens
	unsigned interface_count;
	struct handler handlers[FLOW_HANDLER_MAX];
	unsigned handler_count;
	struct worker *workers[WORKER_MAX];
	unsigned worker_count;
	struct cpu_plan cpus;
	struct rte_rcu_qsbr *qsbr;
	struct wiring *wirings[WORKER_MAX]; // in force
	struct rte_ring *egress_rings[INTERFACE_MAX][WORKER_MAX]; // by interface and tx queue, where workers share queues
	struct capture_index *captures[INTERFACE_MAX]; // by interface; NULL: live
	uint32_t polled;             // bit per interface that workers receive from
	uint32_t sending;            // bit per interface that workers may send on
	struct config *reloaded;     // what config points at since a reload; owned
	void (*pump)(void *context); // called while control waits for workers; NULL: nothing to do
	void *pump_context;
	const struct policy *policy; // in force
	struct rule_store *rules;    // what it was compiled from
	struct rules_try *rules_try; // rules that are tried, or were last; NULL: none
	struct lint lint;            // what was found in them when they were last changed
	struct listener *listeners;  // likewise
	size_t listener_count;
	uint32_t listener_next;      // where ids of new ones begin
	char rules_file[4096];       // where the rules came from; "": none
	uint64_t tick_hz;            // ticks of the workers' clock in a second
	uint64_t started_tsc;
	uint64_t started_unix_ns;
	bool workers_running;
	bool eal_running;
};

// Starts the EAL, opens interfaces, makes workers with their tables, compiles and publishes the first policy. Workers
// are not launched yet. 0, or -1 with a text; nothing stays behind.
int runtime_start(struct runtime *runtime, const struct config *config, const struct runtime_options *options,
		  struct error *error);

// Launches the workers' loops. 0, or -1 with a text; then none runs.
int runtime_launch(struct runtime *runtime, struct error *error);

// Tells the workers to finish what is in flight and waits for them. The counters stay readable.
void runtime_stop(struct runtime *runtime);

// Undoes runtime_start.
void runtime_destroy(struct runtime *runtime);

// Compiles rules and listeners aside, publishes them by one pointer, waits for the grace period, frees the old ones. The
// store and the array become the runtime's on success; on failure (-1 with a text) all stays as it was and they remain
// the caller's.
int runtime_publish(struct runtime *runtime, struct rule_store *rules, struct listener *listeners,
		    size_t listener_count, struct error *error);

// Reads rules file and configuration file anew and publishes both: SIGHUP, portierctl reload. Interfaces, handlers and
// workers stay; a configuration that would change them is an error that says "restart".
int runtime_reload(struct runtime *runtime, struct error *error);

// Has the workers poll an open interface of the table and send on it. capture: what replay knows of it, NULL: live.
int runtime_attach(struct runtime *runtime, uint8_t interface, struct capture_index *capture, struct error *error);

// Has them leave it again, and waits until nothing of it is in flight. The caller closes it.
void runtime_detach(struct runtime *runtime, uint8_t interface);

// All at once, so that none still sends to another that is gone.
void runtime_detach_all(struct runtime *runtime);

// Draws the wiring of every worker anew, from polled, sending and the open interfaces, and publishes it; when it returns,
// none uses the old.
int runtime_wire(struct runtime *runtime, struct error *error);

// Whether the devices are trusted to bring each flow to one worker. A capture has one queue, whatever the configuration says.
static inline bool runtime_devices_steer(const struct config *config, const struct runtime_options *options)
{
	return config->devices_steer && options->mode == RUNTIME_LIVE;
}

// How frames of an interface are parsed.
struct parse_options runtime_parse_options(const struct runtime *runtime, const struct interface *interface);

// Waits until no packet is on its way between workers. Only true for good if nothing more comes in.
void runtime_settle(struct runtime *runtime);

// Waits until every worker has been through a quiescent state: none holds a pointer from before.
void runtime_wait_grace(struct runtime *runtime);

// Ends all flows on all workers (their records go to the ended rings) and sets the capture clock back.
void runtime_end_flows(struct runtime *runtime);

// What control does while it waits for workers: the pump, if there is one, and giving way.
void runtime_pump(const struct runtime *runtime);

// The pool that a queue of an interface takes its packets from: interface_params.pool; context: the runtime.
struct rte_mempool *runtime_pool(void *context, uint16_t queue);

// Ticks of the workers' clock to nanoseconds since 1970.
uint64_t runtime_unix_ns(const struct runtime *runtime, uint64_t ticks);

// Sums of one counter slot over all workers, above its baseline.
struct traffic runtime_rule_traffic(const struct runtime *runtime, const struct stored_rule *rule);
struct traffic runtime_slot_traffic(const struct runtime *runtime, uint32_t slot);
struct traffic runtime_listener_traffic(const struct runtime *runtime, uint32_t id, uint64_t *flows);
