// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/generate_stream.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/memory.h"
#include "dataplane/parse.h"
#include "dataplane/protocol.h"

static bool has_flows(const struct generate_stream_params *params)
{
	return params->kind == GENERATE_UDP || params->kind == GENERATE_TCP;
}

static int take_flows(struct generate_stream *stream, uint64_t *random)
{
	const struct generate_stream_params *params = &stream->params;
	int result = generate_ports_init(&stream->ports, (enum generate_allocation)params->allocation, params->source_low,
		params->source_high, (uint32_t)params->sources, random);
	if (result == 0)
		result = generate_pick_init(&stream->pick, (enum generate_order)params->order, params->flows,
			params->exponent);
	if (result == 0)
		result = generate_index_init(&stream->index, params->flows, random_next(random));
	stream->flows = memory_take("generate flows", params->flows * sizeof(*stream->flows), -1);
	return result == 0 && !stream->flows ? -ENOMEM : result;
}

int generate_stream_init(struct generate_stream *stream, const struct generate_stream_params *params,
			 uint64_t *random)
{
	*stream = (struct generate_stream){ .params = *params };
	generate_template_make(&stream->template, &params->link, params->family,
		params->kind == GENERATE_UDP ? PROTO_UDP : PROTO_TCP, &params->source, &params->destination);
	int result = has_flows(params) ? take_flows(stream, random) : 0;
	if (result != 0)
		generate_stream_free(stream);
	return result;
}

void generate_stream_free(struct generate_stream *stream)
{
	memory_give(stream->flows);
	generate_index_free(&stream->index);
	generate_pick_free(&stream->pick);
	generate_ports_free(&stream->ports);
	stream->flows = NULL;
}

void generate_stream_start(struct generate_stream *stream, double ticks_a_second, uint64_t now)
{
	generate_pace_start(&stream->renewal, stream->params.new_flows, ticks_a_second, now);
}

// Packets from here until the conversation is closed and open again.
static uint32_t steps_to_reopen(const struct generate_stream *stream, const struct generate_flow *flow)
{
	static const uint8_t steps[] = { [GENERATE_CLOSED] = 3, [GENERATE_SYN_SENT] = 2, [GENERATE_SYN_RECEIVED] = 1,
		[GENERATE_OPEN] = 6, [GENERATE_FIN_SENT] = 5, [GENERATE_FIN_RECEIVED] = 4 };
	return stream->params.kind == GENERATE_UDP ? 1 : steps[flow->state];
}

static void renew_one(struct generate_stream *stream)
{
	stream->urgent = stream->renewed_next;
	stream->renewed_next = stream->urgent + 1 == stream->params.flows ? 0 : stream->urgent + 1;
	struct generate_flow *flow = &stream->flows[stream->urgent];
	flow->closing = flow->state != GENERATE_CLOSED;
	stream->urgent_steps = steps_to_reopen(stream, flow);
	generate_pace_spend(&stream->renewal, 1);
}

uint32_t generate_stream_choose(struct generate_stream *stream, uint64_t now, uint64_t *random)
{
	if (!has_flows(&stream->params))
		return 0;
	if (stream->urgent_steps == 0 && stream->params.new_flows > 0 && generate_pace_due(&stream->renewal, (double)now))
		renew_one(stream);
	if (stream->urgent_steps > 0) {
		stream->urgent_steps--;
		return stream->urgent;
	}
	uint32_t slot = generate_pick_next(&stream->pick, random);
	rte_prefetch0(&stream->flows[slot]);
	return slot;
}

static void draw_target(const struct generate_stream *stream, uint64_t *random,
			struct generate_tuple *tuple)
{
	const struct generate_stream_params *params = &stream->params;
	uint32_t ports = (uint32_t)(params->port_high - params->port_low) + 1;
	tuple->source = random_below(random, (uint32_t)params->sources);
	tuple->destination = random_below(random, (uint32_t)params->destinations);
	tuple->destination_port = (uint16_t)(params->port_low + random_below(random, ports));
}

// A host that finds its ports taken leaves the place to another.
static bool find_tuple(struct generate_stream *stream, uint64_t *random, struct generate_tuple *tuple)
{
	enum { TARGETS = 256, PORTS_OF_EACH = 16 };
	for (unsigned i = 0; i < TARGETS * PORTS_OF_EACH; i++) {
		if (i % PORTS_OF_EACH == 0)
			draw_target(stream, random, tuple);
		const struct generate_target target = { tuple->source, tuple->destination, tuple->destination_port };
		tuple->source_port = generate_port_next(&stream->ports, &target, random);
		if (generate_index_find(&stream->index, stream->flows, tuple) == GENERATE_SLOT_NONE)
			return true;
	}
	return false;
}

