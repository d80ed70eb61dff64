// SPDX-License-Identifier: BSD-3-Clause
// Workers that are real but for their devices, which are functions of the test: bursts go in by receive(). Include it in
// one file of a program only.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

#include "control/stats.h"
#include "control/workers.h"
#include "dataplane/burst.h"
#include "tests/unit/frames.h"
#include "tests/unit/rules.h"

enum { LINK = 0, DEVICE = 1, WORKERS = 2, HOUR = 3600, RULES_MAX = 16, TCP = IPPROTO_TCP, UDP = IPPROTO_UDP };
static const uint64_t SECOND = 1000000000;

// Two workers, one link, one handler of each kind: "count", "device" and "reflect".
struct bench {
	struct config config;
	struct runtime runtime;
	struct rule rules[2][RULES_MAX]; // of two generations
	struct policy policy[2];
	uint64_t now;
	unsigned tx_room;  // packets that the fake device takes in one call
	unsigned sent[2];  // by port
	struct rte_mbuf *last[2];
};

static struct bench *bench; // fake devices have no context of their own

static uint16_t fake_tx(void *queue, struct rte_mbuf **mbuf, uint16_t count)
{
	unsigned port = (unsigned)(uintptr_t)queue;
	uint16_t taken = (uint16_t)RTE_MIN(bench->tx_room, (unsigned)count);
	for (uint16_t i = 0; i < taken; i++) {
		rte_pktmbuf_free(bench->last[port]);
		bench->last[port] = mbuf[i];
	}
	bench->sent[port] += taken;
	return taken;
}

static void fake_device(unsigned port, uint8_t role)
{
	static void *queues[2][2] = { { (void *)0, (void *)0 }, { (void *)1, (void *)1 } };
	rte_eth_fp_ops[port].tx_pkt_burst = fake_tx;
	rte_eth_fp_ops[port].txq.data = queues[port];
	struct interface *interface = &bench->runtime.interfaces[port];
	*interface = (struct interface){ .index = (uint8_t)port, .role = role, .port_id = (uint16_t)port,
		.tx_queues = 1, .rx_queues = 1, .max_frame = 1518, .steering = STEER_SOFTWARE, .handler = 1 };
}

static const char CONFIG[] =
	"handlers:\n"
	"  - {name: count, kind: count}\n"
	"  - {name: device, kind: device, device: net_null0}\n"
	"  - {name: reflect, kind: reflect}\n"
	"  - {name: drop, kind: drop}\n"
	"listeners:\n"
	"  - {protocol: tcp, port: 80, handler: count}\n"
	"  - {protocol: udp, port: 53, handler: device}\n"
	"  - {protocol: udp, port: 7, handler: reflect}\n"
	"  - {protocol: udp, port: 9, handler: drop}\n"
	"default_handler: count\n"
	"flows: {capacity: 256, embryonic_percent: 25, timeouts: internet}\n";

static void free_policy(struct policy *old)
{
	rule_matcher_free(old->rules);
	if (old->listeners)
		listener_index_free(old->listeners);
}

// Slots are positions, from 1. The generation before the last one is freed: nobody may use it any more.
static inline void publish(const struct rule *rules, size_t count, enum verdict by_default, uint32_t generation)
{
	const struct config *config = &bench->config;
	const struct rule *list[RULES_MAX];
	struct rule_trouble trouble;
	size_t tie[2];
	struct policy *policy = &bench->policy[generation % 2];
	struct listener *listeners = config_listeners(config, bench->runtime.listeners, bench->runtime.listener_count,
		&bench->runtime.listener_next);

	free_policy(policy);
	for (size_t i = 0; i < count; i++) {
		struct rule *rule = &bench->rules[generation % 2][i];
		*rule = rules[i];
		rule->slot = (uint32_t)i + 1;
		list[i] = rule;
	}
	*policy = (struct policy){
		.generation = generation,
		.default_handler = config->default_handler,
		.unbound = config->unbound,
		.on_rule_change = config->on_rule_change,
		.by_packet = config->state_packet,
		.tcp_pickup_strict = config->tcp_pickup_strict,
		.fragments_steer = config->fragments_steer,
	};
	assert_int_equal(rule_matcher_build(list, count, by_default, -1, &policy->rules, &trouble), 0);
	assert_int_equal(listener_index_build(listeners, config->listener_count, &policy->listeners, tie), 0);
	free(bench->runtime.listeners);
	bench->runtime.listeners = listeners;
	bench->runtime.listener_count = config->listener_count;
	for (unsigned i = 0; i < bench->runtime.worker_count; i++)
		bench->runtime.workers[i]->burst->policy = policy;
}

