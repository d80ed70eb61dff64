// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_match.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/rule_classes.h"
#include "dataplane/rule_layout.h"
#include "dataplane/rule_passing.h"

// One rule against one packet

// Sets are sorted: the range that a value may be in is the last one that does not begin behind it.

static bool in_ports(const struct port_set *set, uint16_t port)
{
	uint32_t begun = 0;
	for (uint32_t behind = set->count; begun < behind;) {
		uint32_t middle = begun + (behind - begun) / 2;
		if (set->range[middle].low <= port)
			begun = middle + 1;
		else
			behind = middle;
	}
	return begun > 0 && port <= set->range[begun - 1].high;
}

static bool in_addresses(const struct address_set *set, const struct ip_address *address)
{
	uint32_t begun = 0;
	for (uint32_t behind = set->count; begun < behind;) {
		uint32_t middle = begun + (behind - begun) / 2;
		if (memcmp(&set->range[middle].low, address, sizeof(*address)) <= 0)
			begun = middle + 1;
		else
			behind = middle;
	}
	return begun > 0 && memcmp(address, &set->range[begun - 1].high, sizeof(*address)) <= 0;
}

static bool has_transport_field(enum rule_field field, const struct packet_tuple *tuple)
{
	if (tuple->portless)
		return false;
	if (field == RULE_TCP_FLAGS)
		return tuple->protocol == PROTO_TCP;
	if (field == RULE_ICMP_TYPE || field == RULE_ICMP_CODE)
		return packet_tuple_is_icmp(tuple);
	return protocol_has_ports(tuple->protocol);
}

static bool transport_matches(const struct rule *rule, enum rule_field field, const struct packet_tuple *tuple)
{
	if (!has_transport_field(field, tuple))
		return false;
	switch (field) {
	case RULE_SOURCE_PORT:
		return in_ports(&rule->source_ports, tuple->source_port);
	case RULE_DESTINATION_PORT:
		return in_ports(&rule->destination_ports, tuple->destination_port);
	case RULE_TCP_FLAGS:
		return byte_set_has(&rule->tcp_flags, tuple->tcp_flags);
	case RULE_ICMP_TYPE:
		return byte_set_has(&rule->icmp_types, tuple->icmp_type);
	default:
		return byte_set_has(&rule->icmp_codes, tuple->icmp_code);
	}
}

static bool field_matches(const struct rule *rule, enum rule_field field, const struct packet_tuple *tuple)
{
	switch (field) {
	case RULE_PROTOCOL:
		return byte_set_has(&rule->protocols, tuple->protocol);
	case RULE_NEXT_HEADER:
		return byte_set_has(&rule->next_headers, tuple->next_header);
	case RULE_SOURCE:
		return in_addresses(&rule->sources, &tuple->source);
	case RULE_DESTINATION:
		return in_addresses(&rule->destinations, &tuple->destination);
	case RULE_VLAN:
		return tuple->tagged && in_ports(&rule->vlans, tuple->vlan);
	case RULE_INTERFACE:
		return tuple->interface < 64 && (rule->interfaces >> tuple->interface & 1);
	case RULE_CONNECTION:
		return rule->connection & tuple->connection;
	default:
		return transport_matches(rule, field, tuple);
	}
}

bool rule_matches(const struct rule *rule, const struct packet_tuple *tuple, uint16_t *failed)
{
	*failed = 0;
	if (!(tuple->family == FAMILY_IP4 ? rule->ip4 : rule->ip6))
		return false;
	for (unsigned i = 0; i < RULE_FIELDS; i++) {
		uint16_t field = (uint16_t)(1 << i);
		if (rule->asks & field && !field_matches(rule, field, tuple)) {
			*failed = field;
			return false;
		}
	}
	return true;
}

// A set of rules against a burst

// Packets of a burst that rte_acl is asked about.
struct acl_burst {
	unsigned count;
	uint8_t index[RULE_BURST_MAX]; // in the whole burst
	const uint8_t *data[RULE_BURST_MAX];
};

static inline uint32_t better_position(uint32_t position, uint32_t found)
{
	return RTE_MIN(position, found - 1); // 0 is no match: the largest of all numbers
}

static void piece_find(const struct rule_piece *piece, struct acl_burst *burst, uint32_t position[])
{
	uint32_t found[RULE_BURST_MAX];
	rte_acl_classify(piece->acl, burst->data, found, burst->count, 1);
	for (unsigned i = 0; i < burst->count; i++)
		position[burst->index[i]] = better_position(position[burst->index[i]], found[i]);
}

// Of several pieces, each is asked only about packets whose answer so far it might better.
static void pieces_find(const struct rule_view *view, const struct acl_burst *burst, uint32_t position[])
{
	for (unsigned p = 0; p < view->pieces; p++) {
		struct acl_burst some;
		some.count = 0;
		for (unsigned i = 0; i < burst->count; i++) {
			some.data[some.count] = burst->data[i];
			some.index[some.count] = burst->index[i];
			some.count += view->piece[p].first < position[burst->index[i]];
		}
		if (some.count)
			piece_find(&view->piece[p], &some, position);
	}
}