static bool open_flow(struct generate_stream *stream, uint32_t slot, uint64_t *random)
{
	struct generate_flow *flow = &stream->flows[slot];
	if (!find_tuple(stream, random, &flow->tuple)) {
		stream->counters.unopened++;
		return false;
	}
	generate_index_add(&stream->index, stream->flows, slot);
	uint64_t drawn = random_next(random);
	flow->sequence[GENERATE_CLIENT] = (uint32_t)drawn;
	flow->sequence[GENERATE_SERVER] = (uint32_t)(drawn >> 32);
	flow->packets_left = stream->params.packets_per_flow ? stream->params.packets_per_flow : UINT32_MAX;
	flow->turn = GENERATE_CLIENT;
	flow->closing = false;
	stream->counters.opened++;
	return true;
}

static void close_flow(struct generate_stream *stream, uint32_t slot)
{
	generate_index_remove(&stream->index, stream->flows, slot);
	stream->flows[slot].state = GENERATE_CLOSED;
	stream->flows[slot].closing = false;
	stream->counters.closed++;
}

static uint16_t draw_length(const struct generate_stream *stream, uint64_t *random)
{
	const struct generate_stream_params *params = &stream->params;
	const struct generate_size *size = params->size;
	if (params->sizes > 1) {
		uint32_t total = 0;
		for (unsigned i = 0; i < params->sizes; i++)
			total += params->size[i].weight;
		uint32_t drawn = random_below(random, total);
		for (; drawn >= size->weight; size++)
			drawn -= size->weight;
	}
	if (size->low == size->high)
		return size->low;
	return (uint16_t)(size->low + random_below(random, (uint32_t)(size->high - size->low) + 1));
}

static void fill_ends(const struct generate_flow *flow, uint8_t side, struct generate_packet *packet)
{
	*packet = (struct generate_packet){ .source = flow->tuple.source, .destination = flow->tuple.destination,
		.source_port = flow->tuple.source_port, .destination_port = flow->tuple.destination_port, .side = side };
}

// A packet with a payload: its length, its stamp, whose turn it is then.
static void fill_data(struct generate_stream *stream, uint32_t slot, uint64_t *random,
		      struct generate_packet *packet)
{
	struct generate_flow *flow = &stream->flows[slot];
	fill_ends(flow, flow->turn, packet);
	packet->length = draw_length(stream, random);
	packet->stamped = stream->params.stamped;
	packet->slot = stream->params.first_slot + slot;
	packet->sequence = flow->stamps;
	flow->stamps += packet->stamped;
	flow->packets_left -= flow->packets_left != UINT32_MAX;
	flow->turn ^= stream->params.both_sides;
}

static void fill_segment(struct generate_flow *flow, uint8_t side, uint8_t flags, uint32_t bytes,
			 struct generate_packet *packet)
{
	packet->tcp_flags = flags;
	packet->tcp_sequence = flow->sequence[side];
	packet->tcp_acknowledgment = flags & TCP_ACK ? flow->sequence[!side] : 0;
	flow->sequence[side] += bytes;
}

// SYN and FIN take a number as a byte does (RFC 9293 3.4).
static void fill_bare(struct generate_flow *flow, uint8_t side, uint8_t flags, struct generate_packet *packet)
{
	fill_ends(flow, side, packet);
	packet->length = GENERATE_FRAME_MIN;
	fill_segment(flow, side, flags, (flags & (TCP_SYN | TCP_FIN)) != 0, packet);
}

