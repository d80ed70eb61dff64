// SPDX-License-Identifier: BSD-3-Clause
// Random lists of rules and random packets: what was compiled against looking at each rule in turn. Rules of every field, sets,
// negations, limits, rules that decide nothing. The argument is for how many seconds (20), a second one the seed.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>

#include "tests/unit/random_rules.h"

enum { RULES_MAX = 100, BURSTS = 150, SLOTS = RULES_MAX + 1 };

#define CHECK(condition, ...)                                          \
	do {                                                           \
		if (!(condition)) {                                    \
			printf("seed %" PRIu64 ": ", model.seed);      \
			printf(__VA_ARGS__);                           \
			printf(" (line %d)\n", __LINE__);              \
			exit(1);                                       \
		}                                                      \
	} while (0)

// The list twice: limits of the oracle are its own.
static struct model {
	uint64_t seed;
	size_t count;
	struct random_rule made[RULES_MAX];
	struct rule_limit_state oracle_limit[RULES_MAX];
	const struct rule *rule[RULES_MAX];
	struct rule_matcher *matcher;
	struct traffic counters[SLOTS], oracle_counters[SLOTS];
	uint64_t now_ns;
	uint64_t packets, decided, passed, varied, refused;
} model;

static bool matches(uint32_t at, const struct packet_tuple *tuple)
{
	uint16_t failed;
	return rule_matches(model.rule[at], tuple, &failed);
}

static uint32_t first_match(const struct packet_tuple *tuple)
{
	uint32_t at = 0;
	while (at < model.count && !matches(at, tuple))
		at++;
	return at;
}

// The limit, taken from the oracle's own state.
static bool limit_lets(uint32_t at, uint64_t bytes, bool review)
{
	struct rule rule = *model.rule[at];
	if (!rule.limit_state)
		return true;
	rule.limit_state = &model.oracle_limit[at];
	return review ? !rule.limit.over : rule_limit_take(&rule, bytes, model.now_ns);
}

struct outcome {
	uint32_t position, log_slot;
};

static struct outcome walk(const struct packet_tuple *tuple, uint64_t bytes, bool review)
{
	struct outcome outcome = { 0, 0 };
	for (; outcome.position < model.count; outcome.position++) {
		const struct rule *rule = model.rule[outcome.position];
		if (!matches(outcome.position, tuple) || !limit_lets(outcome.position, bytes, review))
			continue;
		if (rule->log && !outcome.log_slot)
			outcome.log_slot = rule->slot;
		if (rule->verdict != VERDICT_NONE)
			break;
		if (!review)
			traffic_add(&model.oracle_counters[rule->slot], bytes);
	}
	return outcome;
}

static void check_verdict(struct rule_verdict verdict, struct outcome outcome, const char *what)
{
	CHECK(verdict.position == outcome.position, "%s: position %u, not %u", what, verdict.position, outcome.position);
	CHECK(verdict.log == (outcome.log_slot != 0), "%s: log", what);
	CHECK(!verdict.log || verdict.log_slot == outcome.log_slot, "%s: log slot", what);
	if (outcome.position == model.count) {
		CHECK(verdict.slot == RULE_DEFAULT && verdict.verdict == VERDICT_REJECT, "%s: default", what);
		return;
	}
	const struct rule *rule = model.rule[outcome.position];
	CHECK(verdict.slot == rule->slot && verdict.verdict == rule->verdict && verdict.answer == rule->answer &&
		verdict.answer_code == rule->answer_code, "%s: verdict", what);
}

// Whether some packet of the flow could match: the fields that may differ have any value, of those that the flow has.
static bool matches_flow(uint32_t at, const struct packet_tuple *tuple)
{
	struct rule rule = *model.rule[at];
	uint16_t failed;
	uint8_t icmp = tuple->family == FAMILY_IP4 ? ICMP : ICMPV6;
	if (rule.asks & RULE_TCP_FLAGS && (tuple->protocol != TCP || tuple->portless))
		return false;
	if (rule.asks & (RULE_ICMP_TYPE | RULE_ICMP_CODE) && (tuple->protocol != icmp || tuple->portless))
		return false;
	rule.asks &= (uint16_t)~RULE_FIELDS_OF_PACKET;
	// On IPv4, that header is the protocol, which is the flow's.
	if (tuple->family == FAMILY_IP4 && model.rule[at]->asks & RULE_NEXT_HEADER)
		rule.asks |= RULE_NEXT_HEADER;
	return rule_matches(&rule, tuple, &failed);
}

static bool varies(const struct packet_tuple *tuple, uint32_t position)
{
	for (uint32_t at = 0; at < model.count && at <= position; at++) {
		const struct rule *rule = model.rule[at];
		if ((rule->asks & RULE_FIELDS_OF_PACKET || rule->limit_state) && matches_flow(at, tuple))
			return true;
	}
	return false;
}

// Another packet of the same flow.
static struct packet_tuple sibling(const struct packet_tuple *tuple)
{
	struct packet_tuple other = random_tuple(), made = *tuple;
	made.tcp_flags = other.tcp_flags;
	made.icmp_type = other.icmp_type;
	made.icmp_code = other.icmp_code;
	made.connection = other.connection;
	made.sealed = false;
	if (made.family == FAMILY_IP6)
		made.next_header = other.next_header;
	return made;
}

