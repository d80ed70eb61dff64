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
		return tuple->protocol == icmp_of(tuple->family);
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

static inline bool is_icmp(const struct packet_tuple *tuple)
{
	return unlikely(tuple->protocol == icmp_of(tuple->family));
}

// What stands where ports do: of ICMP the code and the type. Both in one word, the source's first in network byte order.
static inline rte_be32_t key_ports(const struct packet_tuple *tuple)
{
	bool icmp = is_icmp(tuple);
	uint32_t first = icmp ? tuple->icmp_code : tuple->source_port;
	uint32_t second = icmp ? tuple->icmp_type : tuple->destination_port;
	return rte_cpu_to_be_32(first << 16 | second);
}

// Few stores, and wide ones, of lengths that the compiler knows: this is what a packet costs more than in rte_acl alone.
static __rte_always_inline void key_fill(struct acl_key *key, const struct packet_tuple *tuple, const unsigned address_bytes)
{
	static_assert(offsetof(struct acl_key, destination_port) - offsetof(struct acl_key, source_port) == 2, "one word");
	static_assert(offsetof(struct acl_key, connection) - offsetof(struct acl_key, tcp_flags) == 3 &&
			offsetof(struct packet_tuple, connection) - offsetof(struct packet_tuple, tcp_flags) == 3,
		"four bytes in the same order");
	rte_be32_t ports = key_ports(tuple);
	key->protocol = tuple->protocol;
	memcpy(&key->source_port, &ports, sizeof(ports));
	memcpy(&key->tcp_flags, &tuple->tcp_flags, 4);
	key->vlan = rte_cpu_to_be_16(tuple->tagged ? tuple->vlan : VLAN_UNTAGGED);
	memcpy(&key->source, &tuple->source, address_bytes);
	memcpy(&key->destination, &tuple->destination, address_bytes);
}

// Packets of a burst that rte_acl is asked about.
struct acl_burst {
	unsigned count;
	uint8_t index[RULE_BURST_MAX]; // in the whole burst
	const uint8_t *data[RULE_BURST_MAX];
};

static void piece_find(const struct rule_piece *piece, struct acl_burst *burst, uint32_t position[])
{
	uint32_t found[RULE_BURST_MAX];
	rte_acl_classify(piece->acl, burst->data, found, burst->count, 1);
	for (unsigned i = 0; i < burst->count; i++) {
		uint32_t better = found[i] - 1; // no match: the largest of all numbers
		position[burst->index[i]] = RTE_MIN(position[burst->index[i]], better);
	}
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

// Classes in the place of addresses.
static void put_classes(const struct rule_set *set, const struct packet_tuple *const tuple[], const struct acl_burst *burst,
			struct acl_key key[])
{
	for (unsigned end = 0; end < ENDS; end++) {
		const struct ip_address *address[RULE_BURST_MAX];
		uint32_t number[RULE_BURST_MAX];
		if (!set->classes[end])
			continue;
		for (unsigned i = 0; i < burst->count; i++) {
			const struct packet_tuple *asked = tuple[burst->index[i]];
			address[i] = end == END_SOURCE ? &asked->source : &asked->destination;
		}
		address_classes_find(set->classes[end], address, burst->count, number);
		for (unsigned i = 0; i < burst->count; i++) {
			rte_be32_t word = rte_cpu_to_be_32(number[i]);
			memcpy(end == END_SOURCE ? &key[i].source : &key[i].destination, &word, sizeof(word));
		}
	}
}

static __rte_always_inline void view_find(const struct rule_set *set, unsigned at, const struct packet_tuple *const tuple[],
					  uint64_t which, const unsigned address_bytes, uint32_t position[])
{
	const struct rule_view *view = &set->view[at];
	struct acl_key key[RULE_BURST_MAX];
	struct acl_burst burst;
	burst.count = 0;
	for (; which; which &= which - 1) {
		unsigned i = (unsigned)__builtin_ctzll(which);
		key_fill(&key[burst.count], tuple[i], address_bytes);
		burst.index[burst.count] = (uint8_t)i;
		burst.data[burst.count] = (const uint8_t *)&key[burst.count];
		burst.count++;
	}
	if (address_bytes > 4)
		put_classes(set, tuple, &burst, key);
	if (view->pieces == 1)
		piece_find(&view->piece[0], &burst, position);
	else
		pieces_find(view, &burst, position);
}

static inline uint32_t table_find(const struct rule_view *view, const struct packet_tuple *tuple)
{
	const struct rule_table *table = &view->table[tuple->protocol];
	return table->position[(is_icmp(tuple) ? tuple->icmp_type : tuple->destination_port) & table->mask];
}

// One bit a packet. Words rather than an array by view: they stay in registers.
struct burst_bits {
	uint64_t ip6, portless;
	uint64_t behind; // what the tables say comes behind the first rule that rte_acl has
};

static inline uint64_t bits_of_view(const struct burst_bits *bits, unsigned view)
{
	uint64_t family = view_family(view) == FAMILY_IP6 ? bits->ip6 : ~bits->ip6;
	return bits->behind & family & (view_portless(view) ? bits->portless : ~bits->portless);
}

static void set_find(const struct rule_set *set, const struct packet_tuple *const tuple[], unsigned n,
		     uint32_t position[])
{
	struct burst_bits bits = { 0 };
	for (unsigned i = 0; i < n; i++) {
		const struct rule_view *view = &set->view[view_of(tuple[i]->family, tuple[i]->portless)];
		position[i] = table_find(view, tuple[i]);
		bits.ip6 |= (uint64_t)(tuple[i]->family == FAMILY_IP6) << i;
		bits.portless |= (uint64_t)tuple[i]->portless << i;
		bits.behind |= (uint64_t)(view->first < position[i]) << i;
	}
	for (unsigned at = 0; bits.behind && at < VIEWS; at++) {
		uint64_t which = bits_of_view(&bits, at);
		if (which && view_family(at) == FAMILY_IP4)
			view_find(set, at, tuple, which, 4, position);
		else if (which)
			view_find(set, at, tuple, which, 16, position);
	}
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

// Two rounds: which counters, the verdicts say.
void rule_matcher_fetch(const struct rule_matcher *matcher, const uint32_t position[], unsigned n,
			const struct traffic *counters)
{
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(&matcher->verdicts[position[i]]);
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
