// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fragment.h"

#include <rte_common.h>

#include "dataplane/memory.h"

enum {
	// Separate pieces of a datagram: enough for 64 KB in any order where fragments have 1,093 bytes or more, as on any
	// link of IPv6's minimal MTU.
	RUNS_MAX = 30,
	NONE = UINT32_MAX,
	DATAGRAM_END_MAX = 65535,
};

// Bytes of the datagram's payload that came without a gap.
struct range {
	uint16_t start, end;
};

// One datagram. Three cache lines.
struct entry {
	struct flow_key key; // not a flow's: addresses as in the packet, the ports are the identification
	uint64_t since;      // ticks, when the first packet of it came in
	uint32_t chain;      // next in its bucket, or next free one
	uint32_t older, newer; // in the list of its kind
	rte_be16_t port[2];  // source, destination of the flow, once the first fragment was seen
	uint16_t end;        // of the whole datagram, once the last fragment was seen
	uint8_t runs;
	uint8_t protocol;    // of the flow: IPv6 later fragments may name an extension header
	bool first_seen : 1;
	bool last_seen : 1;
	bool icmp_error : 1;
	bool icmp_reply : 1;
	bool dead : 1; // its fragments overlap
	struct range run[RUNS_MAX]; // in order
};
static_assert(sizeof(struct entry) == 192, "three cache lines");

struct age_list {
	uint32_t oldest, newest;
};

struct fragment_table {
	struct hash_secret secret;
	uint64_t lifetime;
	uint32_t capacity;
	uint32_t mask;           // of buckets
	uint32_t free;           // first free entry
	uint32_t orphans;        // entries whose first fragment was not seen
	struct age_list list[2]; // of those, and of all others
	uint32_t *bucket;        // first entry
	struct entry *entry;
};

static uint32_t bucket_count(uint32_t capacity)
{
	return rte_align32pow2(RTE_MAX(capacity, 8u));
}

static size_t bucket_offset(uint32_t capacity)
{
	return RTE_ALIGN_CEIL(sizeof(struct fragment_table), 64) + (size_t)capacity * sizeof(struct entry);
}

size_t fragment_table_bytes(uint32_t capacity)
{
	return bucket_offset(capacity) + (size_t)bucket_count(capacity) * sizeof(uint32_t);
}

struct fragment_table *fragment_table_create(uint32_t capacity, uint64_t lifetime, const struct hash_secret *secret,
					     int socket)
{
	struct fragment_table *table = memory_take("fragment_table", fragment_table_bytes(capacity), socket);

	if (!table)
		return NULL;
	table->secret = *secret;
	table->lifetime = lifetime;
	table->capacity = capacity;
	table->mask = bucket_count(capacity) - 1;
	table->entry = (void *)((char *)table + RTE_ALIGN_CEIL(sizeof(*table), 64));
	table->bucket = (void *)((char *)table + bucket_offset(capacity));
	fragment_table_clear(table);
	return table;
}

void fragment_table_clear(struct fragment_table *table)
{
	memset(table->bucket, 0xff, (table->mask + 1) * sizeof(table->bucket[0]));
	for (uint32_t i = 0; i < table->capacity; i++)
		table->entry[i].chain = i + 1 < table->capacity ? i + 1 : (uint32_t)NONE;
	table->free = table->capacity ? 0 : NONE;
	table->list[false] = table->list[true] = (struct age_list){ NONE, NONE };
	table->orphans = 0;
}

void fragment_table_destroy(struct fragment_table *table)
{
	memory_give(table);
}

static uint32_t *bucket_of(struct fragment_table *table, const struct flow_key *key)
{
	return &table->bucket[flow_key_hash(key, &table->secret) & table->mask];
}

static uint32_t find(struct fragment_table *table, const struct flow_key *key)
{
	uint32_t at = *bucket_of(table, key);

	while (at != NONE && !flow_key_equal(&table->entry[at].key, key))
		at = table->entry[at].chain;
	return at;
}

static void link_newest(struct fragment_table *table, uint32_t at)
{
	struct entry *entry = &table->entry[at];
	struct age_list *list = &table->list[entry->first_seen];

	entry->older = list->newest;
	entry->newer = NONE;
	*(list->newest == NONE ? &list->oldest : &table->entry[list->newest].newer) = at;
	list->newest = at;
	table->orphans += !entry->first_seen;
}