#define PUBLISH(generation, by_default, ...)                                                                      \
	do {                                                                                                      \
		const struct rule rules_[] = { __VA_ARGS__ };                                                     \
		publish(rules_, sizeof(rules_) / sizeof(rules_[0]), by_default, generation);                      \
	} while (0)

static void wire(struct worker *worker)
{
	static struct wiring wiring = { .handler_devices = 1u << DEVICE };
	for (unsigned port = 0; port < 2; port++) {
		wiring.wire[port].kind = WIRE_OWN;
		wiring.parse_options[port] = (struct parse_options){ .martians_drop = true, .truncated_drop = true };
	}
	worker->wiring = &wiring;
}

static inline int set_up_workers(unsigned workers, const char *extra)
{
	struct error error = { .text = "" };
	char text[sizeof(CONFIG) + 256];
	bench = calloc(1, sizeof(*bench));
	snprintf(text, sizeof(text), "%s%s", CONFIG, extra);
	if (config_parse("test", text, strlen(text), &bench->config, &error) != 0)
		fail_msg("%s", error.text);
	struct runtime *runtime = &bench->runtime;
	runtime->config = &bench->config;
	runtime->tick_hz = SECOND;
	runtime->worker_count = workers;
	runtime->interface_count = 2;
	runtime->handler_count = 4;
	fake_device(LINK, INTERFACE_LINK);
	fake_device(DEVICE, INTERFACE_HANDLER);
	static const char *const kinds[] = { "count", "device", "reflect", "drop" };
	for (uint16_t id = 0; id < 4; id++)
		runtime->handlers[id] = (struct handler){ .ops = handler_kind(kinds[id]), .id = id,
			.interface = DEVICE, .uplink = LINK };
	for (unsigned i = 0; i < workers; i++) {
		runtime->workers[i] = worker_make(runtime, i, &error);
		if (!runtime->workers[i])
			fail_msg("%s", error.text);
	}
	struct hash_secret secret;
	assert_int_equal(hash_secret_draw(&secret), 0);
	for (unsigned i = 0; i < workers; i++) {
		runtime->workers[i]->steering_secret = secret;
		memcpy(runtime->workers[i]->peer, runtime->workers, sizeof(runtime->workers));
		runtime->workers[i]->interfaces = runtime->interfaces;
		runtime->workers[i]->handlers = runtime->handlers;
		wire(runtime->workers[i]);
	}
	bench->tx_room = BURST_MAX;
	bench->now = HOUR * SECOND;
	publish(NULL, 0, VERDICT_ACCEPT, 1);
	return 0;
}

static inline int set_up(void **state)
{
	(void)state;
	return set_up_workers(1, "");
}

static inline int set_up_two(void **state)
{
	(void)state;
	return set_up_workers(WORKERS, "");
}

static inline int set_up_strict(void **state)
{
	(void)state;
	return set_up_workers(1, "policy: {tcp_pickup: strict, unbound: reject, answers_per_second: 2}\n");
}

static inline int tear_down(void **state)
{
	(void)state;
	int64_t balance = stats_ledger_balance(&bench->runtime);
	for (unsigned i = 0; i < bench->runtime.worker_count; i++) {
		struct worker *worker = bench->runtime.workers[i];
		for (unsigned port = 0; port < 2; port++)
			rte_pktmbuf_free(bench->last[port]), bench->last[port] = NULL;
		balance |= rte_mempool_in_use_count(worker->pool); // nothing leaks
		worker_unmake(&bench->runtime, worker);
	}
	free_policy(&bench->policy[0]);
	free_policy(&bench->policy[1]);
	free(bench->runtime.listeners);
	config_free(&bench->config);
	free(bench);
	return balance != 0;
}

static inline struct worker *worker(void)
{
	return bench->runtime.workers[0];
}

typedef uint16_t frame_fn(uint8_t *frame, unsigned i);

