// SPDX-License-Identifier: BSD-3-Clause
// What new rules cost bursts while a million live flows are judged again, at their packets (recheck) or without (kill).
//
// The worker is real, and its packets are met in a random order, so that hardly any flow is in the cache. The same bursts
// come in the same order after each of several publishes; of each the fastest counts, as what repeats is portier's and what
// does not is the machine's. The slowest single burst is told besides.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "bench/program.h"
#include "control/workers.h"
#include "dataplane/burst.h"
#include "dataplane/random.h"
#include "dataplane/sweep.h"

enum { FRAME = 60, PORTS = 1 << 10, RULES_MAX = 100000 };

struct options {
	uint32_t flows, rounds, rules;
};

struct bench {
	struct options options;
	struct config config;
	struct runtime runtime;
	struct worker *worker;
	struct wiring wiring;
	struct policy policy;
	struct rule_matcher *spares, *denies, *bars; // no flow, half of the flows, all of them
	struct rule *rules;
	struct port_range *ranges;
	struct address_range *addresses;
	uint32_t *order; // of flows
	uint64_t *best;  // ticks, by burst
	uint64_t worst;  // ticks of a single burst
};

static void make_worker(struct bench *bench)
{
	struct error error;
	char text[256];
	snprintf(text, sizeof(text), "handlers: [{name: all, kind: count}]\ndefault_handler: all\n"
		"flows: {capacity: %u, embryonic_percent: 100}\n", bench->options.flows + bench->options.flows / 8);
	if (config_parse("bench", text, strlen(text), &bench->config, &error) != 0)
		fail(error.text);
	struct runtime *runtime = &bench->runtime;
	runtime->config = &bench->config;
	runtime->tick_hz = rte_get_tsc_hz();
	runtime->worker_count = runtime->interface_count = runtime->handler_count = 1;
	runtime->interfaces[0] = (struct interface){ .max_frame = 1518 };
	runtime->handlers[0] = (struct handler){ .ops = handler_kind("count"), .interface = INTERFACE_NONE };
	bench->worker = runtime->workers[0] = worker_make(runtime, 0, &error);
	if (!bench->worker)
		fail(error.text);
	bench->worker->peer[0] = bench->worker;
	bench->worker->interfaces = runtime->interfaces;
	bench->worker->handlers = runtime->handlers;
	bench->worker->wiring = &bench->wiring;
}

// Address prefixes and ports that none of the flows is of, so that all rules have to be looked through.
static void make_rule(struct bench *bench, uint32_t i, uint64_t *random)
{
	uint32_t low = htonl(0xc0000000 | (uint32_t)(random_next(random) & 0x0fffff00)), high = low | htonl(0xff);
	bench->ranges[i].low = (uint16_t)(random_next(random) | 0x8000);
	bench->ranges[i].high = RTE_MAX(bench->ranges[i].low, (uint16_t)(bench->ranges[i].low | 0xf));
	memcpy(bench->addresses[i].low.byte, &low, 4);
	memcpy(bench->addresses[i].high.byte, &high, 4);
	struct rule *rule = &bench->rules[i];
	*rule = (struct rule){ .slot = i + 1, .ip4 = true, .verdict = VERDICT_DROP,
		.asks = RULE_PROTOCOL | RULE_SOURCE | RULE_DESTINATION_PORT,
		.sources = { &bench->addresses[i], 1 },
		.destination_ports = { &bench->ranges[i], 1 } };
	byte_set_add(&rule->protocols, IPPROTO_UDP);
}

// Half of the servers' ports, behind all other rules.
static void make_denial(struct bench *bench, uint32_t i)
{
	bench->ranges[i] = (struct port_range){ 1, PORTS / 2 };
	bench->rules[i] = (struct rule){ .slot = i + 1, .ip4 = true, .verdict = VERDICT_DROP,
		.asks = RULE_PROTOCOL | RULE_DESTINATION_PORT, .destination_ports = { &bench->ranges[i], 1 } };
	byte_set_add(&bench->rules[i].protocols, IPPROTO_UDP);
}

