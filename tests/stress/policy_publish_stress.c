// SPDX-License-Identifier: BSD-3-Clause
// Control parses, compiles and publishes rules at full speed, beside readers that judge packets as workers do: by the policy that
// they find, which they let go of at a quiescent state. Every answer is the one that looking at each rule of that same policy in
// turn gives; policies never get older; memory does not grow.
//
// policy_publish_stress [--seconds N] [--readers N]
// Exits with 1 if an answer was wrong or memory grew. Meant to run under ThreadSanitizer and AddressSanitizer, too.
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "control/policy_compile.h"
#include "dataplane/random.h"

enum {
	READERS_MAX = 16,
	FILES = 3, // rule files that follow each other
	RULES = 60, // of a file that no other has
	TEXT_MAX = 16384,
	GROWTH_MAX = 16 << 20, // bytes that may come and go: what the address sanitizer keeps back, and pages of DPDK's heap
};

struct stress;

struct reader {
	struct worker worker; // of which only what judging needs is there
	struct stress *stress;
	pthread_t thread;
	uint64_t random;
	uint64_t packets, decided, policies, wrong, older;
};

struct stress {
	struct runtime runtime;
	struct config config;
	struct reader *reader;
	unsigned readers;
	uint64_t random;
	uint64_t published, refused, failed; // failed: what should have been published was not, or the other way round
	atomic_bool stop;
};

// Before main: so that what the address sanitizer keeps back does not look like growth.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4";
}

// Readers

static struct ip_address draw_address(uint8_t family, uint64_t *random)
{
	struct ip_address address = { { 192, 0, (uint8_t)random_below(random, 8), (uint8_t)random_below(random, 8) } };

	if (family == FAMILY_IP6)
		address = (struct ip_address){ { 0x20, 1, 0xd, 0xb8, 0, (uint8_t)random_below(random, 8), [15] = (uint8_t)random_below(random, 8) } };
	return address;
}

static struct packet_tuple draw_packet(uint64_t *random)
{
	static const uint8_t protocols[] = { 6, 6, 17, 17, 1, 58, 47 };
	uint8_t protocol = protocols[random_below(random, sizeof(protocols))], family = random_below(random, 3) ? FAMILY_IP4 : FAMILY_IP6;

	return (struct packet_tuple){
		.source = draw_address(family, random),
		.destination = draw_address(family, random),
		.source_port = (uint16_t)random_below(random, 16),
		.destination_port = (uint16_t)random_below(random, 16),
		.tcp_flags = (uint8_t)random_below(random, 64),
		.icmp_type = (uint8_t)random_below(random, 16),
		.next_header = protocol,
		.protocol = protocol,
		.family = family,
		.connection = CONNECTION_NEW,
		.portless = random_below(random, 16) == 0,
	};
}

// The truth: the rules of the policy, one by one.
static uint32_t scan(const struct rule_list *list, const struct packet_tuple *tuple)
{
	uint32_t at = 0;
	uint16_t failed;

	while (at < list->count && !rule_matches(&list->entry[at]->rule, tuple, &failed))
		at++;
	return at;
}

static bool is_right(struct reader *reader, const struct policy *policy, const struct packet_tuple *tuple, uint32_t position)
{
	const struct rule_list *list = policy_rule_list(policy);
	uint64_t now_ns = rte_rdtsc();
	struct rule_verdict judged = rule_matcher_settle(policy->rules, tuple, position, 60, now_ns, reader->worker.rule_counters);
	struct decision decision = policy_decision(&judged);

	if (judged.verdict == VERDICT_ACCEPT)
		policy_bind(policy, tuple, OPENER_UNKNOWN, &decision);
	traffic_add(&reader->worker.rule_counters[judged.slot], 60);
	reader->decided += judged.slot != RULE_DEFAULT;
	return position == scan(list, tuple) && judged.position >= position && judged.position <= list->count &&
	       judged.slot == (judged.position < list->count ? list->entry[judged.position]->rule.slot : RULE_DEFAULT) &&
	       (decision.handler == 7 || decision.verdict != VERDICT_ACCEPT);
}