// Both sides of a connection as one who looks on sees them (RFC 9293 3.5, 3.6).
static void step_tcp(struct generate_stream *stream, uint32_t slot, uint64_t *random,
		     struct generate_packet *packet)
{
	static const struct {
		uint8_t side, flags, next;
	} bare[] = {
		[GENERATE_CLOSED] = { GENERATE_CLIENT, TCP_SYN, GENERATE_SYN_SENT },
		[GENERATE_SYN_SENT] = { GENERATE_SERVER, TCP_SYN | TCP_ACK, GENERATE_SYN_RECEIVED },
		[GENERATE_SYN_RECEIVED] = { GENERATE_CLIENT, TCP_ACK, GENERATE_OPEN },
		[GENERATE_OPEN] = { GENERATE_CLIENT, TCP_FIN | TCP_ACK, GENERATE_FIN_SENT },
		[GENERATE_FIN_SENT] = { GENERATE_SERVER, TCP_FIN | TCP_ACK, GENERATE_FIN_RECEIVED },
		[GENERATE_FIN_RECEIVED] = { GENERATE_CLIENT, TCP_ACK, GENERATE_CLOSED },
	};
	struct generate_flow *flow = &stream->flows[slot];
	if (flow->state == GENERATE_OPEN && !flow->closing && flow->packets_left > 0) {
		fill_data(stream, slot, random, packet);
		fill_segment(flow, packet->side, TCP_PSH | TCP_ACK, packet->length - stream->template.payload, packet);
		return;
	}
	uint8_t next = bare[flow->state].next;
	fill_bare(flow, bare[flow->state].side, bare[flow->state].flags, packet);
	flow->state = next;
	if (next == GENERATE_CLOSED)
		close_flow(stream, slot);
}

static bool step_flow(struct generate_stream *stream, uint32_t slot, uint64_t *random,
		      struct generate_packet *packet)
{
	struct generate_flow *flow = &stream->flows[slot];
	bool tcp = stream->params.kind == GENERATE_TCP;
	if (!tcp && flow->state != GENERATE_CLOSED && (flow->closing || flow->packets_left == 0))
		close_flow(stream, slot); // UDP ends without a word
	if (flow->state == GENERATE_CLOSED) {
		if (!open_flow(stream, slot, random))
			return false;
		flow->state = tcp ? GENERATE_CLOSED : GENERATE_OPEN;
	}
	if (tcp)
		step_tcp(stream, slot, random, packet);
	else
		fill_data(stream, slot, random, packet);
	return true;
}

static uint64_t draw_offset(uint64_t *random, uint64_t count)
{
	return (uint64_t)((unsigned __int128)random_next(random) * count >> 64);
}

static void step_flood(const struct generate_stream *stream, uint64_t *random,
		       struct generate_packet *packet)
{
	const struct generate_stream_params *params = &stream->params;
	uint64_t drawn = random_next(random);
	uint32_t source_ports = (uint32_t)(params->source_high - params->source_low) + 1;
	uint32_t ports = (uint32_t)(params->port_high - params->port_low) + 1;
	*packet = (struct generate_packet){ .source = draw_offset(random, params->sources),
		.destination = draw_offset(random, params->destinations),
		.source_port = (uint16_t)(params->source_low + (uint16_t)drawn % source_ports),
		.destination_port = (uint16_t)(params->port_low + (uint16_t)(drawn >> 16) % ports),
		.tcp_flags = TCP_SYN,
		.tcp_sequence = (uint32_t)(drawn >> 32),
		.length = GENERATE_FRAME_MIN };
}

// As nmap's SYN scan: every port of an address, then the next address; again from the start at the end.
static void step_scan(struct generate_stream *stream, uint64_t *random, struct generate_packet *packet)
{
	const struct generate_stream_params *params = &stream->params;
	uint32_t ports = (uint32_t)(params->port_high - params->port_low) + 1;
	uint64_t at = stream->scanned++;
	step_flood(stream, random, packet);
	packet->source = 0;
	packet->destination = at / ports % params->destinations;
	packet->destination_port = (uint16_t)(params->port_low + at % ports);
}

static void count_sent(struct generate_stream *stream, const struct generate_packet *packet)
{
	traffic_add(&stream->counters.sent, packet->length);
	if (packet->stamped)
		traffic_add(&stream->counters.stamped, packet->length);
}

bool generate_stream_step(struct generate_stream *stream, uint32_t slot, uint64_t *random,
			  struct generate_packet *packet)
{
	bool made = true;
	if (stream->params.kind == GENERATE_SCAN)
		step_scan(stream, random, packet);
	else if (stream->params.kind == GENERATE_SYN_FLOOD)
		step_flood(stream, random, packet);
	else
		made = step_flow(stream, slot, random, packet);
	if (!made)
		return false;
	packet->length = RTE_MAX(packet->length, generate_frame_least(&stream->template, packet->stamped));
	count_sent(stream, packet);
	return true;
}
