// SPDX-License-Identifier: BSD-3-Clause
// The contract of handlers: what receives the packets of a flow. One file each in dataplane/handlers/.
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/counters.h"
#include "dataplane/parse.h"

struct rte_mbuf;
struct handler;

enum { BURST_MAX = 64 }; // packets in one burst

// Where a packet ends; of those that a handler gets, the handler says. The burst's last stage carries it out.
enum fate_kind {
	FATE_PENDING = 0,
	FATE_CONSUME,  // the handler is done with it: free it
	FATE_TRANSMIT, // send it out of fate.interface
	FATE_DROP,     // by fate.reason
	FATE_ANSWERED, // the burst: rejected and answered, free it
};

enum {
	ACCOUNT_WORKER = 0xff,  // on the worker's own ledger: no handler had it
	ACCOUNT_FORWARD = 0xfe, // came from a handler's device and leaves by an interface
	ACCOUNT_ANSWER = 0xfd,  // portier's own answer to a rejected packet: on no ledger
};

struct fate {
	uint8_t kind;      // enum fate_kind
	uint8_t reason;    // enum drop_reason
	uint8_t interface; // index, of FATE_TRANSMIT; else without meaning
	uint8_t account;   // handler's id, or ACCOUNT_*: set by the burst before the handler runs
};

static_assert(sizeof(struct fate) == sizeof(uint32_t), "fates are compared as words");

static inline uint32_t fate_word(const struct fate *fate)
{
	uint32_t word;
	memcpy(&word, fate, sizeof(word));
	return word;
}

// A view of some packets of the burst: position index[i], i < count, in each of the arrays.
struct packet_view {
	const uint16_t *index;
	unsigned count;
	struct rte_mbuf **mbuf;
	struct packet_meta *meta;
	const uint8_t *interface; // where each came in
	struct fate *fate;
};

struct handler_ops {
	const char *kind; // "count": the word in the configuration
	const char *text; // one line for a person
	bool needs_device;
	// Where all packets end; FATE_PENDING: process says where each does. The interface is the handler's own.
	enum fate_kind fate;
	enum drop_reason reason; // of FATE_DROP
	// Worker thread. Sets the fate of every packet of the view. NULL: it is said already.
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

// What a packet's fate is when its handler gets it.
static inline struct fate handler_fate(const struct handler *handler)
{
	return (struct fate){ .kind = (uint8_t)handler->ops->fate, .reason = (uint8_t)handler->ops->reason,
		.interface = handler->interface, .account = (uint8_t)handler->id };
}

// Every kind of handler, NULL at the end.
extern const struct handler_ops *const handler_kinds[];

// The kind with this name, or NULL.
const struct handler_ops *handler_kind(const char *name);