static void judge_burst(struct reader *reader, const struct policy *policy)
{
	struct packet_tuple tuple[RULE_BURST_MAX];
	const struct packet_tuple *asked[RULE_BURST_MAX];
	uint32_t position[RULE_BURST_MAX];
	unsigned n = 1 + random_below(&reader->random, RULE_BURST_MAX);

	const bool alike = random_below(&reader->random, 2); // as the packets of a flood: found another way

	for (unsigned i = 0; i < n; i++) {
		do
			tuple[i] = draw_packet(&reader->random);
		while (alike && (tuple[i].family != tuple[0].family || tuple[i].portless));
		if (alike)
			packet_tuple_seal(&tuple[i]);
		asked[i] = &tuple[i];
	}
	rule_matcher_find(policy->rules, asked, n, position);
	for (unsigned i = 0; i < n; i++)
		reader->wrong += !is_right(reader, policy, &tuple[i], position[i]);
	reader->packets += n;
}

static void *read_always(void *argument)
{
	struct reader *reader = argument;
	struct worker *worker = &reader->worker;
	uint32_t generation = 0;

	rte_rcu_qsbr_thread_register(worker->qsbr, worker->id);
	rte_rcu_qsbr_thread_online(worker->qsbr, worker->id);
	atomic_store_explicit(&worker->running, true, memory_order_release);
	while (!atomic_load_explicit(&reader->stress->stop, memory_order_relaxed)) {
		// Acquire, as in a worker: what is behind the pointer is seen, too.
		const struct policy *policy = atomic_load_explicit(&worker->policy, memory_order_acquire);
		reader->older += policy->generation < generation;
		reader->policies += policy->generation != generation;
		generation = policy->generation;
		judge_burst(reader, policy);
		rte_rcu_qsbr_quiescent(worker->qsbr, worker->id);
	}
	rte_rcu_qsbr_thread_offline(worker->qsbr, worker->id);
	rte_rcu_qsbr_thread_unregister(worker->qsbr, worker->id);
	return NULL;
}

// Control: rules as texts

// Any rule, of those that tables answer, rte_acl does, limits and those that decide nothing.
static void write_rule(char *text, size_t room, uint64_t *random)
{
	static const char *const verdicts[] = { "accept", "drop", "reject" };
	const char *verdict = verdicts[random_below(random, 3)];
	unsigned a = random_below(random, 8), b = random_below(random, 8), port = random_below(random, 16);

	switch (random_below(random, 8)) {
	case 0: snprintf(text, room, "tcp dport %u-%u %s", port, port + a, verdict); break;
	case 1: snprintf(text, room, "udp dport { %u, %u } ip saddr 192.0.%u.%u %s", port, port + 2, a, b, verdict); break;
	case 2: snprintf(text, room, "ip6 saddr 2001:db8:%u::/48 ip6 daddr 2001:db8:%u::%u %s", a, a, b, verdict); break;
	case 3: snprintf(text, room, "tcp sport %u ip daddr != 192.0.%u.0/24 %s", port, a, verdict); break;
	case 4: snprintf(text, room, "icmp type %u %s", port, verdict); break;
	case 5: snprintf(text, room, "tcp flags & (syn | ack) == syn ip saddr 192.0.%u.%u log", a, b); break;
	case 6: snprintf(text, room, "udp sport %u limit rate %u/second burst 2 packets %s", port, 1 + a, verdict); break;
	default: snprintf(text, room, "meta l4proto { tcp, udp } th dport %u ip saddr 192.0.%u.0/30 counter", port, a); break;
	}
}

// Files share some rules, whose limits go on, and differ in all others, in their order and in the policy.
static void write_file(char *text, unsigned file)
{
	uint64_t random = file;
	char rule[256];
	char *at = text + sprintf(text, "table inet t {\nchain c {\ntype filter hook input priority 0; policy %s;\n",
			      file % 2 ? "accept" : "drop");

	for (unsigned i = 0; i < RULES; i++) {
		write_rule(rule, sizeof(rule), &random);
		at += sprintf(at, "%s\n", rule);
		if (i % 16 == file)
			at += sprintf(at, "udp dport %u limit rate 10/second accept\n", i / 16);
	}
	sprintf(at, "}\n}\n");
}

static int replace_all(struct rule_store *store, unsigned file)
{
	char text[TEXT_MAX];
	struct rule_list list = { 0 };
	struct error error;

	write_file(text, file);
	int result = rule_list_parse("stress.nft", text, strlen(text), &list, &error);
	if (result == 0)
		result = rule_store_replace(store, &list, &error);
	rule_list_free(&list);
	return result;
}