static inline void receive(struct worker *to, uint8_t interface, unsigned count, frame_fn *fill)
{
	struct burst *burst = to->burst;
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(to->pool);
		assert_non_null(mbuf);
		uint16_t length = fill(rte_pktmbuf_mtod(mbuf, uint8_t *), i);
		assert_non_null(rte_pktmbuf_append(mbuf, length));
		struct worker_counters *counters = &to->counters;
		traffic_add(interface == LINK ? &counters->received : &counters->returned, length);
		burst->mbuf[i] = mbuf;
		burst->time[i] = bench->now;
		burst->interface[i] = interface;
	}
	burst->from_inbox = false;
	burst->capture = false;
	burst_run(to, count);
	egress_flush(to);
}

// Puts a frame where a device would, without taking the burst further.
static inline void put_frame(unsigned at, const uint8_t *frame, uint16_t length, uint8_t interface)
{
	struct burst *burst = worker()->burst;

	burst->mbuf[at] = rte_pktmbuf_alloc(worker()->pool);
	memcpy(rte_pktmbuf_append(burst->mbuf[at], length), frame, length);
	burst->interface[at] = interface;
	burst->time[at] = bench->now;
}

static inline uint32_t flow_of(const struct worker *at, struct frame_ends ends, uint8_t protocol)
{
	struct flow_key key = { .protocol = protocol, .family = FAMILY_IP4 };
	rte_be32_t source = htonl(ends.source), destination = htonl(ends.destination);
	memcpy(&key.address[0], &source, 4);
	memcpy(&key.address[1], &destination, 4);
	key.port[0] = htons(ends.source_port);
	key.port[1] = htons(ends.destination_port);
	flow_key_canonicalise(&key);
	return flow_table_lookup(at->flows, &key);
}

static inline int start_eal(void **state)
{
	(void)state;
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "--file-prefix=portier_test_%d", getpid());
	char *arguments[] = { (char *)"test", (char *)"--no-huge", (char *)"-m", (char *)"256", (char *)"--no-pci",
		(char *)"--no-shconf", (char *)"--no-telemetry", prefix,
		(char *)"-l", (char *)"0", (char *)"--log-level=warning", NULL };
	return rte_eal_init(11, arguments) < 0;
}

#define WITH(name, set_up_fn) cmocka_unit_test_setup_teardown(name, set_up_fn, tear_down)

// Two conversations, packet by packet: a client of a web server, and of a name server.

static const struct frame_ends WEB = { 0xc0a80164, 0xcb007132, 54321, 80 };
static const struct frame_ends DNS = { 0xc0a80164, 0xcb007135, 40000, 53 };

enum { SYN = RTE_TCP_SYN_FLAG, ACK = RTE_TCP_ACK_FLAG };

static inline uint16_t web_syn(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, WEB, SYN, 100, 0);
}

static inline uint16_t web_syn_ack(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, frame_reverse(WEB), SYN | ACK, 900, 101);
}

static inline uint16_t web_ack(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_tcp(frame, WEB, ACK, 101, 901);
}

static inline uint16_t web_conversation(uint8_t *frame, unsigned i)
{
	return i == 0 ? web_syn(frame, i) : i == 1 ? web_syn_ack(frame, i) : web_ack(frame, i);
}

static inline uint16_t dns_query(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_udp(frame, DNS, 10);
}

static inline uint16_t dns_reply(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_udp(frame, frame_reverse(DNS), 10);
}

static inline uint16_t dns_error(uint8_t *frame, unsigned i)
{
	(void)i;
	return frame_unreachable(frame, DNS);
}

// A packet of a flow of its own.
static inline uint16_t random_udp(uint8_t *frame, unsigned i)
{
	struct frame_ends ends = { 0x0a000000 + i * 7919, WEB.destination, (uint16_t)(1024 + i), 4000 };
	return frame_udp(frame, ends, 4);
}

// NULL: there is no such flow.
static inline struct flow *flow_at(struct frame_ends ends, uint8_t protocol)
{
	uint32_t index = flow_of(worker(), ends, protocol);
	return index == FLOW_NONE ? NULL : flow_table_flow(worker()->flows, index);
}

static inline uint32_t live_flows(void)
{
	struct flow_table_stats stats;
	flow_table_stats(worker()->flows, &stats);
	return stats.used;
}