static void make_policy(struct bench *bench)
{
	uint32_t count = bench->options.rules;
	const struct rule **list = need(calloc(count + 1, sizeof(*list)));
	struct rule_trouble trouble;
	uint64_t random = 4711;
	size_t tie[2];

	bench->rules = need(calloc(count + 1, sizeof(*bench->rules)));
	bench->ranges = need(calloc(count + 1, sizeof(*bench->ranges)));
	bench->addresses = need(calloc(count + 1, sizeof(*bench->addresses)));
	for (uint32_t i = 0; i < count; i++) {
		make_rule(bench, i, &random);
		list[i] = &bench->rules[i];
	}
	make_denial(bench, count);
	list[count] = &bench->rules[count];
	if (rule_matcher_build(list, count, VERDICT_ACCEPT, -1, &bench->spares, &trouble) != 0 ||
		rule_matcher_build(list, count + 1, VERDICT_ACCEPT, -1, &bench->denies, &trouble) != 0 ||
		rule_matcher_build(list, count, VERDICT_DROP, -1, &bench->bars, &trouble) != 0 ||
		listener_index_build(NULL, 0, &bench->policy.listeners, tie) != 0)
		fail("the rules can't be compiled");
	free(list);
}

// As a new policy comes to a worker: by another generation.
static void publish(struct bench *bench, struct rule_matcher *rules, enum on_rule_change on_rule_change)
{
	bench->policy.generation++;
	bench->policy.rules = rules;
	bench->policy.on_rule_change = (uint8_t)on_rule_change;
	bench->worker->burst->policy = &bench->policy;
}

static void write_frame(uint8_t *frame, uint32_t flow, bool reply)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(ethernet + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint32_t client = htonl(0x0a000000 + flow / 16), server = htonl(0xcb007101);
	uint16_t client_port = htons((uint16_t)(1024 + flow % 16)), server_port = htons((uint16_t)(1 + flow % PORTS));

	memset(frame, 0, FRAME);
	ethernet->ether_type = htons(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = htons(FRAME - sizeof(*ethernet));
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = reply ? server : client;
	ip->dst_addr = reply ? client : server;
	udp->src_port = reply ? server_port : client_port;
	udp->dst_port = reply ? client_port : server_port;
	udp->dgram_len = htons(FRAME - sizeof(*ethernet) - sizeof(*ip));
}

// Packets of flows number first to first + 63 in the order given. Returns ticks that the burst and what follows each took.
static uint64_t run_burst(struct bench *bench, uint32_t first, bool reply)
{
	struct worker *worker = bench->worker;
	struct burst *burst = worker->burst;

	if (rte_pktmbuf_alloc_bulk(worker->pool, burst->mbuf, BURST_MAX) != 0)
		fail("no packet buffers");
	for (unsigned i = 0; i < BURST_MAX; i++) {
		write_frame((uint8_t *)rte_pktmbuf_append(burst->mbuf[i], FRAME), bench->order[first + i], reply);
		burst->interface[i] = 0;
	}
	burst->from_inbox = burst->capture = false;
	uint64_t before = rte_rdtsc_precise();
	worker->now = rte_rdtsc();
	for (unsigned i = 0; i < BURST_MAX; i++)
		burst->time[i] = worker->now;
	burst_run(worker, BURST_MAX);
	worker_age(worker);
	sweep(worker);
	return rte_rdtsc_precise() - before;
}

static uint32_t bursts(const struct bench *bench)
{
	return bench->options.flows / BURST_MAX;
}

static void run_all(struct bench *bench, bool reply)
{
	for (uint32_t i = 0; i < bursts(bench); i++) {
		uint64_t ticks = run_burst(bench, i * BURST_MAX, reply);
		bench->best[i] = RTE_MIN(bench->best[i], ticks);
		bench->worst = RTE_MAX(bench->worst, ticks);
	}
}

// Both directions, so that none is embryonic.
static void open_flows(struct bench *bench)
{
	publish(bench, bench->spares, RULE_CHANGE_RECHECK);
	for (unsigned reply = 0; reply < 2; reply++)
		for (uint32_t i = 0; i < bursts(bench); i++)
			run_burst(bench, i * BURST_MAX, reply);
}

static void mix_flows(struct bench *bench)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	bench->order = need(calloc(bench->options.flows, sizeof(*bench->order)));
	bench->best = need(calloc(bursts(bench), sizeof(*bench->best)));
	for (uint32_t i = 0; i < bench->options.flows; i++) {
		uint32_t k = (uint32_t)(random_next(&random) % (i + 1));
		bench->order[i] = bench->order[k];
		bench->order[k] = i;
	}
	open_flows(bench);
	if (bench->worker->counters.flows_opened != (uint64_t)bursts(bench) * BURST_MAX)
		fail("not all flows were opened");
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static double microseconds(uint64_t ticks)
{
	return (double)ticks * 1e6 / (double)rte_get_tsc_hz();
}

// rules: NULL: nothing is published. Returns microseconds of the worst burst that repeats.
static double measure(struct bench *bench, const char *name, struct rule_matcher *rules,
		      enum on_rule_change on_rule_change)
{
	uint32_t n = bursts(bench);
	uint64_t sum = 0;

	memset(bench->best, 0xff, n * sizeof(*bench->best));
	bench->worst = 0;
	for (uint32_t round = 0; round < bench->options.rounds; round++) {
		if (round > 0 && rules == bench->denies)
			open_flows(bench); // again, those that ended
		if (rules)
			publish(bench, rules, on_rule_change);
		run_all(bench, round % 2);
	}
	for (uint32_t i = 0; i < n; i++)
		sum += bench->best[i];
	qsort(bench->best, n, sizeof(*bench->best), by_size);
	printf("%-20s %10.1f %10.1f %10.1f %14.1f\n", name, microseconds(sum) / n, microseconds(bench->best[n * 99ull / 100]),
		microseconds(bench->best[n - 1]), microseconds(bench->worst));
	return microseconds(bench->best[n - 1]);
}

static uint32_t amount(const char *text, uint32_t low, uint32_t high)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (*text == '\0' || *end || value < low || value > high)
		fail("a number is wrong");
	return (uint32_t)value;
}