static uint32_t any_id(const struct rule_store *store, uint64_t *random)
{
	return rule_store_at(store, random_below(random, (uint32_t)rule_store_count(store)))->entry->rule.slot;
}

// One rule in front of another, or in its place.
static int put_rule(struct rule_store *store, const char *text, uint32_t at, bool exchange)
{
	struct error error;
	struct rule_entry *entry = rule_list_parse_rule("stress", text, &error);

	if (!entry)
		return -1;
	uint32_t id = exchange ? rule_store_exchange(store, at, entry, &error) :
				 rule_store_add(store, entry, rule_store_position(store, at), &error);
	rule_entry_drop(entry);
	return id ? 0 : -1;
}

static int change_one(struct rule_store *store, unsigned way, uint64_t *random)
{
	char text[256];
	struct error error;
	uint32_t id = any_id(store, random);

	if (way == 0)
		return rule_store_delete(store, id, &error);
	write_rule(text, sizeof(text), random);
	return put_rule(store, text, id, way == 1);
}

// Compiling fails late, when the parts before it are there: rte_acl would have to hold too much.
static int put_too_much(struct rule_store *store)
{
	char text[TEXT_MAX], *at = stpcpy(text, "ip saddr { ");

	for (unsigned i = 0; i < 600; i++)
		at += sprintf(at, "%s10.%u.%u.0/30", i ? ", " : "", i / 256, i % 256);
	at = stpcpy(at, " } tcp dport { ");
	for (unsigned i = 0; i < 600; i++)
		at += sprintf(at, "%s%u", i ? ", " : "", 2 * i);
	strcpy(at, " } drop");
	return put_rule(store, text, rule_store_at(store, 0)->entry->rule.slot, false);
}

// Control: publishing

static int change(struct stress *stress, struct rule_store *store, unsigned kind)
{
	if (kind < 4)
		return replace_all(store, random_below(&stress->random, FILES));
	if (kind == 4)
		rule_store_set_default(store, random_below(&stress->random, 3));
	return kind == 5 ? put_too_much(store) : change_one(store, kind % 3, &stress->random);
}

static void publish(struct stress *stress, unsigned kind)
{
	struct runtime *runtime = &stress->runtime;
	struct rule_store *store = rule_store_copy(runtime->rules);
	struct error error = { "" };
	bool refusable = kind == 5;

	if (!store || change(stress, store, kind)) {
		stress->failed++;
		rule_store_destroy(store);
		return;
	}
	int result = runtime_publish(runtime, store, runtime->listeners, runtime->listener_count, &error);
	if (result)
		rule_store_destroy(store);
	stress->failed += (result != 0) != refusable;
	stress->published += result == 0;
	stress->refused += result != 0;
	if ((result != 0) != refusable)
		printf("publishing: %s\n", result ? error.text : "nothing was wrong");
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void publish_until(struct stress *stress, double end)
{
	while (seconds_now() < end)
		publish(stress, random_below(&stress->random, 9));
}

// Memory

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak)); // of those that have malloc replaced

static size_t malloced_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes() : info.uordblks + info.hblkhd;
}

static size_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats = { 0 };

	rte_malloc_get_socket_stats(0, &stats);
	return stats.heap_allocsz_bytes;
}

static size_t resident_bytes(void)
{
	size_t size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%zu %zu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

// At the same rules, so that it has to be the same.
struct memory {
	size_t malloced, heap, resident;
};

static struct memory memory_now(struct stress *stress)
{
	struct rule_store *store = rule_store_copy(stress->runtime.rules);
	struct error error;

	if (!store || replace_all(store, 0) ||
		runtime_publish(&stress->runtime, store, stress->runtime.listeners, stress->runtime.listener_count, &error))
		stress->failed++;
	return (struct memory){ malloced_bytes(), heap_bytes(), resident_bytes() };
}

static bool grew(const char *what, size_t before, size_t after)
{
	printf("%-9s %8zu KiB before, %8zu KiB after\n", what, before >> 10, after >> 10);
	return after > before + GROWTH_MAX;
}

// The run

static void start(struct stress *stress)
{
	struct runtime *runtime = &stress->runtime;
	struct listener any = { .protocol = 6, .interface = 0xff, .vlan = 0xffff, .port_high = 65535, .handler = 7 };
	size_t bytes = rte_rcu_qsbr_get_memsize(stress->readers);

	stress->config.default_handler = 7;
	runtime->config = &stress->config;
	runtime->qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(bytes, (size_t)RTE_CACHE_LINE_SIZE));
	rte_rcu_qsbr_init(runtime->qsbr, stress->readers);
	runtime->rules = rule_store_create();
	runtime->listeners = malloc(sizeof(any));
	runtime->listeners[0] = any;
	runtime->listener_count = 1;
	stress->reader = aligned_alloc(RTE_CACHE_LINE_SIZE, stress->readers * sizeof(*stress->reader));
	memset(stress->reader, 0, stress->readers * sizeof(*stress->reader));
	for (unsigned i = 0; i < stress->readers; i++) {
		struct worker *worker = &stress->reader[i].worker;
		stress->reader[i].stress = stress;
		stress->reader[i].random = i;
		worker->id = i;
		worker->qsbr = runtime->qsbr;
		worker->rule_counters = calloc(RULE_NONE + 1, sizeof(*worker->rule_counters));
		runtime->workers[runtime->worker_count++] = worker;
	}
	memory_now(stress); // the first policy
}