static void check_varies(const struct packet_tuple *tuple, uint32_t position)
{
	bool said = rule_matcher_varies(model.matcher, tuple, position);
	bool must = varies(tuple, position);
	struct packet_tuple other = sibling(tuple);
	// Told too often is right still, told too seldom is not: on IPv4 a next header is as good as a protocol.
	CHECK(said >= must, "varies at %u: not said", position);
	CHECK(said || walk(&other, 0, true).position == position, "a packet of the same flow is judged otherwise");
	model.varied += said;
}

static void check_packet(const struct packet_tuple *tuple, uint32_t found)
{
	uint64_t bytes = 60 + pick(1400);
	uint32_t first = first_match(tuple);
	CHECK(found == first, "found %u, not %u of %zu", found, first, model.count);
	check_verdict(rule_matcher_review(model.matcher, tuple, found), walk(tuple, bytes, true), "review");
	struct outcome outcome = walk(tuple, bytes, false);
	check_verdict(rule_matcher_settle(model.matcher, tuple, found, bytes, model.now_ns, model.counters), outcome, "settle");
	check_varies(tuple, walk(tuple, bytes, true).position);
	model.packets++;
	model.decided += found < model.count;
	model.passed += outcome.position != found;
	model.now_ns += pick(4) ? 0 : pick(200) * UINT64_C(1000000);
}

// Bursts as a flood brings them, all of one view and sealed, are found another way than others.
static struct packet_tuple tuple_like(const struct packet_tuple *first)
{
	struct packet_tuple tuple = random_tuple();
	while (tuple.family != first->family)
		tuple = random_tuple();
	tuple.portless = first->portless;
	packet_tuple_seal(&tuple);
	return tuple;
}

static void check_burst(void)
{
	struct packet_tuple tuple[RULE_BURST_MAX];
	const struct packet_tuple *burst[RULE_BURST_MAX];
	uint32_t found[RULE_BURST_MAX];
	unsigned n = 1 + pick(RULE_BURST_MAX);
	bool alike = pick(2), odd = pick(4) == 0; // but for one of them
	for (unsigned i = 0; i < n; i++) {
		tuple[i] = alike && i && !(odd && i == n / 2) ? tuple_like(&tuple[0]) : random_tuple();
		if (alike && i == 0)
			packet_tuple_seal(&tuple[0]);
		burst[i] = &tuple[i];
	}
	rule_matcher_find(model.matcher, burst, n, found);
	for (unsigned i = 0; i < n; i++)
		check_packet(&tuple[i], found[i]);
	CHECK(memcmp(model.counters, model.oracle_counters, sizeof(model.counters)) == 0, "counters");
}

static void make_list(void)
{
	unsigned kind = pick(4);
	model.count = pick(5) ? pick(20) : pick(RULES_MAX);
	for (uint32_t i = 0; i < model.count; i++) {
		random_rule(&model.made[i], kind == 0);
		if (kind == 2 || pick(8) == 0)
			random_passing(&model.made[i]);
		model.made[i].rule.slot = (uint32_t)model.count - i;
		model.rule[i] = &model.made[i].rule;
	}
}

static void check_list(uint64_t seed)
{
	struct rule_trouble trouble;
	model.seed = random_state = seed;
	memset(model.counters, 0, sizeof(model.counters));
	memset(model.oracle_counters, 0, sizeof(model.oracle_counters));
	memset(model.oracle_limit, 0, sizeof(model.oracle_limit));
	make_list();
	int result = rule_matcher_build(model.rule, model.count, VERDICT_REJECT, -1, &model.matcher, &trouble);
	if (result == -E2BIG && trouble.rule < model.count && trouble.entries > RULE_EXPANSION_MAX) {
		model.refused++; // a few lists in a thousand cross too many sets and ranges
		return;
	}
	CHECK(result == 0, "compiling %zu rules: %d, rule %zu, %" PRIu64 " entries", model.count, result, trouble.rule,
		trouble.entries);
	for (unsigned i = 0; i < BURSTS; i++)
		check_burst();
	rule_matcher_free(model.matcher);
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int start_eal(void)
{
	char *arguments[] = { "rule_match_model", "--no-huge", "-m", "1024", "--no-pci", "--no-shconf", "--no-telemetry",
			      "--file-prefix=rule_match_model", "-l", "0", "--log-level=error" };
	return rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) < 0;
}

int main(int argc, char *argv[])
{
	double limit = argc > 1 ? atof(argv[1]) : 20, start = seconds();
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL), lists = 0;
	if (start_eal())
		return 1;
	printf("first seed %" PRIu64 "\n", seed);
	fflush(stdout);
	for (; seconds() - start < limit; lists++)
		check_list(seed + lists);
	CHECK(model.refused <= 1 + lists / 100, "%" PRIu64 " of %" PRIu64 " lists refused", model.refused, lists);
	printf("%" PRIu64 " lists (%" PRIu64 " refused), %" PRIu64 " packets, %" PRIu64 " of them met a rule, %" PRIu64 " passed one, %" PRIu64
	       " vary in their flow: all as the linear scan says\n", lists, model.refused, model.packets, model.decided, model.passed,
		model.varied);
	return rte_eal_cleanup();
}