// Whether packets of a view are shown to rte_acl with classes in the place of addresses.
static inline bool view_has_classes(const struct rule_set *set, unsigned at)
{
	return view_family(at) == FAMILY_IP6 && (set->classes[END_SOURCE] || set->classes[END_DESTINATION]);
}

static void put_classes(const struct rule_set *set, const struct acl_burst *burst, struct packet_tuple key[])
{
	for (unsigned end = 0; end < ENDS; end++) {
		const struct ip_address *address[RULE_BURST_MAX];
		uint32_t number[RULE_BURST_MAX];
		if (!set->classes[end])
			continue;
		for (unsigned i = 0; i < burst->count; i++)
			address[i] = end == END_SOURCE ? &key[i].source : &key[i].destination;
		address_classes_find(set->classes[end], address, burst->count, number);
		for (unsigned i = 0; i < burst->count; i++) {
			rte_be32_t word = rte_cpu_to_be_32(number[i]);
			memcpy(end == END_SOURCE ? &key[i].source : &key[i].destination, &word, sizeof(word));
		}
	}
}

// Asks rte_acl about some packets of the burst: those whose bit is set.
static __rte_noinline void view_find(const struct rule_set *set, unsigned at, const struct packet_tuple *const tuple[],
				     uint64_t which, uint32_t position[])
{
	const struct rule_view *view = &set->view[at];
	const bool classes = view_has_classes(set, at);
	struct packet_tuple key[RULE_BURST_MAX];
	struct acl_burst burst;
	burst.count = 0;
	for (; which; which &= which - 1) {
		unsigned i = (unsigned)__builtin_ctzll(which);
		const struct packet_tuple *shown = tuple[i];
		if (classes || unlikely(!shown->sealed)) {
			key[burst.count] = *shown;
			packet_tuple_seal(&key[burst.count]);
			shown = &key[burst.count];
		}
		burst.index[burst.count] = (uint8_t)i;
		burst.data[burst.count++] = (const uint8_t *)shown;
	}
	if (classes)
		put_classes(set, &burst, key);
	if (view->pieces == 1)
		piece_find(&view->piece[0], &burst, position);
	else
		pieces_find(view, &burst, position);
}

// Asks one context of rte_acl about all packets of a burst, as they stand: most that it is asked about come so, as in a flood.
// The pointers are the same to it: it reads bytes, and is not compiled with us.
static void view_find_whole(const struct rule_view *view, const struct packet_tuple *const tuple[], unsigned n, uint32_t position[])
{
	uint32_t found[RULE_BURST_MAX];
	rte_acl_classify(view->piece[0].acl, (const uint8_t **)(uintptr_t)tuple, found, n, 1);
	for (unsigned i = 0; i < n; i++)
		position[i] = better_position(position[i], found[i]);
}

static inline unsigned view_of_packet(const struct packet_tuple *tuple)
{
	return view_of(tuple->family, tuple->portless);
}

// icmp: of the tuple's family.
static inline uint32_t table_find(const struct rule_view *view, const struct packet_tuple *tuple, uint8_t icmp)
{
	const struct rule_table *table = &view->table[tuple->protocol];
	return table->position[(unlikely(tuple->protocol == icmp) ? tuple->icmp_type : tuple->destination_port) & table->mask];
}

// Packets of several views.
static __rte_noinline void views_find(const struct rule_set *set, const struct packet_tuple *const tuple[], unsigned n,
				      uint32_t position[])
{
	uint64_t behind[VIEWS] = { 0 }; // bit by packet: what its table says comes behind the first rule that rte_acl has
	for (unsigned i = 0; i < n; i++) {
		const unsigned at = view_of_packet(tuple[i]);
		position[i] = table_find(&set->view[at], tuple[i], icmp_of(tuple[i]->family));
		behind[at] |= (uint64_t)(set->view[at].first < position[i]) << i;
	}
	for (unsigned at = 0; at < VIEWS; at++) {
		if (behind[at])
			view_find(set, at, tuple, behind[at], position);
	}
}

static void set_find(const struct rule_set *set, const struct packet_tuple *const tuple[], unsigned n,
		     uint32_t position[])
{
	const unsigned at = view_of_packet(tuple[0]);
	const struct rule_view *view = &set->view[at];
	const uint8_t family = tuple[0]->family, icmp = icmp_of(family);
	const bool portless = tuple[0]->portless;
	const uint32_t first = view->first;
	bool whole = view->pieces == 1 && !view_has_classes(set, at);
	uint64_t behind = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct packet_tuple *one = tuple[i];

		if (unlikely(one->family != family || one->portless != portless)) {
			views_find(set, tuple, n, position);
			return;
		}

		const uint32_t found = table_find(view, one, icmp);
		const bool asks = first < found;

		position[i] = found;
		behind |= (uint64_t)asks << i;
		whole &= asks & one->sealed;
	}
	if (whole)
		view_find_whole(view, tuple, n, position);
	else if (behind)
		view_find(set, at, tuple, behind, position);
}

static uint32_t set_find_one(const struct rule_set *set, const struct packet_tuple *tuple)
{
	uint32_t position;
	set_find(set, &tuple, 1, &position);
	return position;
}

