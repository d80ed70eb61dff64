// SPDX-License-Identifier: BSD-3-Clause
// The configuration, as read from YAML: strict, every value with the place where it stands.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/error.h"
#include "dataplane/flow.h"
#include "dataplane/listener_index.h"
#include "dataplane/policy.h"

enum {
	NAME_MAX_BYTES = 32,
	LISTENER_TEXT_MAX = 192,
};

struct config_place {
	unsigned line, column; // from 1; 0: it is not in the file
};

struct config_interface {
	char name[NAME_MAX_BYTES];
	char device[256]; // PCI address or vdev string
	uint16_t queues;  // 0: auto
	uint16_t mtu;     // 0: the device's
	uint16_t rx_descriptors, tx_descriptors; // 0: default
	bool promiscuous;
	uint8_t checksum; // enum checksum_policy
	struct config_place place;
};

struct config_handler {
	char name[NAME_MAX_BYTES];
	char kind[NAME_MAX_BYTES]; // "count", "drop", "reflect", "device"
	char device[256];          // of kind device
	char uplink[NAME_MAX_BYTES]; // interface that its own traffic leaves by; empty: the first
	uint16_t queues;  // 0: auto
	uint16_t mtu;     // 0: the device's
	uint8_t checksum; // enum checksum_policy, of what comes back from the device
	struct config_place place;
};

struct config_listener {
	struct listener listener; // handler: index in handlers; interface: index in interfaces; id: not yet
	struct config_place place;
};

struct config {
	char file[4096]; // "" where it is the built-in default

	struct config_interface *interfaces;
	size_t interface_count;
	struct config_handler *handlers;
	size_t handler_count;
	struct config_listener *listeners;
	size_t listener_count;
	uint16_t default_handler; // index in handlers, or HANDLER_NONE
	char rules_file[4096];    // resolved against the configuration's folder; "": no rules, accept

	// workers
	uint16_t *worker_cpus; // NULL: auto
	size_t worker_cpu_count; // auto with a number: that many
	uint16_t *control_cpus;
	size_t control_cpu_count;
	struct config_place worker_cpus_place, control_cpus_place;
	uint32_t spare_buffers; // of each worker, beyond what queues and rings may hold
	bool share_cpus; // told that control may share a CPU with a worker
	bool devices_steer; // each device is trusted to bring all packets of a flow to one queue

	// flows
	uint32_t flow_capacity;    // of each worker
	bool flow_capacity_given;  // not the default: a replay keeps to it
	struct config_place flow_capacity_place;
	uint32_t embryonic_percent; // quota
	uint32_t fragment_capacity; // datagrams of each worker
	uint32_t fragment_timeout_ms;
	bool vlan_in_key;
	char profile[16]; // "lab" or "internet"
	uint64_t timeout_ms[FLOW_STATES];

	// policy switches
	bool tcp_pickup_strict;
	uint8_t unbound; // enum verdict: drop or reject
	bool fragments_steer;
	uint8_t truncated; // enum truncated_policy
	bool martians_drop;
	bool non_ip_pass;
	bool state_packet;      // rules judge each packet, not the flow
	uint8_t on_rule_change; // enum on_rule_change
	uint32_t answers_per_second; // of each worker
	uint32_t logs_per_second;    // of each worker: packets that rules log

	uint32_t latency; // of so many packets one's latency is measured; 0: of none

	char socket_path[108]; // control socket
	char **eal;            // arguments for DPDK's EAL
	size_t eal_count;
};

enum truncated_policy {
	TRUNCATED_AUTO = 0, // steered in replay, dropped live
	TRUNCATED_STEER,
	TRUNCATED_DROP,
};

// Reads a file. 0, or -1 with "file:line:column: what is wrong, what was expected". Ties between listeners and names
// that point nowhere are errors too. Control thread.
int config_load(const char *file, struct config *config, struct error *error);

// The same from memory, for tests and fuzzing; file is the name in messages.
int config_parse(const char *file, const char *text, size_t length, struct config *config, struct error *error);

// What replay uses where no file is given: no interfaces, one "count" handler as default, profile internet.
int config_default(struct config *config, struct error *error);

// Puts file, line and column in front of an error's text, if the value stands in a file. Returns -1.
int config_error_at(const struct config *config, struct config_place place, struct error *error);

void config_free(struct config *config);

// Whether a running portier can go over to a fresh configuration: 0, or -1 with a text that names the first value that
// takes a restart.
int config_check_lasting(const struct config *running, const struct config *fresh, struct error *error);

// The listeners as the index wants them: handler and interface are ids already (they are indices); ids are given so that
// a listener equal to one of older keeps that one's id. next: where new ids begin, moved on behind them; 0 at first.
// Returns an array for free(), NULL without memory.
struct listener *config_listeners(const struct config *config, const struct listener *older, size_t older_count, uint32_t *next);

// "tcp 203.0.113.0/24 port 443 (https) interface wan0 vlan 7". Returns text.
const char *config_listener_format(const struct config *config, const struct listener *listener,
				   char text[LISTENER_TEXT_MAX]);