static void unlink_aged(struct fragment_table *table, uint32_t at)
{
	struct entry *entry = &table->entry[at];
	struct age_list *list = &table->list[entry->first_seen];

	*(entry->older == NONE ? &list->oldest : &table->entry[entry->older].newer) = entry->newer;
	*(entry->newer == NONE ? &list->newest : &table->entry[entry->newer].older) = entry->older;
	table->orphans -= !entry->first_seen;
}

static void forget(struct fragment_table *table, uint32_t at)
{
	struct entry *entry = &table->entry[at];
	uint32_t *link = bucket_of(table, &entry->key);

	while (*link != at)
		link = &table->entry[*link].chain;
	*link = entry->chain;
	unlink_aged(table, at);
	entry->chain = table->free;
	table->free = at;
}

// Of a clock that was set back, nobody knows how long ago since is: far off counts as expired, on either side. A step
// back within the lifetime is but a capture whose packets are not quite in order.
static bool expired(const struct fragment_table *table, uint32_t at, uint64_t now)
{
	uint64_t since = table->entry[at].since;

	return (now > since ? now - since : since - now) >= table->lifetime;
}

// Orphans get half of the table, and the place of none but each other's: so that a flood of them shuts out nothing.
static bool orphans_full(const struct fragment_table *table)
{
	return table->orphans >= table->capacity / 2;
}

// Which entry makes room for a new datagram, if one has to.
static uint32_t victim(const struct fragment_table *table, bool first, uint64_t now)
{
	uint32_t orphan = table->list[false].oldest, other = table->list[true].oldest;

	if (!first && orphans_full(table))
		return orphan;
	if (table->free != NONE)
		return NONE;
	if (other != NONE && expired(table, other, now))
		return other;
	return orphan == NONE && first ? other : orphan;
}

// A new datagram, NONE if there is no room.
static uint32_t remember(struct fragment_table *table, const struct flow_key *key, bool first, uint64_t now)
{
	uint32_t at = victim(table, first, now);

	if (at != NONE)
		forget(table, at);
	at = table->free;
	if (at == NONE || (!first && orphans_full(table)))
		return NONE;

	uint32_t *bucket = bucket_of(table, key);
	struct entry *entry = &table->entry[at];

	table->free = entry->chain;
	*entry = (struct entry){ .key = *key, .since = now, .chain = *bucket };
	*bucket = at;
	link_newest(table, at);
	return at;
}

// The first run that ends at or behind a byte; entry->runs: none.
static unsigned run_at(const struct entry *entry, uint16_t byte)
{
	unsigned at = 0;

	while (at < entry->runs && entry->run[at].end < byte)
		at++;
	return at;
}

// Adds bytes that no run has. Runs stay in order, and never touch each other.
static bool add_range(struct entry *entry, unsigned at, struct range new)
{
	bool left = at < entry->runs && entry->run[at].end == new.start;
	unsigned next = at + left;
	bool right = next < entry->runs && entry->run[next].start == new.end;

	if (left && right) {
		entry->run[at].end = entry->run[next].end;
		entry->runs--;
		memmove(&entry->run[next], &entry->run[next + 1], (entry->runs - next) * sizeof(new));
	} else if (left) {
		entry->run[at].end = new.end;
	} else if (right) {
		entry->run[next].start = new.start;
	} else if (entry->runs == RUNS_MAX) {
		return false;
	} else {
		memmove(&entry->run[at + 1], &entry->run[at], (entry->runs - at) * sizeof(new));
		entry->run[at] = new;
		entry->runs++;
	}
	return true;
}

// Whether the fragment is at odds with where the datagram ends.
static bool end_differs(struct entry *entry, struct range new, bool more)
{
	if (entry->last_seen)
		return more ? new.end > entry->end : new.end != entry->end;
	if (more)
		return false;
	if (entry->runs > 0 && entry->run[entry->runs - 1].end > new.end)
		return true;
	entry->last_seen = true;
	entry->end = new.end;
	return false;
}