void rule_matcher_find(const struct rule_matcher *matcher, const struct packet_tuple *const tuple[], unsigned n,
		       uint32_t position[])
{
	set_find(matcher->deciding, tuple, n, position);
	if (likely(!matcher->passing))
		return;
	uint32_t passing[RULE_BURST_MAX];
	set_find(matcher->passing, tuple, n, passing);
	for (unsigned i = 0; i < n; i++)
		position[i] = RTE_MIN(position[i], passing[i]);
}

enum { FETCHED_FROM = 512 }; // rules: the verdicts and counters of fewer are at hand anyway

// The verdicts say which counters. They need no fetch of their own: no load of one waits for another.
void rule_matcher_fetch(const struct rule_matcher *matcher, const uint32_t position[], unsigned n,
			const struct traffic *counters)
{
	if (matcher->count < FETCHED_FROM)
		return;
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0_write(&counters[matcher->verdicts[position[i]].slot]);
}

// Beyond the first match

// How limits are asked, and whether packets are counted.
struct rule_walk {
	bool review; // a packet of the past
	uint64_t bytes;
	uint64_t now_ns;
	struct traffic *counters; // NULL: none
};

static bool limit_lets(const struct rule *rule, const struct rule_walk *walk)
{
	if (!rule->limit_state)
		return true;
	return walk->review ? !rule->limit.over : rule_limit_take(rule, walk->bytes, walk->now_ns);
}

// The first of the passing rules that is no earlier than position: its index among them.
static uint32_t passing_from(const struct rule_matcher *matcher, uint32_t position)
{
	uint32_t low = 0, high = matcher->passing_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (matcher->passing_at[middle] < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool passes_at(const struct rule_matcher *matcher, uint32_t position)
{
	return matcher->passing && position < matcher->count && rule_passes(matcher->rule[position]);
}

// The verdict of a rule, after an earlier one asked for the packet to be logged (0: none did).
static struct rule_verdict verdict_at(const struct rule_matcher *matcher, uint32_t position, uint32_t log_slot)
{
	struct rule_verdict verdict = matcher->verdicts[position];
	if (log_slot) {
		verdict.log = true;
		verdict.log_slot = log_slot;
	}
	return verdict;
}

// The first of the passing rules from one on that is worth a look; where no index says, it is that one.
static inline uint32_t passing_next(const struct passing_search *search, uint32_t at)
{
	return search->count ? passing_search_next(search, at) : at;
}

// From a passing rule on: what decides at the latest is the first of the deciding rules, which comes behind it.
static __rte_noinline struct rule_verdict walk_on(const struct rule_matcher *matcher, const struct packet_tuple *tuple,
						   uint32_t position, const struct rule_walk *walk)
{
	uint32_t last = set_find_one(matcher->deciding, tuple), log_slot = 0;
	struct passing_search search = { .count = 0 };
	if (matcher->passing_index)
		search = passing_index_search(matcher->passing_index, tuple);
	for (uint32_t i = passing_next(&search, passing_from(matcher, position)); i < matcher->passing_count;
		i = passing_next(&search, i + 1)) {
		uint32_t at = matcher->passing_at[i];
		uint16_t failed;
		if (at > last)
			break;
		const struct rule *rule = matcher->rule[at];
		if (!rule_matches(rule, tuple, &failed) || !limit_lets(rule, walk))
			continue;
		if (rule->verdict != VERDICT_NONE)
			return verdict_at(matcher, at, log_slot);
		if (walk->counters)
			traffic_add(&walk->counters[rule->slot], walk->bytes);
		if (rule->log && !log_slot)
			log_slot = rule->slot;
	}
	return verdict_at(matcher, last, log_slot);
}

const struct rule_verdict *rule_matcher_final(const struct rule_matcher *matcher, uint32_t position)
{
	const struct rule_verdict *verdict = &matcher->verdicts[position];
	return likely(!passes_at(matcher, position) && !verdict->log) ? verdict : NULL;
}

struct rule_verdict rule_matcher_settle(const struct rule_matcher *matcher, const struct packet_tuple *tuple,
					uint32_t position, uint64_t bytes, uint64_t now_ns, struct traffic *counters)
{
	if (likely(!passes_at(matcher, position)))
		return matcher->verdicts[position];
	struct rule_walk walk = { .bytes = bytes, .now_ns = now_ns, .counters = counters };
	return walk_on(matcher, tuple, position, &walk);
}

struct rule_verdict rule_matcher_review(const struct rule_matcher *matcher, const struct packet_tuple *tuple,
					uint32_t position)
{
	if (likely(!passes_at(matcher, position)))
		return matcher->verdicts[position];
	struct rule_walk walk = { .review = true };
	return walk_on(matcher, tuple, position, &walk);
}

bool rule_matcher_varies(const struct rule_matcher *matcher, const struct packet_tuple *tuple, uint32_t position)
{
	if (likely(!matcher->varying))
		return false;
	uint32_t found = set_find_one(matcher->varying, tuple);
	return found < matcher->count && found <= position;
}

uint32_t rule_matcher_count(const struct rule_matcher *matcher)
{
	return matcher->count;
}
