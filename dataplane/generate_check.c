// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_check.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "dataplane/generate_frame.h"
#include "dataplane/memory.h"
#include "dataplane/parse.h"
#include "dataplane/protocol.h"

enum { WINDOW = 64 }; // stamps behind the greatest that are told from duplicates

int generate_check_init(struct generate_check *check, uint32_t slots, uint64_t key)
{
	memset(check, 0, sizeof(*check));
	check->slots = slots;
	check->key = key;
	check->latency_least = UINT64_MAX;
	if (slots == 0)
		return 0;
	check->seen = memory_take("generate seen", slots * sizeof(*check->seen), -1);
	return check->seen ? 0 : -ENOMEM;
}

void generate_check_free(struct generate_check *check)
{
	memory_give(check->seen);
	check->seen = NULL;
}

// Where the payload begins, if a stamp fits in it; else NULL.
static const uint8_t *payload_of(const uint8_t *frame, const struct packet_meta *meta)
{
	const uint8_t *l4 = frame + meta->l4_offset;
	uint32_t header = sizeof(uint64_t);
	if (!(meta->flags & PACKET_L4_WHOLE) || meta->flags & PACKET_FRAGMENT)
		return NULL;
	if (meta->protocol == PROTO_TCP)
		header = (uint32_t)(l4[12] >> 4) * 4;
	else if (meta->protocol != PROTO_UDP)
		return NULL;
	return meta->l4_length >= header + sizeof(struct generate_stamp) ? l4 + header : NULL;
}

static void note_sequence(struct generate_check *check, struct generate_seen *seen, uint32_t sequence)
{
	uint32_t ahead = sequence - seen->expected, behind = seen->expected - 1 - sequence;
	if ((int32_t)ahead >= 0) { // they wrap
		seen->window = ahead + 1 < WINDOW ? seen->window << (ahead + 1) | 1 : 1;
		seen->expected = sequence + 1;
	} else if (behind < WINDOW && seen->window >> behind & 1) {
		check->duplicates++;
	} else {
		if (behind < WINDOW)
			seen->window |= UINT64_C(1) << behind;
		check->reordered++;
	}
}

// One foreign packet in 65,536 has a tag that fits. Its sequence is of any size, and no later stamp of that slot would be
// believed to be new: so whoever is far from the others has to have been sent.
static bool was_sent(const struct generate_check *check, uint32_t slot, uint32_t sequence)
{
	uint32_t distance = sequence - check->seen[slot].expected + WINDOW;
	if (distance < 2 * WINDOW || !check->sent)
		return true;
	uint32_t sent = check->sent(check->sender, slot);
	return sent - 1 - sequence < RTE_MIN(sent, UINT32_C(1) << 31);
}

static void note_latency(struct generate_check *check, uint32_t stamps)
{
	latency_add(&check->latency, stamps);
	check->latency_sum += stamps;
	check->latency_least = RTE_MIN(check->latency_least, stamps);
}

// false: not one of this run's.
static bool check_stamp(struct generate_check *check, const uint8_t *payload, uint32_t length, uint64_t now)
{
	struct generate_stamp stamp;
	memcpy(&stamp, payload, sizeof(stamp));
	uint32_t slot = rte_be_to_cpu_32(stamp.slot);
	uint32_t sequence = rte_be_to_cpu_32(stamp.sequence);
	if (stamp.tag != generate_stamp_tag(check->key, &stamp) || slot >= check->slots || !was_sent(check, slot, sequence))
		return false;
	traffic_add(&check->stamped, length);
	note_sequence(check, &check->seen[slot], sequence);
	note_latency(check, (uint32_t)(now >> GENERATE_STAMP_SHIFT) - rte_be_to_cpu_32(stamp.time));
	return true;
}

void generate_check_frame(struct generate_check *check, const uint8_t *frame, uint32_t length, uint64_t now)
{
	static const struct parse_options options = { .truncated_drop = true, .checksum = CHECKSUM_VERIFY };
	const struct parse_input input = { .frame = frame, .captured = length, .on_wire = length };
	struct packet_meta meta;
	struct fragment_info fragment;
	traffic_add(&check->received, length);
	if (!check->seen)
		return;
	if (parse_frame(&input, &options, &meta, &fragment) != DROP_NONE) {
		check->malformed++;
		return;
	}
	const uint8_t *payload = payload_of(frame, &meta);
	if (payload && check_stamp(check, payload, length, now))
		return;
	check->unstamped++;
	check->resets += meta.protocol == PROTO_TCP && meta.tcp_flags & TCP_RST;
	check->icmp += meta.protocol == PROTO_ICMP || meta.protocol == PROTO_ICMP6;
}