// Takes down which bytes a fragment brings, and judges it by those that are there already, as Linux does: one that brings
// nothing new is a duplicate (RFC 8200 4.5 lets hosts drop it alone), one that overlaps in part kills the datagram.
static enum drop_reason note_range(struct entry *entry, const struct fragment_info *info)
{
	struct range new = { RTE_MIN(info->offset, (uint32_t)DATAGRAM_END_MAX),
			     RTE_MIN(info->offset + info->length, (uint32_t)DATAGRAM_END_MAX) };
	unsigned at = run_at(entry, new.start), next = at;

	if (end_differs(entry, new, info->more))
		return DROP_FRAGMENT_OVERLAP;
	if (at < entry->runs && new.start >= entry->run[at].start && new.end <= entry->run[at].end)
		return DROP_FRAGMENT_DUPLICATE;
	if (next < entry->runs && entry->run[next].end == new.start)
		next++;
	if (next < entry->runs && entry->run[next].start < new.end)
		return DROP_FRAGMENT_OVERLAP;
	return add_range(entry, at, new) ? DROP_NONE : DROP_FRAGMENT_PIECES;
}

static bool is_whole(const struct entry *entry)
{
	return entry->last_seen && entry->runs == 1 && entry->run[0].start == 0 && entry->run[0].end == entry->end;
}

// RFC 791 tells datagrams apart by protocol too, RFC 8200 does not: there, later fragments may not know it.
static struct flow_key key_of(const struct packet_meta *meta, const struct fragment_info *info,
			      const struct ip_address *source, const struct ip_address *destination)
{
	struct flow_key key = { .address = { *source, *destination },
				.port = { info->id >> 16, info->id & 0xffff },
				.vlan = meta->key.vlan,
				.protocol = meta->family == FAMILY_IP4 ? meta->protocol : 0,
				.family = meta->family };

	return key;
}

static void note_first(struct fragment_table *table, uint32_t at, const struct packet_meta *meta)
{
	unsigned source = meta->flags & PACKET_SOURCE_IS_END1 ? 1 : 0;
	struct entry *entry = &table->entry[at];

	if (!entry->first_seen) {
		unlink_aged(table, at);
		entry->first_seen = true;
		link_newest(table, at);
	}
	entry->icmp_error = meta->flags & PACKET_ICMP_ERROR;
	entry->icmp_reply = meta->flags & PACKET_ICMP_REPLY;
	entry->protocol = meta->key.protocol;
	entry->port[0] = meta->key.port[source];
	entry->port[1] = meta->key.port[!source];
}

static enum drop_reason inherit(const struct entry *entry, struct packet_meta *meta)
{
	if (!entry->first_seen)
		return DROP_FRAGMENT_UNKNOWN;
	if (entry->icmp_error)
		return DROP_ICMP_UNRELATED;
	meta->flags |= entry->icmp_reply ? PACKET_ICMP_REPLY : 0;
	meta->key.protocol = entry->protocol;
	packet_set_flow_ports(meta, entry->port[0], entry->port[1]);
	return DROP_NONE;
}

enum drop_reason fragment_resolve(struct fragment_table *table, struct packet_meta *meta,
				  const struct fragment_info *info, const struct ip_address *source,
				  const struct ip_address *destination, uint64_t now)
{
	struct flow_key key = key_of(meta, info, source, destination);
	bool first = meta->flags & PACKET_FRAGMENT_FIRST;
	enum drop_reason reason = DROP_NONE;
	uint32_t at = find(table, &key);

	if (at != NONE && expired(table, at, now)) {
		forget(table, at);
		at = NONE;
	}
	if (at == NONE)
		at = remember(table, &key, first, now);
	if (at == NONE)
		return first ? DROP_FRAGMENT_TABLE_FULL : DROP_FRAGMENT_UNKNOWN;

	struct entry *entry = &table->entry[at];

	reason = entry->dead ? DROP_FRAGMENT_OVERLAP : note_range(entry, info);
	entry->dead = reason == DROP_FRAGMENT_OVERLAP; // and all that follow
	if (reason == DROP_FRAGMENT_DUPLICATE && !entry->first_seen)
		return DROP_FRAGMENT_UNKNOWN;
	if (reason != DROP_NONE)
		return reason;
	if (first)
		note_first(table, at, meta);
	else
		reason = inherit(entry, meta);
	if (is_whole(entry))
		forget(table, at); // whole: its identification may be used again
	return reason;
}
