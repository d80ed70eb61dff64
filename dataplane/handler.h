// SPDX-License-Identifier: BSD-3-Clause
// The contract of handlers: what receives the packets of a flow. One file each in dataplane/handlers/.
#pragma once

#include <stdint.h>

#include "dataplane/counters.h"
#include "dataplane/parse.h"

struct rte_mbuf;
struct handler;

enum { BURST_MAX = 64 }; // packets in one burst

// Where a packet ends. A handler sets one for each packet that it is given; the burst's last stage carries it out.
enum fate_kind {
	FATE_PENDING = 0,
	FATE_CONSUME,  // the handler is done with it: free it
	FATE_TRANSMIT, // send it out of fate.interface
	FATE_DROP,     // by fate.reason
};

struct fate {
	uint8_t kind;      // enum fate_kind
	uint8_t reason;    // enum drop_reason
	uint8_t interface; // index
	uint8_t counted_by_handler; // set by the burst: this fate belongs to a handler's account
};

// A view of some packets of the burst: position index[i], i < count, in each of the arrays.
struct packet_view {
	const uint16_t *index;
	unsigned count;
	struct rte_mbuf **mbuf;
	struct packet_meta *meta;
	struct fate *fate;
};

struct handler_ops {
	const char *kind; // "count": the word in the configuration
	const char *text; // one line for a person
	bool needs_device;
	// Worker thread. Sets the fate of every packet of the view.
	void (*process)(const struct handler *handler, const struct packet_view *view);
};

// One configured handler. Control writes it before the workers start; read-only then.
struct handler {
	const struct handler_ops *ops;
	char name[32];
	uint16_t id;
	uint8_t interface; // index of its device, INTERFACE_NONE if it has none
	uint8_t uplink;    // index of the interface that its device's own traffic leaves by
};

// Every kind of handler, NULL at the end.
extern const struct handler_ops *const handler_kinds[];

// The kind with this name, or NULL.
const struct handler_ops *handler_kind(const char *name);