static void launch(struct stress *stress)
{
	for (unsigned i = 0; i < stress->readers; i++) {
		pthread_create(&stress->reader[i].thread, NULL, read_always, &stress->reader[i]);
		while (!atomic_load_explicit(&stress->reader[i].worker.running, memory_order_acquire))
			sched_yield();
	}
	stress->runtime.workers_running = true;
}

static void finish(struct stress *stress)
{
	struct runtime *runtime = &stress->runtime;

	atomic_store_explicit(&stress->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < stress->readers; i++) {
		pthread_join(stress->reader[i].thread, NULL);
		free(stress->reader[i].worker.rule_counters);
	}
	policy_free((struct policy *)(uintptr_t)runtime->policy);
	rule_store_destroy(runtime->rules);
	free(runtime->listeners);
	free(runtime->qsbr);
}

static uint64_t report(const struct stress *stress)
{
	struct reader sum = { 0 };

	for (unsigned i = 0; i < stress->readers; i++) {
		sum.packets += stress->reader[i].packets;
		sum.decided += stress->reader[i].decided;
		sum.policies += stress->reader[i].policies;
		sum.wrong += stress->reader[i].wrong;
		sum.older += stress->reader[i].older;
	}
	printf("%" PRIu64 " policies published, %" PRIu64 " refused as they should be, %" PRIu64 " otherwise than they should; "
	       "%" PRIu64 " packets by %" PRIu64 " policies, %" PRIu64 " decided by a rule: %" PRIu64 " wrong, %" PRIu64 " older\n",
	       stress->published, stress->refused, stress->failed, sum.packets, sum.policies, sum.decided, sum.wrong, sum.older);
	bool idle = sum.policies < 2 * stress->readers || sum.decided == 0;
	return sum.wrong + sum.older + stress->failed + idle;
}

static bool run(struct stress *stress, double seconds)
{
	double begun = seconds_now();

	start(stress);
	launch(stress);
	publish_until(stress, begun + seconds / 4);
	struct memory before = memory_now(stress);
	publish_until(stress, begun + seconds);
	struct memory after = memory_now(stress);
	finish(stress);
	bool larger = grew("malloc", before.malloced, after.malloced);
	larger |= grew("DPDK heap", before.heap, after.heap);
	larger |= grew("resident", before.resident, after.resident);
	bool wrong = report(stress) > 0;
	free(stress->reader);
	return wrong || larger;
}

static int start_eal(void)
{
	char prefix[64];
	char *arguments[] = { "policy_publish_stress", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry",
			      prefix, "-l", "0", "--log-level=error" };

	snprintf(prefix, sizeof(prefix), "--file-prefix=publish_stress_%d", (int)getpid());
	return rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' }, { "readers", required_argument, NULL, 'r' }, { 0 },
	};
	static struct stress stress = { .readers = 2 };
	double seconds = 6;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (option) {
		case 's': seconds = strtod(optarg, NULL); break;
		case 'r': stress.readers = (unsigned)strtoul(optarg, NULL, 0); break;
		default: return 2;
		}
	if (stress.readers < 1 || stress.readers > READERS_MAX || seconds <= 0)
		return 2;
	if (start_eal())
		return 1;
	bool bad = run(&stress, seconds);
	return rte_eal_cleanup() || bad;
}