static void read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = { { "flows", required_argument, NULL, 'f' },
		{ "rounds", required_argument, NULL, 'r' }, { "rules", required_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	static const char usage[] = "usage: recheck_bench [--flows N] [--rounds N] [--rules N]";
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'f')
			options->flows = amount(optarg, BURST_MAX, 1 << 24) / BURST_MAX * BURST_MAX;
		else if (option == 'r')
			options->rounds = amount(optarg, 1, 1000);
		else if (option == 'u')
			options->rules = amount(optarg, 0, RULES_MAX);
		else if (option == 'h')
			puts(usage), exit(0);
		else
			fail(usage);
	}
}

int main(int argc, char **argv)
{
	enum { LIMIT_US = 1000 };
	struct bench *bench = need(calloc(1, sizeof(*bench)));
	bench->options = (struct options){ .flows = 1000000 / BURST_MAX * BURST_MAX, .rounds = 5, .rules = 1000 };
	read_options(argc, argv, &bench->options);
	start_eal(256);
	make_worker(bench);
	make_policy(bench);
	mix_flows(bench);

	printf("%u flows, %u rules, bursts of %d; microseconds a burst, the fastest of %u rounds each\n\n",
		bench->options.flows, bench->options.rules, BURST_MAX, bench->options.rounds);
	printf("%-20s %10s %10s %10s %14s\n", "", "mean", "99 %", "worst", "worst single");
	measure(bench, "established", NULL, RULE_CHANGE_RECHECK);
	double worst = measure(bench, "recheck", bench->spares, RULE_CHANGE_RECHECK);
	worst = RTE_MAX(worst, measure(bench, "kill", bench->spares, RULE_CHANGE_KILL));
	worst = RTE_MAX(worst, measure(bench, "recheck, half ends", bench->denies, RULE_CHANGE_RECHECK));
	open_flows(bench);
	worst = RTE_MAX(worst, measure(bench, "kill, half ends", bench->denies, RULE_CHANGE_KILL));
	measure(bench, "all ends", bench->bars, RULE_CHANGE_RECHECK);
	measure(bench, "flood of denied", NULL, RULE_CHANGE_RECHECK);
	bool kept = worst < LIMIT_US;
	printf("\n%s\n", kept ? "no burst takes a millisecond" : "a burst takes a millisecond or more");
	return kept ? EXIT_SUCCESS : EXIT_FAILURE;
}
